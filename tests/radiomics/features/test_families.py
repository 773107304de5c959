"""Oracle: plain-Python implementations and closed forms. Invariant: flips, rotations, scale."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from radiomics.features import intensity, morphology
from radiomics.kernels.shape import mesh
from tests.conftest import shared
from tests.oracles import morphology as oracle
from tests.oracles.statistics import statistics
from tests.regions import region

SPACINGS = st.tuples(*[st.sampled_from([0.5, 1.0, 2.0, 3.3])] * 3)
MASKS = arrays(bool, st.tuples(*[st.integers(1, 5)] * 3)).filter(np.any)
VALUES = st.lists(st.integers(-1000, 3000).map(float), min_size=1, max_size=60)


@given(VALUES)
def test_statistics_equal_plain_python(values: list[float]) -> None:
    expected = statistics(values)
    found = intensity.statistics(np.array(values))
    assert set(found) == set(expected)
    for name, value in expected.items():
        if math.isnan(value):
            assert math.isnan(found[name]), name
        else:
            assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name


@given(VALUES, st.integers(-500, 500))
def test_translation_moves_only_what_it_should(values: list[float], shift: int) -> None:
    before = intensity.statistics(np.array(values))
    after = intensity.statistics(np.array(values) + shift)
    for name in ("variance", "skewness", "range", "interquartile_range", "mean_absolute_deviation"):
        assert after[name] == pytest.approx(before[name], rel=1e-6, abs=1e-6)
    for name in ("mean", "median", "minimum", "maximum", "10th_percentile"):
        assert after[name] == pytest.approx(before[name] + shift, abs=1e-6)


@given(MASKS)
def test_cells_are_counted_as_in_plain_python(mask: np.ndarray) -> None:
    padded = np.pad(mask, 1)
    expected = np.zeros(256, int)
    for z, y, x in np.ndindex(*(n - 1 for n in padded.shape)):
        bits = padded[z : z + 2, y : y + 2, x : x + 2].ravel()
        expected[sum(1 << k for k in range(8) if bits[k])] += 1
    assert np.array_equal(mesh.cell_counts(mask), expected)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 1), (3, 4, 5), (1, 4, 6)])
def test_a_box_has_the_area_and_volume_of_the_bevelled_box(shape: tuple[int, int, int]) -> None:
    """All pieces of a box's mesh are flat, so table and oracle agree to the last digits."""
    mask, spacing = np.ones(shape, bool), (3.0, 0.7, 1.3)
    found = morphology.mesh_features(mask, spacing)
    area, volume = oracle.surface(mask, spacing)
    assert found["surface_area"] == pytest.approx(area, rel=1e-12)
    assert found["volume"] == pytest.approx(volume, rel=1e-12)


def triangulations(first: int, last: int) -> list[list[tuple[int, int, int]]]:
    """Return every way to cut the polygon first .. last into triangles."""
    if last - first < 2:
        return [[]]
    return [
        [*left, (first, k, last), *right]
        for k in range(first + 1, last)
        for left in triangulations(first, k)
        for right in triangulations(k, last)
    ]


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (3.0, 0.7, 1.3)])
def test_every_pattern_lies_among_the_triangulations_of_the_oracles_polygons(
    spacing: tuple[float, float, float],
) -> None:
    """Marching cubes leaves open how a piece is cut into triangles, and nothing else."""
    for pattern in range(1, 256):
        mask = np.array([pattern >> k & 1 for k in range(8)], bool).reshape(2, 2, 2)
        areas, volumes = np.zeros(2), np.zeros(2)
        for loop in oracle.loops(mask, spacing):
            points = np.array(loop)
            ways = [np.array(way) for way in triangulations(0, len(loop) - 1)]
            corners = [points[way] for way in ways]
            normals = [np.cross(c[:, 1] - c[:, 0], c[:, 2] - c[:, 0]) for c in corners]
            area = [np.linalg.norm(n, axis=1).sum() / 2 for n in normals]
            volume = [
                np.einsum("ti,ti", c[:, 0], n) / 6 for c, n in zip(corners, normals, strict=True)
            ]
            areas += min(area), max(area)
            volumes += min(volume), max(volume)
        found = morphology.mesh_features(mask, spacing)
        assert areas[0] - 1e-9 <= found["surface_area"] <= areas[1] + 1e-9
        assert volumes[0] - 1e-9 <= found["volume"] <= volumes[1] + 1e-9
        ratios = oracle.from_volume_and_area(found["volume"], found["surface_area"])
        assert {k: found[k] for k in ratios} == pytest.approx(ratios, rel=1e-9)


