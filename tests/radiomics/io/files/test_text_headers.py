"""NRRD and MetaImage (oracle: SimpleITK where it reads right): grids, spaces, refusals, packing."""

from __future__ import annotations

import bz2
import gzip
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from radiomics import InputError, Volume, read_image
from radiomics.io import file_parts

VOXELS = np.arange(24, dtype="<i2").reshape(2, 3, 4)
NRRD = "NRRD0005\ntype: short\ndimension: 3\nsizes: 4 3 2\nendian: little\nencoding: raw\n"
LPS = "space: left-posterior-superior\n"
GRID = "space directions: (0.5,0,0) (0,0.75,0) (0,0,2.5)\nspace origin: (1,2,3)\n"
META = {
    "ObjectType": "Image",
    "NDims": "3",
    "BinaryData": "True",
    "BinaryDataByteOrderMSB": "False",
    "CompressedData": "False",
    "TransformMatrix": "1 0 0 0 1 0 0 0 1",
    "Offset": "1 2 3",
    "ElementSpacing": "0.5 0.75 2.5",
    "DimSize": "4 3 2",
    "ElementType": "MET_SHORT",
}


def nrrd(folder: Path, head: str, data: bytes = VOXELS.tobytes(), name: str = "a.nrrd") -> Path:
    path = folder / name
    path.write_bytes(f"{head}\n".encode() + data)
    return path


def meta(
    folder: Path, data: bytes = VOXELS.tobytes(), file: str = "LOCAL", **fields: str | None
) -> Path:
    given = {key: value for key, value in (META | fields).items() if value is not None}
    head = "".join(f"{key} = {value}\n" for key, value in given.items())
    path = folder / ("a.mha" if file == "LOCAL" else "a.mhd")
    path.write_bytes(f"{head}ElementDataFile = {file}\n".encode() + data)
    return path


def by_simpleitk(path: Path) -> Volume:
    return Volume.from_sitk(sitk.ReadImage(str(path)))


def turned(rng: np.random.Generator) -> Any:
    axes, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return axes


def lps_head(steps: np.ndarray, origin: np.ndarray) -> str:
    """Return an NRRD header with steps along the axes (columns of 3x3) and the first voxel."""
    columns = " ".join("(" + ",".join(f"{x:.17g}" for x in column) + ")" for column in steps.T)
    first = ",".join(f"{x:.17g}" for x in origin)
    return f"{NRRD}space: LPS\nspace directions: {columns}\nspace origin: ({first})\n"


