"""Oracle: masks on other grids, in every format, voxel by voxel; exact where voxels coincide."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from radiomics import InputError, Volume, read_mask, read_masks
from radiomics.io.masks.boxes import BoxedMask, occupied_box
from radiomics.io.masks.grids import StoredMask, empty_grid, mask_on_grid
from tests.oracles.positions import covered
from tests.segs import write_seg
from tests.series import AXIAL, CORONAL, OBLIQUE, SAGITTAL, affine_of_plane

PLANES = {"axial": AXIAL, "sagittal": SAGITTAL, "coronal": CORONAL, "oblique": OBLIQUE}
SHAPE = (7, 9, 8)
SPACING = (2.5, 0.8, 0.6)
FORMATS = ("nii.gz", "nrrd", "mha", "seg.nrrd", "dcm")
TURNS = list(
    itertools.product(itertools.permutations(range(3)), itertools.product((1, -1), repeat=3))
)
"""The 48 ways in which an array of three axes can be stored."""


def image_in(plane: str) -> Volume:
    return Volume(np.zeros(SHAPE, np.int16), affine_of_plane(PLANES[plane], SPACING), "HU", "1.2.3")


def blob(seed: int, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    """Return a ragged mask that touches every side of its array."""
    mask = np.random.default_rng(seed).random(shape) < 0.3
    mask[0, 1, 1] = mask[-1, 0, 2] = mask[1, -1, 0] = mask[2, 2, -1] = mask[1, 1, 0] = True
    return mask


def turned(
    array: np.ndarray, affine: np.ndarray, order: tuple[int, ...], signs: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the same voxels in the same places, stored along other axes."""
    array, affine = array.transpose(order), affine[:, [*order, 3]].copy()
    for axis, sign in enumerate(signs):
        if sign < 0:
            array = np.flip(array, axis)
            affine[:3, 3] += affine[:3, axis] * (array.shape[axis] - 1)
            affine[:3, axis] *= -1
    return np.ascontiguousarray(array), affine


