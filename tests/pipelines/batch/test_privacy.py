"""Mechanics of privacy: no planted identifier stands in any byte of any output, log or message."""

from __future__ import annotations

import shutil
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import pyarrow as pa
import pydicom
import pytest
from pydicom.dataset import Dataset

from radiomics.io.files.tables import Manifest
from radiomics.pipelines.batch.privacy import (
    dropped_columns,
    names_below,
    pseudonym,
    read_key,
    scrub,
)
from radiomics.types import InputError
from tests.cohorts import QUICK, table_of, write_rows

NAME, BIRTH, NUMBER = "Zwetschgenstein", "19370412", "MRN4711XQ"
FOLDER = "kurt-zwetschgenstein-1937"


def radiomics(*words: object) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-c",
        "from radiomics.pipelines.commands.app import main; main()",
        *map(str, words),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def place(small_cohort: Manifest, tmp_path: Path) -> Path:
    """Lay out patients whose headers, folders, files and manifest are full of identifiers."""
    root = tmp_path / FOLDER
    rows = []
    folders = [p.parent for p in sorted(small_cohort.folder.glob("P*/ct"))][:3]
    for number, source in enumerate(folders):
        shutil.copytree(source, root / f"{NAME}{number}")
        for file in (root / f"{NAME}{number}").rglob("*.dcm"):
            data = pydicom.dcmread(file)
            data.PatientName, data.PatientID = f"{NAME}^Kurt", NUMBER
            data.PatientBirthDate = BIRTH
            data.save_as(file.with_name(f"{NAME}_{file.name}"))
            file.unlink()
        row = {
            "id": f"case{number}",
            "image": f"{NAME}{number}/ct",
            "mask": f"{NAME}{number}/{NAME}_rtstruct.dcm",
            "roi": "Lesion 1",
            "group": f"g{number}",
            "patient_name": f"{NAME}^Kurt",
            "born": f"{BIRTH[:4]}-{BIRTH[4:6]}-{BIRTH[6:]}",
            "study": "1.2.826.0.1.3680043.8.498.4711",
            "age": 60 + number,
        }
        rows.append(row)
    first = root / f"{NAME}0" / "ct"
    shutil.copytree(first, root / f"{NAME}1" / "ct" / "again")  # two series, told by their UIDs
    for file in (root / f"{NAME}1" / "ct" / "again").iterdir():
        data = pydicom.dcmread(file)
        data.SeriesInstanceUID = f"{data.SeriesInstanceUID[:-2]}.9"
        data.save_as(file)
    rows.append(rows[0] | {"id": "case3", "roi": f"GTV {NAME}"})  # the ROIs there are listed
    rows.append(rows[0] | {"id": "case4", "image": f"{NAME}/nowhere"})
    (root / "broken.dcm").write_bytes(b"DICM" * 99)
    rows.append(rows[0] | {"id": "case5", "mask": "broken.dcm"})
    write_rows(root / "manifest.csv", rows)
    (tmp_path / "quick.yaml").write_text(QUICK)
    return tmp_path


def content(folder: Path) -> str:
    """Return all bytes of all files as text; tables with their cells, whatever compresses them."""
    texts = [file.read_bytes().decode("latin-1") for file in folder.rglob("*") if file.is_file()]
    texts += [str(file) for file in folder.rglob("*")]
    for file in folder.glob("*.parquet"):
        texts.append(table_of(folder, file.name).astype(str).to_csv())
    return "\n".join(texts)


def test_no_identifier_is_in_any_output(place: Path) -> None:
    out, log = place / "out", place / "log.jsonl"
    words = ("batch", place / FOLDER / "manifest.csv", "--settings", place / "quick.yaml")
    done = radiomics(*words, "--output", out, "--log", log, "--workers", 1)
    assert done.returncode == 1, done.stderr
    told = content(out) + log.read_text() + done.stdout.replace(str(out), "") + done.stderr
    roi = f"GTV {NAME}"  # the manifest's own words
    for secret in (NAME, NUMBER, BIRTH, "1937-04-12", FOLDER, "1.2.826.0.1", "^Kurt"):
        assert secret.lower() not in told.replace(roi, "").lower(), secret
    table = table_of(out).set_index("id")
    assert table["status"].tolist() == ["done", "failed", "done", "failed", "failed", "failed"]
    assert table["age"].tolist()[:3] == [60, 61, 62]
    assert not {"patient_name", "born", "study"} & set(table.columns)
    assert "2 series" in table["reason"]["case1"]
    assert "left out of all outputs" in done.stderr
    kept = radiomics(*words, "--output", place / "kept", "--keep-identifiers", "--workers", 1)
    assert NAME in content(place / "kept"), kept.stderr


