"""Networks inside the folds: survival, embeddings that see no test row, and models that are kept.

The images hold the outcome (brighter where it is 1); the features and the age hold nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from radiomics import InputError, Volume, write_volume
from radiomics.evaluation import nested
from radiomics.evaluation.survival import outcome
from radiomics.evaluation.tuning import Plan
from radiomics.models.cox import Cox, baseline, events_by
from radiomics.pipelines.bundle.open import load
from radiomics.pipelines.bundle.predict import predict_rows
from radiomics.pipelines.commands.app import app
from radiomics.pipelines.report import run_study as run
from radiomics.pipelines.store import digest_file
from radiomics.pipelines.study import chains
from radiomics.pipelines.study import embedding as deep
from radiomics.pipelines.study.config import StudyConfig
from radiomics.pipelines.study.dry_run import plan
from radiomics.pipelines.study.networks import Network
from radiomics.pipelines.study.results import Study
from radiomics.plugins import ConfigurationError, parse
from radiomics.training import Options
from radiomics.types import Samples, silent

PATIENTS = 36
NETWORK = {"name": "cnn", "channels": [4], "hidden": [6]}
TRAINING = {"epochs": 12, "batch_size": 8, "rate": 0.01, "device": "cpu"}
EMBEDDED = {"name": "logistic", "C": 1.0, "embedding": NETWORK}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write patients whose mask is the same cube everywhere, and return their manifest."""
    folder = tmp_path_factory.mktemp("bright")
    rng = np.random.default_rng(0)
    y = np.arange(PATIENTS) % 2
    mask = np.zeros((8, 8, 8), np.uint8)
    mask[2:6, 2:6, 2:6] = 1
    write_volume(Volume(mask, np.eye(4)), folder / "mask.nii.gz")
    for number in range(PATIENTS):
        array = rng.normal(50, 1, mask.shape).astype(np.float32)
        array[:, :, :2] += 2.0 * y[number]  # outside the mask: features do not see it
        write_volume(Volume(array, np.eye(4)), folder / f"{number}.nii.gz")
    rows = pd.DataFrame(
        {
            "id": [f"P{i:02d}" for i in range(PATIENTS)],
            "image": [f"{i}.nii.gz" for i in range(PATIENTS)],
            "mask": "mask.nii.gz",
            "target": y,
            "event": (np.arange(PATIENTS) % 5 > 0).astype(int),
            "time": np.exp(-1.5 * y + 0.3 * rng.normal(size=PATIENTS)).round(4),
            "age": rng.uniform(40, 80, PATIENTS).round(1),
        }
    )
    rows.to_csv(folder / "manifest.csv", index=False)
    return folder / "manifest.csv"


def config(manifest: Path, **changes: Any) -> StudyConfig:
    values: dict[str, Any] = {
        "data": {"name": "cohort", "manifest": str(manifest)},
        "covariates": ["age"],
        "extraction": {"families": ["intensity"]},
        "tensors": {"size": [8, 8, 8], "window": None},
        "training": TRAINING,
        "models": [{"name": "logistic", "C": 1.0}, EMBEDDED, NETWORK],
        "fusion": [["logistic with cnn", "cnn"]],
        "evaluation": {"folds": 3, "inner": 2, "resamples": 100},
        "gallery": 0,
    }
    return parse(StudyConfig, values | changes, "test")