def write_mask(path: Path, array: np.ndarray, affine: np.ndarray) -> None:
    """Write a mask in the format of a name, by other libraries than ours."""
    if path.name.endswith(".dcm"):
        between = float(np.linalg.norm(affine[:3, 0]))
        write_seg(path, {1: array}, affine, frame="1.2.3", between=between, shuffle=0)
        return
    if path.name.endswith(".nii.gz"):
        to_ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine[:, [2, 1, 0, 3]]
        nib.save(nib.Nifti1Image(array.T.astype(np.uint8), to_ras), path)
        return
    image = sitk.GetImageFromArray(array.astype(np.uint8))
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    image.SetSpacing(spacing[::-1].tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    image.SetDirection((affine[:3, :3] / spacing)[:, ::-1].ravel().tolist())
    image.SetMetaData("Segment0_ID", "one")
    sitk.WriteImage(image, str(path))


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("plane", PLANES)
def test_the_same_voxels_in_any_order_of_axes_are_copied(
    tmp_path: Path, plane: str, suffix: str
) -> None:
    image, mask = image_in(plane), blob(1)
    for number, (order, signs) in enumerate(TURNS if suffix == "nii.gz" else TURNS[::5]):
        path = tmp_path / f"{number}.{suffix}"
        write_mask(path, *turned(mask, image.affine, order, signs))
        found = read_mask(path, like=image)
        assert np.array_equal(found.array, mask), (order, signs)
        assert found.history == ()


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("plane", PLANES)
def test_a_mask_cut_to_a_box_is_pasted(tmp_path: Path, plane: str, suffix: str) -> None:
    image, whole = image_in(plane), np.zeros(SHAPE, bool)
    part = blob(2, (3, 4, 5))
    whole[3:6, 5:9, 1:6] = part
    affine = image.affine.copy()
    affine[:3, 3] = (image.affine @ [3, 5, 1, 1])[:3]
    for number, (order, signs) in enumerate(TURNS[::5]):
        path = tmp_path / f"{number}.{suffix}"
        write_mask(path, *turned(part, affine, order, signs))
        found = read_mask(path, like=image)
        assert np.array_equal(found.array, whole)
        assert found.history == ()


OTHERS = {
    "coarser": ((2.0, 2.0, 2.0), "", (4, 5, 5)),
    "coarser slices": ((2.0, 1.0, 1.0), "", (4, 9, 8)),
    "finer": ((0.4, 0.45, 0.3), "", (12, 13, 14)),
    "both": ((0.5, 1.7, 1.0), "", (14, 5, 8)),
    "tilted": ((1.0, 1.0, 1.0), "tilt", (7, 9, 8)),
    "oblique, coarser": ((1.5, 2.2, 2.4), "oblique", (5, 5, 5)),
    "oblique, finer": ((0.35, 0.6, 0.7), "oblique", (12, 12, 10)),
}
"""Voxels of a mask against those of the image: factors of length, the turn, and how many."""


def other_grid(image: Volume, name: str) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return another grid around the middle of an image, at no simple distance from it."""
    factors, turn, shape = OTHERS[name]
    axes = image.affine[:3, :3] * factors
    if turn:
        angle = np.radians(4.0 if turn == "tilt" else 31.0)
        c, s = np.cos(angle), np.sin(angle)
        axes = np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ axes
        if turn == "oblique":
            axes = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ axes
    affine = np.eye(4)
    affine[:3, :3] = axes
    middle = (image.affine @ [*(np.array(SHAPE) - 1) / 2, 1])[:3]
    affine[:3, 3] = middle - axes @ ((np.array(shape) - 1) / 2 + [0.13, 0.27, 0.19])
    return affine, shape


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("name", OTHERS)
def test_a_voxel_is_inside_where_its_centre_lies_in_a_voxel_of_the_mask(
    tmp_path: Path, name: str, suffix: str
) -> None:
    for plane in ("axial", "oblique") if suffix == "nii.gz" else ("sagittal",):
        image = image_in(plane)
        affine, shape = other_grid(image, name)
        mask = blob(3, shape)
        expected, on_face = covered(mask, affine, SHAPE, image.affine)
        assert on_face.sum() < 10
        path = tmp_path / f"{plane}.{suffix}"
        write_mask(path, mask, affine)
        found = read_mask(path, like=image)
        assert np.array_equal(found.array[~on_face], expected[~on_face])
        (sampled,) = [note for note in found.history if "resampled from another grid" in note]
        assert f"{mask.sum()} voxels" in sampled
        assert f"{found.array.sum()} (" in sampled
        assert image.describe() in sampled


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_coarse_mask_loses_nothing_at_the_end_of_its_array(tmp_path: Path, suffix: str) -> None:
    """A block of two voxels of 4 mm a side covers 8 voxels of 1 mm a side."""
    image = Volume(np.zeros((20, 20, 20)), np.eye(4)[[2, 1, 0, 3]], "HU", "1.2.3")
    affine = np.eye(4)[[2, 1, 0, 3]] * 4
    affine[:3, 3], affine[3, 3] = (5.5, 4.5, 6.5), 1
    write_mask(tmp_path / f"m.{suffix}", np.ones((2, 2, 2), bool), affine)
    found = read_mask(tmp_path / f"m.{suffix}", like=image)
    expected = np.zeros(image.shape, bool)
    expected[5:13, 3:11, 4:12] = True
    assert np.array_equal(found.array, expected)


def test_a_plate_of_one_voxel_stays_as_thick_as_it_is(tmp_path: Path) -> None:
    """Linear interpolation at one half would lose a plate of which the slices are coarser."""
    image = Volume(np.zeros((30, 6, 6)), np.eye(4)[[2, 1, 0, 3]])
    affine = np.diag([1.0, 1.0, 5.0, 1.0])[:, [2, 1, 0, 3]]
    affine[2, 3] = 2.1
    mask = np.zeros((6, 6, 6), bool)
    mask[2] = True
    write_mask(tmp_path / "m.nrrd", mask, affine)
    found = read_mask(tmp_path / "m.nrrd", like=image)
    assert np.flatnonzero(found.array.any(axis=(1, 2))).tolist() == [10, 11, 12, 13, 14]


def test_a_centre_on_a_face_belongs_to_one_voxel_whatever_the_order_of_storage() -> None:
    """Every second voxel: centres lie on faces, each once, and volume stays."""
    image = Volume(np.zeros((8, 8, 8)), np.eye(4)[[2, 1, 0, 3]])
    coarse = np.eye(4)[[2, 1, 0, 3]] * 2
    coarse[3, 3], coarse[:3, 3] = 1, 1
    mask = np.random.default_rng(0).random((3, 3, 3)) < 0.5
    expected = np.zeros((8, 8, 8), bool)
    expected[:6, :6, :6] = mask.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    for order, signs in TURNS:
        array, affine = turned(mask, coarse, order, signs)
        stored = StoredMask(array, (0, 0, 0), empty_grid(array.shape, affine))
        found = mask_on_grid(Path("m"), stored, image, "it").unpack()
        assert np.array_equal(found, expected)


@pytest.mark.parametrize("suffix", FORMATS)
def test_what_lies_outside_the_image_is_counted(tmp_path: Path, suffix: str) -> None:
    image, mask = image_in("axial"), blob(4)
    for shift in ((2, 0, 0), (-2, 3, 1), (0, -4, 6)):
        affine = image.affine.copy()
        affine[:3, 3] = (image.affine @ [*shift, 1])[:3]
        expected = np.zeros(SHAPE, bool)
        lost = 0
        for index in np.argwhere(mask):
            place = index + shift
            if ((place >= 0) & (place < SHAPE)).all():
                expected[tuple(place)] = True
            else:
                lost += 1
        write_mask(tmp_path / f"m.{suffix}", mask, affine)
        found = read_mask(tmp_path / f"m.{suffix}", like=image)
        assert np.array_equal(found.array, expected)
        (note,) = found.history
        assert note.startswith(f"{lost} of {mask.sum()} voxels of ")
    affine[:3, 3] = 400.0
    write_mask(tmp_path / f"m.{suffix}", mask, affine)
    with pytest.raises(InputError, match=r"must lie within the image\n.*all of its"):
        read_mask(tmp_path / f"m.{suffix}", like=image)


def test_a_mask_between_all_centres_is_refused(tmp_path: Path) -> None:
    image = image_in("axial")
    affine = image.affine.copy()
    affine[:3, :3] *= 0.1
    affine[:3, 3] = (image.affine @ [2.5, 2.5, 2.5, 1])[:3]
    write_mask(tmp_path / "m.nrrd", np.ones((2, 2, 2), bool), affine)
    with pytest.raises(InputError, match="no centre of a voxel of the image lies in label 1"):
        read_mask(tmp_path / "m.nrrd", like=image)


def test_labels_of_a_turned_file_are_read_each(tmp_path: Path) -> None:
    image = image_in("oblique")
    labels = np.random.default_rng(0).choice([0, 0, 3, 7, 250], SHAPE).astype(np.int16)
    array, affine = turned(labels, image.affine, (2, 0, 1), (1, -1, -1))
    to_ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine[:, [2, 1, 0, 3]]
    for kind in (np.int16, np.uint8, np.float32, np.float64, np.int32):
        nib.save(nib.Nifti1Image(array.T.astype(kind), to_ras), tmp_path / "l.nii")
        found = read_masks(tmp_path / "l.nii", like=image)
        assert list(found) == ["3", "7", "250"]
        for name, mask in found.items():
            assert np.array_equal(mask.array, labels == int(name))


def test_values_of_an_image_are_no_labels(tmp_path: Path) -> None:
    image = Volume(np.zeros((20, 30, 30)), np.eye(4))
    values = np.random.default_rng(0).permutation(18000).reshape(20, 30, 30).astype(np.float32)
    sitk.WriteImage(sitk.GetImageFromArray(values / 18000), tmp_path / "p.nrrd")
    with pytest.raises(InputError, match="more than 5000 values, as of an image"):
        read_masks(tmp_path / "p.nrrd", like=image)


@pytest.mark.parametrize("make", [np.zeros, np.ones])
def test_masks_are_packed_and_come_back(make: Callable[..., np.ndarray]) -> None:
    mask = make((3, 4, 5), bool)
    mask[1, 2, 1:3] = ~mask[1, 2, 1:3]
    packed = BoxedMask.pack(mask, (1, 0, 2), (6, 4, 9), ("a note",))
    whole = np.zeros((6, 4, 9), bool)
    whole[1:4, :, 2:7] = mask
    assert np.array_equal(packed.unpack(), whole)
    assert packed.bits.nbytes <= -(-mask.size // 8)
    assert occupied_box(np.zeros((2, 2, 2), bool)) is None
