"""Oracle: scipy.ndimage and closed forms. Mechanics: options that make no sense are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.ndimage import map_coordinates

from radiomics.kernels.cropping import bounding_box
from radiomics.preprocessing import discretise, intensity, masks
from radiomics.preprocessing import resample as r
from radiomics.types import InputError, Volume


def volume(shape: tuple[int, int, int] = (7, 9, 8), spacing: object = (3.0, 0.8, 1.1)) -> Volume:
    affine = np.diag([*np.array(spacing), 1.0])[[2, 1, 0, 3]]
    affine[:3, 3] = 10, -20, 30
    return Volume(np.random.default_rng(0).normal(0, 100, shape), affine)


@pytest.mark.parametrize(("order", "degree"), [("nearest", 0), ("linear", 1), ("cubic", 3)])
@pytest.mark.parametrize("spacing", [(2.0, 2.0, 2.0), (1.0, 0.5, 1.1), (3.0, 0.8, 2.7)])
def test_resampling_equals_scipy(
    order: r.Order, degree: int, spacing: tuple[float, float, float]
) -> None:
    one = volume()
    result = r.resample(one, spacing, order)
    where = np.indices(result.shape).reshape(3, -1)
    world = result.affine @ np.vstack([where, np.ones(where.shape[1])])
    index = (np.linalg.inv(one.affine) @ world)[:3]
    limits = np.array(one.shape)[:, None] - 1
    index = np.clip(index, 0, limits)  # beyond the outermost centres: the edge value
    expected = map_coordinates(one.array, index, order=degree, mode="mirror")
    assert np.allclose(result.array.ravel(), expected, atol=1e-9)
    assert result.spacing == pytest.approx(spacing)


@given(st.integers(1, 60), st.floats(0.3, 6), st.floats(0.3, 6))
def test_both_grids_share_their_centre_and_the_new_one_covers(
    count: int, old: float, new: float
) -> None:
    size, start, step = r.new_axis(count, old, new)
    assert start + step * (size - 1) / 2 == pytest.approx((count - 1) / 2)
    assert size * new >= count * old * (1 - 1e-6) - 1e-6 * new
    assert (size - 1) * new < count * old * (1 + 1e-6) + new * 1e-3


def test_the_published_grid_sizes() -> None:
    """IBSI: 60 slices of 3 mm become 90 of 2 mm, 204 x 201 pixels of 0.977 mm 100 x 99 of 2 mm."""
    sizes = [r.new_axis(n, s, 2.0)[0] for n, s in ((60, 3.0), (204, 0.977), (201, 0.977))]
    assert sizes == [90, 100, 99]


@pytest.mark.parametrize("order", ["nearest", "linear", "cubic"])
def test_the_same_spacing_changes_nothing(order: r.Order) -> None:
    one = volume()
    assert np.allclose(r.resample(one, one.spacing, order).array, one.array, atol=1e-9)


@pytest.mark.parametrize("order", ["nearest", "linear", "cubic"])
def test_a_box_of_the_grid_equals_that_part_of_the_whole(order: r.Order) -> None:
    one = volume((60, 50, 40))
    whole = r.resample(one, (2.0, 1.0, 1.0), order)
    box = (slice(40, 47), slice(11, 20), slice(0, 9))
    part = r.resample(one, (2.0, 1.0, 1.0), order, box)
    assert np.allclose(part.array, whole.array[box], atol=1e-10)
    assert np.allclose(part.affine @ [0, 0, 0, 1], whole.affine @ [40, 11, 0, 1])


def test_masks_take_ties_inside() -> None:
    array = np.zeros((4, 1, 1), bool)
    array[2:] = True
    mask = Volume(array, np.diag([2.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]])
    finer = r.resample_mask(mask, (1.0, 1.0, 1.0))
    assert finer.array.ravel().tolist() == [False] * 4 + [True] * 4
    tied = r.resample_mask(mask, (0.8, 1.0, 1.0))
    assert tied.array.size == 10
    assert tied.array.sum() == 5


def test_statistics_inside_the_mask_scale_the_whole_image() -> None:
    image = np.arange(12.0).reshape(3, 2, 2)
    mask = image >= 8
    z = intensity.normalise(image, mask, intensity.Options(method="z_score", inside="mask"))
    assert z[mask].mean() == pytest.approx(0)
    assert z[mask].std() == pytest.approx(1)
    assert z[0, 0, 0] == pytest.approx((0 - 9.5) / np.std([8, 9, 10, 11]))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"method": "min_max"}, [0, 0.25, 1]),
        ({"method": "window", "lower": 2, "upper": 4}, [0, 0, 1]),
        ({"method": "percentile", "lower": 0, "upper": 50}, [0, 1, 1]),
    ],
)
def test_normalisation_by_hand(options: dict[str, object], expected: list[float]) -> None:
    checked = intensity.Options.model_validate(options)
    assert intensity.normalise(np.array([0.0, 2.0, 8.0]), None, checked).tolist() == expected


@pytest.mark.parametrize(
    "options",
    [
        {"method": "window"},
        {"method": "window", "lower": 5, "upper": 5},
        {"method": "percentile", "lower": -1, "upper": 50},
        {"method": "z_score", "lower": 1},
        {"method": "log"},
    ],
)
def test_normalisation_options_must_fit_together(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        intensity.Options.model_validate(options)


def test_a_flat_image_cannot_be_normalised() -> None:
    with pytest.raises(InputError, match="all of them equal"):
        intensity.normalise(np.ones(5), None, intensity.Options(method="z_score"))
    with pytest.raises(ValueError, match="needs a mask"):
        intensity.normalise(np.ones(5), None, intensity.Options(method="min_max", inside="mask"))


def test_resegmentation_is_closed_and_uses_the_statistics_before() -> None:
    image = np.array([[[-500.0, -501.0, 400.0, 401.0, 0.0]]])
    mask = np.array([[[True, True, True, True, False]]])
    kept = masks.resegment(image, mask, masks.Options(range=(-500, 400)))
    assert kept.ravel().tolist() == [True, False, True, False, False]
    values = np.r_[np.zeros(99), 100.0].reshape(1, 1, -1)
    kept = masks.resegment(values, values >= 0, masks.Options(sigma=3))
    assert kept.sum() == 99
    half_open = masks.resegment(image, mask, masks.Options(range=(None, 0)))
    assert half_open.ravel().tolist() == [True, True, False, False, False]
    with pytest.raises(ValidationError):
        masks.Options(range=(5, 1))


def test_the_box_of_a_mask() -> None:
    mask = np.zeros((5, 6, 7), bool)
    mask[1, 2, 3] = mask[3, 2, 6] = True
    assert bounding_box(mask) == (slice(1, 4), slice(2, 3), slice(3, 7))
    assert bounding_box(mask, (2, 2, 2)) == (slice(0, 5), slice(0, 5), slice(1, 7))
    with pytest.raises(ValueError, match="empty"):
        bounding_box(np.zeros((2, 2, 2), bool))


@given(st.lists(st.integers(-500, 400), min_size=1, max_size=40), st.sampled_from([1, 2.5, 25]))
def test_fixed_bins_by_plain_python(values: list[int], width: float) -> None:
    found = discretise.fixed_bin_size(np.array(values, float), width, -500)
    assert found.tolist() == [int((v + 500) // width) + 1 for v in values]


@given(st.lists(st.integers(-500, 400), min_size=1, max_size=40), st.integers(1, 64))
def test_a_fixed_number_of_bins_by_plain_python(values: list[int], bins: int) -> None:
    found = discretise.fixed_bin_number(np.array(values, float), bins)
    low, high = min(values), max(values)
    if low == high:
        assert set(found.tolist()) == {1}
        return
    expected = [min(bins * (v - low) // (high - low) + 1, bins) for v in values]
    assert found.tolist() == expected


def test_a_value_below_the_first_bin_is_refused() -> None:
    with pytest.raises(ValueError, match="below the lower bound 0"):
        discretise.fixed_bin_size(np.array([-1.0]), 25, 0)


@pytest.mark.parametrize(
    "options",
    [
        {"method": "fixed_bin_size"},
        {"method": "fixed_bin_size", "bin_width": 0},
        {"method": "fixed_bin_size", "bin_width": 25, "bins": 3},
        {"method": "fixed_bin_number", "bins": 0},
        {"method": "fixed_bin_number", "bins": 8, "lower": 0},
    ],
)
def test_discretisation_options_must_fit_together(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        discretise.Options.model_validate(options)


def test_discretise_tells_the_number_of_levels() -> None:
    values = np.array([0.0, 10.0, 55.0])
    size = discretise.Options(method="fixed_bin_size", bin_width=10)
    assert discretise.discretise(values, size)[1] == 6
    number = discretise.Options(method="fixed_bin_number", bins=16)
    assert discretise.discretise(values, number)[1] == 16