@pytest.fixture(scope="module")
def study(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    return run(config(cohort), tmp_path_factory.mktemp("deep"))


def test_deep_columns_bring_what_only_images_hold(study: Study) -> None:
    reached = {name: next(iter(o.estimates.values())).value for name, o in study.outcomes.items()}
    assert reached["logistic with cnn"] > 0.9
    assert reached["cnn"] > 0.95
    assert reached["logistic with cnn + cnn"] > 0.95
    assert reached["logistic"] < 0.8
    one, two = (study.outcomes[n].predictions for n in ("logistic", "logistic with cnn"))
    assert one.ids == two.ids
    assert np.array_equal(one.fold, two.fold)
    names = study.outcomes["logistic with cnn"].fitted[0].chain[:-1].get_feature_names_out()
    assert {"age", "deep_000", "deep_005", "original_intensity_mean"} < set(names)
    assert "deep_006" not in names
    assert deep.ROW not in set(study.table.columns)
    text = (study.folder / "report.html").read_text(encoding="utf-8")
    assert "linear models: logistic<" in text  # neither the fusion nor the one with an embedding


def test_the_plan_tells_how_often_networks_are_trained(cohort: Path, tmp_path: Path) -> None:
    told = {r["what"]: r["how much"] for r in plan(config(cohort), tmp_path, silent, 1)}
    assert told["model 2. logistic with cnn"] == "1 candidates"
    assert told["trainings of networks"] == str(4 * 3 + 4)  # embeddings, inner parts too; the cnn


class Spied(deep.Images):
    """Images that note which rows were asked for."""

    def take(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        self.array[1].append(rows.tolist())
        return np.asarray(self.array[0][rows])


def table_and_design(images: deep.Images, y: NDArray[Any]) -> tuple[Samples, chains.Design]:
    rng = np.random.default_rng(1)
    x = np.column_stack([rng.normal(size=len(y)), np.arange(len(y))])
    ids = tuple(f"P{i:02d}" for i in range(len(y)))
    samples = Samples(ids, np.array(ids), x, y, ("a", deep.ROW))
    return samples, chains.Design(nested.grouped_frame(samples), ("a",), images=images)


def test_an_embedding_never_sees_a_test_row_neither_outer_nor_inner() -> None:
    y = np.arange(24) % 2
    asked: list[list[int]] = []
    array = np.random.default_rng(0).normal(size=(24, 1, 6, 6)).astype(np.float32)
    samples, design = table_and_design(Spied(array=(array, asked)), y)
    recipe_options = Options(task="binary", **TRAINING | {"epochs": 1}).model_dump(mode="json")
    embedding = {"network": NETWORK, "training": recipe_options, "share": 0.0, "components": 2}
    recipe = chains.recipe(design, {"name": "logistic", "C": 1.0, "embedding": embedding})
    train, test = np.arange(16), np.arange(16, 24)
    training = nested.Training(
        nested.grouped_frame(samples).iloc[train], y[train], Plan(inner=2, seed=0)
    )
    fitted = training.fit(recipe)
    assert len(asked) > 3
    assert not {row for rows in asked for row in rows} & set(test.tolist())
    for inner_train, inner_test in training.splits:
        learnt = inner_train.tolist()
        assert learnt in asked  # what the network of this inner part was trained on
        assert not set(learnt) & set(inner_test.tolist())
    before = len(asked)
    fitted.predict(nested.grouped_frame(samples).iloc[test])
    assert asked[before:] == [test.tolist()]


def test_other_test_images_change_nothing_that_was_learnt() -> None:
    y = np.arange(24) % 2
    rng = np.random.default_rng(0)
    one = rng.normal(size=(24, 1, 6, 6)).astype(np.float32)
    two = one.copy()
    two[16:] = rng.normal(size=(8, 1, 6, 6))
    weights = []
    for array in (one, two):
        _, design = table_and_design(deep.Images(array=array), y)
        options = Options(task="binary", **TRAINING).model_dump(mode="json")
        step = deep.Embedding(NETWORK, options, images=design.images)
        rows = design.table[[deep.ROW]].iloc[:16]
        weights.append(step.fit(rows, y[:16]).weights_.tobytes())
    assert weights[0] == weights[1]


def test_survival_networks_stand_beside_cox(cohort: Path, tmp_path: Path) -> None:
    rows = pd.read_csv(cohort)
    path = cohort.parent / "survival.csv"
    rows.assign(target=rows["event"]).to_csv(path, index=False)
    given = config(
        path, task="survival", models=[{"name": "cox", "strength": 0.1}, NETWORK], fusion=[]
    )
    done = run(given, tmp_path)
    one, two = (done.outcomes[n].predictions for n in ("cox", "cnn"))
    assert one.ids == two.ids
    assert np.array_equal(one.fold, two.fold)
    assert two.y_score.shape == one.y_score.shape == (PATIENTS, 3)
    assert np.all((two.y_score >= 0) & (two.y_score <= 1))
    assert np.all(np.diff(two.y_score, axis=1) >= 0)  # an event by a later time is no rarer
    assert done.outcomes["cnn"].estimates["harrell_c"].value > 0.75
    assert done.outcomes["cox"].estimates["harrell_c"].value < 0.7
    assert "cnn" in (tmp_path / "report.html").read_text(encoding="utf-8")
    made = load(tmp_path / "models" / "cnn.zip")
    image, mask = cohort.parent / "3.nii.gz", cohort.parent / "mask.nii.gz"
    output = tmp_path / "p.json"
    command = ["predict", str(tmp_path / "models" / "cnn.zip"), str(image), str(mask)]
    told = CliRunner().invoke(app, [*command, "--output", str(output)])
    assert told.exit_code == 0, told.output
    row = json.loads(output.read_text())[0]
    wanted = [f"event_by_{t:g}" for t in made.description["times"]]
    assert [key for key in row if key.startswith("event_by")] == wanted


def test_the_baseline_hazard_of_a_network_is_that_of_cox() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 2))
    y = outcome(rng.random(50) < 0.7, rng.integers(1, 9, 50).astype(float))
    cox = Cox(strength=0.0).fit(x, y)
    times = (2.0, 5.0)
    known = events_by(cox.predict(x), times, baseline(y, cox.predict(x)))
    assert known == pytest.approx(cox.predict_events(x, times))
    # without an effect it is Nelson and Aalen's estimate
    flat = baseline(y, np.zeros(50))
    at = [(y["event"] & (y["time"] == t)).sum() / (y["time"] >= t).sum() for t in range(1, 9)]
    assert flat[1][np.searchsorted(flat[0], 4.0, side="right") - 1] == pytest.approx(sum(at[:4]))


