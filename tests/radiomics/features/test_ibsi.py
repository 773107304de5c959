"""Oracle: the published values of IBSI 1, rounded to three digits, within their tolerance."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radiomics import Volume, extract, feature_catalogue, read_image, read_mask
from tests.conftest import ROOT, shared
from tests.data.ibsi1.digital_phantom import IMAGE, OUTSIDE

FOLDER = ROOT / "tests" / "data" / "ibsi1"
CATALOGUE = {
    row.ibsi_code: f"original_{row.family}_{row.name}"
    for row in feature_catalogue().itertuples(index=False)
}


def references(file: str) -> list[dict[str, str]]:
    """Return the reference rows of the features that exist, without those left blank."""
    with (FOLDER / f"{file}.csv").open(encoding="utf-8") as stream:
        rows = [r for r in csv.DictReader(stream) if r["ibsi_code"] in CATALOGUE]
    return [r for r in rows if r["reference_value"] and r["aggregation"] == "3d_volume"]


def misses(values: dict[str, float], rows: list[dict[str, str]]) -> list[str]:
    found = []
    for row in rows:
        value = values[CATALOGUE[row["ibsi_code"]]]
        reference, tolerance = float(row["reference_value"]), float(row["tolerance"])
        if not abs(float(f"{value:.2e}") - reference) <= tolerance + 1e-9 * abs(reference):
            found.append(f"{row['tag']}: {value} is not {reference} +- {tolerance}")
    return found


def digital_phantom() -> tuple[Volume, Volume]:
    image = Volume(np.array(IMAGE, dtype=np.int16), np.diag([2.0, 2.0, 2.0, 1.0])[[2, 1, 0, 3]])
    inside = np.ones(image.shape, bool)
    inside[tuple(np.transpose(OUTSIDE))] = False
    return image, Volume(inside, image.affine)


@cache
def ct_phantom(kind: str) -> tuple[Volume, Volume]:
    folder = shared("reference", "ibsi", "ibsi1", "ct_phantom")
    if kind == "dicom":
        image = read_image(folder / "dicom")
        return image, read_mask(folder / "rtstruct.dcm", like=image, roi="GTV-1")
    image = read_image(folder / "image.nii.gz")
    return image, read_mask(folder / "mask.nii.gz", like=image)


def test_digital_phantom() -> None:
    rows = references("digital_phantom")
    assert len(rows) == 34
    assert misses(extract(*digital_phantom(), "ibsi_phantom"), rows) == []


def test_the_embedded_digital_phantom_is_the_official_one() -> None:
    folder = shared("reference", "ibsi", "ibsi1", "digital_phantom")
    image, mask = digital_phantom()
    official = read_image(folder / "image.nii.gz")
    assert np.array_equal(image.array, official.array)
    assert np.array_equal(mask.array, read_mask(folder / "mask.nii.gz", like=official).array)


@pytest.mark.parametrize("kind", ["nifti", "dicom"])
@pytest.mark.parametrize("configuration", "abcde")
def test_ct_phantom(configuration: str, kind: str) -> None:
    rows = references(f"config_{configuration}")
    assert len(rows) == 34
    assert misses(extract(*ct_phantom(kind), f"ibsi_{configuration}"), rows) == []


def test_the_comparison_can_fail() -> None:
    rows = references("digital_phantom")
    values: dict[str, Any] = extract(*digital_phantom(), "ibsi_phantom")
    assert misses(values | {"original_intensity_mean": 2.2}, rows) != []


def test_names_and_codes_are_those_of_the_standard() -> None:
    """Column names follow from FEATURES.md by a fixed rule: lower case, one underscore between."""
    text = Path(shared("reference", "ibsi", "FEATURES.md")).read_text(encoding="utf-8")
    cells = [line.split("|") for line in text.splitlines() if line.startswith("| ")]
    known = {}
    for row in cells:
        if len(row) > 3 and len(row[2].strip()) == 4:
            words = "".join(c if c.isalnum() else " " for c in row[1].replace("'", "").lower())
            known[row[2].strip()] = "_".join(words.split())
    for row in feature_catalogue().itertuples(index=False):
        assert known[row.ibsi_code] == row.name
