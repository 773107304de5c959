"""The top-level elements of a DICOM file: the few that are wanted, without decoding the rest.

Ordinary files (preamble, little-endian, wanted values of the VR that the dictionary gives them) are
walked over element by element. Whatever is not ordinary is left to pydicom; both ways give the
same values, which a test demands of every file at hand.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

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
PIXELS, ITEM, ITEM_END, SEQUENCE_END = 0x7FE00008, 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
TRANSFER_SYNTAX = 0x00020010
FIRST_READ = 2**14
DEEPEST = 16

_short = struct.Struct("<HH2sH").unpack_from
_long = struct.Struct("<HHL").unpack_from
_length = struct.Struct("<L").unpack_from


@dataclass(frozen=True)
class Elements:
    """What a walk found; ``offset`` is where the pixels (or what follows the header) begin."""

    values: dict[str, Value]
    offset: int
    implicit: bool


class _UnusualError(Exception):
    """The file is not ordinary: pydicom shall read it."""


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
        try:
            return _walk(content, wanted)
        except (struct.error, IndexError):  # the header goes on behind what was read
            more = stream.read(7 * size)
            if not more:
                return None
            content, size = content + more, 8 * size
        except (_UnusualError, ValueError):
            return None


def _walk(content: bytes, wanted: Mapping[int, tuple[str, str]]) -> Elements:
    values: dict[str, Value] = {}
    at = 132
    syntax = ""
    while content[at : at + 2] == b"\x02\x00":
        tag, vr, start, length = _read_explicit(content, at)
        at = start + length
        if tag == TRANSFER_SYNTAX:
            syntax = _decode_text(_value_bytes(content, start, length))
    if syntax in ("", DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian):
        raise _UnusualError
    values["TransferSyntaxUID"] = syntax
    implicit = syntax == ImplicitVRLittleEndian
    element = _read_implicit if implicit else _read_explicit
    while True:
        tag, vr, start, length = element(content, at)
        if tag >= PIXELS:
            return Elements(values, at, implicit)
        if tag in CREATORS:
            creator = _value_bytes(content, start, length)
            wanted = {**wanted, **private_tags(tag, creator)}
        if tag in wanted:
            keyword, expected = wanted[tag]
            if (vr and vr.decode() not in expected) or length == UNDEFINED or expected == "SQ":
                raise _UnusualError
            if length:
                found = _decode_value(_value_bytes(content, start, length), expected)
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
    if vr not in (b"SQ", b"") or depth > DEEPEST:
        raise _UnusualError
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
