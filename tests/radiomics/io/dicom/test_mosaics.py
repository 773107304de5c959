"""Oracle: each tile of a mosaic in its place, or the mosaic refused by that name."""

from __future__ import annotations

import gzip
import itertools
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from radiomics import InputError, inspect, read_image
from radiomics.io.dicom.headers import read_header
from radiomics.io.dicom.mosaics import csa_values
from radiomics.io.dicom.series import find_series
from tests.oracles.positions import NumberedPlaces
from tests.radiomics.io.dicom.test_positions import PLANES, recode
from tests.series import AXIAL, OBLIQUE, normal, write_series

SQUARES = {4: (2, 2), 5: (3, 3), 9: (3, 3), 11: (4, 4)}
"""Numbers of slices, and of tiles across and down."""


def csa_header(entries: dict[str, list[str]], version: int = 2) -> bytes:
    """Return a CSA header of these entries, by Siemens' layout alone."""
    content = b"SV10\x04\x03\x02\x01" if version == 2 else b""
    content += struct.pack("<2I", len(entries) + 1, 77)
    first = {"EchoLinePosition": ["32"]}
    for name, texts in (first | entries).items():
        padded = [text.encode() for text in texts] + [b""] * (6 - len(texts) % 6)
        content += struct.pack("<64si4s3i", name.encode(), len(texts), b"DS", 0, len(padded), 77)
        for text in padded:
            raw = text + b"\0" if text else b""
            length = len(raw)
            sizes = (length + 6, 0, 77, 0) if version == 1 else (length, length, 77, length)
            content += struct.pack("<4i", *sizes) + raw + b"\0" * (-length % 4)
    return content


