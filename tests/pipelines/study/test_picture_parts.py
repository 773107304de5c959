"""Invariant: pictures in parts are checked as cohorts are, before anything is trained."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import pandas as pd
import pytest

from radiomics import InputError
from radiomics.pipelines.report import run_study as run
from radiomics.pipelines.study import embedding
from radiomics.pipelines.study.config import StudyConfig
from radiomics.pipelines.study.dry_run import plan
from radiomics.plugins import parse
from radiomics.types import silent

CLASSES = ("ant", "bee", "cow")
NETWORK = {"name": "cnn", "channels": [2], "hidden": []}


def write(
    folder: Path, parts: Iterable[str], count: int = 6, classes: tuple[str, ...] = CLASSES
) -> Path:
    """Write pictures of other patients in every part: ``train/ant/train_0.png``."""
    rng = np.random.default_rng([ord(c) for c in "".join(parts)])
    for part in parts:
        for number, name in enumerate(classes):
            (folder / part / name).mkdir(parents=True)
            for i in range(count):
                noise = rng.integers(0, 120, (8, 8)) + 60 * number
                path = folder / part / name / f"{part}{number}{i}_0.png"
                iio.imwrite(path, noise.astype(np.uint8))
    return folder


def config(folder: Path, **changes: Any) -> StudyConfig:
    values: dict[str, Any] = {
        "data": {"name": "class_folders", "root": str(folder), "group": r"(\w+)_\d"},
        "task": "multiclass",
        "models": [NETWORK],
        "training": {"epochs": 2, "batch_size": 8, "device": "cpu"},
        "evaluation": {"resamples": 100, "folds": 2},
    }
    return parse(StudyConfig, values | changes, "test")


def test_a_patient_in_two_parts_is_refused(tmp_path: Path) -> None:
    root = write(tmp_path / "p", ("train", "val", "test"))
    for part, other in (("test", "train and test"), ("val", "train and validation")):
        there = root / part / "ant" / "train00_1.png"
        iio.imwrite(there, np.full((8, 8), 7, np.uint8))
        with pytest.raises(InputError, match=f"in both {other}"):
            run(config(root), tmp_path / "out")
        there.unlink()


def test_a_picture_that_two_patients_share_is_refused_as_in_cohorts(tmp_path: Path) -> None:
    root = write(tmp_path / "p", ("train", "test"))
    picture = (root / "train" / "bee" / "train10_0.png").read_bytes()
    (root / "test" / "bee" / "copy_0.png").write_bytes(picture)
    with pytest.raises(InputError, match="is identical to test"):
        run(config(root), tmp_path / "out")
    with pytest.raises(InputError, match="no patient is in both train and test"):
        run(config(root, duplicates="merge"), tmp_path / "out")
    with pytest.raises(InputError, match="identical"):
        plan(config(root), tmp_path, silent, 1)


def test_copies_are_one_patient_where_they_are_merged(tmp_path: Path) -> None:
    root = write(tmp_path / "p", ("",))
    picture = (root / "bee" / "10_0.png").read_bytes()
    (root / "bee" / "copy_0.png").write_bytes(picture)
    done = run(config(root, duplicates="merge"), tmp_path / "out")
    predictions = pd.read_parquet(done.folder / "predictions.parquet").set_index("id")
    pair = predictions.loc[["bee/10_0.png", "bee/copy_0.png"]]
    assert pair["group"].nunique() == pair["fold"].nunique() == 1


def test_a_class_that_nothing_teaches_is_refused(tmp_path: Path) -> None:
    root = write(tmp_path / "p", ("test",))
    write(root, ("train",), classes=CLASSES[:2])
    with pytest.raises(InputError, match="train has none of cow"):
        run(config(root), tmp_path / "out")


def test_a_class_that_is_not_tested_is_told_and_leaves_valid_json(tmp_path: Path) -> None:
    root = write(tmp_path / "p", ("train",))
    write(root, ("test",), classes=CLASSES[:2])
    done = run(config(root), tmp_path / "out")
    assert done.warnings[0].startswith("the part test has no sample of cow")
    assert "no sample of cow" in (done.folder / "report.html").read_text(encoding="utf-8")

    def refuse(value: str) -> None:
        raise AssertionError(value)

    for path in done.folder.rglob("*.json"):
        json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    metrics = json.loads((done.folder / "metrics.json").read_text())["cnn"]
    assert metrics["roc_auc"]["value"] is None
    assert metrics["accuracy"]["value"] is not None


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_the_validation_part_chooses_the_epoch_and_is_neither_learnt_nor_tested(
    tmp_path: Path, name: str
) -> None:
    root = write(tmp_path / "p", ("train", name, "test"))
    recipe = {"epochs": 2, "batch_size": 8, "device": "cpu", "patience": 1}
    done = run(config(root, training=recipe), tmp_path / "out")
    outcome = done.outcomes["cnn"]
    assert "validation_loss" in outcome.fitted[0].trained.history[0]
    assert all(i.startswith("test/") for i in outcome.predictions.ids)
    learnt, aside = embedding.split_validation(
        outcome.samples.take(np.arange(54)), config(root).recipe({})
    )
    assert aside is not None
    assert all(i.startswith(f"{name}/") for i in aside.ids)
    assert not [i for i in learnt.ids if i.startswith(f"{name}/")]
    with pytest.raises(InputError, match="take one of them out"):
        run(config(root, evaluation={"validation": 0.2}), tmp_path / "out")


@pytest.mark.parametrize("parts", [("train", "valid"), ("train", "test", "dev"), ("a", "b")])
def test_other_parts_are_refused(tmp_path: Path, parts: tuple[str, ...]) -> None:
    root = write(tmp_path / "p", parts)
    with pytest.raises(InputError, match="parts are train and test") as told:
        run(config(root), tmp_path / "out")
    assert ", ".join(sorted(parts)) in told.value.found


def test_schemes_of_cohorts_are_refused(tmp_path: Path) -> None:
    root = write(tmp_path / "p", ("",))
    with pytest.raises(InputError, match="in folds once"):
        run(config(root, evaluation={"repeats": 3}), tmp_path / "out")


def test_mistakes_of_fused_networks_are_shown(tmp_path: Path) -> None:
    root = write(tmp_path / "p", ("train", "test"))
    both = [NETWORK, {"name": "linear"}]
    recipe = {"epochs": 1, "batch_size": 8, "device": "cpu", "rate": 1e-6}
    given = config(root, models=both, fusion=[["cnn", "linear"]], training=recipe)
    run(given, tmp_path / "out")
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Mistakes of cnn + linear" in text
