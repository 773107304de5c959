"""Mechanics: cohorts of pictures through the command line, a batch and a study's features."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from radiomics.datasets import cohort
from radiomics.extraction.settings import load_settings
from radiomics.pipelines.store import Store
from radiomics.pipelines.study.features import extract_cohort

FAMILIES = ["morphology_2d", "intensity"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write four pictures with masks and a manifest."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(8)
    rows = ["id,image,mask"]
    for number in range(4):
        pixels = rng.integers(0, 256, (20, 24)).astype(np.uint8)
        inside = np.zeros(pixels.shape, np.uint8)
        inside[5:15, 4 : 14 + number] = 255
        Image.fromarray(pixels).save(folder / f"i{number}.png")
        Image.fromarray(inside).save(folder / f"m{number}.png")
        rows.append(f"c{number},i{number}.png,m{number}.png")
    (folder / "cohort.csv").write_text("\n".join(rows))
    for lengths in ("mm", "px"):
        settings = {"families": FAMILIES, "lengths": lengths}
        (folder / f"{lengths}.yaml").write_text(json.dumps(settings))
    return folder


def radiomics(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "radiomics", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


AREA = "original_morphology_2d_approximate_area"


def test_extract_says_px_where_there_is_no_spacing(pictures: Path) -> None:
    done = radiomics("extract", "i0.png", "m0.png", "--settings", "mm.yaml", cwd=pictures)
    (row,) = csv.DictReader(done.stdout.splitlines())
    assert float(row[f"{AREA}_px"]) == 100
    assert AREA not in row
    assert "no spacing: lengths are in pixels" in done.stderr
    words = ("--settings", "px.yaml", "--spacing", "0.5,0.2")
    done = radiomics("extract", "i0.png", "m0.png", *words, cwd=pictures)
    (row,) = csv.DictReader(done.stdout.splitlines())
    assert float(row[f"{AREA}_px"]) == 100  # asked for
    words = ("--settings", "mm.yaml", "--spacing", "0.5,0.2")
    done = radiomics("extract", "i0.png", "m0.png", *words, cwd=pictures)
    (row,) = csv.DictReader(done.stdout.splitlines())
    assert float(row[AREA]) == pytest.approx(10)


@pytest.mark.parametrize(
    ("settings", "more", "column", "area"),
    [("px.yaml", (), f"{AREA}_px", 100.0), ("mm.yaml", ("--spacing", "0.5"), AREA, 25.0)],
)
def test_a_batch_of_pictures(
    pictures: Path, tmp_path: Path, settings: str, more: tuple[str, ...], column: str, area: float
) -> None:
    words = ("--settings", settings, "--output", tmp_path, "--workers", 1, *more)
    done = radiomics("batch", "cohort.csv", *words, cwd=pictures)
    assert done.returncode == 0, done.stderr
    table = pd.read_parquet(tmp_path / "features.parquet")
    assert table[column].tolist() == pytest.approx([area * (10 + n) / 10 for n in range(4)])
    assert sum(name.startswith(AREA) for name in table) == 1


def cohort_features(folder: Path, store: Path, settings: dict[str, Any], **reading: Any) -> Any:
    manifest = cohort.open(cohort.Options(manifest=folder / "cohort.csv", **reading))
    return extract_cohort(manifest, load_settings(settings), Store(store))


def test_a_study_mixes_no_pixels_with_millimetres(pictures: Path, tmp_path: Path) -> None:
    lengths = {"families": FAMILIES}
    refused = cohort_features(pictures, tmp_path, lengths)
    assert len(refused.failures) == 4
    assert all("lengths: px" in reason for reason in refused.failures.values())
    pixels = cohort_features(pictures, tmp_path, lengths | {"lengths": "px"})
    assert pixels.table[f"{AREA}_px"].tolist() == [100, 110, 120, 130]
    placed = cohort_features(pictures, tmp_path, lengths, spacing=0.5)
    assert placed.table[AREA].tolist() == pytest.approx([25, 27.5, 30, 32.5])
    asked = cohort_features(pictures, tmp_path, lengths | {"lengths": "px"}, spacing=0.5)
    pd.testing.assert_frame_equal(asked.table, pixels.table)
