"""Oracle: plain Python from the standard's formulas, by another author. Invariant: flips, turns."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial import ConvexHull

from radiomics.features import histogram, ivh, local_intensity, morphology
from radiomics.kernels.shape import ellipsoids
from radiomics.kernels.shape.boxes import smallest_box
from radiomics.plugins import load
from tests.oracles import cooccurrence, histograms, matrices, neighbourhoods, spatial
from tests.regions import of_levels, region

ORACLES = {
    "glcm": cooccurrence.glcm,
    "glrlm": matrices.glrlm,
    "glszm": matrices.glszm,
    "gldzm": matrices.gldzm,
    "ngtdm": neighbourhoods.ngtdm,
    "ngldm": neighbourhoods.ngldm,
}
SHAPES = st.tuples(st.integers(1, 5), st.integers(1, 6), st.integers(1, 6))
SPACINGS = st.tuples(*[st.sampled_from([0.5, 1.0, 2.0, 3.3])] * 3)


@st.composite
def volumes(draw: Any) -> np.ndarray:
    """Draw levels with holes, several pieces, single slices, masks that touch the border."""
    shape, most = draw(SHAPES), draw(st.sampled_from([1, 2, 3, 8, 64]))
    levels = draw(arrays(np.int64, shape, elements=st.integers(1, most)))
    inside = draw(arrays(np.bool_, shape))
    levels = np.where(inside, levels, 0)
    if not levels.any():
        levels.flat[0] = most
    return levels


def agree(found: dict[str, float], expected: dict[str, float], loose: float = 1e-9) -> None:
    assert list(found) == list(expected)
    for name, value in expected.items():
        # a square root makes 1e-8 of the last digit in the second information correlation
        near = 1e-7 if name.startswith("second_measure") else loose
        assert found[name] == pytest.approx(value, rel=loose, abs=near, nan_ok=True), name


@pytest.mark.parametrize("name", ORACLES)
@settings(max_examples=500)
@given(volumes(), st.data())
def test_textures_equal_plain_python(name: str, levels: np.ndarray, data: Any) -> None:
    family = load("radiomics.features", name)
    method = data.draw(st.sampled_from(family.AGGREGATIONS))
    mask = levels > 0
    if name == "gldzm":
        mask = mask | data.draw(arrays(np.bool_, levels.shape))
        expected = matrices.gldzm(levels, mask, method)
    else:
        expected = ORACLES[name](levels, method)  # type: ignore[operator]
    found = family.features(of_levels(levels, mask), family.Options(aggregation=method))
    agree(found, expected)


@pytest.mark.parametrize("name", ORACLES)
@settings(max_examples=25)
@given(volumes())
def test_flips_and_turns_change_no_texture(name: str, levels: np.ndarray) -> None:
    family = load("radiomics.features", name)

    def values(turned: np.ndarray) -> dict[str, float]:
        return family.features(of_levels(np.ascontiguousarray(turned)), family.Options())

    expected = values(levels)
    for axes in permutations(range(3)):
        agree(values(levels.transpose(axes)), expected)
    for axis in range(3):
        agree(values(np.flip(levels, axis)), expected)


@settings(max_examples=500)
@given(volumes())
def test_histograms_equal_plain_python(levels: np.ndarray) -> None:
    inside, most = levels[levels > 0], int(levels.max())
    found = histogram.features(of_levels(levels), histogram.Options())
    expected = histograms.histogram(inside, most)
    agree(found, {name: expected[name] for name in found})
    volume = ivh.features(of_levels(levels), ivh.Options(method="levels"))
    agree(volume, histograms.ivh(inside, most))


@settings(max_examples=100)
@given(st.lists(st.integers(-50, 50), min_size=1, max_size=60))
def test_calibrated_volume_histograms_equal_plain_python(x: list[int]) -> None:
    image = np.array(x, float).reshape(1, 1, -1)
    here = region(image, np.ones(image.shape, bool))
    agree(
        ivh.features(here, ivh.Options(method="calibrated")),
        histograms.ivh_discrete(np.array(x)),
    )


@settings(max_examples=60)
@given(volumes(), SPACINGS)
def test_local_peaks_equal_plain_python(
    levels: np.ndarray, spacing: tuple[float, float, float]
) -> None:
    rng = np.random.default_rng(int(levels.sum()))
    image, mask = rng.normal(size=levels.shape), levels > 0
    image[mask] += levels[mask] // 2 * 2
    found = local_intensity.features(region(image, mask, None, spacing), local_intensity.Options())
    agree(found, histograms.local_intensity(image, mask, spacing))


@settings(max_examples=100)
@given(volumes(), SPACINGS)
def test_sums_over_pairs_equal_plain_python(
    levels: np.ndarray, spacing: tuple[float, float, float]
) -> None:
    found = morphology.spatial_autocorrelation(region(levels, levels > 0, None, spacing))
    expected = {
        "morans_i_index": spatial.moran(levels.astype(float), levels > 0, spacing),
        "gearys_c_measure": spatial.geary(levels.astype(float), levels > 0, spacing),
    }
    agree(found, expected)


@settings(max_examples=25)
@given(volumes(), SPACINGS)
def test_bodies_around_a_mask(levels: np.ndarray, spacing: tuple[float, float, float]) -> None:
    mask = levels > 0
    found = morphology.features(region(levels, mask, None, spacing), morphology.Options())
    volume, area = found["volume"], found["surface_area"]
    points = morphology.hull_points(mask, spacing)
    close: dict[str, float] = {}
    close |= spatial.axis_aligned_box(points, volume, area)
    close |= spatial.convex_hull(points, volume, area)
    close |= spatial.enclosing_ellipsoid(mask, spacing, volume, area)
    agree({name: found[name] for name in close}, close, 1e-6)
    rough = spatial.minimum_ellipsoid(points, volume, area)
    for name, value in rough.items():
        assert found[name] == pytest.approx(value, rel=2e-3), name
    exact = spatial.oriented_box(points, volume, area)
    name = "volume_density_oriented_minimum_bounding_box"
    assert exact[name] * 0.8 <= found[name] <= exact[name] * (1 + 1e-6)  # the oracle is no nearer


def test_ellipsoids_by_their_closed_forms() -> None:
    assert ellipsoids.ellipsoid_measures(np.array([2.0, 2.0, 2.0])) == pytest.approx(
        (4 / 3 * np.pi * 8, 16 * np.pi)
    )
    corners = np.array(list(np.ndindex(2, 2, 2))) * [2.0, 4.0, 6.0]
    axes = ellipsoids.enclosing_ellipsoid(corners)
    assert axes == pytest.approx(np.sqrt(3) * np.array([3, 2, 1]), rel=1e-3)


def test_a_turned_box_is_found() -> None:
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    corners = np.array(list(np.ndindex(2, 2, 2))) * [2.0, 4.0, 6.0] @ turn.T
    hull = ConvexHull(corners)
    sides = smallest_box(corners, hull.simplices, hull.neighbors)
    assert sorted(sides) == pytest.approx([2, 4, 6])