def test_pseudonyms_replace_ids_everywhere(place: Path) -> None:
    out, log, key = place / "out", place / "log.jsonl", place / "key"
    words = ("batch", place / FOLDER / "manifest.csv", "--settings", place / "quick.yaml")
    more = ("--output", out, "--log", log, "--workers", 1, "--pseudonymise")
    done = radiomics(*words, *more, key)
    assert done.returncode == 1, done.stderr
    told = content(out) + log.read_text() + done.stdout.replace(str(out), "") + done.stderr
    for number in range(6):
        assert f"case{number}" not in told
    assert key.stat().st_mode & 0o077 == 0
    secret = bytes.fromhex(key.read_text())
    assert table_of(out)["id"].tolist() == [pseudonym(f"case{n}", secret) for n in range(6)]
    assert key.read_text().strip() not in told
    inside = radiomics(*words, *more, out / "key")
    assert inside.returncode == 2
    assert "outside the output" in inside.stderr


def test_columns_that_may_tell_are_left_out(tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": ["a", "b"],
            "group": ["g", "h"],
            "age": [1, 2],
            "stage": ["T1", "T2"],
            "DOB": ["", ""],
            "who": ["Doe^Jane", ""],
            "copy": ["a", "-"],
            "day": ["2020-01-31", ""],
            "scan": ["/data/x/y.nii", ""],
            "ratio": ["1/2", "n/a"],
        }
    )
    assert dropped_columns(table, ()) == ["DOB", "who", "copy", "day", "scan"]
    (tmp_path / "k").write_text("secret")
    with pytest.raises(InputError, match="32 or more hexadecimal digits"):
        read_key(tmp_path / "k", tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("C:\\Users\\doe\\ct: 3 slices", "<path>: 3 slices"),
        ("s3://bucket/doe/ct.nii is gone", "<path> is gone"),
        ("12 mm/s and 3 / 4", "12 mm/s and 3 / 4"),
        ("Ann's scanner", "<removed>'s scanner"),
        ("1.2.840.1.2.3#2, 0.625 mm", "<uid>, 0.625 mm"),
    ],
)
def test_messages_are_scrubbed(text: str, clean: str) -> None:
    assert scrub(text, {"Ann"}) == clean


def test_the_test_can_see_into_the_store(tmp_path: Path) -> None:
    """What a store keeps is not compressed: a planted text would be found by its bytes."""
    from radiomics.pipelines.batch.records import Records

    records = Records(tmp_path / "records.sqlite")
    records.put_failure(b"k", 1, NAME)
    records.close()
    assert NAME in content(tmp_path)


