"""NRRD files [1]_, read without SimpleITK, which takes some of their axes and packings for none.

A space that is not anatomical (scanner-xyz, none) is taken as DICOM's LPS, with a note.

References
----------
.. [1] Kindlmann, Definition of NRRD File Format, https://teem.sourceforge.net/nrrd/format.html.
"""

from __future__ import annotations

import binascii
import bz2
import gzip
import io
import math
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.io.files.headers import (
    TO_MILLIMETRES,
    check_counts,
    check_spacing,
    missing_spacing,
    read_lines,
    to_numbers,
)
from radiomics.io.files.kinds import file_parts, grid_from_axes, volume_of_file
from radiomics.io.files.streams import PART, fill_bytes, skip_bytes
from radiomics.types import UNKNOWN_SIDES, InputError, Volume

SUFFIXES = (".nrrd", ".nhdr")
SPACES = {
    "left-posterior-superior": (1, 1, 1),
    "lps": (1, 1, 1),
    "right-anterior-superior": (-1, -1, 1),
    "ras": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1),
    "las": (1, -1, 1),
}
"""Signs that turn positions in an anatomical space into LPS."""
NUMBERS = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}
"""Names of types by numpy's."""
SPATIAL = ("domain", "space", "")
"""Kinds of axes along which voxels lie, and none given."""


def read_nrrd(path: Path) -> Volume:
    """Read one image of numbers.

    Raises
    ------
    InputError
        When the header cannot be understood, states no spacing or sheared axes, or describes more
        than one value at each place of two or three dimensions; when the voxels end early.
    """
    lines, end = read_lines(path, "")
    if not lines or not lines[0].startswith("NRRD"):
        found = "a file that ends early" if not lines else f"it begins with {lines[0][:20]!r}"
        remedy = "check that the file is complete"
        raise InputError(path, "an NRRD file begins with NRRD", found, remedy)
    fields = _fields(lines[1:])
    count = check_counts(path, to_numbers(path, "dimension", fields.get("dimension", "")))[0]
    sizes = check_counts(path, to_numbers(path, "sizes", fields.get("sizes", ""), count))
    kinds = fields.get("kinds", "").lower().split()
    kinds = kinds if len(kinds) == count else [""] * count
    axes, origin, notes = _axes(path, fields, sizes, kinds)
    spatial = [i for i, axis in enumerate(axes) if axis is not None]
    others = [sizes[i] for i in range(count) if i not in spatial]
    if len(spatial) not in (2, 3) or math.prod(others) != 1:
        found = f"{len(spatial)}D, {math.prod(others)} values a voxel"
        raise InputError(path, "one 3D scalar image is needed", found, "split the file first")
    columns = np.array([axes[i] for i in spatial]).T
    if len(spatial) == 2:
        normal = np.cross(columns[:, 0], columns[:, 1])
        columns = np.c_[columns, normal / (np.linalg.norm(normal) or 1.0)]
        notes = [*notes, "one slice without a thickness: taken as 1 mm"]
    affine = grid_from_axes(path, columns, origin)
    width, height, *rest = (sizes[i] for i in spatial)
    shape = (rest[0] if rest else 1, height, width)
    return volume_of_file(path, _read_voxels(path, fields, end, shape), affine, "", notes)


def _fields(lines: list[str]) -> dict[str, str]:
    """Return the fields of a header by name; comments and key/value pairs are left out."""
    found = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not line.startswith("#") and colon and not value.startswith("="):
            found[name.strip().lower()] = value.strip()
    return found


