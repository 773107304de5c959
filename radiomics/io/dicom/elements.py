"""The top-level elements of a DICOM file: the few that are wanted, without decoding the rest.

Ordinary files (little-endian, wanted values of the VR that the dictionary gives them; with or
without preamble) are walked over element by element. Whatever is not ordinary is left to pydicom;
both ways give the same values, which a test demands of every file at hand.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

Value = str | tuple[float, ...]
"""Text, its parts separated by backslashes as in the file, or numbers."""

NUMBERS = {"DS", "IS", "US", "SS", "UL", "SL", "FD", "FL"}
EITHER = "US or SS"
"""VR of values signed like the pixels; they are kept as they are stored, without a sign."""
BINARY = {EITHER: "H", "US": "H", "SS": "h", "UL": "L", "SL": "l", "FD": "d", "FL": "f"}
CSA = "CSA header in OB or UN"
"""Kind of a private element: of Siemens' CSA header the number of images in a mosaic is wanted."""
PRIVATE: dict[tuple[int, str], dict[int, tuple[str, str]]] = {
    (0x0019, "SIEMENS MR HEADER"): {
        0x0A: ("MosaicImages", "US"),
        0x0C: ("SiemensBValue", "IS"),
        0x0E: ("SiemensDiffusionDirection", "FD"),
    },
    (0x0029, "SIEMENS CSA HEADER"): {0x10: ("CSAMosaicImages", CSA)},
    (0x0019, "GEMS_ACQU_01"): {
        0xBB: ("GEDiffusionDirectionX", "DS"),
        0xBC: ("GEDiffusionDirectionY", "DS"),
        0xBD: ("GEDiffusionDirectionZ", "DS"),
    },
    (0x0043, "GEMS_PARM_01"): {0x39: ("GEBValue", "IS")},
    (0x2001, "Philips Imaging DD 001"): {0x03: ("PhilipsBValue", "FL")},
    (0x2005, "Philips MR Imaging DD 001"): {
        0xB0: ("PhilipsDiffusionDirectionX", "FL"),
        0xB1: ("PhilipsDiffusionDirectionY", "FL"),
        0xB2: ("PhilipsDiffusionDirectionZ", "FL"),
    },
    (0x0065, "Image Private Header"): {
        0x09: ("UnitedImagingBValue", "FD"),
        0x37: ("UnitedImagingDiffusionDirection", "FD"),
        0x50: ("GridImages", "DS"),
    },
}
"""Private elements that are wanted, by group and creator: keyword and VR of each number."""
BLOCKS = range(0x10, 0x20)
"""Blocks of private elements that are looked at; creators take the first that are free."""
CREATORS = {group << 16 | block for group, _ in PRIVATE for block in BLOCKS}
TELLING = {
    "FlipAngle",
    "FrameReferenceTime",
    "ImagerPixelSpacing",
    "InstanceNumber",
    "InversionTime",
    "RepetitionTime",
    "SeriesNumber",
}
"""Numbers that only tell images apart or are compared: where one is none, it is left out."""
NUMPY = {"US": "u2", "SS": "i2", "UL": "u4", "SL": "i4", "FD": "f8", "FL": "f4"}
LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
SHORT = {b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO", b"LT", b"PN"}
SHORT |= {b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"}
UNDEFINED = 0xFFFFFFFF
PIXEL_TAGS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
"""FloatPixelData, DoubleFloatPixelData, PixelData."""
PIXELS, ITEM, ITEM_END, SEQUENCE_END = 0x7FE00008, 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
TRANSFER_SYNTAX = 0x00020010
FIRST_READ = 2**14
DEEPEST = 16
PREAMBLE, MAGIC = 128, b"DICM"
LONGEST_FIRST = 2**16
"""Bytes of a first element from which a file without preamble is not taken for DICOM."""

_short = struct.Struct("<HH2sH").unpack_from
_long = struct.Struct("<HHL").unpack_from
_length = struct.Struct("<L").unpack_from


@dataclass(frozen=True)
class ElementHead:
    """Where an element's value starts in the file, and how many bytes it says that it has."""

    tag: int
    start: int
    length: int


@dataclass(frozen=True)
class Elements:
    """What a walk found; ``offset`` is where the pixels (or what follows the header) begin.

    ``last`` is the head of the element there, None where the file ends. A file that ends within
    an element is ``cut``; then ``values`` are those before.
    """

    values: dict[str, Value]
    offset: int
    implicit: bool
    last: ElementHead | None = None
    cut: bool = False


class _UnusualError(Exception):
    """The file is not ordinary: pydicom shall read it."""


class _EndError(Exception):
    """The content ends between two elements, or in the value of one that was passed over."""

    def __init__(self, at: int, implicit: bool) -> None:
        super().__init__()
        self.at, self.implicit = at, implicit


def dataset_start(start: bytes) -> int | None:
    r"""Return where the elements of a DICOM file begin: behind the preamble, else at its beginning.

    None where these first bytes of a file begin none. Without a preamble they have to be an
    element of one of the groups that files begin with: command, meta header, identification.

    >>> dataset_start(bytes(128) + b"DICM"), dataset_start(b"\x08\x00\x16\x00UI\x1a\x00")
    (132, 0)
    >>> dataset_start(b"PK\x03\x04\x14\x00\x00\x00") is None
    True
    """
    if start[PREAMBLE : PREAMBLE + 4] == MAGIC:
        return PREAMBLE + 4
    if len(start) < 8:
        return None
    group, number, vr, _ = _short(start, 0)
    if group == 0x0800 and vr in SHORT | LONG:  # big-endian
        return 0
    explicit = vr in SHORT | LONG
    length = _long(start, 0)[2]
    if group == 2:
        return 0 if explicit and number <= 0x0102 else None
    if group == 0:
        return 0 if number == 0 and length == 4 else None
    plausible = explicit or length < LONGEST_FIRST or (number == 6 and length == UNDEFINED)
    return 0 if group == 8 and plausible else None


def wanted_tags(keywords: tuple[str, ...]) -> dict[int, tuple[str, str]]:
    """Return tag to keyword and VR for the keywords of top-level elements."""
    tags = {}
    for keyword in keywords:
        tag = tag_for_keyword(keyword)
        if tag is None:
            raise ValueError(f"{keyword} is no DICOM keyword")
        tags[tag] = (keyword, dictionary_VR(tag))
    return tags


def read_elements(stream: BinaryIO, wanted: Mapping[int, tuple[str, str]]) -> Elements | None:
    """Walk over the elements of an ordinary DICOM file; None where pydicom has to read it.

    Parameters
    ----------
    stream : the file, at its beginning
    wanted : tag to keyword and VR, from :func:`wanted_tags`
    """
    content, size = stream.read(FIRST_READ), FIRST_READ
    while True:
        values: dict[str, Value] = {}
        implicit, between = False, -1
        try:
            return _walk(content, wanted, values)
        except _EndError as end:
            implicit, between = end.implicit, end.at
        except (struct.error, IndexError):  # the header goes on behind what was read
            pass
        except (_UnusualError, ValueError):
            return None
        more = stream.read(7 * size)
        if not more:
            end_of_file = len(content)
            return Elements(values, end_of_file, implicit, None, cut=between != end_of_file)
        content, size = content + more, 8 * size


def salvaged_values(stream: BinaryIO, wanted: Mapping[int, tuple[str, str]]) -> dict[str, Value]:
    """Return what can be read of a header before the place that makes the file unreadable.

    Values that are not plain are left out: what remains tells which series a file was of.
    """
    values: dict[str, Value] = {}
    with suppress(_EndError, _UnusualError, struct.error, IndexError, ValueError):
        _walk(stream.read(FIRST_READ), wanted, values, strict=False)
    return values  # what was found before it broke off


def _walk(
    content: bytes,
    wanted: Mapping[int, tuple[str, str]],
    values: dict[str, Value],
    strict: bool = True,
) -> Elements:
    """Collect wanted values until the pixels.

    Where ``strict`` is not set, values that are not plain are passed over.
    """
    at, syntax = _walk_meta(content)
    if not syntax:  # the first element tells
        explicit = content[at + 4 : at + 6] in SHORT | LONG
        syntax = ExplicitVRLittleEndian if explicit else ImplicitVRLittleEndian
    values["TransferSyntaxUID"] = syntax
    implicit = syntax == ImplicitVRLittleEndian
    element, ends = _read_implicit if implicit else _read_explicit, len(content)
    while True:
        if at >= ends:
            raise _EndError(at, implicit)
        tag, vr, start, length = element(content, at)
        if tag >= PIXELS:
            return Elements(values, at, implicit, ElementHead(tag, start, length))
        if tag in CREATORS:
            creator = _value_bytes(content, start, length)
            wanted = {**wanted, **private_tags(tag, creator)}
        if tag in wanted:
            keyword, expected = wanted[tag]
            if (vr and vr.decode() not in expected) or length == UNDEFINED or expected == "SQ":
                if strict:
                    raise _UnusualError
            elif length:
                found = _wanted_value(_value_bytes(content, start, length), expected, strict)
                if found != "":
                    values[keyword] = found
        at = (
            start + length if length != UNDEFINED else _sequence_end(content, start, vr, element, 0)
        )


def private_tags(tag: int, creator: bytes) -> dict[int, tuple[str, str]]:
    """Return tag to keyword and VR of the private elements of a block, by its creator element."""
    group, block = tag >> 16, tag & 0xFF
    elements = PRIVATE.get((group, creator.strip(b" \0").decode("latin-1")), {})
    return {group << 16 | block << 8 | n: keyword_vr for n, keyword_vr in elements.items()}


def private_values(data: Dataset) -> dict[str, Value]:
    """Return the wanted private elements of a dataset that pydicom has read, in the same form.

    What is no number there is left out: these elements only tell images apart.
    """
    values: dict[str, Value] = {}
    for tag in sorted(CREATORS & set(data.keys())):
        for place, (keyword, vr) in private_tags(tag, _raw_bytes(data, tag)).items():
            try:
                raw = _raw_bytes(data, place, vr)
                found = _decode_value(raw, vr) if raw else ""
            except (ValueError, struct.error):
                continue
            if found != "":
                values[keyword] = found
    return values


def _raw_bytes(data: Dataset, tag: int, vr: str = "") -> bytes:
    """Return the value of an element as a little-endian file has it, empty where it is absent."""
    raw = data.get_item(tag)
    found = getattr(raw, "value", b"")
    if isinstance(found, str):
        return found.encode("latin-1", "replace")
    if not isinstance(found, bytes):
        return b""
    if vr in NUMPY and not getattr(raw, "is_little_endian", True):
        return np.frombuffer(found, f">{NUMPY[vr]}").astype(f"<{NUMPY[vr]}").tobytes()
    return found


def _walk_meta(content: bytes) -> tuple[int, str]:
    """Return where the meta header ends, and TransferSyntaxUID, empty where it is not given."""
    at = dataset_start(content)
    if at is None:
        raise _UnusualError
    syntax = ""
    while content[at : at + 2] == b"\x02\x00":
        tag, _, start, length = _read_explicit(content, at)
        at = start + length
        if tag == TRANSFER_SYNTAX:
            syntax = _decode_text(_value_bytes(content, start, length))
    if at >= len(content):
        raise _EndError(at, False)
    if syntax in (DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian):
        raise _UnusualError
    if not syntax and content[at : at + 2] != b"\x08\x00":
        raise _UnusualError
    return at, syntax


def _wanted_value(raw: bytes, expected: str, strict: bool) -> Value:
    try:
        return _decode_value(raw, expected)
    except (ValueError, struct.error):
        if strict:
            raise
        return ""


ElementReader = Callable[[bytes, int], tuple[int, bytes, int, int]]


def _read_explicit(content: bytes, at: int) -> tuple[int, bytes, int, int]:
    """Return tag, VR, where the value starts, and its length."""
    group, number, vr, length = _short(content, at)
    if vr in SHORT:
        return group << 16 | number, vr, at + 8, length
    if vr not in LONG:
        raise _UnusualError
    return group << 16 | number, vr, at + 12, _length(content, at + 8)[0]


def _read_implicit(content: bytes, at: int) -> tuple[int, bytes, int, int]:
    group, number, length = _long(content, at)
    if content[at + 4 : at + 6].isalpha():  # explicit after all, or a strange length
        raise _UnusualError
    return group << 16 | number, b"", at + 8, length


def _sequence_end(content: bytes, at: int, vr: bytes, element: ElementReader, depth: int) -> int:
    """Return where a sequence of undefined length ends."""
    if vr not in (b"SQ", b"UN", b"") or depth > DEEPEST:
        raise _UnusualError
    element = _read_implicit if vr == b"UN" else element  # so DICOM PS3.5 6.2.2 demands
    while True:
        group, number, length = _long(content, at)
        tag, at = group << 16 | number, at + 8
        if tag == SEQUENCE_END:
            return at
        if tag != ITEM:
            raise _UnusualError
        if length != UNDEFINED:
            at += length
            continue
        while True:
            group, number, _ = _long(content, at)
            if group << 16 | number == ITEM_END:
                at += 8
                break
            _, inner, start, length = element(content, at)
            at = start + length
            if length == UNDEFINED:
                at = _sequence_end(content, start, inner, element, depth + 1)


def _value_bytes(content: bytes, start: int, length: int) -> bytes:
    if start + length > len(content):
        raise IndexError
    return content[start : start + length]


def _decode_value(raw: bytes, vr: str) -> Value:
    """Decode one value of the VR that it should have.

    Raises
    ------
    ValueError
        When it is not plain: other characters than ASCII, no number where one should be.
    """
    if vr in BINARY:
        code = BINARY[vr]
        return tuple(
            float(v) for v in struct.unpack(f"<{len(raw) // struct.calcsize(code)}{code}", raw)
        )
    if vr == CSA:
        return _mosaic_images(raw)
    text = _decode_text(raw)
    if vr == "DS":
        return tuple(map(float, text.split("\\"))) if text else ""
    if vr == "IS":
        return tuple(float(int(part)) for part in text.split("\\")) if text else ""
    return text


def _mosaic_images(raw: bytes) -> Value:
    """Return the number of images in a mosaic out of a CSA header, "" where it has none."""
    at = raw.find(b"NumberOfImagesInMosaic\0")
    number = raw[at + 100 : at + 112].split(b"\0")[0].strip() if at >= 0 else b""
    return (float(number),) if number.isdigit() else ""


def _decode_text(raw: bytes) -> str:
    """Return ASCII text without the padding of its parts."""
    if b"\x1b" in raw:
        raise ValueError("an escape sequence: other characters follow")
    text = raw.decode("ascii").strip(" \0")
    return "\\".join(part.strip(" \0") for part in text.split("\\")) if "\\" in text else text


def values_of(data: Dataset) -> dict[str, Value]:
    """Return the plain elements of a dataset that pydicom has read, in the same form.

    Raises
    ------
    ValueError
        Naming an element whose value is no number where one should be.
    """
    values: dict[str, Value] = {}
    for tag in sorted(data.keys()):
        if keyword_for_tag(tag) in TELLING and not _holds_numbers(data, tag):
            continue
        element = data[tag]
        if element.VR == "SQ" or element.keyword == "" or element.value in (None, ""):
            continue
        parts = element.value if element.VM > 1 else [element.value]
        kind = dictionary_VR(element.tag)
        if kind in NUMBERS or kind in BINARY:
            try:
                numbers = tuple(float(part) for part in parts)
            except (TypeError, ValueError):
                problem = f"{element.keyword} holds {element.value!r}, which is no number"
                raise ValueError(problem) from None
            signed = kind == EITHER
            values[element.keyword] = tuple(v % 2**16 for v in numbers) if signed else numbers
        else:
            text = "\\".join(str(part).strip(" \0") for part in parts)
            if text:
                values[element.keyword] = text
    return values


def _holds_numbers(data: Dataset, tag: BaseTag) -> bool:
    """Tell whether the text of an element is made of numbers, before pydicom converts it."""
    raw = data.get_item(tag).value
    if not isinstance(raw, bytes):
        return True
    try:
        return all(np.isfinite(float(part)) for part in raw.decode("ascii").split("\\") if part)
    except ValueError:
        return False
