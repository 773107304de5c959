"""Mechanics of a folder as a cohort: everything that lies there has a row, each mask its series."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid

from radiomics import Volume, write_volume
from radiomics.io.dicom.series import find_series
from radiomics.io.masks.references import read_references
from radiomics.io.masks.rtstruct import write_rtstruct
from radiomics.pipelines.batch.discovery import find_cases
from radiomics.pipelines.batch.filtering import checked_filter
from radiomics.pipelines.batch.request import Request
from radiomics.types import InputError
from tests.cohorts import AFFINE, rows_of, run_inline, table_of, write_cohort, write_rows
from tests.series import positions, write_series

Patch = pytest.MonkeyPatch
KINDS = {"CT": "THORAX 1,5", "MR": "T1 ax", "PT": "FDG"}


def write_scan(folder: Path, modality: str, mask: bool = True, **tags: Any) -> Path:
    """Write a series of four slices, and an RTSTRUCT beside it; return the RTSTRUCT's path."""
    stored = np.random.default_rng(len(modality)).integers(900, 1400, (4, 10, 10)).astype("u2")
    named = {"SeriesDescription": KINDS.get(modality, ""), "StudyDate": "20200131"} | tags
    if modality == "PT":
        named |= {"Units": "BQML", "RescaleIntercept": 0}
    if modality == "MR":
        named |= {"RescaleIntercept": 0}
    write_series(folder, stored, positions(4, 2.0), Modality=modality, **named)
    series = find_series(folder)[-1]
    inside = np.zeros((4, 10, 10), bool)
    inside[1:3, 2:8, 2:8] = True
    place = folder / "rs.dcm"
    if mask:
        masks = {f"GTV {modality}": Volume(inside, series.affine)}
        write_rtstruct(place, masks, series.headers, f"RS {modality} {folder.name}"[-16:])
    return place


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Write what an archive hands out: three scans, one without a mask, and what else lies there.

    All have one patient and one frame of reference, as a scanner for PET and CT gives them.
    """
    root, frame = tmp_path / "export", "1.2.3.4"
    for name, modality in (("a", "CT"), ("b", "MR"), ("c", "PT")):
        write_scan(root / name, modality, modality != "PT", FrameOfReferenceUID=frame)
    lone = write_scan(tmp_path / "other", "CT", PatientID="Miller")
    lone.replace(root / "lone.dcm")
    report = pydicom.dcmread(root / "lone.dcm")
    report.Modality, report.SOPInstanceUID = "SR", generate_uid()
    report.save_as(root / "report.dcm")
    write_volume(Volume(np.zeros((2, 3, 4), np.int16), AFFINE), root / "scan.nii.gz")
    write_volume(Volume(np.ones((2, 3, 4), np.uint8), AFFINE), root / "n" / "x_mask.nii.gz")
    (root / "broken.dcm").write_bytes(bytes(128) + b"DICM\x02\x00\x10\x00UI\xff\xff1.2.840")
    return root


@pytest.fixture
def quick(tmp_path: Path) -> str:
    (tmp_path / "quick.yaml").write_text("families: [intensity, histogram]\n")
    return str(tmp_path / "quick.yaml")


def by_status(table: pd.DataFrame) -> dict[str, list[str]]:
    return {str(status): part["modality"].tolist() for status, part in table.groupby("status")}


def test_everything_has_a_row(export: Path, quick: str, tmp_path: Path, monkeypatch: Patch) -> None:
    request = Request(export, tmp_path / "out", (quick,), quiet=True)
    outcome, _, said = run_inline(monkeypatch, request)
    assert (outcome.done, outcome.failed, outcome.waiting) == (2, 0, 0)
    assert dict(outcome.others) == {"no image": 2, "no mask": 2}
    table = table_of(request.output)
    assert by_status(table) == {
        "done": ["CT", "MR"],
        "no image": ["", ""],
        "no mask": ["PT", ""],
    }
    assert len(table) == len(set(table["id"])) == 6
    reasons = set(table["reason"])
    assert "no mask of its own: those in its frame of reference are of other series" in reasons
    assert "no image of its patient in its frame of reference" in reasons
    told = "\n".join(said)
    for words in ("1 SR", "cannot be read", "no mask of its own", "no file is its mask by name"):
        assert words in told
    assert not {"description", "date"} & set(table.columns)
    assert table["id"].str.match(r"(case|series|mask)-[0-9a-f]{12}$").all()


def test_ids_are_readable_where_names_may_stand(
    export: Path, quick: str, tmp_path: Path, monkeypatch: Patch
) -> None:
    write_scan(export / "a" / "again", "CT", FrameOfReferenceUID="1.2.3.4")
    request = Request(export, tmp_path / "out", (quick,), quiet=True, keep_identifiers=True)
    run_inline(monkeypatch, request)
    table = table_of(request.output)
    done = table[table["status"] == "done"]
    first, second, third = sorted(done["id"])
    assert third == "test_20200131_MR_T1-ax"
    for name in (first, second):  # two scans of one name are told apart
        assert name.startswith("test_20200131_CT_THORAX-1,5_")
    assert first != second
    assert set(done["group"]) == {"test"}
    assert set(done["description"]) == {"THORAX 1,5", "T1 ax"}
    assert set(done["date"]) == {"2020-01-31"}
    assert "n/x_mask" in set(table["id"])
    names = table["id"].tolist()
    run_inline(monkeypatch, request)
    assert table_of(request.output)["id"].tolist() == names


def test_masks_belong_to_what_they_refer_to_in_one_folder(tmp_path: Path) -> None:
    """All of one frame of reference in one folder: neither place nor frame tells them apart."""
    flat = tmp_path / "flat"
    flat.mkdir()
    uids = {}
    for number, modality in enumerate(KINDS):
        place = write_scan(tmp_path / modality, modality, FrameOfReferenceUID="1.2.3.4")
        series = find_series(place.parent)[0]
        uids[modality] = series.series
        if modality == "PT":  # as planning systems write it, besides what is beside each contour
            data = pydicom.dcmread(place)
            item, study = Dataset(), Dataset()
            item.SeriesInstanceUID = series.series
            study.RTReferencedSeriesSequence = Sequence([item])
            data.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence = [study]
            data.save_as(place)
            assert read_references(place).series == {series.series}
        for file in sorted(place.parent.iterdir()):
            file.replace(flat / f"{number}{file.name}")
    rows = find_cases(flat).table.to_pylist()
    assert {row["modality"]: row["series"] for row in rows} == uids
    masks = {row["modality"]: row["mask"] for row in rows}
    assert masks == {"CT": "0rs.dcm", "MR": "1rs.dcm", "PT": "2rs.dcm"}


def test_a_mask_of_a_series_that_is_not_there_is_told(tmp_path: Path) -> None:
    place = write_scan(tmp_path / "in" / "ct", "CT", FrameOfReferenceUID="1.2.3.4")
    write_scan(tmp_path / "in" / "pet", "PT", mask=False, FrameOfReferenceUID="1.2.3.4")
    for file in place.parent.glob("0*.dcm"):
        file.unlink()
    cases = find_cases(tmp_path / "in")
    (row,) = cases.table.to_pylist()
    assert row["modality"] == "PT"
    assert cases.notes == []  # with one series only contours are not looked into
    write_scan(tmp_path / "in" / "mr", "MR", mask=False, FrameOfReferenceUID="1.2.3.4")
    (note,) = find_cases(tmp_path / "in").notes
    assert note.startswith("1 mask(s) refer to a series that is not there")


def test_a_series_in_several_folders_is_read_whole(
    quick: str, tmp_path: Path, monkeypatch: Patch
) -> None:
    place = write_scan(tmp_path / "in" / "ct" / "one", "CT")
    (tmp_path / "in" / "ct" / "two").mkdir()
    for file in sorted(place.parent.glob("0*.dcm"))[2:]:
        file.replace(tmp_path / "in" / "ct" / "two" / file.name)
    request = Request(tmp_path / "in", tmp_path / "out", (quick,), quiet=True)
    outcome, _, _ = run_inline(monkeypatch, request)
    assert (outcome.done, outcome.failed) == (1, 0)


def test_a_folder_without_masks_is_told_with_what_is_there(tmp_path: Path) -> None:
    write_scan(tmp_path / "ct", "CT", mask=False)
    write_scan(tmp_path / "mr", "MR", mask=False)
    with pytest.raises(InputError, match=r"2 DICOM series \(1 CT, 1 MR\), 0 volume.*no mask on"):
        find_cases(tmp_path)


@pytest.mark.parametrize(
    ("options", "done", "left_out"),
    [
        ({"modalities": ["ct"]}, ["CT"], 5),
        ({"modalities": ["CT,MRI"]}, ["CT", "MR"], 4),
        ({"descriptions": ["thorax*"]}, ["CT"], 5),
        ({"descriptions": ["re:t1.*", "FDG"]}, ["MR"], 4),
        ({"after": "2020-01-31", "before": "20200131"}, ["CT", "MR"], 2),
    ],
)
def test_filters_leave_the_others_out(
    options: dict[str, Any],
    done: list[str],
    left_out: int,
    export: Path,
    quick: str,
    tmp_path: Path,
    monkeypatch: Patch,
) -> None:
    wanted = checked_filter(**options)
    request = Request(export, tmp_path / "out", (quick,), quiet=True, wanted=wanted)
    outcome, _, _ = run_inline(monkeypatch, request)
    table = table_of(request.output)
    assert by_status(table)["done"] == done
    assert dict(outcome.others)["left out"] == left_out
    reasons = table["reason"][table["status"] == "left out"]
    assert reasons.str.startswith("left out: ").all()


def test_a_filter_that_leaves_nothing_tells_what_there_was(export: Path, tmp_path: Path) -> None:
    from radiomics.pipelines.batch.cohort import checked_cohort

    for options, words in (
        ({"modalities": ["NM"]}, r"--modality.*1 CT, 1 MR, 1 PT"),
        ({"after": "2030-01-01"}, r"--after.*before 2030-01-01: 4"),
        ({"modalities": ["PET"]}, r"the folder.*5 left out, 1 no mask"),
    ):
        request = Request(export, tmp_path / "out", wanted=checked_filter(**options))
        with pytest.raises(InputError) as error:
            checked_cohort(request)
        text = " ".join(str(error.value).split())
        assert pd.Series([text]).str.contains(words).all(), text


def test_what_headers_say_stays_inside(export: Path, quick: str, tmp_path: Path) -> None:
    """No name, number, description or date of a folder's headers is in any output or message."""
    secret = "Zwetschgenstein"
    write_scan(
        export / secret, "CT", PatientID=f"{secret}^K", SeriesDescription=f"for {secret}",
        StudyDate="19370412", FrameOfReferenceUID="1.2.9",
    )  # fmt: skip
    command = [sys.executable, "-m", "radiomics", "batch", str(export), "--output", "out"]
    options = ["--settings", quick, "--workers", "1", "--description", f"*{secret}*"]
    done = subprocess.run(
        [*command, *options, "--log", "log"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "1 of 1 done, 0 failed; 6 left out" in done.stdout
    files = [path.read_bytes() for path in (tmp_path / "out").iterdir()]
    cells = table_of(tmp_path / "out").to_csv().encode()
    everything = b"\n".join([*files, cells, (tmp_path / "log").read_bytes()])
    for word in (secret, "1937-04-12", "19370412", "THORAX"):
        assert word not in done.stdout + done.stderr
        assert word.encode() not in everything
    page = (tmp_path / "out" / "summary.html").read_text()
    assert "Not to be computed" in page
    assert "left out: its description is not among those asked for" in page


def test_failed_cases_are_named_in_the_terminal(tmp_path: Path) -> None:
    manifest = write_cohort(tmp_path, 2)
    rows = rows_of(2)
    rows[1]["label"] = 7
    write_rows(manifest, rows)
    command = [sys.executable, "-m", "radiomics", "batch", "manifest.csv", "--output", "out", "-q"]
    done = subprocess.run(
        [*command, "--settings", "quick.yaml", "--workers", "1"],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "1 of 2 done, 1 failed" in done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith("failed: C001: mask: label 7 must occur"), line
