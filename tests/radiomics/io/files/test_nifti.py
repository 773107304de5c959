"""Plain NIfTI files read by our own code: equal to SimpleITK, and left to it where not plain."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from radiomics import InputError, Volume, read_image
from radiomics.io.files.itk import read_itk
from radiomics.io.files.nifti import HEADER, KINDS, nifti_shape, read_nifti

DATA = 352
"""Where the voxels begin."""


def content(array: Any = None, order: str = "<", **fields: Any) -> bytes:
    """Return a file of an array (D, H, W), with fields of its header as given."""
    array = np.arange(24, dtype=np.int16).reshape(2, 3, 4) if array is None else array
    header = np.zeros((), HEADER.newbyteorder(order))
    header["sizeof_hdr"], header["magic"], header["vox_offset"] = 348, b"n+1", DATA
    header["dim"] = [3, *array.shape[::-1], 1, 1, 1, 1]
    codes = {name: code for code, name in KINDS.items()}
    header["datatype"] = codes[array.dtype.str[1:]]
    header["bitpix"] = 8 * array.dtype.itemsize
    header["pixdim"][:4] = [1, 0.5, 0.75, 2.5]
    header["xyzt_units"], header["qform_code"], header["scl_slope"] = 2, 1, 1
    header["qoffset"] = [10, -20, 30.5]
    for name, value in fields.items():
        header[name] = value
    return (
        header.tobytes().ljust(DATA, b"\0")
        + array.astype(array.dtype.newbyteorder(order)).tobytes()
    )


def written(folder: Path, data: bytes, packed: bool = False) -> Path:
    path = folder / ("a.nii.gz" if packed else "a.nii")
    path.write_bytes(gzip.compress(data) if packed else data)
    return path


def equal(path: Path) -> Volume:
    """Demand that both readers agree; return what they read."""
    ours, theirs = read_nifti(path), read_itk(path)
    assert ours is not None
    assert ours.array.dtype == theirs.array.dtype
    np.testing.assert_array_equal(ours.array, theirs.array)
    np.testing.assert_allclose(ours.affine, theirs.affine, rtol=1e-6, atol=1e-5)
    assert nifti_shape(path) == ours.shape
    return ours


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", sorted(KINDS.values()))
def test_every_kind_of_voxel_in_both_byte_orders(
    tmp_path: Path, kind: str, order: str, packed: bool
) -> None:
    array = (np.arange(24).reshape(2, 3, 4) * 5).astype(kind)
    volume = equal(written(tmp_path, content(array, order), packed))
    np.testing.assert_array_equal(volume.array, array)
    assert volume.array.dtype.isnative
    np.testing.assert_array_equal(volume.spacing, (2.5, 0.75, 0.5))
    np.testing.assert_array_equal(volume.origin, (-10, 20, 30.5))  # LPS


numbers = st.floats(-1, 1, allow_subnormal=False)


@given(st.tuples(numbers, numbers, numbers, numbers), st.sampled_from([1, -1]))
@settings(max_examples=100, deadline=None)
def test_axes_of_any_quaternion(
    tmp_path_factory: pytest.TempPathFactory, four: tuple[float, ...], hand: int
) -> None:
    q = np.array(four)
    if np.linalg.norm(q) < 1e-3:
        return
    q /= np.linalg.norm(q)
    q *= -1 if q[0] < 0 else 1
    fields = {"quatern": q[1:], "pixdim": [hand, 0.5, 0.75, 2.5, 0, 0, 0, 0]}
    path = written(tmp_path_factory.mktemp("q"), content(**fields))
    volume = read_nifti(path)
    assert volume is not None
    np.testing.assert_allclose(volume.affine, read_itk(path).affine, atol=5e-3)  # near half turns
    if q[0] > 0.05:
        equal(path)


def test_quarter_turns_are_exact(tmp_path: Path) -> None:
    for quaternion in ([0, 0, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0]):
        volume = equal(written(tmp_path, content(quatern=quaternion)))
        np.testing.assert_array_equal(np.abs(volume.direction), np.eye(3)[::-1])


def oblique_rows() -> Any:
    rotation = sitk.Euler3DTransform((0, 0, 0), 0.1, 0.2, -0.3).GetMatrix()
    axes = np.array(rotation).reshape(3, 3)
    return np.c_[axes * [0.5, 0.75, 2.5], [1, 2, 3]]


def test_axes_as_rows_alone_and_beside_a_quaternion(tmp_path: Path) -> None:
    rows = oblique_rows()
    equal(written(tmp_path, content(qform_code=0, sform_code=2, srow=rows)))
    straight = np.c_[np.diag([0.5, 0.75, 2.5]), [10, -20, 30.5]]
    equal(written(tmp_path, content(sform_code=1, srow=straight)))


REFUSED: list[dict[str, Any]] = [
    {"datatype": 32},
    {"qform_code": 0, "sform_code": 1, "srow": np.full((3, 4), 0.1)},
    {"dim": [4, 4, 3, 1, 2, 1, 1, 1]},
]
"""What SimpleITK cannot read either, or is no single image of numbers."""


@pytest.mark.parametrize(
    "fields",
    [
        *REFUSED,
        {"scl_slope": 2.0},
        {"scl_inter": -1024.0},
        {"xyzt_units": 1},
        {"qform_code": 0},
        {"sform_code": 1, "srow": np.c_[np.diag([0.5, 0.75, 2.5]), [11, -20, 30.5]]},
        {"qform_code": 0, "sform_code": 1, "srow": np.c_[np.diag([0.502, 0.75, 2.5]), [0, 0, 0]]},
        {"magic": b"ni1"},
        {"bitpix": 32},
        {"vox_offset": 100.0},
        {"vox_offset": np.nan},
        {"qoffset": [np.inf, 0, 0]},
        {"quatern": [np.nan, 0, 0]},
        {"sizeof_hdr": 540},
    ],
    ids=str,
)
def test_what_is_not_plain_is_left_to_simpleitk(tmp_path: Path, fields: dict[str, Any]) -> None:
    path = written(tmp_path, content(**fields))
    assert read_nifti(path) is None
    if any(fields is one for one in REFUSED):
        with pytest.raises(InputError):
            read_image(path)
    else:
        expected = read_itk(path)
        found = read_image(path)
        np.testing.assert_array_equal(found.array, expected.array)
        np.testing.assert_array_equal(found.affine, expected.affine)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"pixdim": [1, 0.5, np.nan, 2.5, 0, 0, 0, 0]}, "pixdim 0.5 x nan x 2.5 mm"),
        ({"pixdim": [1, 0.5, 0, 2.5, 0, 0, 0, 0]}, "pixdim 0.5 x 0 x 2.5 mm"),
        (
            {"sform_code": 1, "srow": np.c_[np.diag([0.5, 0.75, 3.0]), [10, -20, 30.5]]},
            "pixdim 0.5 x 0.75 x 2.5 mm, sform 0.5 x 0.75 x 3 mm",
        ),
    ],
)
def test_a_spacing_that_is_none_or_two_is_refused(
    tmp_path: Path, fields: dict[str, Any], told: str, packed: bool
) -> None:
    with pytest.raises(InputError, match=told):
        read_image(written(tmp_path, content(**fields), packed))


def test_files_that_are_cut_short_or_damaged_are_refused(tmp_path: Path) -> None:
    whole = content(np.random.default_rng(0).integers(0, 99, (20, 30, 40)).astype(np.int16))
    huge = content(dim=[3, 30_000, 30_000, 30_000, 1, 1, 1, 1])
    for data in (whole[:-1], whole[:400], whole[:100], b"", huge):
        with pytest.raises(InputError):
            read_image(written(tmp_path, data))
    packed = gzip.compress(whole)
    for data in (packed[:-9] + packed[-8:], packed[: len(packed) // 2] + packed[-4:], packed[:20]):
        (tmp_path / "b.nii.gz").write_bytes(data)
        with pytest.raises(InputError, match=r"b\.nii\.gz"):
            read_image(tmp_path / "b.nii.gz")
    wrong_sum = packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:]
    (tmp_path / "b.nii.gz").write_bytes(wrong_sum)
    with pytest.raises(InputError, match="CRC check failed"):
        read_image(tmp_path / "b.nii.gz")


def test_a_packed_file_may_be_called_plain(tmp_path: Path) -> None:
    array = np.zeros((20, 30, 40), np.int16)
    path = tmp_path / "packed.nii"
    path.write_bytes(gzip.compress(content(array)))
    np.testing.assert_array_equal(read_image(path).array, array)


def test_a_file_that_goes_on_is_left_to_simpleitk(tmp_path: Path) -> None:
    assert read_nifti(written(tmp_path, content() + b"more")) is None


def test_values_that_are_not_finite_stay(tmp_path: Path) -> None:
    array = np.ones((2, 3, 4), np.float32)
    array[0, 0, :3] = np.nan, np.inf, -np.inf
    for packed in (False, True):
        np.testing.assert_array_equal(
            read_image(written(tmp_path, content(array), packed)).array, array
        )
    scaled = read_image(written(tmp_path, content(array, scl_slope=2.0)))
    np.testing.assert_array_equal(scaled.array[0, 0, :3], array[0, 0, :3])


@pytest.mark.parametrize("packed", [False, True])
def test_a_grid_without_a_place_for_voxels_is_refused(tmp_path: Path, packed: bool) -> None:
    data = bytearray(content())
    data[87] = 0  # the exponent of a spacing: 1e-38 mm
    path = written(tmp_path, bytes(data), packed)
    with pytest.raises(InputError, match="must give voxels a grid"):
        read_image(path)


@given(st.integers(0, 351), st.integers(0, 255), st.booleans())
@settings(max_examples=300, deadline=None)
def test_a_changed_byte_of_the_header_gives_simpleitks_image_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int, packed: bool
) -> None:
    data = bytearray(content())
    data[place] = value
    path = written(tmp_path_factory.mktemp("h"), bytes(data), packed)
    try:
        ours = read_nifti(path)
    except InputError as refused:
        if "voxels" not in str(refused):  # more are promised than there are
            raise
        return
    if ours is not None:
        theirs = read_itk(path)
        np.testing.assert_array_equal(ours.array, theirs.array)
        np.testing.assert_allclose(ours.affine, theirs.affine, rtol=1e-6, atol=5e-3)