def _axes(
    path: Path, fields: dict[str, str], sizes: list[int], kinds: list[str]
) -> tuple[list[NDArray[np.float64] | None], NDArray[np.float64], list[str]]:
    """Return the step of each axis in LPS mm (None of one along which no voxels lie) and origin."""
    space = fields.get("space", "").lower()
    if "space directions" not in fields:
        return _axes_by_spacing(path, fields, sizes, kinds)
    dims = len(SPACES.get(space, (0, 0, 0)))
    steps = _vectors(path, "space directions", fields["space directions"], len(sizes))
    if any(step is not None and step.size not in (2, 3) for step in steps):
        found = fields.get("space") or f"space dimension {fields.get('space dimension', '?')}"
        raise InputError(path, f"a space has {dims} dimensions", found, "split the file first")
    notes = []
    signs = np.array(SPACES.get(space, (1, 1, 1)), dtype=np.float64)
    if space not in SPACES:
        named = f"space {fields['space']}" if space else "no space"
        notes.append(f"{named}: its axes are taken as those of LPS (left, posterior, superior)")
    factors = _factors(fields, "space units")
    placed: list[NDArray[np.float64] | None] = []
    for step in steps:
        full = None if step is None else np.r_[step, np.zeros(3 - step.size)] * signs
        placed.append(None if full is None else full * factors)
    for step in placed:
        if step is not None and not (np.isfinite(step).all() and step.any()):
            check_spacing(path, "space directions of length", np.array([np.linalg.norm(step)]))
    origin = np.zeros(3)
    found_origin = fields.get("space origin", "")
    if found_origin:
        one = _vectors(path, "space origin", found_origin, 1)[0]
        if one is not None and np.isfinite(one).all() and one.size in (2, 3):
            origin[: one.size] = one
        else:
            found_origin = ""
    if not found_origin:
        notes.append("no space origin: the first voxel is taken to lie at 0, 0, 0")
    if (factors != 1).any():
        notes.append(f"lengths in {fields['space units']}, turned into mm")
    return placed, origin * signs * factors, notes


def _axes_by_spacing(
    path: Path, fields: dict[str, str], sizes: list[int], kinds: list[str]
) -> tuple[list[NDArray[np.float64] | None], NDArray[np.float64], list[str]]:
    """Return the steps of axes of which a header states the spacing alone."""
    if "spacings" not in fields:
        raise missing_spacing(path, "space directions and no spacings")
    spacing = to_numbers(path, "spacings", fields["spacings"], len(sizes))
    spatial = [i for i, kind in enumerate(kinds) if kind in SPATIAL]
    if len(spatial) > 3:  # kinds do not say which axis is none of the patient's
        spatial = [i for i in spatial if np.isfinite(spacing[i]) or sizes[i] > 1]
    check_spacing(path, "spacings", spacing[spatial])
    units = re.findall(r'"([^"]*)"', fields.get("units", ""))
    places: list[NDArray[np.float64] | None] = [None] * len(sizes)
    for place, index in enumerate(spatial[:3]):
        unit = units[index].strip().lower() if len(units) == len(sizes) else "mm"
        places[index] = np.eye(3)[place] * spacing[index] * TO_MILLIMETRES.get(unit, 1.0)
    for index in spatial[3:]:
        places[index] = np.ones(3)  # one too many: refused with its number of dimensions
    return (
        places,
        np.zeros(3),
        [
            f"no space: {UNKNOWN_SIDES}; its axes are taken as those of LPS "
            "(left, posterior, superior), from 0, 0, 0"
        ],
    )


def _factors(fields: dict[str, str], key: str) -> NDArray[np.float64]:
    """Return the factors from units of length to mm, one a dimension of the space."""
    units = re.findall(r'"([^"]*)"', fields.get(key, ""))[:3]
    factors = [TO_MILLIMETRES.get(unit.strip().lower(), 1.0) for unit in units]
    return np.array((factors + [1.0] * 3)[:3])


def _vectors(path: Path, key: str, text: str, count: int) -> list[NDArray[np.float64] | None]:
    """Return vectors such as ``(1,0,0) none (0,0,2)``; None where one is none."""
    words = re.findall(r"\([^)]*\)|none", text.lower())
    if len(words) != count:
        rule = f"{key} holds a vector or none for each axis: {count}"
        raise InputError(path, rule, repr(text[:80]), "correct the header, or export again")
    return [
        None if word == "none" else to_numbers(path, key, word.strip("()").replace(",", " "))
        for word in words
    ]


