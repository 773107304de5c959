"""MetaImage files [1]_: where their voxels lie is read here, the voxels are by SimpleITK.

TransformMatrix says where axes point, ElementSpacing how far voxels lie apart. Only where there is
no matrix AnatomicalOrientation counts, and ElementSize where there is no spacing; both are noted.

References
----------
.. [1] ITK, MetaIO documentation, https://itk.org/Wiki/ITK/MetaIO/Documentation.
"""

from __future__ import annotations

import math
from pathlib import Path

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
from radiomics.io.files.kinds import grid_from_axes, volume_of_file
from radiomics.types import InputError, Volume

SUFFIXES = (".mha", ".mhd")
AXES = ("TransformMatrix", "Rotation", "Orientation")
ORIGINS = ("Offset", "Position", "Origin")
"""Names that one field may have; the first that is there counts."""
BYTES = {
    "MET_CHAR": 1,
    "MET_UCHAR": 1,
    "MET_SHORT": 2,
    "MET_USHORT": 2,
    "MET_INT": 4,
    "MET_UINT": 4,
    "MET_LONG_LONG": 8,
    "MET_ULONG_LONG": 8,
    "MET_FLOAT": 4,
    "MET_DOUBLE": 8,
}
"""Bytes of a number by the name of its type."""
SIDES = {
    "R": (1, 0, 0),
    "L": (-1, 0, 0),
    "A": (0, 1, 0),
    "P": (0, -1, 0),
    "I": (0, 0, 1),
    "S": (0, 0, -1),
}
"""Where an axis points in LPS that begins at this side of the patient."""
UNIT = 1e-2
"""How far from 1 the length of an axis may be: matrices are written with few digits."""


def read_metaimage(path: Path) -> Volume:
    """Read one image of numbers: its header here, its voxels by SimpleITK.

    Raises
    ------
    InputError
        When the header cannot be understood, states no spacing or sheared axes, or describes more
        than one value at each place of two or three dimensions.
    """
    lines, end = read_lines(path, "ElementDataFile")
    pairs = (line.partition("=") for line in lines)
    fields = {key.strip(): value.strip() for key, _, value in pairs}
    if not fields.get("ElementDataFile"):
        found = "its header ends before ElementDataFile: it ends early, or is another kind of file"
        remedy = "check that the file is complete"
        raise InputError(path, "a MetaImage header ends with ElementDataFile", found, remedy)
    dims = check_counts(path, to_numbers(path, "NDims", fields.get("NDims", ""), 1))[0]
    sizes = check_counts(path, to_numbers(path, "DimSize", fields.get("DimSize", ""), dims))
    channels = fields.get("ElementNumberOfChannels", "1")
    kept = min(dims, 3)
    if dims < 2 or math.prod(sizes[3:]) != 1 or channels != "1":
        found = f"{dims}D ({' x '.join(map(str, sizes))} voxels), {channels} value(s) a voxel"
        raise InputError(path, "one 3D scalar image is needed", found, "split the file first")
    spacing, notes = _spacing(path, fields, dims)
    axes, more = _directions(path, fields, dims)
    origin = np.zeros(3)
    place = next((key for key in ORIGINS if key in fields), "")
    if place:
        origin[:kept] = to_numbers(path, place, fields[place], dims)[:kept]
    factor = TO_MILLIMETRES.get(fields.get("DistanceUnits", "mm").lower(), 1.0)
    if factor != 1:
        notes.append(f"lengths in {fields['DistanceUnits']}, turned into mm")
    steps = np.ones(3)
    steps[:kept] = spacing[:kept] * factor
    if dims == 2:
        notes.append("one slice without a thickness: taken as 1 mm")
    affine = grid_from_axes(path, axes * steps, origin * factor)
    shape = (sizes[2] if dims > 2 else 1, sizes[1], sizes[0])
    plain = _plain_voxels(path, fields, end, math.prod(sizes))
    from radiomics.io.files.itk import read_voxels  # SimpleITK takes memory: not for a bad header

    array = read_voxels(path, shape, *plain)
    return volume_of_file(path, array, affine, "", (*notes, *more))


def _spacing(
    path: Path, fields: dict[str, str], dims: int
) -> tuple[NDArray[np.float64], list[str]]:
    key = next((name for name in ("ElementSpacing", "ElementSize") if name in fields), "")
    if not key:
        raise missing_spacing(path, "ElementSpacing")
    found = to_numbers(path, key, fields[key], dims)
    check_spacing(path, key, found[:3])
    if key == "ElementSize":
        return found, ["no ElementSpacing: ElementSize is taken for it"]
    return found, []


def _directions(
    path: Path, fields: dict[str, str], dims: int
) -> tuple[NDArray[np.float64], list[str]]:
    """Return unit vectors (3, 3) in LPS, a column an axis, and what is to be noted of them."""
    kept = min(dims, 3)
    axes = np.eye(3)
    key = next((name for name in AXES if name in fields), "")
    if key:
        rows = to_numbers(path, key, fields[key], dims * dims).reshape(dims, dims)
        axes[:kept, :kept] = rows.T[:kept, :kept]
        lengths = np.linalg.norm(axes, axis=0)
        if not np.allclose(lengths, 1, rtol=0, atol=UNIT):
            shown = ", ".join(f"{length:.4g}" for length in lengths)
            rule = f"the axes of {key} have the length 1: spacing is stated elsewhere"
            raise InputError(path, rule, f"lengths {shown}", "correct the header, or export again")
        rounded = np.abs(lengths - 1).max() > 1e-6
        return (axes / lengths if rounded else axes), []
    sides = fields.get("AnatomicalOrientation", "").upper()
    if dims >= 3 and len(sides) == 3 and all(side in SIDES for side in sides):
        axes = np.array([SIDES[side] for side in sides], dtype=np.float64).T
        if abs(np.linalg.det(axes)) == 1:
            return axes, [f"no TransformMatrix: axes by AnatomicalOrientation {sides}"]
    return np.eye(3), [
        "no orientation (no TransformMatrix): its axes are taken as those of LPS "
        "(left, posterior, superior)"
    ]


def _plain_voxels(
    path: Path, fields: dict[str, str], end: int, count: int
) -> tuple[Path | None, int, int]:
    """Return the file that holds the voxels unpacked, where they begin, and their bytes."""
    size, name = BYTES.get(fields.get("ElementType", "")), fields["ElementDataFile"]
    packed = fields.get("CompressedData", "False").upper().startswith("T")
    skipped = fields.get("HeaderSize", "0")
    binary = not fields.get("BinaryData", "True").upper().startswith("F")
    if size is None or packed or not binary or name.split()[:1] == ["LIST"] or "%" in name:
        return None, 0, 0
    if not skipped.isdigit():  # -1: the voxels are what the file ends with
        return None, 0, 0
    local = name.upper() == "LOCAL"
    return path if local else path.parent / name, end if local else int(skipped), count * size
