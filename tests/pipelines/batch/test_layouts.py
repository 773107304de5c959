"""Mechanics of layouts: columns are those of extraction; keys change with what a family reads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from radiomics import Volume
from radiomics.extraction import compute, prepare
from radiomics.extraction.settings import ExtractionSettings, load_settings
from radiomics.pipelines.batch.layouts import columns_of, layout_of

TEXTURES = {"glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm"}
BINNED = TEXTURES | {"histogram", "ivh"}
LOG = {"name": "log", "sigma_mm": 1}
WAVELET = {"name": "wavelet", "family": "haar"}
BASE: dict[str, Any] = {
    "discretisation": {"method": "fixed_bin_number", "bins": 8},
    "ivh": {"method": "levels"},
}


@pytest.fixture(scope="module")
def case() -> tuple[Volume, Volume]:
    rng = np.random.default_rng(3)
    affine = np.diag([1.0, 1.0, 2.0, 1.0])[:, [2, 1, 0, 3]]
    mask = np.zeros((12, 14, 14), bool)
    mask[1:-1, 3:-3, 3:-4] = True
    return Volume(rng.normal(50, 20, mask.shape).round(), affine, "HU"), Volume(mask, affine)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"aggregation": ["3d_averaged", "2.5d_merged"]},
        {"filters": [{"name": "original"}, LOG, WAVELET], "families": ["glcm", "morphology"]},
        {"filters": [WAVELET, LOG], "families": ["morphology", "ivh", "intensity"]},
        {"filters": [LOG, LOG]},
    ],
)
def test_columns_are_those_of_extraction(
    values: dict[str, Any], case: tuple[Volume, Volume]
) -> None:
    settings = load_settings(BASE | values)
    found = compute(prepare(*case, settings), settings).features
    layout = layout_of(settings)
    assert list(layout.columns) == list(found)
    for family in settings.families:
        alone = settings.model_copy(update={"families": (family,)})
        part = compute(prepare(*case, settings), alone).features
        assert list(part) == layout.columns_of(family)
        np.testing.assert_array_equal([*part.values()], [found[name] for name in part])


def changed(before: ExtractionSettings, **values: Any) -> set[str]:
    """Return the families whose key changes with an option."""
    after = load_settings(before.model_dump(mode="json") | values)
    one, other = (layout_of(settings).parts for settings in (before, after))
    return {family for family in one if one[family] != other[family]}


@pytest.mark.parametrize(
    ("option", "value", "families"),
    [
        ("discretisation", {"method": "fixed_bin_number", "bins": 5}, BINNED),
        ("aggregation", ["2d_averaged"], TEXTURES),
        ("ivh", {"method": "fixed_bin_number", "bins": 50}, {"ivh"}),
        ("spatial_autocorrelation", False, {"morphology"}),
        ("resegment", {"range": [20, 90]}, None),
        ("normalise", {"method": "z_score", "inside": "mask"}, None),
        ("filters", [LOG], None),
    ],
)
def test_an_option_changes_the_keys_of_those_that_read_it(
    option: str, value: Any, families: set[str] | None, case: tuple[Volume, Volume]
) -> None:
    before = load_settings(BASE)
    touched = changed(before, **{option: value})
    assert touched == (set(before.families) if families is None else families)
    after = load_settings(before.model_dump(mode="json") | {option: value})
    if option in ("filters", "spatial_autocorrelation"):
        return
    one, other = (compute(prepare(*case, s), s).features for s in (before, after))
    for family in set(before.families) - touched:  # and the others' values do not change
        columns = [column for column, owner in columns_of(before) if owner == family]
        np.testing.assert_array_equal([one[c] for c in columns], [other[c] for c in columns])


def test_every_option_is_read_by_somebody() -> None:
    """An option that is added to the settings must be listed, or results would be stale."""
    from radiomics.extraction.settings import LATER
    from radiomics.pipelines.batch.layouts import COMMON, READ_BY_FAMILY
    from radiomics.pipelines.batch.layouts import TEXTURES as BINS

    listed = {
        *COMMON,
        *LATER,
        *BINS,
        *(name for names in READ_BY_FAMILY.values() for name in names),
    }
    assert listed | {"families", "pyradiomics"} == set(ExtractionSettings.model_fields)


def test_versions_of_code_are_part_of_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    from radiomics.features import glcm

    settings = load_settings(BASE)
    before = layout_of(settings)
    monkeypatch.setattr(glcm, "VERSION", glcm.VERSION + 1)
    after = layout_of(settings)
    assert {f for f in before.parts if before.parts[f] != after.parts[f]} == {"glcm"}
    assert before.key != after.key