def _read_voxels(
    path: Path, fields: dict[str, str], end: int, shape: tuple[int, int, int]
) -> NDArray[Any]:
    """Read the voxels (D, H, W) in native byte order."""
    kind = next((k for k, n in NUMBERS.items() if fields.get("type", "").lower() in n), "")
    endian, encoding = fields.get("endian", "").lower(), fields.get("encoding", "").lower()
    text = encoding in ("ascii", "txt", "text")
    if not kind or (kind[1] != "1" and endian not in ("little", "big") and not text):
        found = f"type {fields.get('type', '')!r}, endian {endian!r}"
        raise InputError(path, "a header states the type of numbers", found, "export it again")
    dtype = np.dtype(f"{'>' if endian == 'big' else '<'}{kind}")
    parts = file_parts(path)[1:] or [path]
    absent = [part.name for part in parts if not part.is_file()]
    if absent:
        found, remedy = f"{absent[0]} is not there", "bring the files together"
        raise InputError(path, "the image file must be readable", found, remedy)
    skips = [_skip(path, fields, name) for name in ("line skip", "byte skip")]
    try:
        array = np.empty(math.prod(shape), dtype)
        each = array.size // len(parts)
        for number, part in enumerate(parts):
            into = array[number * each : (number + 1) * each]
            begin = end if part == path else 0
            if text:
                _read_text(part, begin, into)
            else:
                _read_bytes(part, begin, skips, encoding, into)
    except (EOFError, MemoryError) as error:
        found = f"NRRD: the file ends early{f', {error}' if str(error) else ''}"
        remedy = "check that the file is complete"
        raise InputError(path, "the image file must be readable", found, remedy) from None
    except (OSError, ValueError, zlib.error, binascii.Error) as error:
        remedy = "check that the file is complete"
        found = f"NRRD: {str(error).splitlines()[0]}"
        raise InputError(path, "the image file must be readable", found, remedy) from None
    if not dtype.isnative:
        array = array.byteswap(inplace=True).view(dtype.newbyteorder("="))
    return array.reshape(shape)


def _skip(path: Path, fields: dict[str, str], name: str) -> int:
    text = fields.get(name, fields.get(name.replace(" ", ""), "0"))
    if not re.fullmatch(r"\d+" if name == "line skip" else r"-1|\d+", text):
        rule = f"{name} is a whole number{', or -1' if name == 'byte skip' else ''}"
        raise InputError(path, rule, repr(text), "correct the header")
    return int(text)


def _read_bytes(
    part: Path, begin: int, skips: list[int], encoding: str, into: NDArray[Any]
) -> None:
    """Read numbers as bytes, raw or packed, into an array.

    Raises
    ------
    EOFError
        When there are fewer.
    """
    lines, skipped = skips
    with part.open("rb") as raw:
        raw.seek(begin)
        for _ in range(lines):
            raw.readline()
        if encoding == "hex":
            digits = bytes.fromhex(raw.read().decode("ascii", "replace"))
            stream: Any = io.BytesIO(digits)
        elif encoding in ("gzip", "gz"):
            stream = gzip.GzipFile(fileobj=raw)
        elif encoding in ("bzip2", "bz2"):
            stream = bz2.BZ2File(raw)
        elif encoding == "raw":
            there = part.stat().st_size - raw.tell()
            if there - max(0, skipped) < into.nbytes:  # before memory is taken for them
                raise EOFError(f"after {max(0, there)} of {into.nbytes} bytes of voxels")
            stream = raw
            if skipped < 0:  # the voxels are what the file ends with
                raw.seek(-into.nbytes, 2)
        else:
            raise ValueError(f"encoding {encoding!r} is none of raw, gzip, bzip2, ascii and hex")
        if skipped < 0 and stream is not raw:
            into.view(np.uint8)[:] = np.frombuffer(_last_bytes(stream, into.nbytes), np.uint8)
            return
        skip_bytes(stream, skipped)
        fill_bytes(stream, into.view(np.uint8).data)


def _last_bytes(stream: Any, count: int) -> bytes:
    """Return what a stream ends with; with EOFError where it is shorter."""
    found = bytearray()
    while part := stream.read(PART):
        found += part
        if len(found) > 2 * count + PART:  # no more than is wanted stays in memory
            del found[:-count]
    if len(found) < count:
        raise EOFError(f"after {len(found)} of {count} bytes of voxels")
    return bytes(found[-count:])


def _read_text(part: Path, begin: int, into: NDArray[Any]) -> None:
    """Read numbers as text into an array; with EOFError where there are fewer."""
    with part.open("rb") as stream:
        stream.seek(begin)
        words = stream.read().replace(b",", b" ").split()
    if len(words) < into.size:
        raise EOFError(f"after {len(words)} of {into.size} numbers")
    whole = into.dtype.kind in "iu"
    into[:] = [int(word) if whole else float(word) for word in words[: into.size]]
