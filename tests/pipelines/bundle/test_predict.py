"""Mechanics of predict: images are read as those of training were, and one series of several."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pydicom
import pytest
from pydicom.dataset import Dataset
from typer.testing import CliRunner

from radiomics import InputError, Volume, read_image, write_volume
from radiomics.pipelines.commands.app import app
from radiomics.pipelines.report import run_study as run
from radiomics.pipelines.study.config import StudyConfig
from radiomics.plugins import parse
from tests.series import positions, write_series

PET: dict[str, Any] = {
    "Modality": "PT",
    "Units": "BQML",
    "RescaleSlope": 0.5,
    "RescaleIntercept": 0,
    "PatientWeight": 80,
    "DecayCorrection": "START",
    "SeriesDate": "20200102",
    "SeriesTime": "100000",
    "AcquisitionDate": "20200102",
    "AcquisitionTime": "100130.5",
}


def write_pet(folder: Path, seed: int) -> str:
    """Write a series of PET in Bq/ml and return its SeriesInstanceUID."""
    item = Dataset()
    item.RadionuclideTotalDose, item.RadionuclideHalfLife = 370e6, 6586.2
    item.RadiopharmaceuticalStartTime = "090000"
    stored = np.random.default_rng(seed).integers(5000, 30_000, (4, 6, 6)).astype(np.uint16)
    for path in write_series(folder, stored, positions(4, 3), **PET):
        data = pydicom.dcmread(path)
        data.RadiopharmaceuticalInformationSequence = [item]
        data.CorrectedImage = ["ATTN", "DECY"]
        data.save_as(path)
    return str(data.SeriesInstanceUID)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a study on PET as SUV, with its data beside it."""
    folder = tmp_path_factory.mktemp("pet")
    rows = []
    for number in range(8):
        place = folder / f"P{number}"
        write_pet(place, number)
        image = read_image(place)
        mask = np.zeros(image.shape, np.uint8)
        mask[1:3, 1:5, 1:5] = 1
        write_volume(Volume(mask, image.affine), folder / f"mask{number}.nii.gz")
        site = ("north", "south")[number // 4]
        rows.append([f"P{number}", f"P{number}", f"mask{number}.nii.gz", number % 2, site])
    table = pd.DataFrame(rows, columns=["id", "image", "mask", "target", "site"])
    table.to_csv(folder / "manifest.csv", index=False)
    values = {
        "data": {"name": "cohort", "manifest": str(folder / "manifest.csv"), "suv": "bw"},
        "extraction": {"families": ["intensity"]},
        "models": [{"name": "logistic", "C": 1.0}],
        "evaluation": {"folds": 2, "resamples": 100},
        "gallery": 0,
    }
    run(parse(StudyConfig, values, "test"), folder / "out")
    return folder


def predicted(study: Path, *words: object) -> list[dict[str, Any]]:
    output = study / "p.json"
    command = ["predict", str(study / "out" / "model.zip"), *map(str, words), "--output"]
    done = CliRunner().invoke(app, [*command, str(output), "--quiet"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(output.read_text())
    return found


def test_pet_becomes_suv_as_in_training(study: Path) -> None:
    many = predicted(study, study / "manifest.csv")
    one = predicted(study, study / "P3", study / "mask3.nii.gz")[0]
    assert one["probability_1"] == pytest.approx(many[3]["probability_1"], abs=1e-9)
    assert not any("unit" in row["notes"] or "outside" in row["notes"] for row in [*many, one])


def test_one_series_of_a_folder_is_named(study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "both"
    first = write_pet(folder / "a", 3)
    write_pet(folder / "b", 5)
    mask = study / "mask3.nii.gz"
    with pytest.raises(InputError, match="series"):
        predicted(study, folder, mask)
    named = predicted(study, folder, mask, "--series", first)[0]
    alone = predicted(study, study / "P3", mask)[0]
    assert named["probability_1"] == pytest.approx(alone["probability_1"], abs=1e-9)


def test_a_site_that_was_not_in_training_is_told(study: Path) -> None:
    scan = (study / "P1", study / "mask1.nii.gz")
    assert "site" not in predicted(study, *scan)[0]["notes"]
    assert "site" not in predicted(study, *scan, "--known", "site=north")[0]["notes"]
    told = predicted(study, *scan, "--known", "site=west")[0]["notes"]
    assert "site west was not in training" in told
    manifest = pd.read_csv(study / "manifest.csv").assign(site=["north"] * 7 + ["west"])
    manifest.to_csv(study / "elsewhere.csv", index=False)
    notes = [row["notes"] for row in predicted(study, study / "elsewhere.csv")]
    assert ["site" in note for note in notes] == [False] * 7 + [True]
