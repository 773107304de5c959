"""Mechanics of studies: same bytes, reuse by content, failures kept apart, problems told first."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipelines.config import StudyConfig, load_config
from pipelines.store import Store, digest_file, key, write_whole
from pipelines.study import Study, run
from radiomics import InputError
from radiomics.evaluation.splits import grouped_folds
from radiomics.io.table import Manifest
from radiomics.plugins import ConfigurationError, parse

RESULTS = (
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
        "models": [{"name": "logistic", "C": 0.1}, {"name": "logistic", "l1_ratio": 1.0}],
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
    assert predictions["model"].unique().tolist() == ["logistic", "logistic-2"]
    assert len(predictions) == 2 * n
    assert predictions.groupby("group")["fold"].nunique().max() == 1
    metrics = json.loads((study.folder / "metrics.json").read_text())
    assert set(metrics["logistic"]) == {
        "roc_auc",
        "average_precision",
        "balanced_accuracy",
        "brier",
    }
    for estimate in metrics["logistic"].values():
        assert estimate["low"] <= estimate["value"] <= estimate["high"]
    record = json.loads((study.folder / "provenance.json").read_text())
    assert len(record["images_sha256"]) == len(record["masks_sha256"]) == n
    assert record["config"]["seed"] == 0
    assert record["versions"]["numpy"]


def test_the_report_is_one_file_with_figures_and_no_paths(study: Study) -> None:
    text = (study.folder / "report.html").read_text(encoding="utf-8")
    for words in ("ROC AUC", "Cohort", "Calibration".lower(), "Gallery", "Provenance", "KLMA"):
        assert words in text
    assert text.count("<svg") == 3
    assert text.count("data:image/png;base64") == 1
    assert 'src="http' not in text
    assert "<script" not in text
    assert str(study.folder) not in text


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
    assert "an RTSTRUCT is a DICOM file that names" in first.features.failures[cases[0]]
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


def test_one_image_under_two_patients_is_refused(small_cohort: Manifest, tmp_path: Path) -> None:
    rows = pd.read_csv(small_cohort.folder / "manifest.csv")
    rows.loc[len(rows)] = {**rows.iloc[0].to_dict(), "id": "copy", "group": "someone else"}
    path = small_cohort.folder / "copy.csv"
    rows.to_csv(path, index=False)
    with pytest.raises(InputError, match="one image under several patients"):
        run(config(path), tmp_path)
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


def test_a_store_takes_what_it_cannot_read_as_absent(tmp_path: Path) -> None:
    store = Store(tmp_path)
    name = key(["a"])
    store.put(name, {"x": 1})
    (file,) = tmp_path.rglob("*.json")
    for content in ('{"x": ', "[1]", "\xff"):
        file.write_text(content, encoding="latin-1")
        assert store.get(name) is None


def test_threads_may_write_one_key_together(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: store.put(key(["a"]), {"x": 1}), range(300)))
    assert store.get(key(["a"])) == {"x": 1}
    assert not list(tmp_path.rglob("*.part"))


def test_configs_ship_and_take_overrides() -> None:
    demo = load_config("demo", ["data.patients=20", "evaluation.folds=3", "models.0.C=2"])
    assert demo.data["patients"] == 20
    assert demo.evaluation.folds == 3
    assert demo.models[0]["C"] == 2


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("sed=1", "no key 'sed'. Did you mean 'seed'"),
        ("data.patient=1", "no key 'patient'. Did you mean 'patients'"),
        ("evaluation.folds=1", "evaluation.folds.*greater than or equal to 2; given: 1"),
        ("models.0.CC=1", "models.0: there is no key 'CC'. Did you mean 'C'"),
        ("models=[logistic]", "models.0: write it as {name: ...}; given: 'logistic'"),
        ("positive=null", "key 'positive': .*given: None"),
        ("seed=5000000000", "less than 4294967296"),
        ("models.3.C=1", "'3' is no number from 0 to 0"),
        ("title.x=1", "holds no further keys"),
        ("seed", "write it as key=value"),
        ("seed=[", "not valid YAML"),
        ("extraction=defult", "Did you mean 'default'"),
        ("models.0.name=logistik", "Did you mean 'logistic'"),
        ("data.name=fantom", "Did you mean 'phantom'"),
    ],
)
def test_wrong_overrides_are_named(override: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        load_config("demo", [override])


def test_the_manifest_of_a_config_lies_beside_it(small_cohort: Manifest, tmp_path: Path) -> None:
    path = small_cohort.folder / "study.yaml"
    path.write_text("data: {name: cohort, manifest: manifest.csv}\n")
    assert load_config(path).data["manifest"] == str(small_cohort.folder / "manifest.csv")
    other = load_config(path, ["data.manifest=elsewhere.csv"])
    assert other.data["manifest"] == "elsewhere.csv"
    path.write_text("data: {name: cohort, manifest: null}\n")
    with pytest.raises(ConfigurationError, match="data: key 'manifest'"):
        load_config(path)
    path.unlink()
    with pytest.raises(ConfigurationError, match="no such file"):
        load_config(tmp_path / "none.yaml")


def test_a_store_finds_by_key_and_writes_whole(tmp_path: Path) -> None:
    store = Store(tmp_path)
    name = key(["a", {"b": 1}])
    assert store.get(name) is None
    store.put(name, {"x": 1.5, "y": float("nan")})
    found = store.get(name)
    assert found is not None
    assert found["x"] == 1.5
    assert found["y"] != found["y"]
    assert key(["a", {"b": 2}]) != name
    assert not list(tmp_path.rglob("*.part"))


def test_an_interrupted_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    write_whole(path, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


@given(arrays(np.uint8, st.integers(1, 50)))
def test_digests_follow_bytes_not_names(content: np.ndarray) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("a", "b"):
            (folder / part).mkdir()
            (folder / part / f"{part}.bin").write_bytes(content.tobytes())
        assert digest_file(folder / "a") == digest_file(folder / "b")
        (folder / "b" / "b.bin").write_bytes(content.tobytes() + b"x")
        assert digest_file(folder / "a") != digest_file(folder / "b")


def test_folds_of_the_study_are_those_of_the_seed(study: Study, small_cohort: Manifest) -> None:
    rows = small_cohort.rows
    found = grouped_folds(rows["target"].to_numpy(), rows["group"].to_numpy(str), 2, 0)
    predictions = study.outcomes["logistic"].predictions
    for number, (_, test) in enumerate(found):
        assert set(np.flatnonzero(predictions.fold == number)) == set(test.tolist())