@settings(max_examples=30)
@given(MASKS, SPACINGS)
def test_diameter_and_axes_equal_the_oracle(
    mask: np.ndarray, spacing: tuple[float, float, float]
) -> None:
    found = morphology.features(region(mask * 3.0, mask, None, spacing), morphology.Options())
    expected = oracle.maximum_diameter(mask, spacing)
    assert found["maximum_3d_diameter"] == pytest.approx(expected, rel=1e-9)
    for name, value in oracle.axis_lengths(mask, spacing).items():
        assert found[name] == pytest.approx(value, abs=1e-5, nan_ok=True)


@settings(max_examples=30)
@given(MASKS, SPACINGS)
def test_flips_and_rotations_change_nothing(
    mask: np.ndarray, spacing: tuple[float, float, float]
) -> None:
    def values(m: np.ndarray, s: tuple[float, ...]) -> dict[str, float]:
        image = np.where(m, 3.0, 0.0)
        here = region(image, m, None, (s[0], s[1], s[2]))
        return morphology.features(here, morphology.Options())

    expected = values(mask, spacing)
    turned = [
        values(mask.transpose(axes), tuple(spacing[a] for a in axes))
        for axes in permutations(range(3))
    ]
    turned += [values(np.flip(mask, axis), spacing) for axis in range(3)]
    for found in turned:
        for name, value in expected.items():
            near = 1e-4 if "minimum_volume" in name else 1e-5  # where that search ends
            assert found[name] == pytest.approx(value, rel=1e-9, abs=near, nan_ok=True), name


def test_a_shift_within_a_larger_image_changes_nothing() -> None:
    small = np.random.default_rng(0).random((4, 5, 6)) < 0.6
    large = np.zeros((9, 9, 12), bool)
    large[3:7, 2:7, 5:11] = small
    one, two = (morphology.mesh_features(m, (1.0, 2.0, 3.0)) for m in (small, large))
    assert one == pytest.approx(two)


def test_a_ball_tends_to_its_closed_form() -> None:
    z, y, x = np.indices((81, 81, 81)) - 40
    ball = z**2 + y**2 + x**2 <= 38.5**2
    found = morphology.mesh_features(ball, (1.0, 1.0, 1.0))
    assert found["volume"] == pytest.approx(4 / 3 * np.pi * 38.5**3, rel=5e-3)
    axes = morphology.features(region(ball * 1.0, ball), morphology.Options())
    assert axes["maximum_3d_diameter"] == pytest.approx(77, abs=1.0)
    density = axes["volume_density_approximate_enclosing_ellipsoid"]
    assert density == pytest.approx(5**1.5 / 8, rel=1e-3)  # its axes are 4 standard deviations
    density = axes["volume_density_minimum_volume_enclosing_ellipsoid"]
    assert density == pytest.approx(1, abs=0.05)
    assert axes["volume_density_oriented_minimum_bounding_box"] == pytest.approx(
        np.pi / 6, rel=0.02
    )
    assert axes["major_axis_length"] == pytest.approx(4 * 38.5 / np.sqrt(5), rel=5e-3)
    assert axes["flatness"] == pytest.approx(1, abs=1e-3)


def test_a_cell_and_its_pieces_fill_space() -> None:
    """A cell with every corner inside is full; one corner alone cuts off a 48th."""
    area, volume = mesh.cell_measures((2.0, 1.0, 0.5))
    assert volume[255] == pytest.approx(1.0)
    assert volume[[1 << k for k in range(8)]] == pytest.approx(1 / 48)
    assert area[[0, 255]] == pytest.approx(0)
    assert np.all(np.diff([volume[(1 << k) - 1] for k in range(9)]) > 0)


def test_the_shift_of_mass_equals_the_oracle() -> None:
    rng = np.random.default_rng(5)
    image, mask = rng.normal(50, 10, (4, 5, 6)), rng.random((4, 5, 6)) < 0.6
    kept = mask & (image > 45)
    spacing = (3.0, 1.0, 0.5)
    expected = oracle.centre_of_mass_shift(image, kept, mask, spacing)
    assert morphology.centre_of_mass_shift(region(image, kept, mask, spacing)) == pytest.approx(
        expected, rel=1e-9
    )


def test_volume_and_area_of_a_pyradiomics_case() -> None:
    """PyRadiomics' own baseline (breast1): the classical table without symmetrising agrees here."""
    from radiomics import extract, read_image, read_mask

    folder = shared("data", "pyradiomics")
    image = read_image(folder / "breast1_image.nrrd")
    mask = read_mask(folder / "breast1_label.nrrd", like=image)
    found = extract(image, mask, {"families": ["morphology"], "modality": "MR"})
    assert found["original_morphology_volume"] == pytest.approx(124.091304832, rel=1e-9)
    assert found["original_morphology_surface_area"] == pytest.approx(172.887079476, rel=1e-9)
