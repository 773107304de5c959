"""Mechanics and invariants of the central types."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest

from radiomics.types import Case, InputError, Predictions, Samples, Volume, check_mask, grids_differ

AFFINE = np.array([[0, 0, 0.6, -10], [0, 0.8, 0, 20], [3, 0, 0, 5], [0, 0, 0, 1.0]])


def volume(**changes: object) -> Volume:
    given = {"array": np.arange(24).reshape(2, 3, 4), "affine": AFFINE} | changes
    return Volume(**given)  # type: ignore[arg-type]


def test_a_volume_knows_its_geometry() -> None:
    one = volume()
    assert one.shape == (2, 3, 4)
    assert one.spacing == pytest.approx((3, 0.8, 0.6))
    assert np.allclose(one.direction, [[0, 0, 1], [0, 1, 0], [1, 0, 0]])
    assert np.allclose(one.origin, [-10, 20, 5])


def test_a_volume_cannot_be_changed() -> None:
    one = volume()
    with pytest.raises(ValueError, match="read-only"):
        one.array[0, 0, 0] = 5
    with pytest.raises(ValueError, match="read-only"):
        one.affine[0, 0] = 5
    with pytest.raises(FrozenInstanceError):
        one.unit = "HU"  # type: ignore[misc]
    assert replace(one, unit="HU").unit == "HU"


def test_making_a_volume_does_not_freeze_the_callers_array() -> None:
    array = np.zeros((1, 1, 1))
    Volume(array, np.eye(4))
    array[0, 0, 0] = 1
    assert array.flags.writeable


def test_big_endian_and_strided_arrays_are_taken() -> None:
    big = np.arange(48, dtype=">i2").reshape(2, 6, 4)[:, ::2]
    one = volume(array=big)
    assert one.array.dtype == np.int16
    assert np.array_equal(one.array, big)


@pytest.mark.parametrize(
    "changes",
    [
        {"array": np.zeros((3, 4))},
        {"array": np.zeros((0, 3, 4))},
        {"array": np.full((1, 1, 1), "x")},
        {"array": np.zeros((1, 1, 1), complex)},
        {"affine": np.eye(3)},
        {"affine": np.diag([1, 1, 0, 1.0])},
        {"affine": np.diag([1, 1, np.nan, 1.0])},
        {"affine": np.diag([1, 1, 1, 2.0])},
    ],
)
def test_a_broken_volume_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="a Volume"):
        volume(**changes)


def test_grids_differ_by_what_moves_a_corner() -> None:
    one = volume()
    moved = AFFINE.copy()
    moved[:3, 3] += 1e-3
    assert not grids_differ(one, volume(affine=moved))
    moved[0, 3] += 0.02
    assert grids_differ(one, volume(affine=moved))
    assert grids_differ(one, volume(array=np.zeros((2, 4, 3))))


def test_check_mask_names_both_grids() -> None:
    one = volume()
    mask = Volume(np.ones(one.shape, bool), np.eye(4))
    with pytest.raises(InputError) as error:
        check_mask(one, mask, "m.nii")
    assert one.describe() in str(error.value)
    assert mask.describe() in str(error.value)
    with pytest.raises(InputError, match="at least one voxel"):
        check_mask(one, Volume(np.zeros(one.shape, bool), AFFINE))
    with pytest.raises(InputError, match="bool"):
        check_mask(one, one)


def test_a_case_checks_its_mask_and_freezes_its_covariates() -> None:
    one = volume()
    with pytest.raises(InputError, match="case a"):
        Case("a", "p", one, Volume(np.ones((1, 1, 1), bool), np.eye(4)))
    case = Case("a", "p", one, covariates={"age": 3})
    with pytest.raises(TypeError):
        case.covariates["age"] = 4  # type: ignore[index]
    with pytest.raises(ValueError, match="group"):
        Case("a", "", one)


def test_samples_and_predictions_demand_equal_lengths() -> None:
    names = np.array(["p", "q"])
    with pytest.raises(ValueError, match="per id"):
        Samples(("a", "b"), names, np.zeros((3, 1)), np.zeros(2), ("f",))
    with pytest.raises(ValueError, match="unique"):
        Samples(("a", "a"), names, np.zeros((2, 1)), np.zeros(2), ("f",))
    with pytest.raises(ValueError, match="names"):
        Samples(("a", "b"), names, np.zeros((2, 2)), np.zeros(2), ("f",))
    fold = np.zeros(2, np.int64)
    with pytest.raises(ValueError, match="finite"):
        Predictions(("a", "b"), names, np.zeros(2), np.array([0.5, np.nan]), fold)


def test_an_input_error_survives_a_process_boundary() -> None:
    error = InputError("x.dcm", "rule", "found", "remedy")
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert again.remedy == "remedy"


def test_paths_in_the_place_of_volumes_are_refused_in_words(tmp_path: Path) -> None:
    from radiomics import extract, read_mask

    with pytest.raises(TypeError, match="image is a Volume, not str"):
        extract("a.nii", "b.nii")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=f"like is a Volume, not {type(tmp_path).__name__}"):
        read_mask(tmp_path, like=tmp_path)  # type: ignore[arg-type]


def test_a_volume_is_told_in_one_line() -> None:
    assert repr(volume(unit="HU")) == "Volume(2 x 3 x 4, 3 x 0.8 x 0.6 mm, HU, int64, 0 to 23)"
    mask = volume(array=np.arange(24).reshape(2, 3, 4) > 20)
    assert repr(mask) == "Volume(2 x 3 x 4, 3 x 0.8 x 0.6 mm, 1, mask of 3 voxels)"
    assert "no unit" in repr(volume(unit=""))


def test_a_notebook_shows_the_middle_slice_and_the_facts() -> None:
    shown = volume(unit="<HU>", history=("slice 3 interpolated",))._repr_html_()
    assert "data:image/png;base64," in shown
    assert "&lt;HU&gt;" in shown
    assert "slice 3 interpolated" in shown
    mask = volume(array=np.arange(24).reshape(2, 3, 4) > 20)
    assert "mask of 3 voxels" in mask._repr_html_()


def test_numpy_takes_a_volume() -> None:
    one = volume()
    view = np.asarray(one)
    assert np.shares_memory(view, one.array)
    assert not view.flags.writeable
    copy = np.array(one)
    copy[0, 0, 0] = 5
    assert one.array[0, 0, 0] == 0
    assert np.asarray(one, dtype=np.float32).dtype == np.float32
    assert np.array(one, copy=False) is not None
    with pytest.raises(ValueError, match="by a copy only"):
        np.array(one, dtype=np.float32, copy=False)
    assert np.mean(one) == 11.5
    assert np.array_equal(np.add(one, one), 2 * one.array)


def test_an_array_becomes_a_volume_by_its_spacing() -> None:
    one = volume()
    parts = {"spacing": one.spacing, "origin": one.origin, "direction": one.direction}
    assert np.allclose(Volume.from_array(one.array, **parts).affine, one.affine)  # type: ignore[arg-type]
    plain = Volume.from_array(np.zeros((2, 3, 4)), spacing=(3, 0.8, 0.6))
    assert np.allclose(plain.affine @ [1, 1, 1, 1], [0.6, 0.8, 3, 1])
    assert plain.unit == ""


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"spacing": (1, 1)}, "three spacings above 0"),
        ({"spacing": (1, 0, 1)}, "three spacings above 0"),
        ({"spacing": (1, float("nan"), 1)}, "three spacings above 0"),
        ({"origin": (1, 2)}, "origin is"),
        ({"direction": np.eye(2)}, "direction is"),
        ({"direction": 2 * np.eye(3)}, "unit vectors"),
        ({"array": np.zeros((3, 4))}, "a Volume needs a non-empty numeric"),
    ],
)
def test_what_places_no_array_is_refused(changes: dict[str, object], told: str) -> None:
    given = {"array": np.zeros((2, 3, 4)), "spacing": (1, 1, 1)} | changes
    with pytest.raises(ValueError, match=told):
        Volume.from_array(given.pop("array"), **given)  # type: ignore[arg-type]


def test_samples_have_a_length_and_items() -> None:
    x = np.arange(8.0).reshape(4, 2)
    samples = Samples(tuple("abcd"), np.array([0, 0, 1, 1]), x, np.arange(4), ("f", "g"))
    assert len(samples) == 4
    one, target = samples[-1]
    assert (one.tolist(), target) == ([6, 7], 3)
    assert [int(y) for _, y in samples] == [0, 1, 2, 3]
    for place in (slice(1, 3), [1, 2], np.array([1, 2]), np.array([False, True, True, False])):
        assert samples[place].ids == ("b", "c")
    assert samples[[]].ids == ()
    with pytest.raises(IndexError, match="there are 4 samples"):
        samples[4]