def write_mosaic(
    path: Path, places: NumberedPlaces, step: float, **changes: Any
) -> pydicom.Dataset:
    """Write a Siemens mosaic of numbered places; ``changes`` set or (None) delete attributes."""
    count = len(places.stored)
    image, corner = places.mosaic(*SQUARES[count])
    tags = {"Modality": "MR", "RescaleIntercept": 0, "SpacingBetweenSlices": abs(step)}
    tags |= {"ImageType": [["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]]}
    (one,) = write_series(
        path.parent / "one", image[None], corner[None], places.orientation, places.pixel_spacing,
        **tags,
    )  # fmt: skip
    data = pydicom.dcmread(one)
    one.unlink()
    along = np.sign(step) * normal(places.orientation)
    entries = {
        "NumberOfImagesInMosaic": [f"{count}      "],
        "SliceNormalVector": [f"{x:.8f}" for x in along],
    }
    block = data.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x10, "OB", csa_header(entries, changes.pop("version", 2)))
    numbers = data.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    numbers.add_new(0x0A, "US", count)
    for keyword, value in changes.items():
        if value is None:
            del data[keyword]
        else:
            setattr(data, keyword, value)
    data.save_as(path)
    return data


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("step", [2.5, -2.5])
@pytest.mark.parametrize("count", SQUARES)
@pytest.mark.parametrize("plane", PLANES)
def test_every_voxel_is_where_it_should_be(
    tmp_path: Path, plane: str, count: int, step: float, version: int
) -> None:
    for pixels, matrix in itertools.product([(0.7, 0.7), (0.9, 0.6)], [(6, 6), (4, 6), (8, 5)]):
        places = NumberedPlaces((count, *matrix), PLANES[plane], pixels, step)
        path = tmp_path / f"{pixels}{matrix}.dcm"
        write_mosaic(path, places, step, version=version)
        image = read_image(path)
        assert image.shape == places.stored.shape
        assert places.farthest(image.array, image.affine) < 1e-4


@pytest.mark.parametrize("syntax", ["implicit", "big", "deflated", "rle", "jpeg-ls", "j2k"])
@pytest.mark.parametrize("left", ["type", "number", "CSA header", "type and number"])
def test_what_a_mosaic_is_told_by(tmp_path: Path, left: str, syntax: str) -> None:
    """Anonymised: without ImageType's word, or without what private elements say beside it."""
    places = NumberedPlaces((5, 32, 32), OBLIQUE, (0.9, 0.6), 2.0)
    path = tmp_path / "m.dcm"
    plain = ["ORIGINAL", "PRIMARY", "M", "ND"]
    data = write_mosaic(path, places, 2.0, **({} if "type" in left else {"ImageType": plain}))
    if "number" not in left:
        del data[0x0019, 0x100A]
    data.save_as(path)
    recode(path, syntax)
    if left == "CSA header" and syntax in ("big", "deflated"):
        assert read_header(path).integer("CSAMosaicImages") == 5  # type: ignore[union-attr]
    image = read_image(path)
    assert image.shape == (5, 32, 32)
    assert places.farthest(image.array, image.affine) < 1e-4


def test_stored_bits_and_a_series_of_mosaics(tmp_path: Path) -> None:
    places = NumberedPlaces((9, 8, 8), AXIAL, (0.9, 0.6), 2.0)
    for number in range(3):
        path = tmp_path / "fmri" / f"{number}.dcm"
        path.parent.mkdir(exist_ok=True)
        tags = {"SeriesInstanceUID": "1.2.3.4", "FrameOfReferenceUID": "1.2.3.5"}
        tags |= {"BitsStored": 12, "HighBit": 11, "AcquisitionNumber": number + 1}
        data = write_mosaic(path, places, 2.0, **tags)
        pixels = np.frombuffer(data.PixelData, np.uint16) + (4096 if number == 2 else 0)
        data.PixelData = pixels.astype(np.uint16).tobytes()
        data.save_as(path)
    found = find_series(tmp_path / "fmri")
    assert [report.phase for report in found] == [f"AcquisitionNumber {n}" for n in (1, 2, 3)]
    assert [finding.shape for finding in inspect(tmp_path / "fmri")] == [(9, 8, 8)] * 3
    for report in found:
        image = read_image(tmp_path / "fmri", series=report.name)
        assert places.farthest(image.array, image.affine) < 1e-4
        assert bool(image.history) == (report.part == 3)


GONE: dict[str, tuple[dict[str, Any], str]] = {
    "spacing": ({"SpacingBetweenSlices": None}, "without usable values of SpacingBetweenSlices"),
    "position": ({"ImagePositionPatient": None}, "without usable values of SpacingBetweenSlices"),
    "normal": ({"ImageOrientationPatient": list(OBLIQUE)}, "disagree about its slices' normal"),
    "size": ({"Rows": 11}, "do not divide 11 x 24 pixels"),
}


@pytest.mark.parametrize("case", GONE)
def test_a_mosaic_without_exact_places_is_refused_by_name(tmp_path: Path, case: str) -> None:
    changes, words = GONE[case]
    places = NumberedPlaces((9, 8, 8), AXIAL, (0.9, 0.6), 2.0)
    write_mosaic(tmp_path / "m.dcm", places, 2.0, **changes)
    with pytest.raises(InputError, match=f"a mosaic .*{words}"):
        read_image(tmp_path / "m.dcm")


@pytest.mark.parametrize("kind", ["MOSAIC", "VFRAME", ""])
@pytest.mark.parametrize("csa", [b"", b"SV10\x04\x03\x02\x01\xff\xff\xff\xff", b"x" * 400])
def test_a_mosaic_without_its_private_header_is_no_slice(
    tmp_path: Path, csa: bytes, kind: str
) -> None:
    places = NumberedPlaces((9, 8, 8), AXIAL, (0.9, 0.6), 2.0)
    data = write_mosaic(tmp_path / "m.dcm", places, 2.0)
    data.ImageType = ["ORIGINAL", "PRIMARY", "M", kind]
    data[0x0029, 0x1010].value = csa
    data.save_as(tmp_path / "m.dcm")
    with pytest.raises(InputError, match="a mosaic "):
        read_image(tmp_path / "m.dcm")
    (found,) = inspect(tmp_path / "m.dcm")
    assert found.verdict == "refused"


def test_a_mosaic_as_the_one_frame_of_an_enhanced_object_is_refused(tmp_path: Path) -> None:
    places = NumberedPlaces((9, 8, 8), AXIAL, (0.9, 0.6), 2.0)
    data = write_mosaic(tmp_path / "m.dcm", places, 2.0)
    group, plane = Dataset(), Dataset()
    plane.ImagePositionPatient = data.ImagePositionPatient
    group.PlanePositionSequence = Sequence([plane])
    data.PerFrameFunctionalGroupsSequence = Sequence([group])
    data.save_as(tmp_path / "m.dcm")
    with pytest.raises(InputError, match="a mosaic in an enhanced object"):
        read_image(tmp_path / "m.dcm")


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(("count", "across", "down"), [(6, 3, 2), (9, 3, 3), (5, 3, 2)])
def test_united_imaging_gives_each_position(
    tmp_path: Path, count: int, across: int, down: int, named: bool
) -> None:
    places = NumberedPlaces((count, 8, 8), OBLIQUE, (0.9, 0.6), 2.0)
    image, _ = places.mosaic(across, down)
    kinds = ["ORIGINAL", "PRIMARY", "M", "VFRAME"][: 3 + named]
    tags = {"Modality": "MR", "RescaleIntercept": 0, "ImageType": [kinds]}
    (path,) = write_series(tmp_path, image[None], np.zeros((1, 3)), OBLIQUE, (0.9, 0.6), **tags)
    data = pydicom.dcmread(path)
    del data.ImagePositionPatient
    block = data.private_block(0x0065, "Image Private Header", create=True)
    block.add_new(0x50, "DS", str(count))
    items = []
    for origin in places.origins:
        item = Dataset()
        item.ImagePositionPatient = [f"{x:.10g}" for x in origin]
        items.append(item)
    block.add_new(0x51, "SQ", Sequence(items))
    data.save_as(path)
    volume = read_image(path)
    assert places.farthest(volume.array, volume.affine) < 1e-6
    del items[0].ImagePositionPatient
    data.save_as(path)
    with pytest.raises(InputError, match="a mosaic without the position of each slice"):
        read_image(path)


@pytest.mark.parametrize("name", ["siemens_dwi_0.dcm.gz", "siemens_dwi_1000.dcm.gz"])
def test_nibabel_places_its_own_mosaics_there_too(tmp_path: Path, name: str) -> None:
    """Oracle: MosaicWrapper of nibabel on the mosaics of Siemens that come with it."""
    nibabel = pytest.importorskip("nibabel")
    source = Path(nibabel.__file__).parent / "nicom" / "tests" / "data" / name
    if not source.exists():
        pytest.skip(f"this nibabel comes without {name}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # nibabel says that it is experimental
        from nibabel.nicom.dicomwrappers import wrapper_from_file

    path = tmp_path / "m.dcm"
    path.write_bytes(gzip.decompress(source.read_bytes()))
    other = wrapper_from_file(path)
    image = read_image(path)
    assert np.array_equal(image.array, np.moveaxis(other.get_data(), 2, 0))
    # nibabel's indices are row, column, slice
    assert np.allclose(image.affine[:, [1, 2, 0, 3]], other.affine, atol=1e-4)
    assert csa_values(pydicom.dcmread(path)[0x0029, 0x1010].value)["NumberOfImagesInMosaic"] == [
        "48"
    ]


def test_a_numbered_place_may_be_a_float(tmp_path: Path) -> None:
    """Float maps, as frames of one file: each number still in its place."""
    places = NumberedPlaces((4, 6, 7), OBLIQUE, (0.9, 0.6), 2.5, dtype="f4")
    empty = np.zeros(places.stored.shape, np.uint16)
    tags = {"Modality": "MR", "RescaleIntercept": 0, "BitsAllocated": 32}
    for path, pixels in zip(
        write_series(tmp_path, empty, places.origins, OBLIQUE, (0.9, 0.6), **tags),
        places.stored,
        strict=True,
    ):
        data = pydicom.dcmread(path)
        for keyword in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
            del data[keyword]
        data.FloatPixelData = pixels.tobytes()
        data.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
        data.save_as(path)
    image = read_image(tmp_path)
    assert image.array.dtype == np.float32
    assert places.farthest(image.array, image.affine) < 1e-6
