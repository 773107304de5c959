"""Oracle: SimpleITK's own resampling by cubic B-splines, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from radiomics.compat.splines import TYPES, resample_image
from radiomics.kernels.sampling.splines import spline_values

RATIOS = (0.31, 0.5, 0.77, 1.0, 1.3, 2.0, 3.27)


def turned(generator: np.random.Generator, kind: str) -> list[float]:
    """Return a direction matrix: along the axes, some of them swapped or turned around, or any."""
    if kind == "any":
        return np.linalg.qr(generator.normal(size=(3, 3)))[0].ravel().tolist()
    swapped = np.eye(3)[generator.permutation(3)] * generator.choice([-1, 1], 3)
    return (np.eye(3) if kind == "plain" else swapped).ravel().tolist()


def scan(shape: Any, dtype: Any, generator: np.random.Generator, direction: str) -> Any:
    array = generator.normal(generator.choice([0, 80]), 60, shape)
    if np.dtype(dtype).kind in "iu":
        array = np.clip(array, np.iinfo(dtype).min, np.iinfo(dtype).max)
    if generator.random() < 0.2:
        array[:] = array.flat[0]  # an air of whole numbers must stay what it is
    image = sitk.GetImageFromArray(array.astype(dtype))
    image.SetSpacing(generator.uniform(0.5, 3, 3).tolist())
    image.SetOrigin(generator.normal(0, 200, 3).tolist())
    image.SetDirection(turned(generator, direction))
    return image


def grid_on(image: Any, size: Any, ratios: Any, first: Any, direction: Any) -> Any:
    grid = sitk.ResampleImageFilter()
    grid.SetOutputSpacing((np.array(image.GetSpacing()) * ratios).tolist())
    grid.SetOutputDirection(direction)
    grid.SetSize(size)
    grid.SetOutputOrigin(image.TransformContinuousIndexToPhysicalPoint(first))
    grid.SetOutputPixelType(image.GetPixelID())
    grid.SetInterpolator(sitk.sitkBSpline)
    return grid


SIDES = st.integers(1, 40).filter(lambda side: side != 2)  # of two, ITK reads beyond its memory


@settings(max_examples=150)
@given(
    st.lists(SIDES, min_size=3, max_size=3),
    st.lists(st.integers(1, 40), min_size=3, max_size=3),
    st.lists(st.sampled_from(RATIOS), min_size=3, max_size=3),
    st.lists(
        st.sampled_from([-5.0, -0.5, -1e-9, 0.0, 0.1, 0.5, 7.0, 30.0]), min_size=3, max_size=3
    ),
    st.sampled_from(list(TYPES.values())),
    st.sampled_from(["plain", "swapped", "any"]),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_values_are_simpleitks_to_the_last_bit(
    shape: list[int],
    size: list[int],
    ratios: list[float],
    first: list[float],
    dtype: Any,
    direction: str,
    other: bool,
    seed: int,
) -> None:
    generator = np.random.default_rng(seed)
    image = scan(shape, dtype, generator, direction)
    before = sitk.GetArrayFromImage(image)
    onto = turned(generator, direction) if other else image.GetDirection()
    grid = grid_on(image, size, ratios, first, onto)
    expected, found = grid.Execute(image), resample_image(image, grid)
    for get in ("GetSize", "GetOrigin", "GetSpacing", "GetDirection", "GetPixelID"):
        assert getattr(found, get)() == getattr(expected, get)()
    one, two = sitk.GetArrayFromImage(found), sitk.GetArrayFromImage(expected)
    assert np.array_equal(one, two)
    assert np.array_equal(sitk.GetArrayFromImage(image), before)


def test_planes_and_other_interpolators_are_left_to_simpleitk() -> None:
    generator = np.random.default_rng(3)
    image = scan((8, 9, 10), np.float64, generator, "plain")
    grid = grid_on(image, [7, 7, 7], [1.2, 1.2, 1.2], [0.0, 0.0, 0.0], image.GetDirection())
    grid.SetInterpolator(sitk.sitkLinear)
    assert sitk.Hash(resample_image(image, grid)) == sitk.Hash(grid.Execute(image))
    plane = image[:, :, 0]
    grid = sitk.ResampleImageFilter()
    grid.SetReferenceImage(plane)
    grid.SetInterpolator(sitk.sitkBSpline)
    assert sitk.Hash(resample_image(plane, grid)) == sitk.Hash(grid.Execute(plane))


def lines(points: Any) -> tuple[Any, Any]:
    """Return the ends of one line of points (N, 3) that lie evenly on it."""
    points = np.asarray(points, dtype=np.float64)
    step = points[1] - points[0]
    return points[:1][None], (points[-1] + step)[None, None]


def test_the_spline_goes_through_the_samples_and_is_mirrored_at_two_of_them() -> None:
    array = np.random.default_rng(5).normal(size=(2, 7, 5))
    at = [[0.0, 3.0, x] for x in range(5)]
    assert spline_values(array, *lines(at), 5)[0, 0] == pytest.approx(array[0, 3])
    # between two planes, beyond the last: what a mirror shows
    deep = np.stack([array[k % 2] for k in range(9)])  # mirrored about samples: 0 1 0 1 ...
    low = [[1.25, 2.0, x] for x in range(5)]
    inner = [[5.25, 2.0, x] for x in range(5)]
    found = spline_values(array, *lines(low), 5)[0, 0]
    assert found == pytest.approx(spline_values(deep, *lines(inner), 5)[0, 0], rel=1e-3)


def test_a_cubic_is_its_own_spline_far_from_the_ends() -> None:
    z, y, x = np.mgrid[:48, :48, :48].astype(float)
    array = (x - 20) ** 3 / 50 - (y - 9) ** 2 * x / 30 + z * y
    at = np.array([[24.3, 22.6, 20.0 + 0.37 * k] for k in range(12)])
    found = spline_values(array, *lines(at), 12)[0, 0]
    expected = [(c - 20) ** 3 / 50 - (b - 9) ** 2 * c / 30 + a * b for a, b, c in at]
    assert found == pytest.approx(expected, abs=1e-8)


def test_no_points_give_no_values() -> None:
    empty = np.empty((0, 4, 3))
    assert spline_values(np.zeros((3, 3, 3)), empty, empty, 5).shape == (0, 4, 5)
