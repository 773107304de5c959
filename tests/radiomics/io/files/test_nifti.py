"""NIfTI read by our own code (oracle): placed as by nibabel, voxels as of SimpleITK."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from radiomics import InputError, Volume, inspect, read_image, read_mask
from radiomics.io import file_parts
from radiomics.io.files.nifti import HEADER, HEADER_2, KINDS, nifti_shape, read_nifti
from radiomics.types import read_only

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
    """Demand the voxels and the grid that SimpleITK gives; return what we read."""
    ours, theirs = read_nifti(path), Volume.from_sitk(sitk.ReadImage(str(path)))
    assert ours.array.dtype == theirs.array.dtype
    np.testing.assert_array_equal(ours.array, theirs.array)
    np.testing.assert_allclose(ours.affine, theirs.affine, rtol=1e-6, atol=1e-5)
    assert nifti_shape(path) == ours.shape
    return ours


def as_nibabel(path: Path) -> Volume:
    """Return what nibabel reads, in LPS."""
    image: Any = nib.load(path)
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine
    array = np.asanyarray(image.dataobj).reshape((*image.shape, 1)[:3])
    return Volume(read_only(array).transpose(2, 1, 0), affine[:, [2, 1, 0, 3]])


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
    np.testing.assert_allclose(volume.affine, as_nibabel(path).affine, atol=5e-3)  # half turns
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


def turned(rng: np.random.Generator) -> Any:
    """Return axes (3, 3) at right angles, of either hand."""
    axes, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return axes


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image, nib.Nifti1Pair])
def test_every_header_is_placed_as_nibabel_places_it(tmp_path: Path, kind: Any) -> None:
    rng = np.random.default_rng(17)
    for number in range(300):
        shape = tuple(rng.integers(2, 7, 3))
        spacing = rng.uniform(0.3, 5, 3).astype(np.float32).astype(float)
        both = np.eye(4)[None].repeat(2, 0)
        for one in both:
            one[:3, :3], one[:3, 3] = turned(rng) * spacing, rng.uniform(-200, 200, 3)
        if rng.random() < 0.3:
            both[1] = both[0]
        image = kind(rng.integers(-99, 99, shape).astype(np.int16), None)
        image.header.set_zooms(spacing)
        qcode, scode = rng.integers(0, 3, 2).tolist()
        image.set_qform(both[0], qcode)
        image.set_sform(both[1], scode)
        path = tmp_path / f"{number}{'.hdr' if kind is nib.Nifti1Pair else '.nii'}"
        nib.save(image, path)
        ours, theirs = read_nifti(path), as_nibabel(path)
        np.testing.assert_array_equal(ours.array, theirs.array)
        np.testing.assert_allclose(ours.affine, theirs.affine, atol=2e-4, err_msg=str(number))
        apart = [note for note in ours.history if "apart" in note]
        assert bool(apart) == bool(qcode and scode and (both[0] != both[1]).any())
        assert bool([n for n in ours.history if "no orientation" in n]) == (not qcode | scode)
        assert len(ours.history) == len(apart) + (not qcode | scode)


def test_the_distance_of_qform_and_sform_is_told(tmp_path: Path) -> None:
    moved = np.c_[np.diag([0.5, 0.75, 2.5]), [40, -20, 30.5]]
    volume = read_nifti(written(tmp_path, content(sform_code=1, srow=moved)))
    assert volume.history == ("qform and sform lie up to 30 mm apart: the sform is used",)
    np.testing.assert_array_equal(volume.origin, (-40, 20, 30.5))
    metres = content(sform_code=1, srow=moved, xyzt_units=1)
    assert "30000 mm" in read_nifti(written(tmp_path, metres)).history[0]


def test_a_mask_keeps_what_was_noted_of_its_file(tmp_path: Path) -> None:
    moved = np.c_[np.diag([0.5, 0.75, 2.5]), [40, -20, 30.5]]
    path = written(
        tmp_path,
        content((np.arange(24).reshape(2, 3, 4) > 9).astype(np.uint8), sform_code=1, srow=moved),
    )
    image = read_image(path)
    mask = read_mask(path, like=image)
    assert mask.history == ("mask: qform and sform lie up to 30 mm apart: the sform is used",)


@pytest.mark.parametrize(("units", "factor"), [(0, 1), (1, 1000), (2, 1), (3, 0.001), (10, 1)])
def test_units_of_length(tmp_path: Path, units: int, factor: float) -> None:
    volume = read_nifti(written(tmp_path, content(xyzt_units=units)))
    np.testing.assert_allclose(volume.spacing, np.array([2.5, 0.75, 0.5]) * factor)
    np.testing.assert_allclose(volume.origin, np.array([-10, 20, 30.5]) * factor)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["u1", "i2", "u2", "f4", "f8"])
def test_scaled_values_are_those_of_simpleitk(tmp_path: Path, kind: str, order: str) -> None:
    array = (np.arange(24).reshape(2, 3, 4) * 7).astype(kind)
    for slope, inter in ((0.5, -10), (2, 0), (1, -1024), (1, 0)):
        equal(written(tmp_path, content(array, order, scl_slope=slope, scl_inter=inter)))
    for slope in (0, np.nan):
        volume = read_nifti(written(tmp_path, content(array, order, scl_slope=slope, scl_inter=5)))
        np.testing.assert_array_equal(volume.array, array)


def test_scaled_numbers_that_float32_does_not_hold_stay_exact(tmp_path: Path) -> None:
    array = np.full((2, 3, 4), 2**24 + 1, np.int32)
    volume = read_nifti(written(tmp_path, content(array, scl_slope=0.5)))
    np.testing.assert_array_equal(volume.array, array * 0.5)


def test_nifti_2(tmp_path: Path) -> None:
    array = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    for order in "<>":
        header = np.zeros((), HEADER_2.newbyteorder(order))
        header["sizeof_hdr"], header["magic"], header["vox_offset"] = 540, b"n+2\0\r\n\x1a\n", 544
        header["dim"], header["datatype"], header["bitpix"] = [3, 4, 3, 2, 1, 1, 1, 1], 4, 16
        header["pixdim"][:4], header["xyzt_units"] = [1, 0.5, 0.75, 2.5], 3
        header["sform_code"], header["srow"] = 1, np.c_[np.diag([0.5, 0.75, 2.5]), [10, 20, 30]]
        data = header.tobytes().ljust(544, b"\0") + array.astype(f"{order}i2").tobytes()
        volume = read_nifti(written(tmp_path, data))
        np.testing.assert_array_equal(volume.array, array)
        np.testing.assert_allclose(volume.origin, (-0.01, -0.02, 0.03))
        with pytest.raises(InputError, match="a NIfTI-2 file that ends early"):
            read_nifti(written(tmp_path, data[:-1]))
        with pytest.raises(InputError, match="a NIfTI-2 file that ends early: 300 bytes"):
            read_nifti(written(tmp_path, data[:300]))


@pytest.mark.parametrize("packed", [False, True])
def test_pairs_of_header_and_voxels(tmp_path: Path, packed: bool) -> None:
    image = nib.Nifti1Pair(np.arange(24, dtype=np.int16).reshape(4, 3, 2), np.diag([1, 2, 3, 1]))
    end = ".gz" if packed else ""
    nib.save(image, tmp_path / f"a.img{end}")
    for name in (f"a.hdr{end}", f"a.img{end}"):
        volume = read_image(tmp_path / name)
        np.testing.assert_array_equal(volume.array, np.asarray(image.dataobj).T)
        np.testing.assert_array_equal(volume.spacing, (3, 2, 1))
        parts = [part.name for part in file_parts(tmp_path / name)]
        assert parts == [f"a.hdr{end}", f"a.img{end}"]
    found = inspect(tmp_path)
    assert [(one.name, one.verdict) for one in found] == [(f"a.hdr{end}", "good")]
    (tmp_path / f"a.img{end}").unlink()
    with pytest.raises(InputError, match=r"a\.img"):
        read_image(tmp_path / f"a.hdr{end}")
    (tmp_path / "b.img").write_bytes(b"of a disk")
    with pytest.raises(InputError, match=r"no b\.hdr"):
        read_nifti(tmp_path / "b.img")


def test_analyze_knows_no_orientation(tmp_path: Path) -> None:
    image = nib.AnalyzeImage(np.arange(24, dtype=np.int16).reshape(4, 3, 2), None)
    image.header.set_zooms((1, 2, 3))
    nib.save(image, tmp_path / "a.img")
    volume = read_image(tmp_path / "a.img")
    theirs = nib.AnalyzeImage.from_filename(tmp_path / "a.img")
    np.testing.assert_array_equal(volume.array, np.asarray(theirs.dataobj).T)
    expected = np.diag([-1.0, -1.0, 1.0, 1.0]) @ theirs.header.get_best_affine()
    np.testing.assert_allclose(volume.affine, expected[:, [2, 1, 0, 3]])
    assert "no orientation: Analyze 7.5 has none" in volume.history[0]


def test_a_header_of_other_software_called_hdr_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "a.hdr").write_bytes(b"#?RADIANCE")
    assert inspect(tmp_path) == []


def test_an_image_of_two_dimensions_is_one_slice(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.arange(12, dtype=np.int16).reshape(4, 3), np.diag([0.2, 0.3, 1, 1]))
    nib.save(image, tmp_path / "a.nii")
    volume = read_image(tmp_path / "a.nii")
    assert volume.shape == (1, 3, 4)
    np.testing.assert_allclose(volume.spacing, (1, 0.3, 0.2), rtol=1e-6)
    np.testing.assert_allclose(volume.affine, as_nibabel(tmp_path / "a.nii").affine, atol=1e-6)


def test_an_image_of_two_dimensions_without_thickness_says_so(tmp_path: Path) -> None:
    flat = content(np.zeros((1, 3, 4), np.int16), dim=[2, 4, 3, 0, 0, 0, 0, 0])
    data = bytearray(flat)
    data[88:92] = bytes(4)  # pixdim[3]
    volume = read_image(written(tmp_path, bytes(data)))
    assert volume.spacing == (1, 0.75, 0.5)
    assert volume.history == ("one slice without a thickness: taken as 1 mm",)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"datatype": 32}, "complex numbers"),
        ({"datatype": 128}, "RGB colours"),
        ({"datatype": 1536}, "128 bits"),
        ({"datatype": 9}, "datatype 9"),
        ({"dim": [4, 4, 3, 1, 2, 1, 1, 1]}, "4 x 3 x 1 x 2 voxels"),
        ({"dim": [5, 4, 3, 2, 1, 3, 1, 1]}, "5D"),
        ({"dim": [3, 4, 3, -2, 1, 1, 1, 1]}, "dim"),
        ({"dim": [1, 24, 1, 1, 1, 1, 1, 1]}, "dim"),
        ({"vox_offset": 100.0}, "vox_offset 100"),
        ({"vox_offset": np.nan}, "vox_offset nan"),
        ({"vox_offset": 352.5}, "vox_offset 352.5"),
        ({"qoffset": [np.inf, 0, 0]}, "qoffset"),
        ({"quatern": [np.nan, 0, 0]}, "quatern"),
        ({"quatern": [1, 1, 0]}, "quatern"),
        ({"sizeof_hdr": 540}, "NIfTI-2"),
        ({"magic": b"abc"}, "mark b'abc'"),
        ({"scl_slope": 2, "scl_inter": np.nan}, "scl_inter"),
    ],
    ids=str,
)
def test_what_is_no_image_of_numbers_on_a_grid_is_refused(
    tmp_path: Path, fields: dict[str, Any], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        read_image(written(tmp_path, content(**fields)))


@pytest.mark.parametrize(
    "broken",
    [
        {"quatern": [np.nan, 0, 0]},
        {"qoffset": [0, np.inf, 0]},
        {"quatern": [1, 1, 1]},
        {"pixdim": [3, 0.5, 0.75, 2.5, 0, 0, 0, 0]},
    ],
    ids=str,
)
def test_a_broken_qform_beside_an_sform_is_noted(tmp_path: Path, broken: dict[str, Any]) -> None:
    rows = np.c_[np.diag([0.5, 0.75, 2.5]), [1, 2, 3]]
    volume = read_nifti(written(tmp_path, content(sform_code=1, srow=rows, **broken)))
    np.testing.assert_array_equal(volume.origin, (-1, -2, 3))
    assert "its qform is unusable" in volume.history[0]
    with pytest.raises(InputError, match="a rotation and a position"):
        read_nifti(written(tmp_path, content(**broken)))


def test_sheared_axes_are_refused_with_their_angle(tmp_path: Path) -> None:
    rows = np.c_[np.diag([0.5, 0.75, 2.5]), [0, 0, 0]]
    rows[0, 1], rows[1, 1] = 0.75 * np.sin(np.radians(10)), 0.75 * np.cos(np.radians(10))
    path = written(tmp_path, content(sform_code=1, srow=rows))
    with pytest.raises(InputError, match=r"80\.00 degrees") as caught:
        read_image(path)
    assert "sform_code" in caught.value.remedy
    read_image(written(tmp_path, content(srow=rows)))  # its code is 0: the qform counts


def test_a_spacing_that_two_fields_round_differently_is_that_of_the_sform(tmp_path: Path) -> None:
    rows = np.c_[np.diag([0.502, 0.75, 2.5]), [0, 0, 0]]
    path = written(tmp_path, content(qform_code=0, sform_code=1, srow=rows))
    np.testing.assert_allclose(read_nifti(path).affine, as_nibabel(path).affine, atol=1e-7)


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


def test_a_file_that_goes_on_behind_its_voxels_says_so(tmp_path: Path) -> None:
    volume = read_nifti(written(tmp_path, content() + b"more"))
    assert volume.history == ("4 byte(s) follow the voxels in the file: not read",)


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
def test_a_changed_byte_of_the_header_gives_nibabels_image_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int, packed: bool
) -> None:
    data = bytearray(content())
    data[place] = value
    path = written(tmp_path_factory.mktemp("h"), bytes(data), packed)
    try:
        ours = read_nifti(path)
    except InputError:
        return
    theirs = as_nibabel(path)
    factor = {1: 1e3, 3: 1e-3}.get(data[123] & 7, 1)
    np.testing.assert_allclose(ours.array, theirs.array, rtol=1e-6)
    np.testing.assert_allclose(ours.affine[:3] / factor, theirs.affine[:3], rtol=1e-5, atol=5e-3)
