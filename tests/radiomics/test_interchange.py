"""Oracle: positions by SimpleITK and by nibabel. Invariant: there and back. Mechanics: the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from radiomics import Volume, interchange, read_image, write_volume
from radiomics.types import InputError, as_mask, as_volume

CORNERS = [(0, 0, 0), (2, 3, 4), (2, 0, 4), (1, 2, 3)]
PAIRS = [
    (interchange.to_sitk, interchange.from_sitk),
    (interchange.to_nibabel, interchange.from_nibabel),
    (interchange.to_metatensor, interchange.from_metatensor),
]


def oblique(seed: int = 0, dtype: str = "float32", flips: tuple[int, ...] = ()) -> Volume:
    """Return a volume on a turned grid, with some axes reversed."""
    rng = np.random.default_rng(seed)
    direction, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    for axis in flips:
        direction[:, axis] *= -1
    array = rng.integers(0, 100, (3, 4, 5)).astype(dtype)
    spacing, origin = rng.uniform(0.3, 6, 3), rng.uniform(-500, 500, 3)
    return Volume.from_array(array, spacing=spacing, origin=origin, direction=direction, unit="HU")


@pytest.mark.parametrize("index", CORNERS)
def test_simpleitk_places_each_voxel_where_we_do(index: tuple[int, int, int]) -> None:
    volume = oblique()
    image = volume.to_sitk()
    place = image.TransformIndexToPhysicalPoint(index[::-1])
    assert np.allclose(place, (volume.affine @ [*index, 1])[:3], rtol=0, atol=1e-9)
    assert image[index[::-1]] == volume.array[index]
    back = Volume.from_sitk(image)
    assert np.allclose(place, (back.affine @ [*index, 1])[:3], rtol=0, atol=1e-9)


@pytest.mark.parametrize("index", CORNERS)
def test_nibabel_places_each_voxel_where_we_do(index: tuple[int, int, int]) -> None:
    volume = oblique()
    image = volume.to_nibabel()
    right, front, head = nibabel.affines.apply_affine(image.affine, index[::-1])
    assert np.allclose((-right, -front, head), (volume.affine @ [*index, 1])[:3], rtol=0, atol=1e-9)
    assert np.asarray(image.dataobj)[index[::-1]] == volume.array[index]


def test_an_image_of_simpleitk_is_read_as_it_lies() -> None:
    image = sitk.GetImageFromArray(np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    image.SetSpacing((0.8, 0.6, 2.5))
    image.SetOrigin((-10, 20, 5))
    volume = Volume.from_sitk(image, "HU")
    assert volume.shape == (2, 3, 4)
    assert volume.spacing == pytest.approx((2.5, 0.6, 0.8))
    assert np.allclose(volume.affine @ [1, 2, 3, 1], [-10 + 2.4, 20 + 1.2, 5 + 2.5, 1])
    assert volume.unit == "HU"


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 2), unique=True))
def test_there_and_back_is_the_same_volume(seed: int, flips: list[int]) -> None:
    volume = oblique(seed, flips=tuple(flips))
    for there, back in PAIRS[:2]:
        again = back(there(volume))
        assert np.allclose(again.affine, volume.affine, rtol=0, atol=1e-9)
        assert np.array_equal(again.array, volume.array)
        assert (again.unit, again.array.dtype) == ("HU", volume.array.dtype)


@pytest.mark.parametrize(("there", "back"), PAIRS)
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "int32", "int64", "float64"])
def test_every_type_goes_there_and_back(there: Any, back: Any, dtype: str) -> None:
    volume = oblique(dtype=dtype)
    again = back(there(volume))
    assert np.allclose(again.affine, volume.affine, rtol=0, atol=1e-9)
    assert np.array_equal(again.array, volume.array)
    assert again.array.dtype == (np.uint8 if dtype == "bool" else dtype)
    if dtype == "bool":
        assert np.array_equal(as_mask(again).array, volume.array)


@pytest.mark.parametrize(("there", "_back"), PAIRS)
def test_every_image_is_taken_as_it_is(there: Any, _back: Any) -> None:
    volume = oblique()
    assert np.array_equal(as_volume(there(volume)).array, volume.array)


def test_files_read_by_nibabel_and_by_us_agree(tmp_path: Path) -> None:
    path = tmp_path / "image.nii.gz"
    write_volume(oblique(dtype="int16"), path)
    ours, theirs = read_image(path), Volume.from_nibabel(nibabel.load(path))
    assert np.array_equal(ours.array, theirs.array)
    assert np.allclose(ours.affine, theirs.affine, rtol=0, atol=1e-4)  # float32 in the file
    sitks = Volume.from_sitk(sitk.ReadImage(str(path)))
    assert np.allclose(ours.affine, sitks.affine, rtol=0, atol=1e-4)


def test_metres_of_a_nifti_header_are_metres() -> None:
    image = nibabel.Nifti1Image(np.zeros((2, 3, 4)), np.diag([0.001, 0.002, 0.003, 1]))
    image.header.set_xyzt_units("meter")
    assert Volume.from_nibabel(image).spacing == pytest.approx((3, 2, 1))


@pytest.mark.filterwarnings("ignore:NvImgCodec")
def test_a_metatensor_of_monai_reads_as_its_file(tmp_path: Path) -> None:
    from monai.transforms import LoadImage

    path = tmp_path / "image.nii.gz"
    write_volume(oblique(dtype="int16"), path)
    loaded = LoadImage("NibabelReader", image_only=True, ensure_channel_first=True)(path)
    volume, ours = as_volume(loaded), read_image(path)
    assert np.array_equal(volume.array, ours.array)
    assert np.allclose(volume.affine, ours.affine, rtol=0, atol=1e-4)


def test_a_slice_of_simpleitk_is_a_volume_of_one_slice() -> None:
    image = sitk.GetImageFromArray(np.arange(6.0).reshape(2, 3))
    image.SetSpacing((0.5, 0.7))
    volume = as_volume(image)
    assert volume.shape == (1, 2, 3)
    assert volume.spacing == (1.0, 0.7, 0.5)


@pytest.mark.parametrize(
    "image",
    [
        sitk.Image([4, 4, 4], sitk.sitkVectorUInt8, 3),
        sitk.Image([4, 4, 4], sitk.sitkComplexFloat32),
        sitk.Image([4, 4, 4, 4], sitk.sitkUInt8),
        nibabel.Nifti1Image(np.zeros((2, 2, 2, 2)), np.eye(4)),
        nibabel.Nifti1Image(np.zeros((2, 2)), np.eye(4)),
    ],
)
def test_what_is_no_single_scalar_volume_is_refused(image: Any) -> None:
    with pytest.raises(ValueError, match="found: "):
        as_volume(image)


def test_what_is_no_image_is_refused_with_a_remedy() -> None:
    with pytest.raises(TypeError, match=r"Volume.from_array\(image, spacing=\(dz, dy, dx\)\)"):
        as_volume(np.zeros((2, 2, 2)))
    with pytest.raises(TypeError, match="mask is a Volume, not str: read_image and read_mask"):
        as_mask("mask.nii.gz")


def test_a_label_image_of_one_label_is_a_mask_of_several_it_is_not() -> None:
    labels = np.zeros((2, 3, 4), dtype=np.int16)
    labels[0] = 7
    assert as_mask(Volume(labels, np.eye(4))).array.sum() == 12
    labels[1] = 9
    with pytest.raises(InputError, match="values from 7 to 9"):
        as_mask(Volume(labels, np.eye(4)))
    masks = interchange.label_masks(Volume(labels, np.eye(4)))
    assert [(name, mask.array.sum()) for name, mask in masks.items()] == [("7", 12), ("9", 12)]
    assert list(interchange.label_masks(Volume(labels, np.eye(4)), ["GTV", "lung"])) == [
        "GTV",
        "lung",
    ]
    with pytest.raises(ValueError, match="2 labels need as many names"):
        interchange.label_masks(Volume(labels, np.eye(4)), ["GTV"])
