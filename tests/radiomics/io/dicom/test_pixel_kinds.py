"""Oracle: every way to store a pixel (PS3.5 section 8, PS3.3 C.7.6.3) is read right or refused."""

from __future__ import annotations

import io
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.sequence import Sequence

from radiomics import InputError, read_image
from radiomics.io.dicom.series import find_series
from tests.radiomics.io.dicom.test_positions import recode
from tests.series import positions, write_series

SHAPE = (3, 5, 7)  # an odd number of pixels
SYNTAXES = {
    "implicit": uid.ImplicitVRLittleEndian,
    "explicit": uid.ExplicitVRLittleEndian,
    "deflated": uid.DeflatedExplicitVRLittleEndian,
    "big": uid.ExplicitVRBigEndian,
}
FLOATS = {"FloatPixelData": np.float32, "DoubleFloatPixelData": np.float64}


def values(stored: int, signed: bool, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    """Return whole numbers over the range of so many bits, both ends among them."""
    low, high = (-(2 ** (stored - 1)), 2 ** (stored - 1)) if signed else (0, 2**stored)
    kind = f"{'i' if signed else 'u'}{1 if stored <= 8 else 2 if stored <= 16 else 4}"
    found = np.random.default_rng(stored).integers(low, high, shape).astype(kind)
    found.flat[:2] = low, high - 1
    return found


def packed(pixels: np.ndarray, allocated: int, big: bool, vr: str) -> bytes:
    """Return one file's pixels as bytes, by PS3.5 annex D alone."""
    if allocated == 1:
        content = np.packbits(pixels.ravel().astype(bool), bitorder="little").tobytes()
    else:
        kind = f"{'>' if big else '<'}{pixels.dtype.kind}{allocated // 8}"
        content = pixels.astype(kind).tobytes()
    content += b"\0" * (len(content) % 2)
    if big and vr == "OW" and allocated < 16:
        return np.frombuffer(content, np.uint8).reshape(-1, 2)[:, ::-1].tobytes()
    return content


def write_pixels(
    folder: Path,
    files: list[bytes],
    syntax: str = "explicit",
    vr: str = "OW",
    element: str = "PixelData",
    **tags: Any,
) -> None:
    """Write a CT whose pixel element holds these bytes, one file a slice."""
    tags = {"RescaleIntercept": 0, "Rows": SHAPE[1], "Columns": SHAPE[2]} | tags
    empty = np.zeros((len(files), *SHAPE[1:]), np.uint16)
    removed = [keyword for keyword, value in tags.items() if value is None]
    kept = {keyword: value for keyword, value in tags.items() if value is not None}
    for path, content in zip(
        write_series(folder, empty, positions(len(files), 2.0), **kept), files, strict=True
    ):
        data = pydicom.dcmread(path)
        for keyword in [*removed, "PixelData"]:
            del data[keyword]
        setattr(data, element, content)
        data[element].VR = vr
        data.file_meta.TransferSyntaxUID = SYNTAXES[syntax]
        if element != "PixelData":
            for keyword in ("BitsStored", "HighBit", "PixelRepresentation"):
                del data[keyword]
        implicit = syntax == "implicit"
        pydicom.dcmwrite(
            path,
            data,
            implicit_vr=implicit,
            little_endian=syntax != "big",
            force_encoding=True,
        )


INTEGERS = [
    (allocated, stored, signed)
    for allocated, kinds in {1: (1,), 8: (6, 8), 16: (9, 12, 15, 16), 32: (20, 32)}.items()
    for stored, signed in itertools.product(kinds, (False, True))
    if not (allocated == 1 and signed)
]


@pytest.mark.parametrize("upper", ["sign or zero", "noise"])
@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize(("allocated", "stored", "signed"), INTEGERS)
def test_integers(
    tmp_path: Path, allocated: int, stored: int, signed: bool, syntax: str, upper: str
) -> None:
    """Of the bits that are allocated those that are stored count, whatever stands in the others."""
    truth = values(stored, signed)
    kind = f"{'i' if signed else 'u'}{max(1, allocated // 8)}"
    raw = truth.astype(kind)
    if upper == "noise" and stored < allocated:
        noise = np.random.default_rng(1).integers(0, 2 ** (allocated - stored), truth.shape)
        low = raw.astype(np.int64) % 2**stored
        raw = (low + noise * 2**stored).astype(f"u{allocated // 8}").view(kind)
    vr = "OB" if allocated < 16 and syntax != "implicit" else "OW"
    write_pixels(
        tmp_path,
        [packed(one, allocated, syntax == "big", vr) for one in raw],
        syntax,
        vr,
        BitsAllocated=allocated,
        BitsStored=stored,
        HighBit=stored - 1,
        PixelRepresentation=int(signed),
    )
    if syntax == "big" and allocated == 32:
        with pytest.raises(InputError, match="order of bytes of 32-bit integers"):
            read_image(tmp_path)
        return
    image = read_image(tmp_path)
    assert np.array_equal(image.array, truth)
    noted = upper == "noise" and stored < allocated
    assert any("bits set above BitsStored" in note for note in image.history) == noted


@pytest.mark.parametrize("vr", ["OB", "OW"])
@pytest.mark.parametrize("syntax", ["explicit", "big"])
@pytest.mark.parametrize("allocated", [1, 8])
def test_frames_that_begin_within_a_byte_or_a_word(
    tmp_path: Path, allocated: int, syntax: str, vr: str
) -> None:
    """35 pixels a frame: in one file the second one begins in the middle of something."""
    truth = values(allocated, False)
    big = syntax == "big"
    write_pixels(tmp_path / "a", [packed(truth, allocated, big, vr)], syntax, vr)
    path = tmp_path / "a" / "000.dcm"
    data = pydicom.dcmread(path)
    data.NumberOfFrames, data.BitsAllocated = len(truth), allocated
    data.BitsStored, data.HighBit = allocated, allocated - 1
    groups = []
    for place in positions(len(truth), 2.0):
        group, plane = Dataset(), Dataset()
        plane.ImagePositionPatient = [f"{x:.10g}" for x in place]
        group.PlanePositionSequence = Sequence([plane])
        groups.append(group)
    data.PerFrameFunctionalGroupsSequence = Sequence(groups)
    pydicom.dcmwrite(path, data, implicit_vr=False, little_endian=not big, force_encoding=True)
    assert np.array_equal(read_image(path).array, truth)


@pytest.mark.parametrize("slope", [1, 0.5])
@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("element", FLOATS)
def test_floats(tmp_path: Path, element: str, syntax: str, slope: float) -> None:
    truth = np.random.default_rng(0).normal(0, 1e-3, SHAPE).astype(FLOATS[element])
    bits = 8 * truth.dtype.itemsize
    vr = "OF" if bits == 32 else "OD"
    files = [packed(one, bits, syntax == "big", vr) for one in truth]
    write_pixels(tmp_path, files, syntax, vr, element, BitsAllocated=bits, RescaleSlope=slope)
    image = read_image(tmp_path)
    assert image.array.dtype == truth.dtype
    assert np.array_equal(image.array, truth * truth.dtype.type(slope))


def test_what_is_no_number_is_counted_and_so_is_padding(tmp_path: Path) -> None:
    truth = np.ones(SHAPE, np.float32)
    truth[0, 0, :3] = np.nan, np.inf, -9.5
    files = [packed(one, 32, False, "OF") for one in truth]
    tags = {"BitsAllocated": 32, "FloatPixelPaddingValue": -9.5}
    write_pixels(tmp_path, files, "explicit", "OF", "FloatPixelData", **tags)
    image = read_image(tmp_path)
    assert np.array_equal(image.array, truth, equal_nan=True)
    assert "2 voxels are infinite or no number (NaN)" in image.history
    assert any("1 voxels hold PixelPaddingValue (-9.5" in note for note in image.history)


def test_64_bit_integers_are_exact_or_refused(tmp_path: Path) -> None:
    tags = {"BitsAllocated": 64, "BitsStored": 64, "HighBit": 63, "PixelRepresentation": 1}
    truth = np.random.default_rng(0).integers(-(2**52), 2**52, SHAPE)
    write_pixels(tmp_path / "a", [one.tobytes() for one in truth], vr="OV", **tags)
    assert np.array_equal(read_image(tmp_path / "a").array, truth)
    truth[0, 0, 0] = 2**53 + 1
    write_pixels(tmp_path / "b", [one.tobytes() for one in truth], vr="OV", **tags)
    with pytest.raises(InputError, match="exact in float64"):
        read_image(tmp_path / "b")


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "12 bits packed": ({"BitsAllocated": 12, "BitsStored": 12, "HighBit": 11}, "BitsAllocated"),
    "more stored than allocated": ({"BitsAllocated": 8}, "does not fit BitsAllocated 8"),
    "low bits unused": ({"BitsStored": 12, "HighBit": 15}, "HighBit 15 does not fit"),
    "no size": ({"BitsAllocated": None}, "BitsAllocated is missing"),
    "no sign": ({"PixelRepresentation": None}, "PixelRepresentation is missing"),
    "palette": ({"PhotometricInterpretation": "PALETTE COLOR"}, r"colour pixels \(PALETTE COLOR\)"),
    "colour": ({"SamplesPerPixel": 3, "PlanarConfiguration": 1}, "colour pixels of 3 samples"),
    "no slope": ({"RescaleSlope": 0}, "unusable rescaling"),
    "no rescaling of PET": (
        {"Modality": "PT", "RescaleSlope": None, "RescaleIntercept": None, "Units": "BQML"},
        "not known to be BQML",
    ),
    "table": ({"Modality": "MR", "ModalityLUTSequence": [Dataset()]}, "ModalityLUTSequence"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_and_by_which_rule(tmp_path: Path, case: str) -> None:
    tags, words = REFUSED[case]
    sequence = tags.pop("ModalityLUTSequence", None)
    write_pixels(tmp_path, [b"\0" * 210] * 3, **tags)
    if sequence:
        tags["ModalityLUTSequence"] = sequence
        for path in tmp_path.iterdir():
            data = pydicom.dcmread(path)
            data.ModalityLUTSequence = Sequence(sequence)
            data.save_as(path)
    with pytest.raises(InputError, match=words):
        read_image(tmp_path)


def test_an_element_of_odd_length_and_one_that_ends_early(tmp_path: Path) -> None:
    truth = values(8, False, (1, 5, 7))
    write_pixels(tmp_path, [truth.tobytes() + b"\0"], BitsAllocated=8, BitsStored=8, HighBit=7)
    path = tmp_path / "000.dcm"
    content = path.read_bytes()
    at = content.index(b"\xe0\x7f\x10\x00OW")
    odd = content[: at + 8] + (35).to_bytes(4, "little") + content[at + 12 : -1]
    path.write_bytes(odd)
    assert np.array_equal(read_image(path).array, truth)
    path.write_bytes(odd[:-1])
    with pytest.raises(InputError, match=r"complete|cut short"):
        read_image(path)


def test_a_value_of_padding_that_needs_the_unused_bits_is_not_cut(tmp_path: Path) -> None:
    """-2000 where 12 unsigned bits are stored, as CT scanners pad: the value stays and is told."""
    truth = values(12, False).astype(np.uint16)
    truth[:, 0] = 63536
    tags = {"BitsStored": 12, "HighBit": 11, "PixelPaddingValue": 63536}
    write_pixels(tmp_path, [one.tobytes() for one in truth], **tags)
    image = read_image(tmp_path)
    assert np.array_equal(image.array, truth)
    assert image.history == (
        "21 voxels hold PixelPaddingValue (63536 after rescaling): not measured",
    )


@pytest.mark.parametrize("signed", [False, True])
def test_a_range_of_padding_is_counted(tmp_path: Path, signed: bool) -> None:
    truth = np.full(SHAPE, 100, np.int16 if signed else np.uint16)
    low, high = (-2000, -1990) if signed else (0, 9)
    truth[0, 0, :4] = low, low + 3, high, high + 1
    tags = {"PixelRepresentation": int(signed), "PixelPaddingValue": high}
    tags |= {"PixelPaddingRangeLimit": low}
    write_pixels(tmp_path, [one.tobytes() for one in truth], **tags)
    (note,) = read_image(tmp_path).history
    assert note == (
        f"3 voxels hold PixelPaddingValue to PixelPaddingRangeLimit ({low} to {high} after "
        "rescaling): not measured"
    )


def test_padding_among_measured_values_is_told(tmp_path: Path) -> None:
    truth = np.full(SHAPE, 100, np.int16)
    truth[0, 0, :3] = 0, 0, -50
    tags = {"PixelRepresentation": 1, "PixelPaddingValue": 0}
    write_pixels(tmp_path, [one.tobytes() for one in truth], **tags)
    assert read_image(tmp_path).history[0].startswith("2 voxels hold PixelPaddingValue (0 after")
    assert "on both sides" in read_image(tmp_path).history[0]


def test_a_linear_relation_is_quiet_and_another_is_told(tmp_path: Path) -> None:
    for relation in ("LIN", "LOG"):
        folder = tmp_path / relation
        write_pixels(folder, [b"\0" * 70] * 3, PixelIntensityRelationship=relation)
        told = any("PixelIntensityRelationship LOG" in n for n in read_image(folder).history)
        assert told == (relation == "LOG")


def test_a_table_of_real_world_values_is_told(tmp_path: Path) -> None:
    write_pixels(tmp_path, [b"\0" * 70] * 3, Modality="MR")
    item = Dataset()
    item.RealWorldValueLUTData = [0.0, 1.0]
    for path in tmp_path.iterdir():
        data = pydicom.dcmread(path)
        data.RealWorldValueMappingSequence = Sequence([item])
        data.save_as(path)
    assert any("by a table, which is not used" in n for n in read_image(tmp_path).history)


STREAMS = ("rle", "jpeg-ls", "j2k", "jpeg", "jpeg-sv1")


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("written", [12, 16])
@pytest.mark.parametrize("stored", [12, 16])
@pytest.mark.parametrize("syntax", STREAMS)
def test_streams_of_another_precision_than_the_header(
    tmp_path: Path, syntax: str, written: int, stored: int, signed: bool
) -> None:
    """Encoded with one number of stored bits, then the header is changed to another."""
    truth = values(12, signed, (1, 32, 40)).astype(np.int16 if signed else np.uint16)
    tags = {"BitsStored": written, "HighBit": written - 1}
    (path,) = write_series(tmp_path, truth, positions(1, 1.0), RescaleIntercept=0, **tags)
    recode(path, syntax)
    data = pydicom.dcmread(path)
    data.BitsStored, data.HighBit = stored, stored - 1
    data.save_as(path)
    if syntax == "jpeg-ls" and signed and (written, stored) == (12, 16):
        with pytest.raises(InputError, match="without a sign where the header stores 16 with one"):
            read_image(path)
    else:
        assert np.array_equal(read_image(path).array, truth)


@pytest.mark.parametrize(("allocated", "stored"), [(8, 8), (16, 8), (16, 12), (16, 16)])
def test_bytes_in_a_jpeg_whatever_is_allocated(tmp_path: Path, allocated: int, stored: int) -> None:
    rows, columns = np.mgrid[:48, :64]
    picture = (100 + 60 * np.sin(rows / 7) + columns).clip(0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=95)
    stream.seek(0)
    truth = np.asarray(Image.open(stream)).astype(int)
    empty = np.zeros((1, 48, 64), np.uint16)
    (path,) = write_series(tmp_path, empty, positions(1, 1.0), RescaleIntercept=0)
    data = pydicom.dcmread(path)
    data.BitsAllocated, data.BitsStored, data.HighBit = allocated, stored, stored - 1
    data.PixelData = encapsulate([stream.getvalue()])
    data["PixelData"].is_undefined_length = True
    data.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
    data.save_as(path)
    assert np.abs(read_image(path).array[0] - truth).max() <= 2  # decoders round their own way
    data.PixelRepresentation = 1
    data.save_as(path)
    if stored > 8:
        with pytest.raises(InputError, match="8 bits without a sign where the header stores"):
            read_image(path)


def test_a_stream_with_a_sign_under_a_header_without(tmp_path: Path) -> None:
    truth = values(16, True, (1, 32, 40)) // 4
    (path,) = write_series(tmp_path, truth, positions(1, 1.0), RescaleIntercept=0)
    recode(path, "j2k")
    data = pydicom.dcmread(path)
    data.PixelRepresentation = 0
    data.save_as(path)
    with pytest.raises(InputError, match="with a sign where the header says that there is none"):
        read_image(path)
    frame = bytearray(next(generate_frames(data.PixelData, number_of_frames=1)))
    frame[42] = 0x80 | 19
    data.PixelRepresentation, data.PixelData = 1, encapsulate([bytes(frame)])
    data.save_as(path)
    with pytest.raises(InputError, match="20 bits where the header allocates 16"):
        read_image(path)


def test_a_number_that_is_none_is_left_out_where_nothing_depends_on_it(tmp_path: Path) -> None:
    for path in write_series(tmp_path, np.zeros((2, 3, 3), np.uint16), positions(2, 1.0)):
        content = path.read_bytes()
        at = content.index(b"\x20\x00\x13\x00IS")
        path.write_bytes(content[: at + 8] + b"x " + content[at + 10 :])
    (report,) = find_series(tmp_path)
    assert report.verdict == "good"
