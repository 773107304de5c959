"""Mechanics: patches of cases that cannot be made, or whose files are damaged, stop no study."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from radiomics import InputError, Volume, write_volume
from radiomics.pipelines.bundle.archive import pack
from radiomics.pipelines.bundle.model import BUNDLE, NETWORK
from radiomics.pipelines.bundle.open import load
from radiomics.pipelines.commands.app import app
from radiomics.pipelines.report import run_study as run
from radiomics.pipelines.store import digest_file
from radiomics.pipelines.study.config import StudyConfig
from radiomics.plugins import parse

PATIENTS = 12


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write patients, one of whom has a lesion that a coarse grid does not see."""
    folder = tmp_path_factory.mktemp("patches")
    rng = np.random.default_rng(0)
    y = np.arange(PATIENTS) % 2
    for number in range(PATIENTS):
        array = rng.normal(50 + 10 * y[number], 5, (8, 8, 8)).astype(np.float32)
        mask = np.zeros(array.shape, np.uint8)
        mask[(slice(3, 4),) * 3 if number == 4 else (slice(1, 7),) * 3] = 1
        write_volume(Volume(array, np.eye(4)), folder / f"{number}.nii.gz")
        write_volume(Volume(mask, np.eye(4)), folder / f"m{number}.nii.gz")
    rows = pd.DataFrame(
        {
            "id": [f"P{i:02d}" for i in range(PATIENTS)],
            "image": [f"{i}.nii.gz" for i in range(PATIENTS)],
            "mask": [f"m{i}.nii.gz" for i in range(PATIENTS)],
            "target": y,
        }
    )
    rows.to_csv(folder / "manifest.csv", index=False)
    return folder / "manifest.csv"


def values(cohort: Path, spacing: float) -> dict[str, Any]:
    return {
        "data": {"name": "cohort", "manifest": str(cohort)},
        "extraction": {"families": ["intensity"], "resample": {"spacing": [1, 1, 1]}},
        "tensors": {"size": [4, 4, 4], "spacing": [spacing] * 3, "window": None},
        "models": [{"name": "logistic", "C": 1.0}, {"name": "mlp", "widths": [2]}],
        "training": {"epochs": 1, "device": "cpu"},
        "evaluation": {"folds": 2, "inner": 2, "resamples": 100},
        "gallery": 0,
    }


def test_a_case_without_a_patch_is_left_out_and_named(cohort: Path, tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(json.dumps(values(cohort, 4.0)))
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["study", str(path), "--output", str(out), "--quiet"])
    assert done.exit_code == 1, done.output
    assert "failed: P04: case P04: a voxel of the patch lies in the mask" in done.output
    failures = json.loads((out / "failures.json").read_text())
    assert list(failures) == ["P04"]
    predictions = pd.read_parquet(out / "predictions.parquet")
    for name in ("logistic", "mlp"):
        ids = predictions.loc[predictions["model"] == name, "id"]
        assert sorted(ids) == [f"P{i:02d}" for i in range(PATIENTS) if i != 4]
    assert "P04" not in set(pd.read_parquet(out / "features.parquet")["id"])
    text = (out / "report.html").read_text(encoding="utf-8")
    assert "Cases left out" in text
    wrong = predictions[predictions["model"] == "mlp"]
    assert "Predictions of mlp" in text
    mistaken = (wrong["y_score"] >= 0.5) != (wrong["y_true"] == 1)
    assert ("Mistakes of mlp" in text) == mistaken.any()
    assert f"{mistaken.sum()} of {len(wrong)} samples" in text or not mistaken.any()


def test_damaged_patches_are_made_anew(cohort: Path, tmp_path: Path) -> None:
    given = parse(StudyConfig, values(cohort, 1.0), "test")
    before = digest_file(run(given, tmp_path).folder / "predictions.parquet")
    files = sorted((tmp_path / "store" / "tensors").rglob("x.npy"))
    whole = [digest_file(file) for file in files]
    for file, size in zip(files, (0, 50, 200), strict=False):
        file.write_bytes(file.read_bytes()[:size])
    files[3].unlink()
    assert digest_file(run(given, tmp_path).folder / "predictions.parquet") == before
    assert [digest_file(file) for file in files] == whole


def test_a_bundle_with_the_network_of_another_study_is_refused(
    cohort: Path, tmp_path: Path
) -> None:
    given = values(cohort, 1.0) | {"models": [{"name": "mlp", "widths": [2]}]}
    for name, size in (("one", [4, 4, 4]), ("two", [5, 5, 5])):
        changed = given | {"tensors": given["tensors"] | {"size": size}}
        run(parse(StudyConfig, changed, "test"), tmp_path / name)
    entries = {}
    for name, entry in (("one", BUNDLE), ("two", NETWORK)):
        with ZipFile(tmp_path / name / "model.zip") as archive:
            entries[entry] = archive.read(entry)
    (tmp_path / "mixed.zip").write_bytes(pack(entries))
    with pytest.raises(InputError, match="that of another study"):
        load(tmp_path / "mixed.zip")
