"""Oracle: closed forms and a search over angles. Invariant: flips, the plane a mask lies in."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from radiomics import Volume, extract
from radiomics.features import morphology_2d
from radiomics.kernels.shape.boxes import smallest_rectangle
from tests.regions import region

MASKS = arrays(bool, st.tuples(st.integers(1, 6), st.integers(1, 6))).filter(np.any)
SPACING = np.array([0.7, 1.3])


def test_a_rectangle_has_the_measures_of_the_bevelled_rectangle() -> None:
    rows, columns = 4, 7
    found = morphology_2d.plane_features(np.ones((rows, columns), bool), SPACING)
    dy, dx = SPACING
    tall, wide = rows * dy, columns * dx
    area = tall * wide - 4 * dy * dx / 8  # half a pixel is cut off each corner's two sides
    perimeter = 2 * (tall + wide - dy - dx) + 2 * math.hypot(dy, dx)
    assert found["area"] == pytest.approx(area, rel=1e-12)
    assert found["approximate_area"] == pytest.approx(tall * wide, rel=1e-12)
    assert found["perimeter"] == pytest.approx(perimeter, rel=1e-12)
    assert found["perimeter_to_area_ratio"] == pytest.approx(perimeter / area, rel=1e-12)
    assert found["circularity"] == pytest.approx(math.sqrt(4 * math.pi * area) / perimeter)
    assert found["maximum_2d_diameter"] == pytest.approx(
        max(math.hypot(tall, wide - dx), math.hypot(tall - dy, wide)), rel=1e-12
    )
    n = rows * columns
    across = 4 * math.sqrt((columns**2 - 1) / 12 * n / (n - 1)) * dx
    down = 4 * math.sqrt((rows**2 - 1) / 12 * n / (n - 1)) * dy
    assert found["major_axis_length"] == pytest.approx(across, rel=1e-12)
    assert found["minor_axis_length"] == pytest.approx(down, rel=1e-12)
    assert found["elongation"] == pytest.approx(down / across, rel=1e-12)
    for body in ("axis_aligned_bounding_rectangle", "oriented_minimum_bounding_rectangle"):
        assert found[f"area_density_{body}"] == pytest.approx(area / (tall * wide), rel=1e-12)
        assert found[f"perimeter_density_{body}"] == pytest.approx(perimeter / 2 / (tall + wide))
    assert found["area_density_convex_hull"] == pytest.approx(1, rel=1e-12)
    assert found["perimeter_density_convex_hull"] == pytest.approx(1, rel=1e-12)
    ellipse = math.pi / 4 * across * down
    assert found["area_density_approximate_enclosing_ellipse"] == pytest.approx(area / ellipse)


def test_a_disc_is_round() -> None:
    y, x = np.indices((201, 201)) - 100
    found = morphology_2d.plane_features(x**2 + y**2 <= 90**2, np.ones(2))
    assert found["area"] == pytest.approx(math.pi * 90**2, rel=2e-3)
    assert found["maximum_2d_diameter"] == pytest.approx(181, rel=2e-3)
    assert found["elongation"] == pytest.approx(1, rel=1e-9)
    assert found["major_axis_length"] == pytest.approx(180, rel=2e-3)
    assert found["area_density_minimum_area_enclosing_ellipse"] == pytest.approx(1, rel=2e-2)
    assert found["area_density_approximate_enclosing_ellipse"] == pytest.approx(1, rel=2e-3)
    assert found["area_density_axis_aligned_bounding_rectangle"] == pytest.approx(
        math.pi / 4, rel=2e-2
    )


def test_the_smallest_ellipse_around_a_single_pixel_and_a_triangle() -> None:
    """The smallest ellipse around a parallelogram has pi / 2 of its area (an affine circle)."""
    pixel = morphology_2d.plane_features(np.ones((1, 1), bool), SPACING)
    diamond = SPACING.prod() / 2
    assert pixel["area"] == pytest.approx(diamond, rel=1e-12)
    name = "area_density_minimum_area_enclosing_ellipse"
    assert pixel[name] == pytest.approx(2 / math.pi, rel=1e-6)
    assert pixel["major_axis_length"] == 0
    missing = {key for key, value in pixel.items() if math.isnan(value)}
    approximate = "density_approximate_enclosing_ellipse"
    assert missing == {"elongation", f"area_{approximate}", f"perimeter_{approximate}"}


@given(MASKS)
def test_the_smallest_rectangle_is_the_smallest_over_all_angles(mask: np.ndarray) -> None:
    found = morphology_2d.plane_features(mask, SPACING)
    area = found["area"] / found["area_density_oriented_minimum_bounding_rectangle"]
    points = []
    for y, x in np.argwhere(mask):
        points += [(y - 0.5, x), (y + 0.5, x), (y, x - 0.5), (y, x + 0.5)]
    angles = np.linspace(0, np.pi, 721)
    along = np.stack([np.cos(angles), np.sin(angles)])
    across = np.stack([-np.sin(angles), np.cos(angles)])
    placed = np.array(points) * SPACING
    tried = np.ptp(placed @ along, axis=0) * np.ptp(placed @ across, axis=0)
    assert area <= tried.min() * (1 + 1e-9)
    assert area >= tried.min() * (1 - 0.02)  # a step of a quarter of a degree


def test_the_rectangle_around_a_turned_square() -> None:
    turn = math.radians(33)
    square = np.array([(0, 0), (0, 3), (3, 3), (3, 0)]) @ [
        [math.cos(turn), math.sin(turn)],
        [-math.sin(turn), math.cos(turn)],
    ]
    assert smallest_rectangle(square) == pytest.approx((3, 3), rel=1e-12)


@given(MASKS)
def test_flips_and_the_plane_do_not_matter(mask: np.ndarray) -> None:
    expected = morphology_2d.plane_features(mask, SPACING)
    dy, dx = SPACING
    flipped = morphology_2d.plane_features(mask[::-1, ::-1], SPACING)
    turned = morphology_2d.plane_features(np.ascontiguousarray(mask.T), SPACING[::-1])
    found = [flipped, turned]
    if mask.any(axis=0).sum() > 1 and mask.any(axis=1).sum() > 1:  # in one plane only
        for axis, spacing in ((0, (9.0, dy, dx)), (1, (dy, 9.0, dx)), (2, (dy, dx, 9.0))):
            kept = np.expand_dims(mask, axis)
            lying = region(np.zeros(kept.shape), kept, spacing=spacing)
            found.append(morphology_2d.features(lying, morphology_2d.Options()))
    for values in found:
        for name, value in values.items():
            close = pytest.approx(expected[name], rel=1e-5, abs=1e-9, nan_ok=True)
            assert value == close, name


def test_only_named_and_only_in_a_plane() -> None:
    image = Volume(np.arange(60.0).reshape(3, 4, 5), np.eye(4), "HU")
    array = np.zeros((3, 4, 5), bool)
    array[1, 1:3, 1:4] = True
    mask = Volume(array, np.eye(4), "1")
    assert not any("morphology_2d" in column for column in extract(image, mask))
    filters = [{"name": "original"}, {"name": "square"}]
    wanted = {"families": ["morphology_2d"], "filters": filters}
    flat = extract(image, mask, wanted)
    assert len(flat) == len(morphology_2d.IBSI)  # the mask's, once for both images
    assert flat["original_morphology_2d_approximate_area"] == 6
    array = array.copy()
    array[2, 1, 1] = True
    thick = extract(image, Volume(array, np.eye(4), "1"), wanted)
    assert set(thick) == set(flat)
    assert all(math.isnan(value) for value in thick.values())
