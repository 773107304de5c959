"""Oracle of presets by closed forms, and mechanics of the rules that are told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from radiomics import Volume, extract
from radiomics.extraction import prepare
from radiomics.extraction.rules import advice, rules_used
from radiomics.extraction.settings import load_settings
from radiomics.types import InputError

NAMES = ("intensity_histogram_minimum", "intensity_histogram_maximum")
GRID = np.diag([1.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]]
PET_GRID = np.diag([2.0, 2.0, 2.0, 1.0])[[2, 1, 0, 3]]
INSIDE = np.zeros((6, 8, 8), bool)
INSIDE[1:5, 2:6, 2:6] = True


def image_of(low: float, high: float, unit: str, affine: Any = GRID) -> Volume:
    """Return an image that rises evenly inside the mask; on the preset's grid nothing changes."""
    array = np.full(INSIDE.shape, (low + high) / 2, dtype=np.float64)
    array[INSIDE] = np.linspace(low, high, INSIDE.sum())
    return Volume(array, affine, unit)


def levels_of(image: Volume, preset: str) -> tuple[float, float]:
    """Return the lowest and the highest grey level of a region."""
    mask = Volume(INSIDE, image.affine)
    features = extract(image, mask, preset, features=["histogram"])
    low, high = (features[f"original_histogram_{name}"] for name in NAMES)
    return low, high


def test_ct_begins_bins_at_one_hu_for_all() -> None:
    assert levels_of(image_of(0, 100, "HU"), "ct") == (41, 45)  # (0 + 1000) // 25 + 1
    assert levels_of(image_of(-1000, -975, "HU"), "ct") == (1, 2)
    assert levels_of(image_of(0, 100, "HU"), "default")[0] == 1  # wherever the region begins
    kept = prepare(image_of(-2000, 100, "HU"), Volume(INSIDE, GRID), load_settings("ct"))
    assert kept.image.array[kept.intensity_mask.array].min() >= -1000


def test_pet_has_bins_in_suv_and_wants_suv() -> None:
    assert levels_of(image_of(1.25, 4.25, "SUVbw", PET_GRID), "pet") == (3, 9)
    with pytest.raises(InputError, match="bins of these settings are in SUV") as error:
        levels_of(image_of(1000, 9000, "BQML", PET_GRID), "pet")
    assert "--suv bw" in str(error.value)
    settings = load_settings("pet")
    prepared = prepare(image_of(1, 4, "", PET_GRID), Volume(INSIDE, PET_GRID), settings)
    assert prepared.notes == ("a file without a unit: taken as SUV, which the settings are for",)
    assert prepared.image.unit == "SUV"


def test_mr_knows_no_scale() -> None:
    """Twice the numbers and another zero give the same textures and the same intensities."""
    image = image_of(100, 400, "1")
    other = Volume(2 * image.array + 50, GRID, "1")
    mask = Volume(INSIDE, GRID)
    one, two = (extract(i, mask, "mr", features=["glcm", "intensity"]) for i in (image, other))
    relative = ("mean", "median", "skewness", "coefficient", "dispersion")  # 0, or divided by it
    names = [name for name in one if "glcm" in name or not any(w in name for w in relative)]
    assert len(names) > 30
    values = [[found[name] for name in names] for found in (one, two)]
    np.testing.assert_allclose(*values, rtol=1e-9)
    assert levels_of(image, "mr") == (1, 32)


def test_a_unit_that_is_not_asked_for_leaves_no_trace() -> None:
    """Keys of results are made of this: settings without the key have those that they had."""
    assert "unit" not in load_settings("default").model_dump(mode="json")
    assert load_settings("pet").model_dump(mode="json")["unit"] == "SUV"
    again = load_settings(load_settings("pet").model_dump(mode="json"))
    assert again == load_settings("pet")


@pytest.mark.parametrize(
    ("settings", "unit", "expected"),
    [
        ({}, "SUVbw", {"method": "fixed_bin_size", "bin_width": 0.5, "lower": 0}),
        ({}, "BQML", {"method": "fixed_bin_number", "bins": 32}),
        ({"modality": "CT"}, "", {"bin_width": 25, "lower": "the smallest intensity of each"}),
        ({"resegment": {"range": [-500, 400]}}, "HU", {"bin_width": 25, "lower": -500}),
        ({"normalise": {"method": "z_score"}}, "HU", {"method": "fixed_bin_number", "bins": 32}),
        ({"discretisation": {"method": "none"}}, "HU", {"method": "none"}),
    ],
)
def test_rules_are_told_as_they_are_used(
    settings: dict[str, Any], unit: str, expected: dict[str, Any]
) -> None:
    found = rules_used(load_settings(settings), unit)["discretisation"]
    for name, value in expected.items():
        told = found[name]
        assert told.startswith(value) if isinstance(value, str) else told == value


def test_rules_of_responses_are_their_own() -> None:
    filters = [{"name": "original"}, {"name": "log", "sigma_mm": 2}]
    bins = {"method": "fixed_bin_size", "bin_width": 10, "lower": -50}
    open_ = rules_used(load_settings({"filters": filters}), "HU")["filters"]["log"]
    assert open_[0]["discretisation"] == {"method": "fixed_bin_number", "bins": 32}
    given = load_settings({"filters": filters, "discretisation": bins})
    (response,) = rules_used(given, "HU")["filters"]["log"]
    assert response["discretisation"]["lower"] == "the smallest intensity of each region"
    assert rules_used(load_settings("pyradiomics"), "HU") == {}


def test_advice_is_for_ct_whose_bins_begin_anywhere() -> None:
    (line,) = advice(load_settings("default"), "HU")
    assert "the preset ct begins them at -1000 HU" in line
    for name, unit in (("default", "SUVbw"), ("ct", "HU"), ("ibsi_a", "HU"), ("pyradiomics", "HU")):
        assert advice(load_settings(name), unit) == []