def test_rows_with_gaps_and_words_reach_a_network_prepared(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    table = pd.DataFrame({"id": range(60), "target": y, "a": rng.normal(size=60) + 3 * y})
    table["b"] = np.where(rng.random(60) < 0.2, np.nan, 1e6 * rng.normal(size=60))
    table["sex"] = np.where(rng.random(60) < 0.5, "f", "m")
    table.to_csv(tmp_path / "t.csv", index=False)
    values = {
        "data": {"name": "features", "table": str(tmp_path / "t.csv")},
        "covariates": ["sex"],
        "models": [{"name": "mlp", "widths": [8]}],
        "training": TRAINING,
        "evaluation": {"folds": 3, "inner": 2, "resamples": 100},
    }
    done = run(parse(StudyConfig, values, "test"), tmp_path / "out")
    assert done.outcomes["mlp"].estimates["roc_auc"].value > 0.9
    network = done.outcomes["mlp"].fitted[0]
    assert network.shape == (4,)  # a, b, and two columns of sex
    made = load(tmp_path / "out" / "model.zip")
    said = predict_rows(made, table.set_index("id"))
    assert np.mean([(row["called"] == "1") == (row["probability_1"] >= 0.5) for row in said]) == 1
    assert np.mean([row["called"] == str(t) for row, t in zip(said, y, strict=True)]) > 0.9


def test_bundles_of_networks_and_embeddings_predict_on_scans(study: Study, cohort: Path) -> None:
    folder, runner = study.folder, CliRunner()
    output = folder / "p.json"
    seen = {}
    for name in ("model.zip", "models/logistic_with_cnn.zip", "models/cnn.zip"):
        command = ["predict", str(folder / name), str(cohort), "--output", str(output), "--quiet"]
        done = runner.invoke(app, command)
        assert done.exit_code == 0, done.output
        seen[name] = [row["probability_1"] for row in json.loads(output.read_text())]
        image, mask = cohort.parent / "5.nii.gz", cohort.parent / "mask.nii.gz"
        command = ["predict", str(folder / name), str(image), str(mask), "--output", str(output)]
        age = pd.read_csv(cohort)["age"][5]
        one = runner.invoke(app, [*command, "--known", f"age={age}"])
        assert one.exit_code == 0, one.output
        assert json.loads(output.read_text())[0]["probability_1"] == pytest.approx(seen[name][5])
    y = np.arange(PATIENTS) % 2
    for name in ("models/logistic_with_cnn.zip", "models/cnn.zip"):
        assert np.mean((np.array(seen[name]) >= 0.5) == y) > 0.9, name
    made = load(folder / "models" / "cnn.zip")
    assert made.description["columns"] == []
    with pytest.raises(InputError, match="this model sees images"):
        predict_rows(made, pd.DataFrame(index=["x"]))


def test_the_refitted_network_is_what_the_bundle_holds(study: Study, cohort: Path) -> None:
    """Train the same network again by hand, and compare with what the bundle says."""
    given = config(cohort)
    samples = study.outcomes["cnn"].samples
    again = Network(given, NETWORK, study.folder / "again").fit_samples(samples)
    made = load(study.folder / "models" / "cnn.zip")
    table = pd.DataFrame(index=list(samples.ids))
    said = [row["probability_1"] for row in predict_rows(made, table, np.asarray(samples.x))]
    assert said == pytest.approx(again.predict_samples(samples).tolist(), rel=1e-6)


def test_two_runs_with_other_workers_leave_the_same_bundles(
    study: Study, cohort: Path, tmp_path: Path
) -> None:
    run(config(cohort), tmp_path, silent, 2)
    names = ["model.zip", "models/logistic_with_cnn.zip", "models/cnn.zip"]
    for name in (*names, "metrics.json", "predictions.parquet", "report.html"):
        assert digest_file(tmp_path / name) == digest_file(study.folder / name), name
    for name in names:
        data = (tmp_path / name).read_bytes()
        assert str(tmp_path).encode() not in data


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ([{"name": "logistic", "embedding": {"name": "svm"}}], "made by a network"),
        ([NETWORK | {"embedding": NETWORK}], "join the columns of tabular models"),
    ],
)
def test_wrong_embeddings_are_told(
    cohort: Path, tmp_path: Path, models: list[dict[str, Any]], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        run(config(cohort, models=models, fusion=[]), tmp_path)


def test_wrong_options_of_embeddings_are_told(cohort: Path) -> None:
    with pytest.raises(ConfigurationError, match="Did you mean 'channels'"):
        config(cohort, models=[EMBEDDED | {"embedding": {"name": "cnn", "chanels": [4]}}])
    wrong = NETWORK | {"training": {"rate": -1}}
    with pytest.raises(ConfigurationError, match="rate"):
        config(cohort, models=[EMBEDDED | {"embedding": wrong}])
