"""Mechanics of studies: same bytes, reuse by content, failures kept apart, problems told first."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from radiomics import InputError, write_volume
from radiomics.evaluation.splits import grouped_folds
from radiomics.io.files.tables import Manifest
from radiomics.pipelines.report import run_study as run
from radiomics.pipelines.store import digest_file
from radiomics.pipelines.study.config import StudyConfig
from radiomics.pipelines.study.results import Study
from radiomics.plugins import parse

RESULTS = (
    "choices.json",
    "comparisons.json",
    "features.parquet",
    "predictions.parquet",
    "metrics.json",
    "provenance.json",
    "failures.json",
)


def config(manifest: Manifest | Path, **changes: Any) -> StudyConfig:
    path = manifest if isinstance(manifest, Path) else manifest.folder / "manifest.csv"
    values: dict[str, Any] = {
        "data": {"name": "cohort", "manifest": str(path)},
        "covariates": ["age", "sex"],
        "extraction": {"modality": "CT", "resample": {"spacing": [2, 2, 2]}},
        "models": [{"name": "logistic", "C": 0.1}, {"name": "logistic", "C": 1.0, "l1_ratio": 1.0}],
        "evaluation": {"folds": 2, "resamples": 200},
        "gallery": 3,
    }
    return parse(StudyConfig, values | changes, "test")


@pytest.fixture(scope="module")
def study(small_cohort: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Study:
    return run(config(small_cohort), tmp_path_factory.mktemp("study"))


def test_a_study_writes_what_it_promises(study: Study, small_cohort: Manifest) -> None:
    n = len(small_cohort)
    features = pd.read_parquet(study.folder / "features.parquet")
    assert features["id"].tolist() == small_cohort.rows["id"].tolist()
    predictions = pd.read_parquet(study.folder / "predictions.parquet")
    baselines = ["no information", "volume alone", "clinical alone"]
    assert predictions["model"].unique().tolist() == ["logistic", "logistic-2", *baselines]
    assert len(predictions) == 5 * n
    assert predictions.groupby("group")["fold"].nunique().max() == 1
    metrics = json.loads((study.folder / "metrics.json").read_text())
    assert list(metrics) == sorted(["logistic", "logistic-2", *baselines])
    assert {"roc_auc", "roc_auc_delong", "brier", "calibration_slope"} < set(metrics["logistic"])
    compared = json.loads((study.folder / "comparisons.json").read_text())
    pairs = {(c["model"], c["other"]) for c in compared["comparisons"]}
    assert {("logistic", name) for name in baselines} < pairs
    choices = json.loads((study.folder / "choices.json").read_text())
    assert choices["logistic"][0]["candidate"]["C"] == 0.1
    for name, estimate in metrics["logistic"].items():
        assert estimate["low"] <= estimate["value"] <= estimate["high"], name
    record = json.loads((study.folder / "provenance.json").read_text())
    assert len(record["images_sha256"]) == len(record["masks_sha256"]) == n
    assert record["config"]["seed"] == 0
    assert record["versions"]["numpy"]


def test_the_report_is_one_file_with_figures_and_no_paths(study: Study) -> None:
    text = (study.folder / "report.html").read_text(encoding="utf-8")
    for words in ("ROC AUC", "Cohort", "Calibration".lower(), "Gallery", "Provenance", "KLMA"):
        assert words in text
    assert text.count("<svg") == 4
    assert text.count("data:image/png;base64") == 1
    assert 'src="http' not in text
    assert "<script" not in text
    assert str(study.folder) not in text


def test_the_cohort_table_shows_what_the_study_reads_and_nothing_else(
    small_cohort: Manifest, tmp_path: Path
) -> None:
    rows = pd.read_csv(small_cohort.folder / "manifest.csv")
    rows["note"] = [f"Jane Doe {i}" for i in range(len(rows))]
    rows["smoker"] = [i % 2 == 0 for i in range(len(rows))]
    rows.loc[0, "age"] = None
    path = small_cohort.folder / "notes.csv"
    rows.to_csv(path, index=False)
    run(config(path, covariates=["age", "smoker"]), tmp_path)
    path.unlink()
    table = (tmp_path / "report.html").read_text(encoding="utf-8").split("Performance")[0]
    for words in ("site: north", "age, mean ± SD", "age: missing", "smoker: True"):
        assert words in table
    for words in ("Jane", "series", "segment", "label", "smoker, mean"):
        assert words not in table


def test_the_same_study_gives_the_same_bytes_and_reuses_features(
    study: Study, small_cohort: Manifest, tmp_path: Path
) -> None:
    again = run(config(small_cohort), tmp_path)
    assert again.features.reused == 0
    resumed = run(config(small_cohort), study.folder)
    assert resumed.features.reused == len(small_cohort)
    for name in (*RESULTS, "report.html"):
        assert digest_file(tmp_path / name) == digest_file(study.folder / name), name


def test_a_change_of_settings_computes_anew_a_change_of_model_does_not(
    study: Study, small_cohort: Manifest
) -> None:
    folder = study.folder.parent / "copy"
    shutil.copytree(study.folder, folder)
    models = run(config(small_cohort, models=[{"name": "logistic", "C": 9}]), folder)
    assert models.features.reused == len(small_cohort)
    coarse = run(config(small_cohort, extraction={"resample": {"spacing": [3, 3, 3]}}), folder)
    assert coarse.features.reused == 0


def test_a_corrected_mask_under_the_same_name_is_computed_anew_and_failures_are_named(
    small_cohort: Manifest, tmp_path: Path
) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    shutil.copytree(small_cohort.folder, data)
    broken = next(data.glob("P*/rtstruct.dcm"))
    good = broken.read_bytes()
    broken.write_bytes(b"not dicom")
    first = run(config(data / "manifest.csv"), out)
    cases = [i for i in small_cohort.rows["id"] if i.startswith(broken.parent.name)]
    assert sorted(first.features.failures) == cases
    assert "a mask file is an RTSTRUCT or SEG in DICOM" in first.features.failures[cases[0]]
    assert "Cases left out" in (out / "report.html").read_text(encoding="utf-8")
    broken.write_bytes(good)
    second = run(config(data / "manifest.csv"), out)
    assert second.features.failures == {}
    assert second.features.reused == len(small_cohort) - len(cases)


def test_a_target_that_cannot_be_learned_is_told_before_any_work(
    small_cohort: Manifest, tmp_path: Path
) -> None:
    rows = pd.read_csv(small_cohort.folder / "manifest.csv")
    for number, (change, words) in enumerate(
        [
            ({"target": 1}, r"values \[1\]"),
            ({"target": np.where(rows.index == 0, np.nan, rows["target"])}, "1 without one"),
            ({"target": range(len(rows))}, "one of two outcomes"),
        ]
    ):
        path = small_cohort.folder / f"m{number}.csv"
        rows.assign(**change).to_csv(path, index=False)
        with pytest.raises(InputError, match=words):
            run(config(path), tmp_path)
        path.unlink()
    with pytest.raises(InputError, match="no weight; columns"):
        run(config(small_cohort, covariates=["weight"]), tmp_path)
    for covariates in (["target"], ["id"], ["age", "age"]):
        with pytest.raises(InputError, match="would be a leak"):
            run(config(small_cohort, covariates=covariates), tmp_path)
    with pytest.raises(InputError, match="patients of class"):
        run(config(small_cohort, evaluation={"folds": 11, "resamples": 200}), tmp_path)
    assert not (tmp_path / "store").exists()


def test_a_category_that_one_patient_alone_has(small_cohort: Manifest, tmp_path: Path) -> None:
    rows = pd.read_csv(small_cohort.folder / "manifest.csv")
    rows["scanner"] = ["rare" if g == rows["group"][0] else "usual" for g in rows["group"]]
    path = small_cohort.folder / "rare.csv"
    rows.to_csv(path, index=False)
    run(config(path, covariates=["scanner"]), tmp_path)
    path.unlink()
    assert (tmp_path / "report.html").exists()


def test_a_cohort_may_ask_for_repairs(small_cohort: Manifest, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(small_cohort.folder, data)
    folder = next(data.glob("P*/ct"))
    (folder / "0004.dcm").unlink()
    cases = [i for i in small_cohort.rows["id"] if i.startswith(folder.parent.name)]
    refused = run(config(data / "manifest.csv"), tmp_path / "a").features
    assert sorted(refused.failures) == cases
    source = {"name": "cohort", "manifest": str(data / "manifest.csv"), "repair": "missing"}
    repaired = run(config(data / "manifest.csv", data=source), tmp_path / "b").features
    assert repaired.failures == {}
    assert "1 missing slice(s)" in repaired.notes[cases[0]][0]
    assert "Notes on reading" in (tmp_path / "b" / "report.html").read_text(encoding="utf-8")
    with pytest.raises(InputError, match="refuse, all, missing"):
        run(config(data / "manifest.csv", data={**source, "repair": "yes"}), tmp_path / "c")


@pytest.mark.parametrize("saved", ["", ".nii", ".nrrd", "flipped.nii.gz"])
def test_one_image_under_two_patients_is_refused(
    small_cohort: Manifest, tmp_path: Path, saved: str
) -> None:
    """It stays one image when it is saved anew, in another format or order."""
    rows = pd.read_csv(small_cohort.folder / "manifest.csv")
    copy = {**rows.iloc[0].to_dict(), "id": "copy", "group": "someone else"}
    if saved:
        case = small_cohort.load(0)
        assert case.mask is not None
        for kind, volume in (("image", case.image), ("mask", case.mask)):
            array = volume.array[:, ::-1].copy() if saved.startswith("flipped") else volume.array
            write_volume(replace(volume, array=array), tmp_path / f"{kind}{saved}")
            copy[kind] = str(tmp_path / f"{kind}{saved}")
        copy |= {"series": "", "roi": "", "label": "", "segment": ""}
    rows.loc[len(rows)] = {key: copy[key] for key in rows.columns}
    path = small_cohort.folder / "copy.csv"
    rows.to_csv(path, index=False)
    try:
        with pytest.raises(InputError, match="one image under several patients"):
            run(config(path), tmp_path / "out")
    finally:
        path.unlink()


def test_provenance_follows_outcomes_and_covariates(
    study: Study, small_cohort: Manifest, tmp_path: Path
) -> None:
    rows = pd.read_csv(small_cohort.folder / "manifest.csv")
    path = small_cohort.folder / "older.csv"
    rows.assign(age=rows["age"] + 1).to_csv(path, index=False)
    run(config(path), tmp_path)
    path.unlink()
    one, two = (json.loads((f / "provenance.json").read_text()) for f in (study.folder, tmp_path))
    assert one["images_sha256"] == two["images_sha256"]
    assert one["manifest_sha256"] != two["manifest_sha256"]


def test_nothing_but_failures_names_each(small_cohort: Manifest, tmp_path: Path) -> None:
    settings = {"resegment": {"range": [9000, 9001]}}
    with pytest.raises(InputError, match=small_cohort.rows["id"][3]):
        run(config(small_cohort, extraction=settings), tmp_path)
    failures = json.loads((tmp_path / "failures.json").read_text())
    assert list(failures) == sorted(small_cohort.rows["id"])
    assert str(small_cohort.folder) not in str(failures)


def test_folds_of_the_study_are_those_of_the_seed(study: Study, small_cohort: Manifest) -> None:
    rows = small_cohort.rows
    found = grouped_folds(rows["target"].to_numpy(), rows["group"].to_numpy(str), 2, 0)
    predictions = study.outcomes["logistic"].predictions
    for number, (_, test) in enumerate(found):
        assert set(np.flatnonzero(predictions.fold == number)) == set(test.tolist())
