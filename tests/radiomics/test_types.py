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