def test_nrrd_of_any_orientation_in_each_anatomical_space(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    spaces = ("left-posterior-superior", "right-anterior-superior", "left-anterior-superior")
    for number in range(150):
        space = [*spaces, "LPS", "RAS", "LAS"][number % 6]
        steps = turned(rng) * rng.uniform(0.3, 5, 3)
        first = rng.uniform(-200, 200, 3)
        path = nrrd(tmp_path, lps_head(steps, first).replace("space: LPS", f"space: {space}"))
        ours, truth = read_image(path), by_simpleitk(path)
        if space in ("LAS", "left-anterior-superior"):  # SimpleITK before 2.5 does not turn it
            flip = np.array([[1, -1, 1]])
            truth = by_simpleitk(nrrd(tmp_path, lps_head(steps * flip.T, first * flip[0])))
        np.testing.assert_array_equal(ours.array, truth.array)
        np.testing.assert_allclose(ours.affine, truth.affine, atol=1e-9)
        assert ours.history == ()


def test_metaimage_of_any_orientation(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    for number in range(100):
        axes = turned(rng)
        axes[:, 0] *= np.sign(np.linalg.det(axes))  # SimpleITK takes right-handed ones
        matrix = " ".join(f"{x:.17g}" for x in axes.T.ravel())
        origin = " ".join(f"{x:.17g}" for x in rng.uniform(-200, 200, 3))
        spacing = " ".join(f"{x:.17g}" for x in rng.uniform(0.3, 5, 3))
        key = ("TransformMatrix", "Rotation", "Orientation")[number % 3]
        fields = {"TransformMatrix": None, key: matrix, "ElementSpacing": spacing}
        place = ("Offset", "Position", "Origin")[number % 3]
        path = meta(tmp_path, **{**fields, "Offset": None, place: origin})
        ours, truth = read_image(path), by_simpleitk(path)
        np.testing.assert_array_equal(ours.array, truth.array)
        np.testing.assert_allclose(ours.affine, truth.affine, atol=1e-9)
        assert ours.history == ()


@pytest.mark.parametrize(
    ("head", "note"),
    [
        ("space: scanner-xyz\n" + GRID, "space scanner-xyz: its axes are taken as those of LPS"),
        ("space dimension: 3\n" + GRID, "no space: its axes are taken as those of LPS"),
        ("spacings: 0.5 0.75 2.5\n", "no space: sides and position are not known"),
        (LPS + GRID.split("space origin")[0], "no space origin"),
        (LPS + GRID + 'space units: "um" "um" "um"\n', '"um" "um" "um", turned into mm'),
    ],
)
def test_what_an_nrrd_header_leaves_open_is_noted(tmp_path: Path, head: str, note: str) -> None:
    volume = read_image(nrrd(tmp_path, NRRD + head))
    assert note in volume.history[-1]
    factor = 1e-3 if "um" in head else 1
    np.testing.assert_allclose(volume.spacing, np.array([2.5, 0.75, 0.5]) * factor)
    np.testing.assert_array_equal(volume.array, VOXELS)


def test_an_axis_that_is_none_of_the_patients(tmp_path: Path) -> None:
    four = NRRD.replace("dimension: 3", "dimension: 4")
    for sizes, directions in (
        ("1 4 3 2", "none (0.5,0,0) (0,0.75,0) (0,0,2.5)"),
        ("4 3 2 1", "(0.5,0,0) (0,0.75,0) (0,0,2.5) none"),
    ):
        head = four.replace("sizes: 4 3 2", f"sizes: {sizes}") + LPS
        path = nrrd(tmp_path, f"{head}space directions: {directions}\nspace origin: (1,2,3)\n")
        volume = read_image(path)
        np.testing.assert_array_equal(volume.array, VOXELS)
        np.testing.assert_allclose(volume.spacing, (2.5, 0.75, 0.5))
        np.testing.assert_allclose(volume.origin, (1, 2, 3))
    head = four.replace("sizes: 4 3 2", "sizes: 2 4 3 1") + LPS
    path = nrrd(tmp_path, f"{head}space directions: none (1,0,0) (0,1,0) (0,0,1)\n")
    with pytest.raises(InputError, match="2 values a voxel"):
        read_image(path)


def test_an_nrrd_of_two_dimensions_is_one_slice(tmp_path: Path) -> None:
    flat = NRRD.replace("dimension: 3", "dimension: 2").replace("4 3 2", "4 6")
    volume = read_image(nrrd(tmp_path, flat + "spacings: 0.2 0.3\n"))
    assert volume.shape == (1, 6, 4)
    np.testing.assert_allclose(volume.spacing, (1, 0.3, 0.2))
    assert "one slice without a thickness: taken as 1 mm" in volume.history
    placed = "space directions: (0,0.2,0) (0,0,0.3)\nspace origin: (1,2,3)\n"
    volume = read_image(nrrd(tmp_path, flat + LPS + placed))
    np.testing.assert_allclose(volume.direction, [[1, 0, 0], [0, 0, 1], [0, 1, 0]])


PACKINGS = {
    "gzip": gzip.compress(VOXELS.tobytes()),
    "bzip2": bz2.compress(VOXELS.tobytes()),
    "ascii": b" ".join(str(value).encode() for value in VOXELS.ravel().tolist()),
    "hex": VOXELS.tobytes().hex().encode(),
}


@pytest.mark.parametrize("encoding", PACKINGS)
@pytest.mark.parametrize("detached", [False, True])
def test_encodings_of_nrrd(tmp_path: Path, encoding: str, detached: bool) -> None:
    head = NRRD.replace("encoding: raw", f"encoding: {encoding}") + LPS + GRID
    if detached:
        (tmp_path / "a.bin").write_bytes(PACKINGS[encoding])
        path = nrrd(tmp_path, f"{head}data file: a.bin\n", b"", "a.nhdr")
        assert [part.name for part in file_parts(path)] == ["a.nhdr", "a.bin"]
    else:
        path = nrrd(tmp_path, head, PACKINGS[encoding])
    np.testing.assert_array_equal(read_image(path).array, VOXELS)


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2", "hex"])
def test_voxels_that_a_file_ends_with(tmp_path: Path, encoding: str) -> None:
    before = b"a header of another kind" * 9
    packed = {
        "raw": bytes,
        "gzip": gzip.compress,
        "bzip2": bz2.compress,
        "hex": lambda b: b.hex().encode(),
    }
    (tmp_path / "a.bin").write_bytes(packed[encoding](before + VOXELS.tobytes()))
    head = NRRD.replace("encoding: raw", f"encoding: {encoding}") + LPS + GRID
    head += "data file: a.bin\n"
    for skip in (-1, len(before)):
        path = nrrd(tmp_path, f"{head}byte skip: {skip}\n", b"", "a.nhdr")
        np.testing.assert_array_equal(read_image(path).array, VOXELS)
    for wrong in (-5, "x"):
        with pytest.raises(InputError, match="byte skip"):
            read_image(nrrd(tmp_path, f"{head}byte skip: {wrong}\n", b"", "a.nhdr"))
    with pytest.raises(InputError, match="ends early"):
        read_image(nrrd(tmp_path, f"{head}byte skip: 999\n", b"", "a.nhdr"))


def test_voxels_of_the_other_byte_order(tmp_path: Path) -> None:
    data = VOXELS.astype(">i2").tobytes()
    head = NRRD.replace("little", "big") + LPS + GRID
    np.testing.assert_array_equal(read_image(nrrd(tmp_path, head, data)).array, VOXELS)
    path = meta(tmp_path, data, BinaryDataByteOrderMSB="True")
    np.testing.assert_array_equal(read_image(path).array, VOXELS)


def test_voxels_in_several_files(tmp_path: Path) -> None:
    for number, part in enumerate(VOXELS):
        (tmp_path / f"v{number}.raw").write_bytes(part.tobytes())
    head = NRRD + LPS + GRID
    listed = nrrd(tmp_path, f"{head}data file: LIST 2\nv0.raw\nv1.raw", b"", "a.nhdr")
    numbered = nrrd(tmp_path, f"{head}data file: v%d.raw 0 1 1 2\n", b"", "b.nhdr")
    for path in (listed, numbered):
        np.testing.assert_array_equal(read_image(path).array, VOXELS)
        names = [part.name for part in file_parts(path)]
        assert names == [path.name, "v0.raw", "v1.raw"]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"ElementSpacing": None}, "no ElementSpacing"),
        ({"ElementSpacing": "0.5 0 2.5"}, "0.5 x 0 x 2.5"),
        ({"ElementSpacing": "0.5 nan 2.5"}, "0.5 x nan x 2.5"),
        ({"ElementSpacing": "0.5 0.75"}, "3 numbers"),
        ({"TransformMatrix": "1 0 0 0.17364818 0.98480775 0 0 0 1"}, "80.00 degrees"),
        ({"TransformMatrix": "1 0 0 0 2 0 0 0 1"}, "lengths 1, 2, 1"),
        ({"TransformMatrix": "1 0 0 0 1 0"}, "9 numbers"),
        ({"Offset": "1 inf 3"}, "origin"),
        ({"ElementNumberOfChannels": "2"}, "2 value"),
        ({"NDims": "4", "DimSize": "4 3 1 2"}, "4 x 3 x 1 x 2"),
        ({"DimSize": "4 3 0"}, "numbers of voxels"),
    ],
    ids=str,
)
def test_metaimage_headers_that_are_refused(
    tmp_path: Path, fields: dict[str, str | None], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        read_image(meta(tmp_path, **fields))


@pytest.mark.parametrize(
    ("head", "told"),
    [
        ("", "no space directions and no spacings"),
        ("spacings: 0.5 0.75 nan\n", "0.5 x 0.75 x nan"),
        ("spacings: 0.5 0.75 -1\n", "0.5 x 0.75 x -1"),
        (LPS + "space directions: (1,0,0) (0,0,0) (0,0,1)\n", "above 0"),
        (LPS + "space directions: (1,0,0) (0,nan,0) (0,0,1)\n", "above 0"),
        (LPS + "space directions: (1,0,0) (0.17364818,0.98480775,0) (0,0,1)\n", "80.00 degrees"),
        (LPS + "space directions: (1,0,0) (2,0,0) (0,0,1)\n", "0.00 degrees"),
        (LPS + "space directions: (1,0,0) (0,1,0)\n", "for each axis: 3"),
        (LPS + "space directions: (1,0,x) (0,1,0) (0,0,1)\n", "numbers"),
        ("space: left-posterior-superior-time\nspace directions: (1,0,0,0) none none\n", "space"),
    ],
)
def test_nrrd_headers_that_are_refused(tmp_path: Path, head: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        read_image(nrrd(tmp_path, NRRD + head))


def test_metaimage_axes_without_a_matrix(tmp_path: Path) -> None:
    volume = read_image(meta(tmp_path, TransformMatrix=None))
    np.testing.assert_array_equal(volume.direction, np.eye(3)[::-1])
    assert "no orientation (no TransformMatrix)" in volume.history[0]
    volume = read_image(meta(tmp_path, TransformMatrix=None, AnatomicalOrientation="LPI"))
    np.testing.assert_array_equal(volume.direction, [[0, 0, -1], [0, -1, 0], [1, 0, 0]])
    assert volume.history == ("no TransformMatrix: axes by AnatomicalOrientation LPI",)
    volume = read_image(meta(tmp_path, AnatomicalOrientation="LPI"))  # the matrix counts
    np.testing.assert_array_equal(volume.direction, np.eye(3)[::-1])


def test_metaimage_sizes_in_place_of_spacings_are_noted(tmp_path: Path) -> None:
    sizes = "0.4 0.5 2"
    volume = read_image(meta(tmp_path, ElementSpacing=None, ElementSize=sizes))
    np.testing.assert_allclose(volume.spacing, (2, 0.5, 0.4))
    assert volume.history == ("no ElementSpacing: ElementSize is taken for it",)
    volume = read_image(meta(tmp_path, ElementSize=sizes))
    np.testing.assert_allclose(volume.spacing, (2.5, 0.75, 0.5))
    volume = read_image(meta(tmp_path, DistanceUnits="um"))
    np.testing.assert_allclose(volume.spacing, (2.5e-3, 0.75e-3, 0.5e-3))
    np.testing.assert_allclose(volume.origin, (1e-3, 2e-3, 3e-3))


def test_a_metaimage_of_two_dimensions_is_one_slice(tmp_path: Path) -> None:
    two = {"NDims": "2", "DimSize": "4 6", "ElementSpacing": "0.2 0.3", "Offset": "1 2"}
    volume = read_image(meta(tmp_path, **two, TransformMatrix="0 1 -1 0"))
    assert volume.shape == (1, 6, 4)
    np.testing.assert_allclose(volume.spacing, (1, 0.3, 0.2))
    np.testing.assert_allclose(volume.direction[:, 2], (0, 1, 0))


def test_files_that_end_early_say_so(tmp_path: Path) -> None:
    raw = VOXELS.tobytes()
    long = np.random.default_rng(0).integers(0, 99, 24).astype("<i2").tobytes() * 1
    packed, head = zlib.compress(long), NRRD + LPS + GRID
    cut = [
        meta(tmp_path, raw[:-1]),
        meta(tmp_path, b""),
    ]
    for path in cut:
        with pytest.raises(InputError, match="MetaImage: the file ends early"):
            read_image(path)
    with pytest.raises(InputError, match="NRRD: the file ends early"):
        read_image(nrrd(tmp_path, head, raw[:-1]))
    for encoding, data in (("gzip", gzip.compress(long)), ("bzip2", bz2.compress(long))):
        path = nrrd(tmp_path, head.replace("raw", encoding), data[: len(data) // 2])
        with pytest.raises(InputError, match="NRRD: the file ends early"):
            read_image(path)
    fields = {"CompressedData": "True", "CompressedDataSize": str(len(packed))}
    with pytest.raises(InputError, match="MetaImage: the file ends early"):
        read_image(meta(tmp_path, packed[: len(packed) // 2], **fields))
    np.testing.assert_array_equal(
        read_image(meta(tmp_path, packed, **fields)).array.ravel()[:2],
        np.frombuffer(long, "<i2")[:2],
    )
    (tmp_path / "v.raw").write_bytes(raw[:-2])
    for path in (
        meta(tmp_path, b"", "v.raw"),
        nrrd(tmp_path, f"{head}data file: v.raw\n", b"", "c.nhdr"),
    ):
        with pytest.raises(InputError, match="the file ends early"):
            read_image(path)
    (tmp_path / "v.raw").unlink()
    for path in (tmp_path / "a.mhd", tmp_path / "c.nhdr"):
        with pytest.raises(InputError, match=r"v\.raw is not there"):
            read_image(path)
    for data, name in ((b"NRR", "d.nrrd"), (b"", "d.nrrd"), (b"ObjectType = Image\n", "d.mha")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=r"ends early|begins with"):
            read_image(tmp_path / name)
