"""Mechanics of studies on tables of features: every task and scheme, bad input, bundles, bytes."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from radiomics import InputError
from radiomics.io.files.tables import Manifest
from radiomics.pipelines.bundle.open import load
from radiomics.pipelines.bundle.predict import predict_rows
from radiomics.pipelines.commands.app import app
from radiomics.pipelines.report import run_study as run
from radiomics.pipelines.store import digest_file
from radiomics.pipelines.study.config import StudyConfig
from radiomics.pipelines.study.dry_run import plan
from radiomics.pipelines.study.results import Study
from radiomics.plugins import parse
from radiomics.types import silent
from tests.tables import FAST, config, rows


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("tables")
    chosen = config(
        folder,
        harmonisation={"method": "combat", "preserve": ["age"]},
        selection=[{"name": "correlation"}, {"name": "mrmr", "count": 3}],
        models=[{"name": "logistic", "tune": {"C": [0.01, 1.0]}}, {"name": "svm", "C": 1.0}],
        fusion=[["logistic", "svm"]],
        evaluation=FAST | {"repeats": 2, "permutations": 4, "by_site": True, "resamples": 1000},
    )
    return run(chosen, folder / "out")


def test_everything_that_was_asked_for_is_there(study: Study) -> None:
    baselines = ["no information", "volume alone", "clinical alone"]
    assert list(study.outcomes) == ["logistic", "svm", *baselines, "logistic + svm"]
    p = study.outcomes["logistic"].predictions
    assert len(p.ids) == 240
    assert sorted(set(p.fold.tolist())) == list(range(6))
    beats = [c for c in study.comparisons if c.model == "logistic"]
    assert {c.other for c in beats} == set(baselines)
    assert all(c.difference.low > 0 for c in beats)
    assert study.permuted is not None
    assert study.permuted[0] == pytest.approx(0.2)
    assert abs(np.mean(study.permuted[1]) - 0.5) < 0.15


def test_the_report_holds_every_part(study: Study) -> None:
    text = (study.folder / "report.html").read_text(encoding="utf-8")
    for words in (
        "Flow of cases",
        "Site n",
        "logistic beats volume alone",
        "DeLong",
        "Calibration slope",
        "p (Holm)",
        "net benefit",
        "Each fold",
        "What the inner folds chose",
        "How stable the choice is",
        "METRICS, item by item",
        "sites harmonised inside the folds (combat)",
        "repeated 2 times, stratified by outcome and site",
    ):
        assert words.lower() in text.lower(), words
    assert "<script" not in text
    assert str(study.folder) not in text


def test_workers_change_no_byte(tmp_path: Path) -> None:
    chosen = config(tmp_path, models=[{"name": "logistic"}, {"name": "random_forest", "trees": 20}])
    for workers in (1, 2):
        run(chosen, tmp_path / str(workers), silent, workers)
    for file in (tmp_path / "1").iterdir():
        if file.is_file():
            assert digest_file(file) == digest_file(tmp_path / "2" / file.name), file.name
    other = "models/random_forest.zip"
    assert digest_file(tmp_path / "1" / other) == digest_file(tmp_path / "2" / other)


@pytest.mark.parametrize(
    ("task", "model", "measure"),
    [
        ("multiclass", "random_forest", "accuracy"),
        ("regression", "elastic_net", "r2"),
        ("survival", "cox", "harrell_c"),
    ],
)
def test_other_tasks(tmp_path: Path, task: str, model: str, measure: str) -> None:
    table = rows()
    if task == "multiclass":
        table["target"] = pd.cut(table["time"], [0, 0.6, 1.6, 99], labels=["a", "b", "c"])
    if task == "regression":
        table["target"] = -np.log(table["time"])
    if task == "survival":
        table["target"] = (np.arange(120) // 2 % 4 > 0).astype(int)
    spec = {"name": model, "tune": {}} | ({"trees": 30} if model == "random_forest" else {})
    done = run(config(tmp_path, table, task=task, models=[spec]), tmp_path / "out")
    first = done.outcomes[model].estimates
    assert next(iter(first)) == measure
    assert first[measure].value > done.outcomes["no information"].estimates[measure].value + 0.1
    made = load(tmp_path / "out" / "model.zip")
    said = predict_rows(made, table.set_index("id").iloc[:3])
    assert all(np.isfinite(v) for row in said for v in row.values() if isinstance(v, float))


def test_sites_left_out_and_an_external_part(tmp_path: Path) -> None:
    out = run(config(tmp_path, evaluation=FAST | {"scheme": "leave_one_site_out"}), tmp_path / "a")
    p = out.outcomes["logistic"].predictions
    assert np.bincount(p.fold).tolist() == [40] * 3
    left = FAST | {"scheme": "leave_one_site_out"}
    wrong = config(tmp_path, evaluation=left, harmonisation={"method": "combat"})
    with pytest.raises(InputError, match="every site must have been seen"):
        run(wrong, tmp_path / "b")
    kept = run(config(tmp_path, evaluation=FAST | {"scheme": "external"}), tmp_path / "c")
    assert len(kept.outcomes["logistic"].predictions.ids) == 40
    again = run(config(tmp_path, evaluation=FAST | {"scheme": "external"}), tmp_path / "c")
    assert again.warnings == kept.warnings
    other = FAST | {"scheme": "external", "inner": 2}
    twice = run(config(tmp_path, evaluation=other), tmp_path / "c")
    assert "opened with 2 configs" in twice.warnings[-1]
    assert "of these test" in (tmp_path / "c" / "report.html").read_text(encoding="utf-8")


def test_copies_under_two_patients_are_refused_or_merged(tmp_path: Path) -> None:
    t = rows()
    names = [c for c in t if c.startswith(("f", "orig"))]
    t.loc[2, names] = t.loc[0, names]
    with pytest.raises(InputError, match="c002 of P01 is identical to c000 of P00"):
        run(config(tmp_path, t), tmp_path / "a")
    done = run(config(tmp_path, t, duplicates="merge"), tmp_path / "b")
    assert len(np.unique(done.table.groups)) == 59
    assert "1 patients merged" in (tmp_path / "b" / "report.html").read_text(encoding="utf-8")


def test_what_tells_the_outcome_is_named(tmp_path: Path) -> None:
    t = rows()
    t["f1"] = 2.0 * t["target"] - 1
    t["target"] = t["target"].where(t["site"] != "w", 1)
    t["f1"] = 2.0 * t["target"] - 1
    t["f2"], t["f3"] = np.nan, 7.0
    done = run(config(tmp_path, t), tmp_path / "out")
    assert any("the column 'f1' tells the outcome exactly" in w for w in done.warnings)
    assert any("site w has no case of 0" in w for w in done.warnings)
    assert any("one value or none tell nothing: f2, f3" in w for w in done.warnings)
    assert "Look at this first" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_what_nearly_tells_the_outcome_is_named(tmp_path: Path) -> None:
    t = rows()
    t["f4"] = 10.0 * t["target"] + np.random.default_rng(2).normal(size=len(t))  # follow-up, say
    t["f5"] = t["target"].rank(method="first")
    done = run(config(tmp_path, t), tmp_path / "out")
    told = [w for w in done.warnings if "by itself (area under the ROC curve" in w]
    assert ["'f4'" in told[0], "'f5'" in told[1], len(told)] == [True, True, 2]
    assert not any("named alike" in w for w in done.warnings)


def test_a_column_that_tells_patients_apart_is_no_feature(tmp_path: Path) -> None:
    t = rows()
    t["patient_id"] = np.repeat(np.arange(len(t) // 2), 2)
    with pytest.raises(InputError, match="patient_id"):
        run(config(tmp_path, t.drop(columns="group")), tmp_path / "out")
    source = {"name": "features", "table": str(tmp_path / "features.csv")}
    done = run(config(tmp_path, t, data={**source, "ignore": ["patient_id"]}), tmp_path / "out")
    assert done.features is not None
    assert "patient_id" not in done.features.table.columns


def test_patients_that_are_named_alike_are_told(tmp_path: Path) -> None:
    t = rows()
    t.loc[1, "group"] = t.loc[0, "group"].lower()
    t.loc[3, "group"] = t.loc[2, "group"].replace("P0", "P-00")
    done = run(config(tmp_path, t), tmp_path / "out")
    (told,) = [w for w in done.warnings if "named alike" in w]
    assert "P00 and p00" in told


def test_a_bundle_predicts_and_tells_where_it_may_not_apply(study: Study, tmp_path: Path) -> None:
    made = load(study.folder / "model.zip")
    t = rows(seed=1).set_index("id")
    t.iloc[0, t.columns.get_loc("f3")] = 99.0
    said = predict_rows(made, t)
    assert set(said[0]) == {"id", "probability_1", "threshold", "called", "notes"}
    assert "1 values outside the training range: f3" in said[0]["notes"]
    scores = [row["probability_1"] for row in said]
    called = [row["called"] == "1" for row in said]
    assert called == [s >= said[0]["threshold"] for s in scores]
    with pytest.raises(InputError, match="1 missing: f2"):
        predict_rows(made, t.drop(columns="f2"))
    with pytest.raises(InputError, match="every site must have been seen"):
        predict_rows(made, t.assign(site="new"))
    with pytest.raises(InputError, match="f1: inf in c000"):
        predict_rows(made, t.assign(f1=np.inf))
    with pytest.raises(InputError, match="age: old in c000"):
        predict_rows(made, t.assign(age="old"))
    gaps = predict_rows(made, t.assign(f1=np.nan, another=1))
    assert "1 values missing" in gaps[0]["notes"]
    with zipfile.ZipFile(study.folder / "model.zip") as archive:
        assert sorted(archive.namelist()) == ["bundle.json", "chain.skops"]
        assert not any(name.endswith("pkl") for name in archive.namelist())


def test_a_bundle_with_foreign_classes_is_refused(study: Study, tmp_path: Path) -> None:
    import skops.io
    from sklearn.preprocessing import FunctionTransformer

    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(study.folder / "model.zip") as good, zipfile.ZipFile(path, "w") as bad:
        bad.writestr("bundle.json", good.read("bundle.json"))
        bad.writestr("chain.skops", skops.io.dumps(FunctionTransformer(zipfile.ZipFile)))
    with pytest.raises(InputError, match="holds known classes"):
        load(path)
    (tmp_path / "no.zip").write_bytes(b"x")
    with pytest.raises(InputError, match=r"model\.zip that a study writes"):
        load(tmp_path / "no.zip")


def test_the_command_line_predicts_scans_of_a_study_of_images(
    small_cohort: Manifest, tmp_path: Path
) -> None:
    values = {
        "data": {"name": "cohort", "manifest": str(small_cohort.folder / "manifest.csv")},
        "covariates": ["age"],
        "extraction": {"resample": {"spacing": [3, 3, 3]}, "families": ["morphology"]},
        "models": [{"name": "logistic", "C": 1.0}],
        "evaluation": {"folds": 2, "resamples": 100},
        "gallery": 0,
    }
    run(parse(StudyConfig, values, "test"), tmp_path)
    model = str(tmp_path / "model.zip")
    manifest, output = str(small_cohort.folder / "manifest.csv"), tmp_path / "p.json"
    runner = CliRunner()
    done = runner.invoke(app, ["predict", model, manifest, "--output", str(output), "--quiet"])
    assert done.exit_code == 0, done.output
    many = json.loads(output.read_text())
    assert len(many) == len(small_cohort)
    row = small_cohort.rows.iloc[0]
    image, mask = map(str, small_cohort.files(0))
    command = ["predict", model, image, mask, "--roi", row["roi"], "--output", str(output)]
    one = runner.invoke(app, [*command, "--known", f"age={row['age']}"])
    assert one.exit_code == 0, one.output
    again = json.loads(output.read_text())[0]
    assert again["probability_1"] == pytest.approx(many[0]["probability_1"])
    refused = runner.invoke(app, command)
    assert isinstance(refused.exception, InputError)
    assert "needs its covariates" in str(refused.exception)


def test_the_plan_is_shown_and_nothing_is_run(tmp_path: Path) -> None:
    told = {r["what"]: r["how much"] for r in plan(config(tmp_path), tmp_path, silent, 2)}
    assert told["patients"] == "60"
    assert told["outer splits"] == "3"
    assert told["model 1. logistic"] == "2 candidates"
    assert float(told["events per variable"]) > 1
    assert [path.name for path in tmp_path.iterdir()] == ["features.csv"]


def test_a_table_of_many_columns_warns_of_nothing(tmp_path: Path) -> None:
    wide = pd.DataFrame(np.random.default_rng(0).normal(size=(120, 300)).round(3))
    wide.columns = [f"w{i}" for i in range(300)]
    plain = config(tmp_path, pd.concat([rows(), wide], axis=1), selection=[{"name": "mrmr"}])
    assert run(plain, tmp_path / "out").table.x.shape == (120, 310)
