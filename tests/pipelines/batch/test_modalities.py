"""Mechanics of settings for modalities, of filters, and of what a run says of itself."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from radiomics import read_image, read_mask
from radiomics.extraction import compute, prepare
from radiomics.extraction.settings import load_settings
from radiomics.io.dicom.series import find_series
from radiomics.io.files.tables import feature_table
from radiomics.io.masks.rtstruct import write_rtstruct
from radiomics.pipelines.batch.filtering import checked_filter
from radiomics.pipelines.batch.layouts import layouts_of
from radiomics.pipelines.batch.request import Request
from radiomics.pipelines.study.features import table_features
from radiomics.plugins import ConfigurationError
from radiomics.types import InputError, Volume
from tests.cohorts import rows_of, run_inline, table_of, write_cohort, write_rows
from tests.series import positions, write_series

Patch = pytest.MonkeyPatch
INTENSITY = "families: [intensity, histogram]\n"


def write_scan(folder: Path, modality: str) -> None:
    """Write a series with an RTSTRUCT; PET has what SUV need, a factor of 2 in the end."""
    stored = np.random.default_rng(7).integers(900, 1400, (4, 10, 10)).astype("u2")
    tags: dict[str, Any] = {"Modality": modality, "PatientID": folder.name}
    tags["StudyDate"] = "20200131"
    if modality != "CT":
        tags["RescaleIntercept"] = 0
    if modality == "PT":
        tags |= {"Units": "GML", "SUVType": "BW"}
    write_series(folder, stored, positions(4, 2.0), **tags)
    (series,) = find_series(folder)
    inside = np.zeros((4, 10, 10), bool)
    inside[1:3, 2:8, 2:8] = True
    write_rtstruct(folder / "rs.dcm", {"GTV": Volume(inside, series.affine)}, series.headers)


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    for modality in ("CT", "MR", "PT"):
        write_scan(tmp_path / "in" / modality, modality)
    for name in ("ct", "any", "mine"):
        (tmp_path / f"{name}.yaml").write_text(INTENSITY)
    return tmp_path


def statuses(output: Path, name: str) -> dict[str, str]:
    table = table_of(output, name)
    return dict(zip(table["modality"], table["status"], strict=True))


@pytest.mark.parametrize("as_file", [False, True])
def test_settings_of_each_modality_stand_in_tables_of_their_own(
    as_file: bool, scans: Path, monkeypatch: Patch
) -> None:
    settings: tuple[str, ...] = (f"ct={scans}/ct.yaml", f"PET={scans}/mine.yaml")
    if as_file:
        (scans / "all.yml").write_text(f"CT: ct.yaml\nPET: {scans}/mine.yaml\n")
        settings = (str(scans / "all.yml"),)
    request = Request(scans / "in", scans / "out", settings, quiet=True)
    outcome, pool, said = run_inline(monkeypatch, request)
    assert (outcome.done, outcome.failed, outcome.others) == (2, 0, (("left out", 1),))
    assert "1 row(s): left out: no settings are for MR" in said
    found = {"CT": "done", "MR": "left out", "PT": "left out"}
    assert statuses(request.output, "features_ct.parquet") == found
    found |= {"CT": "left out", "PT": "done"}
    assert statuses(request.output, "features_pet_mine.parquet") == found
    reasons = table_of(request.output, "features_ct.parquet")["reason"]
    assert "left out: the settings are for CT, this is MR" in set(reasons)
    assert len(pool.computed()) == 2
    record = json.loads((request.output / "provenance.json").read_text())
    assert record["modalities"] == {"ct": "CT", "pet_mine": "PT"}
    assert record["tables"]["features_ct.parquet"] == {"done": 1, "left out": 2}
    _, pool, _ = run_inline(monkeypatch, request)
    assert pool.computed() == []


def test_one_file_for_two_modalities_keeps_the_reasons_of_both(
    scans: Path, monkeypatch: Patch
) -> None:
    (scans / "strict.yaml").write_text(
        "families: [intensity]\nresegment: {range: [50000, 60000]}\n"
    )
    settings = (f"CT={scans}/strict.yaml", f"PT={scans}/strict.yaml")
    request = Request(scans / "in", scans / "out", settings, quiet=True)
    for _ in range(2):
        outcome, _, _ = run_inline(monkeypatch, request)
        assert (outcome.done, outcome.failed) == (0, 2)
        assert all("must leave at least one voxel" in reason for _, reason in outcome.failures)
        assert len(outcome.failures) == 2
        for name, modality in (("ct", "CT"), ("pt", "PT")):
            found = statuses(request.output, f"features_{name}_strict.parquet")
            assert found == dict.fromkeys(("CT", "MR", "PT"), "left out") | {modality: "failed"}


def test_settings_that_name_their_modality_need_no_prefix(scans: Path, monkeypatch: Patch) -> None:
    request = Request(scans / "in", scans / "out", ("ct", "pet", "mr"), quiet=True)
    outcome, _, _ = run_inline(monkeypatch, request)
    assert (outcome.done, outcome.failed, outcome.others, outcome.notes) == (3, 0, (), ())
    for name, modality in (("ct", "CT"), ("pet", "PT"), ("mr", "MR")):
        assert statuses(request.output, f"features_{name}.parquet")[modality] == "done"


def test_suv_are_asked_of_pet_only(scans: Path, monkeypatch: Patch) -> None:
    reading = (("repair", "refuse"), ("suv", "bw"))
    settings = (str(scans / "any.yaml"),)
    request = Request(scans / "in", scans / "out", settings, reading=reading, quiet=True)
    outcome, _, _ = run_inline(monkeypatch, request)
    assert (outcome.done, outcome.failed) == (3, 0)
    with_suv = table_of(request.output)
    request = Request(scans / "in", scans / "other", settings, quiet=True)
    run_inline(monkeypatch, request)
    plain = table_of(request.output)
    assert plain.equals(with_suv.assign(notes=plain["notes"]))  # GML are SUV already


def test_settings_for_what_is_not_there_are_refused(scans: Path) -> None:
    from radiomics.pipelines.batch.chain import run_batch

    wanted = checked_filter(["MR"])
    request = Request(scans / "in", scans / "out", ("ct",), quiet=True, wanted=wanted)
    with pytest.raises(InputError, match="these: ct for CT") as error:
        run_batch(request, lambda _: None)
    assert "cases: 1 MR" in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("MR=ct", "settings for CT are chosen for MR"),
        ("ctt=any.yaml", "Before = stands a modality"),
        ("several.yaml", r"no key 'bnis'.*\(under MR in several.yaml\)"),
        ("number.yaml", "under MRI stands a preset, a file, or settings; given: 3"),
    ],
)
def test_wrong_settings_are_told(text: str, words: str, tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("several.yaml").write_text("CT: ct\nMR: {bnis: 3}\n")
    Path("number.yaml").write_text("MRI: 3\n")
    with pytest.raises(ConfigurationError, match=words):
        layouts_of([text])


def test_a_manifest_says_modality_as_people_do(tmp_path: Path, monkeypatch: Patch) -> None:
    """Words that are no modality leave settings to find out by the unit, as without the column."""
    manifest = write_cohort(tmp_path / "in", 4)
    rows = [
        row | {"modality": word}
        for row, word in zip(rows_of(4), ("ct", "MRI", "portal venous", ""), strict=True)
    ]
    write_rows(manifest, rows)
    (tmp_path / "x.yaml").write_text(f"modality: CT\n{INTENSITY}")
    request = Request(manifest, tmp_path / "out", (str(tmp_path / "x.yaml"),), quiet=True)
    run_inline(monkeypatch, request)
    assert table_of(request.output)["status"].tolist() == ["done", "left out", "done", "done"]
    wanted = checked_filter(["MR"])
    filtered = Request(
        manifest, tmp_path / "mr", (str(tmp_path / "in" / "quick.yaml"),), quiet=True, wanted=wanted
    )
    run_inline(monkeypatch, filtered)
    table = table_of(filtered.output)
    assert table["status"].tolist() == ["left out", "done", "left out", "left out"]
    without = Request(
        manifest, tmp_path / "no", quiet=True, wanted=checked_filter(after="2020-01-01")
    )
    with pytest.raises(InputError, match="a filter looks at the manifest's column 'date'"):
        run_inline(monkeypatch, without)


def test_filters_are_checked_before_work() -> None:
    for options, words in (
        ({"modalities": ["CTT"]}, "no modality 'CTT'. Did you mean 'CT'"),
        ({"descriptions": ["re:(["]}, "is no expression"),
        ({"after": "31.1.2020"}, "a day is written 2020-01-31"),
        ({"after": "2020-02-01", "before": "2020-01-01"}, "no day is between"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            checked_filter(**options)  # type: ignore[arg-type]
    found = checked_filter(["pet", "CT,MRI"], ["A*"], "20200131")
    assert found.modalities == ("PT", "CT", "MR")
    assert found.after == date(2020, 1, 31)
    assert not checked_filter()


def test_a_pattern_may_hold_a_name(scans: Path, monkeypatch: Patch) -> None:
    """Provenance tells a filter; what may name somebody only where names may stand."""
    settings = (str(scans / "any.yaml"),)
    wanted = checked_filter(["CT"], ["*", "*Zwetschgenstein*"], "1999-12-31")
    for keep in (False, True):
        output = scans / f"out{keep}"
        request = Request(
            scans / "in", output, settings, quiet=True, wanted=wanted, keep_identifiers=keep
        )
        run_inline(monkeypatch, request)
        text = (output / "provenance.json").read_text()
        assert ("Zwetschgenstein" in text) == keep
        assert json.loads(text)["filter"]["modality"] == ["CT"]
        assert json.loads(text)["filter"]["after"] == "1999-12-31"


def test_rules_that_were_used_stand_in_provenance(scans: Path, monkeypatch: Patch) -> None:
    request = Request(scans / "in", scans / "out", (str(scans / "any.yaml"),), quiet=True)
    outcome, _, _ = run_inline(monkeypatch, request)
    record = json.loads((request.output / "provenance.json").read_text())
    assert record["settings"]["any"]["discretisation"] is None  # as the settings were
    used = {entry["unit"]: entry for entry in record["used"]["any"]}
    assert {unit: entry["lines"] for unit, entry in used.items()} == {"1": 1, "HU": 1, "SUVbw": 1}
    assert used["HU"]["discretisation"] == {
        "method": "fixed_bin_size",
        "bin_width": 25,
        "lower": "the smallest intensity of each region",
    }
    assert used["SUVbw"]["discretisation"]["lower"] == 0
    assert used["1"]["discretisation"] == {"method": "fixed_bin_number", "bins": 32}
    (note,) = outcome.notes
    assert "the preset ct begins them at -1000 HU" in note
    for entry in used.values():  # what they say gives the same values
        image = read_image(scans / "in" / {"1": "MR", "HU": "CT"}.get(entry["unit"], "PT"))
        mask = read_mask(scans / "in" / "CT" / "rs.dcm", like=read_image(scans / "in" / "CT"))
        mask = Volume(mask.array, image.affine)
        rules = {name: dict(entry[name]) for name in ("discretisation", "ivh")}
        if isinstance(rules["discretisation"].get("lower"), str):
            rules["discretisation"]["lower"] = float(image.array[mask.array].min())
        families = {"families": ["histogram", "ivh", "glcm"]}
        values = [
            compute(prepare(image, mask, settings), settings).features
            for settings in map(load_settings, (families, families | rules))
        ]
        assert values[0] == values[1]


def test_failures_are_named_with_their_reasons(tmp_path: Path, monkeypatch: Patch) -> None:
    manifest = write_cohort(tmp_path / "in", 4)
    rows = rows_of(4)
    rows[1]["label"], rows[2]["mask"] = 7, "nowhere.nii.gz"
    write_rows(manifest, rows)
    settings = (str(tmp_path / "in" / "quick.yaml"),)
    outcome, _, _ = run_inline(
        monkeypatch, Request(manifest, tmp_path / "out", settings, quiet=True)
    )
    named = dict(outcome.failures)
    assert list(named) == ["C001", "C002"]
    assert "label 7 must occur" in named["C001"]
    assert named["C002"] == "the mask is not there"
    monkeypatch.setattr("radiomics.pipelines.batch.scheduling.SHOWN", 1)
    outcome, _, _ = run_inline(
        monkeypatch, Request(manifest, tmp_path / "out", settings, quiet=True)
    )
    assert (outcome.failed, len(outcome.failures)) == (2, 1)


def test_a_study_of_a_batchs_table_takes_what_is_done() -> None:
    """Rows without values are no cases whose values are guessed."""
    statuses_ = ["done", "left out", "done", "no mask", "failed"]
    rows = pd.DataFrame(
        {
            "id": [f"C{n}" for n in range(5)],
            "roi": "GTV",
            "status": statuses_,
            "reason": ["", "left out: for CT", "", "no RTSTRUCT", "broken"],
            "verdict": "good",
            "notes": "",
            "original_intensity_mean": [1.0, np.nan, 2.0, np.nan, np.nan],
        }
    )
    found = table_features(feature_table(rows, "t"), ())
    assert found.table.index.tolist() == ["C0", "C2"]
    assert list(found.table) == ["original_intensity_mean"]
    assert found.failures == {"C1": "left out: for CT", "C3": "no RTSTRUCT", "C4": "broken"}
    assert found.missing == {}
    other = rows.drop(columns=["roi", "verdict", "notes", "reason"]).assign(status=range(5))
    assert len(table_features(feature_table(other, "t"), ()).table) == 5  # somebody's own column
