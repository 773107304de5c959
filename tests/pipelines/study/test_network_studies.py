"""Mechanics of studies with networks: pictures, rows and cases through the same stages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import pandas as pd
import pytest

from radiomics import InputError
from radiomics.io.files.tables import Manifest
from radiomics.pipelines.report import run_study as run
from radiomics.pipelines.store import digest_file
from radiomics.pipelines.study.config import StudyConfig, load_config
from radiomics.pipelines.study.embedding import build_from_card
from radiomics.pipelines.study.results import Study
from radiomics.plugins import ConfigurationError, parse
from radiomics.reporting.pictures import curves
from radiomics.training import card

ROOT = Path(__file__).resolve().parents[3]
NETWORK = {"name": "cnn", "channels": [4], "hidden": [8]}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stripes in three directions, in class folders."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:12, :12]
    waves = {"across": y, "along": x, "aslant": x + y}
    for part, count in (("train", 12), ("test", 5)):
        for name, place in waves.items():
            (folder / part / name).mkdir(parents=True)
            for number in range(count):
                wave = np.sin(place * 1.3 + rng.uniform(0, 6)) + rng.normal(0, 0.2, place.shape)
                picture = np.clip(127 + 60 * wave, 0, 255).astype(np.uint8)
                iio.imwrite(folder / part / name / f"{number}.png", picture)
    return folder


def config(**changes: Any) -> StudyConfig:
    values: dict[str, Any] = {
        "task": "multiclass",
        "models": [NETWORK],
        "training": {"epochs": 3, "batch_size": 8, "device": "cpu"},
        "evaluation": {"folds": 2, "resamples": 100},
    }
    return parse(StudyConfig, values | changes, "test")


@pytest.fixture(scope="module")
def study(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    data = {"name": "class_folders", "root": str(pictures)}
    return run(config(data=data), tmp_path_factory.mktemp("study"))


def test_pictures_are_tested_on_the_part_kept_for_it(study: Study) -> None:
    predictions = pd.read_parquet(study.folder / "predictions.parquet")
    assert len(predictions) == 15
    assert predictions["id"].str.startswith("test/").all()
    scores = predictions[["score_across", "score_along", "score_aslant"]].to_numpy()
    assert np.allclose(scores.sum(axis=1), 1)
    assert (scores.argmax(axis=1) == predictions["y_pred"]).all()
    metrics = json.loads((study.folder / "metrics.json").read_text())["cnn"]
    hits = (predictions["y_pred"] == predictions["y_true"]).mean()
    assert metrics["accuracy"]["value"] == pytest.approx(hits)
    text = (study.folder / "report.html").read_text(encoding="utf-8")
    for title in (
        "Samples",
        "Predictions of cnn",
        "Layers of cnn",
        "Training of",
        "Where cnn looked",
    ):
        assert title in text
    assert 'src="http' not in text


def test_a_study_leaves_networks_that_predict_the_same(study: Study) -> None:
    path = study.folder / "networks" / "cnn" / "fold-0.safetensors"
    back = card.load(path, build_from_card)
    place = {name: number for number, name in enumerate(study.outcomes["cnn"].samples.ids)}
    p = study.outcomes["cnn"].predictions
    x = study.outcomes["cnn"].samples.x[[place[i] for i in p.ids]]
    assert np.array_equal(back.predict(x), p.y_score)
    about = json.loads(path.with_suffix(".json").read_text())
    assert about["classes"] == ["across", "along", "aslant"]
    assert str(study.folder) not in path.with_suffix(".json").read_text()
    history = pd.read_csv(study.folder / "networks" / "cnn" / "fold-0-history.csv")
    assert history["epoch"].tolist() == [1, 2, 3]


def test_the_same_study_gives_the_same_bytes_and_goes_on_from_its_state(
    study: Study, pictures: Path, tmp_path: Path
) -> None:
    data = {"name": "class_folders", "root": str(pictures)}
    names = ("predictions.parquet", "metrics.json", "report.html")
    before = {name: digest_file(study.folder / name) for name in names}
    again = run(config(data=data), tmp_path)
    epochs: list[str] = []
    resumed = run(config(data=data), study.folder, lambda stage, *_: epochs.append(stage))
    assert not [stage for stage in epochs if stage.startswith("epoch")]
    for folder in (again.folder, resumed.folder):
        assert {name: digest_file(folder / name) for name in names} == before


def test_patients_are_kept_aside_inside_the_training_part(pictures: Path, tmp_path: Path) -> None:
    data = {"name": "class_folders", "root": str(pictures)}
    done = run(config(data=data, evaluation={"resamples": 100, "validation": 0.25}), tmp_path)
    trained = done.outcomes["cnn"].fitted[0].trained
    assert "validation_accuracy" in trained.history[0]
    assert len(done.outcomes["cnn"].predictions.ids) == 15


def test_rows_of_numbers_take_the_same_way(tmp_path: Path) -> None:
    data = {"name": "temperature"}
    models = [{"name": "linear"}, {"name": "mlp", "widths": [13], "activation": "tanh"}]
    training = {
        "optimiser": "sgd",
        "rate": 0.01,
        "epochs": 1500,
        "batch_size": 11,
        "save_every": 60,
    }
    done = run(config(data=data, task="regression", models=models, training=training), tmp_path)
    assert len(done.outcomes["mlp"].predictions.ids) == 11
    assert done.outcomes["mlp"].apparent["rmse"] < done.outcomes["linear"].apparent["rmse"]
    assert 1 < done.outcomes["linear"].estimates["rmse"].value < 3  # degrees Celsius again
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Predictions of linear" in text
    assert "11 samples; target -4 to 28" in text


def test_cases_are_seen_by_networks_on_the_folds_of_the_features(
    small_cohort: Manifest, tmp_path: Path
) -> None:
    given = config(
        task="binary",
        data={"name": "cohort", "manifest": str(small_cohort.folder / "manifest.csv")},
        extraction={"modality": "CT", "families": ["intensity"]},
        tensors={"size": [10, 10, 10], "spacing": [3, 3, 3], "mask_channel": True},
        models=[{"name": "logistic", "C": 1.0}, NETWORK | {"training": {"epochs": 2}}],
        fusion=[["logistic", "cnn"]],
        evaluation={"folds": 2, "resamples": 100},
    )
    done = run(given, tmp_path)
    one, two = done.outcomes["logistic"].predictions, done.outcomes["cnn"].predictions
    assert one.ids == two.ids
    assert np.array_equal(one.fold, two.fold)
    both = done.outcomes["logistic + cnn"].predictions.y_score
    assert np.all((both - one.y_score) * (both - two.y_score) <= 1e-12)
    network = done.outcomes["cnn"].fitted[0].trained
    assert len(network.history) == 2
    assert len(list((tmp_path / "store" / "tensors").rglob("x.npy"))) == len(one.ids)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Training of cnn" in text
    assert "Features that the model used" in text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "binary"}, "task binary, 3 classes"),
        ({"task": "regression"}, "task regression, 3 classes"),
        ({"covariates": ["age"]}, "only a cohort has covariates"),
        ({"task": "survival"}, "tables that have the column time"),
        ({"models": [{"name": "logistic"}]}, "choose a network"),
    ],
)
def test_what_does_not_fit_the_samples_is_told(
    pictures: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    data = {"name": "class_folders", "root": str(pictures)}
    with pytest.raises(InputError, match=message):
        run(config(data=data, **changes), tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training": {"epochz": 3}}, "Did you mean 'epochs'"),
        ({"training": {"decay": 0.1}}, "adamw"),
        ({"models": [NETWORK | {"training": {"rate": -1}}]}, "rate"),
        ({"tensors": {"size": [1, 2]}}, "size"),
    ],
)
def test_wrong_recipes_are_told_before_any_work(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        config(data={"name": "temperature"}, **changes)


STUDIES = [p for p in sorted((ROOT / "configs").rglob("*.yaml")) if "models:" in p.read_text()]


@pytest.mark.parametrize("path", STUDIES, ids=lambda p: p.stem)
def test_shipped_studies_are_valid(path: Path) -> None:
    assert load_config(path).models


def test_several_processes_run_one_study(pictures: Path, tmp_path: Path) -> None:
    text = (
        f"data: {{name: class_folders, root: {pictures}}}\ntask: multiclass\n"
        "models: [{name: mlp, widths: [8]}]\n"
        "training: {epochs: 2, batch_size: 8, device: cpu}\nevaluation: {resamples: 100}\n"
    )
    (tmp_path / "study.yaml").write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    script = str(tmp_path / "go.py")
    Path(script).write_text(
        "import sys\nsys.path.pop(0)\nfrom radiomics.pipelines.commands.app import main\nmain()\n"
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node=2", script, "study", "study.yaml", "--output", "two", "-q"]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("report:") == 1
    alone = run(load_config(tmp_path / "study.yaml"), tmp_path / "one")
    two = json.loads((tmp_path / "two" / "metrics.json").read_text())
    one = alone.outcomes["mlp"].estimates["log_loss"].value
    assert two["mlp"]["log_loss"]["value"] == pytest.approx(one, rel=1e-3)


def test_slices_as_channels_are_shown_as_one_grey_slice(
    small_cohort: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = config(
        task="binary",
        data={"name": "cohort", "manifest": str(small_cohort.folder / "manifest.csv")},
        extraction={"modality": "CT", "families": ["intensity"]},
        tensors={"dims": 2, "size": [3, 10, 10], "spacing": [3, 3, 3], "mask_channel": True},
        models=[{"name": "logistic", "C": 1.0}, NETWORK | {"training": {"epochs": 1}}],
        evaluation={"folds": 2, "resamples": 100},
    )
    drawn: list[np.ndarray] = []

    def draw(samples: list[np.ndarray], titles: list[str], heat: Any = None, alt: str = "") -> str:
        del heat, alt
        drawn.extend(samples[: len(titles)])
        return ""

    monkeypatch.setattr("radiomics.reporting.pictures.grid", draw)
    done = run(given, tmp_path)
    x = np.asarray(done.outcomes["cnn"].samples.x)
    assert x.shape[1:] == (6, 10, 10)
    middle = {part.tobytes() for part in x[:, 1]}
    assert drawn
    assert all(one.shape == (1, 10, 10) and one.tobytes() in middle for one in drawn)


@pytest.mark.parametrize(("last", "plain"), [(0.4, True), (0.001, False)])
def test_curves_name_losses_of_less_than_one_power_of_ten(last: float, plain: bool) -> None:
    history = [{"epoch": 1.0, "loss": 0.7}, {"epoch": 2.0, "loss": last}]
    assert ("<!-- 0.5" in curves([history])) == plain  # or 0.50
