"""Invariant: what must stay, and what must change by a known factor, when an image is rescaled."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from threadpoolctl import threadpool_limits

from radiomics import Volume, extract
from radiomics.kernels.shape.autocorrelation import distance_sums
from radiomics.kernels.shape.moments import moments
from radiomics.plugins import load
from tests.regions import of_levels

LEVELS = arrays(np.int64, (3, 4, 5), elements=st.integers(0, 4)).filter(np.any)
TEXTURES = ("glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm")

DOUBLED = {  # factor by which features change when each voxel becomes eight of half the spacing
    "intensity": dict.fromkeys(
        (
            *("mean", "variance", "skewness", "kurtosis", "median", "minimum", "maximum", "range"),
            *("mean_absolute_deviation", "median_absolute_deviation", "root_mean_square"),
            "coefficient_of_variation",
        ),
        1,
    )
    | {"energy": 8},
    "histogram": {
        f"intensity_histogram_{name}": 1
        for name in ("mean", "variance", "mode", "entropy", "uniformity")
    }
    | {"maximum_histogram_gradient": 8, "minimum_histogram_gradient": 8},
    "glszm": dict.fromkeys(
        (
            *("low_grey_level_zone_emphasis", "high_grey_level_zone_emphasis"),
            *("grey_level_non_uniformity", "normalised_grey_level_non_uniformity"),
            *("zone_size_non_uniformity", "normalised_zone_size_non_uniformity"),
            *("grey_level_variance", "zone_size_entropy"),
        ),
        1,
    )
    | {
        "small_zone_emphasis": 1 / 64,
        "large_zone_emphasis": 64,
        "zone_size_variance": 64,
        "zone_percentage": 1 / 8,
        "small_zone_low_grey_level_emphasis": 1 / 64,
        "large_zone_high_grey_level_emphasis": 64,
    },
}


def doubled(array: np.ndarray) -> np.ndarray:
    for axis in range(3):
        array = np.repeat(array, 2, axis=axis)
    return array


@pytest.mark.parametrize("name", DOUBLED)
@given(LEVELS)
def test_eight_voxels_in_the_place_of_each(name: str, levels: np.ndarray) -> None:
    family = load("radiomics.features", name)
    before = family.features(of_levels(levels), family.Options())
    after = family.features(of_levels(doubled(levels)), family.Options())
    for feature, factor in DOUBLED[name].items():
        expected = before[feature] * factor
        assert after[feature] == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True), feature


@given(LEVELS)
def test_halved_voxels_have_the_volume_and_the_spread_of_whole_ones(levels: np.ndarray) -> None:
    """The centres of two halves lie a quarter of a voxel beside the whole one's: 1/16 variance."""
    mask, spacing = levels > 0, np.array([3.0, 0.7, 1.3])
    count = int(mask.sum())
    mean, covariance = moments(mask)
    halved_mean, halved = moments(doubled(mask))
    spread = covariance * max(count - 1, 1) / count + np.eye(3) / 16
    expected = spread * np.outer(spacing, spacing) * 8 * count / (8 * count - 1)
    assert halved * np.outer(spacing / 2, spacing / 2) == pytest.approx(expected, abs=1e-9)
    assert (halved_mean + 0.5) / 2 == pytest.approx(mean + 0.5)
    family = load("radiomics.features", "morphology")
    sizes = [
        family.mesh_features(mask, (3.0, 0.7, 1.3))["approximate_volume"],
        family.mesh_features(doubled(mask), (1.5, 0.35, 0.65))["approximate_volume"],
    ]
    assert sizes[1] == pytest.approx(sizes[0], rel=1e-12)


@given(st.integers(0, 2**32 - 1), st.integers(-800, 800), st.sampled_from([0.25, 2.0, 16.0]))
def test_other_units_leave_textures_as_they_are(seed: int, shift: int, factor: float) -> None:
    """Levels count from the smallest intensity, in bins that are rescaled with the intensities."""
    draw = np.random.default_rng(seed)
    array = draw.integers(-500, 500, (4, 5, 6)).astype(float)
    mask = Volume(draw.random(array.shape) < 0.7, np.eye(4), "1")
    if not mask.array.any():
        return
    wanted = {"families": [*TEXTURES, "histogram"], "aggregation": "3d_merged"}
    bins = {"method": "fixed_bin_size", "bin_width": 64}
    before = extract(Volume(array, np.eye(4), "HU"), mask, {**wanted, "discretisation": bins})
    bins = {"method": "fixed_bin_size", "bin_width": 64 * factor}
    other = Volume((array + shift) * factor, np.eye(4), "HU")
    assert extract(other, mask, {**wanted, "discretisation": bins}) == pytest.approx(
        before, rel=1e-12, nan_ok=True
    )


def test_sums_over_pairs_do_not_depend_on_the_threads_of_linear_algebra() -> None:
    random = np.random.default_rng(0)
    mask = random.random((18, 22, 25)) < 0.6
    z = np.where(mask, random.normal(size=mask.shape), 0.0)
    with threadpool_limits(1):
        expected = distance_sums(z, mask, (2.0, 2.0, 2.0))
    with threadpool_limits(4):
        np.testing.assert_array_equal(distance_sums(z, mask, (2.0, 2.0, 2.0)), expected)