def without_preamble(path: Path) -> None:
    data = Dataset(pydicom.dcmread(path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of elements that it guesses anew
        data.save_as(path, implicit_vr=True, little_endian=True)


PEOPLE = {
    # the name in the image's header, and a ROI that is named after the person
    "plain": ("Hasenbein^Otto", "GTV Hasenbein"),
    "bare": ("Hasenbein^Otto", "Hasenbein GTV"),
    "store": ("Miller^Ann", "GTVMiller"),
    "zip": ("Miller^Ann", "miller_gtv"),
    "accents": ("Garc\u00eda^Jos\u00e9", "GTV Garcia"),
    "umlaut": ("M\u00fcller^\u00d8ystein", "Mueller-Oystein"),
    "letters": ("MUELLER^OYSTEIN", "GTV M\u00fcller"),
    "double": ("Meyer-Schmidt^Eva", "SCHMIDT node"),
    "short": ("LI^NA", "GTV Li"),
    "number": ("^", "GTV_Waldheim"),  # PatientID is WALDHEIM1955
    "physician": ("^", "Kranich's GTV"),
    "institution": ("^", "GTV Birkenhof"),
}


def test_no_name_in_a_roi_is_in_any_output(small_cohort: Manifest, tmp_path: Path) -> None:
    """The structure sets are anonymous: the images alone tell who the ROIs are named after."""
    rows, secrets = [], set()
    source = sorted(small_cohort.folder.glob("P*/ct"))[0].parent
    mask = next(source.glob("*.dcm"))
    for name, (person, roi) in PEOPLE.items():
        shutil.copytree(source / "ct", tmp_path / name / "ct")
        for file in (tmp_path / name / "ct").iterdir():
            data = pydicom.dcmread(file)
            data.SpecificCharacterSet = "ISO_IR 192"
            data.PatientName, data.PatientID = person, "WALDHEIM1955"
            data.ReferringPhysicianName = "Kranich^Vera"
            data.InstitutionName = "Klinik Birkenhof"
            data.save_as(file)
            if name == "bare":
                without_preamble(file)
        data = pydicom.dcmread(mask)
        data.SpecificCharacterSet, data.PatientName, data.PatientID = "ISO_IR 192", "", ""
        data.StructureSetROISequence[0].ROIName = roi
        data.save_as(tmp_path / name / "rs.dcm")
        row = {"id": name, "image": f"{name}/ct", "mask": f"{name}/rs.dcm", "roi": "*"}
        rows.append(row | {"group": name})
        secrets |= {roi, *roi.replace("_", " ").replace("-", " ").split()}
    (tmp_path / "store" / "ct" / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (tmp_path / "plain" / "ct" / "0.dcm").write_bytes(b"<html>")  # its rows fail, with a reason
    with zipfile.ZipFile(tmp_path / "zip" / "ct.zip", "w") as archive:
        for file in (tmp_path / "zip" / "ct").iterdir():
            archive.write(file, f"MILLER_ANN/{file.name}")
    next(row for row in rows if row["id"] == "zip")["image"] = "zip/ct.zip"
    write_rows(tmp_path / "manifest.csv", rows)
    (tmp_path / "quick.yaml").write_text(QUICK)
    out, log = tmp_path / "out", tmp_path / "log.jsonl"
    words = ("batch", tmp_path / "manifest.csv", "--settings", tmp_path / "quick.yaml")
    done = radiomics(*words, "--output", out, "--log", log, "--workers", 1)
    assert done.returncode == 1, done.stderr
    table = table_of(out).set_index("id")
    assert table["status"].tolist().count("failed") == 1, table["reason"].tolist()
    told = content(out) + log.read_text() + done.stdout.replace(str(out), "") + done.stderr
    told = told.replace("GTV", "").replace("node", "")
    for secret in secrets - {"GTV", "node", "gtv", "Li"}:
        assert secret.lower() not in told.lower(), secret
    assert table["roi"]["short"] == "GTV <removed>"
    for secret in (
        "Hasenbein",
        "Garc\u00eda",
        "M\u00fcller",
        "MILLER_ANN",
        "WALDHEIM1955",
        "Kranich",
    ):
        assert secret.lower() not in told.lower(), secret


def test_names_of_fetched_copies_are_cleared(place: Path) -> None:
    """Of a URL no file is left when its ROIs are named: whom it named is remembered."""
    from radiomics.pipelines.batch.tasks import Row, Source
    from radiomics.pipelines.batch.worker import _copy, _region_names

    folder = place / FOLDER / f"{NAME}0"
    url = next((folder / "ct").iterdir()).as_uri()
    source, row = Source(url), Row(0, str(folder / "nowhere"), (("roi", "*"),))
    with _copy(url, source) as local:
        assert local.is_file()
    assert _region_names((f"GTV {NAME}",), source, row) == ("GTV <removed>",)


def test_folders_that_name_a_kind_of_image_tell_nothing(tmp_path: Path) -> None:
    for name in ("MR_T1", "Post_T1", "PET.FDG"):  # Post is a surname
        (tmp_path / name / "x").mkdir(parents=True)
    assert {"MR_T1", "PET.FDG", "Post_T1"} & names_below(str(tmp_path)) == {"Post_T1"}


def test_names_of_rois_that_a_pattern_finds_are_cleared(place: Path) -> None:
    from radiomics.pipelines.batch.tasks import Row, Source
    from radiomics.pipelines.batch.worker import _region_names

    folder = place / FOLDER / f"{NAME}0"
    mask = str(next(folder.glob("*.dcm")))
    source, row = Source(str(folder / "ct")), Row(0, mask, (("roi", "GTV*"),))
    names = ("GTV 1", f"GTV {NAME.upper()}", f"GTV 2 {NUMBER}")
    assert _region_names(names, source, row) == ("GTV 1", "GTV <removed>", "GTV 2 <removed>")
    own = Row(0, mask, (("roi", names[1]),))
    assert _region_names(names[1:2], source, own) == names[1:2]
