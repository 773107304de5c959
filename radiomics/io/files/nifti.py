"""NIfTI-1 and NIfTI-2 files [1]_, in one file or as a pair ``.hdr``/``.img``, and Analyze 7.5.

Read without SimpleITK: its library alone takes 80 MB of memory, and it places some files otherwise
than the rule below says, without a word.

Where voxels lie is decided by one rule, that of nibabel, FSL and dcm2niix: the sform where its code
is above 0, else the qform where its code is above 0, else spacings alone. Sform and qform that lie
apart are noted with the distance; a file without either, Analyze included, knows no sides and no
position, and has the axes that nibabel gives it. What a file says of spacing it must say once:
``pixdim`` and sform that contradict each other are refused.

References
----------
.. [1] Cox et al., A (sort of) new image data format standard: NIfTI-1, 2004; the field names, the
   quaternion and the meaning of codes are those of its header files, nifti1.h and nifti2.h.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.io.files.kinds import SHEARED, grid_from_axes, pair_of, volume_of_file
from radiomics.io.files.streams import PART, fill_bytes, skip_bytes
from radiomics.types import UNKNOWN_SIDES, InputError, Volume

SUFFIXES = (".nii", ".nii.gz", ".hdr", ".hdr.gz", ".img", ".img.gz")
NAMES = (
    "sizeof_hdr",
    "dim",
    "datatype",
    "bitpix",
    "pixdim",
    "vox_offset",
    "scl_slope",
    "scl_inter",
    "xyzt_units",
    "qform_code",
    "sform_code",
    "quatern",
    "qoffset",
    "srow",
    "magic",
)
HEADER = np.dtype(
    {
        "names": list(NAMES),
        "formats": [
            "i4",
            "8i2",
            "i2",
            "i2",
            "8f4",
            "f4",
            "f4",
            "f4",
            "u1",
            "i2",
            "i2",
            "3f4",
            "3f4",
            "(3,4)f4",
            "S4",
        ],
        "offsets": [0, 40, 70, 72, 76, 108, 112, 116, 123, 252, 254, 256, 268, 280, 344],
        "itemsize": 348,
    }
)
HEADER_2 = np.dtype(
    {
        "names": list(NAMES),
        "formats": [
            "i4",
            "8i8",
            "i2",
            "i2",
            "8f8",
            "i8",
            "f8",
            "f8",
            "i4",
            "i4",
            "i4",
            "3f8",
            "3f8",
            "(3,4)f8",
            "S8",
        ],
        "offsets": [0, 16, 12, 14, 104, 168, 176, 184, 500, 344, 348, 352, 376, 400, 4],
        "itemsize": 540,
    }
)
KINDS = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    64: "f8",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
}
"""Names of numpy's types by ``datatype``."""
OTHER_KINDS = {
    1: "single bits",
    32: "complex numbers: 2 values a voxel",
    128: "RGB colours: 3 values a voxel",
    1536: "floats of 128 bits",
    1792: "complex numbers: 2 values a voxel",
    2048: "complex numbers: 2 values a voxel",
    2304: "RGBA colours: 4 values a voxel",
}
TO_MILLIMETRES = {1: 1e3, 3: 1e-3}
"""Factors of the units of space besides millimetres: metres and micrometres."""
CONTRADICT = 1e-2
"""How far two statements on spacing may differ that are one but for rounding."""
LAST_CODE = 5
"""The largest code of a qform or sform: a template."""
AGREE = 1e-5
"""How far two statements on one thing may differ, relative to the spacing."""
APART = 1e-3
"""Distance of qform and sform, in voxels, from which it is noted: less is rounding."""
ALMOST_HALF_TURN = 1e-7
"""What is left of the quaternion's first number below which it is none: float32 holds no more."""
TOO_LONG = 1e-3
"""How much longer than 1 a quaternion may be that is one but for rounding."""
EXACT = 2**24
"""Whole numbers up to which float32 holds each."""
DEFLATES = 1032
"""Bytes that one byte of a compressed file stands for at most."""

ONE_SPACING = "the header states one spacing above 0"
CORRECT = "correct the header, or convert the original again"
SHEARED_REMEDY = f"{SHEARED}, or set sform_code to 0 where the qform is meant"

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NiftiHeader:
    """What a header says; ``order`` is ``"<"`` or ``">"``, ``voxels`` the file that holds them."""

    kind: str
    fields: Any
    order: str
    voxels: Path

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of voxels (D, H, W)."""
        dim = self.fields["dim"]
        width, height, depth = (int(n) for n in dim[1:4])
        return (depth if dim[0] > 2 else 1), height, width

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the stored voxels."""
        return np.dtype(f"{self.order}{KINDS[int(self.fields['datatype'])]}")

    @property
    def offset(self) -> int:
        """Where in their file the voxels begin."""
        return int(self.fields["vox_offset"])

    @property
    def scaling(self) -> tuple[float, float]:
        """Slope and intercept from stored to real values; a slope of 0 or none means neither."""
        slope = float(self.fields["scl_slope"])
        # the field behind the slope is another one in Analyze
        inter = float(self.fields["scl_inter"]) if self.kind != "Analyze 7.5" else 0.0
        if slope == 0 or not math.isfinite(slope):
            return 1.0, 0.0
        return slope, inter


def read_nifti(path: Path, unit: str = "") -> Volume:
    """Read one image of numbers.

    Raises
    ------
    InputError
        When the file breaks off, is damaged or of another kind, holds several images or values a
        voxel, or does not say where its voxels lie on a grid with right angles.
    """
    header = _read_header(path)
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused
        affine, notes = _affine(path, header)
    array, more = _read_voxels(path, header)
    if more:
        notes.append(f"{more} byte(s) follow the voxels in the file: not read")
    slope, inter = header.scaling
    if (slope, inter) != (1, 0):
        if not math.isfinite(inter):
            rule = "scl_slope and scl_inter must be numbers"
            raise InputError(path, rule, f"{slope:g} and {inter:g}", "correct the header")
        array = _rescaled(array, slope, inter)
        if header.kind == "Analyze 7.5":
            notes.append(f"values multiplied by {slope:g}, SPM's scale factor")
    return volume_of_file(path, array, affine, unit, notes)


def nifti_shape(path: Path) -> tuple[int, int, int] | None:
    """Return the numbers of voxels (D, H, W) that a file's header states; ``None`` of others."""
    try:
        return _read_header(path).shape
    except InputError:
        return None


def _read_header(path: Path) -> NiftiHeader:
    """Read and check a header; a path to an ``.img`` means the pair that it belongs to."""
    head, voxels = pair_of(path)
    if not head.is_file():
        rule = "an .img file lies beside its header"
        raise InputError(path, rule, f"no {head.name}", "bring the two files together")
    try:
        with _open_unpacked(head) as (stream, _):
            content = stream.read(HEADER_2.itemsize)
    except (EOFError, OSError, zlib.error) as error:
        raise _unreadable(path, str(error)) from None
    header = _parse_header(content, voxels, is_pair=head != voxels)
    if isinstance(header, str):
        raise _unreadable(path, header)
    _check_image(path, header)
    if head == voxels and header.offset < header.fields.dtype.itemsize:
        rule, found = "voxels begin behind the header", f"vox_offset {header.fields['vox_offset']}"
        raise InputError(path, rule, found, "correct the header, or convert the original again")
    return header


def _unreadable(path: Path, found: str) -> InputError:
    remedy = "check that the file is complete"
    return InputError(path, "the image file must be readable", found, remedy)


def _parse_header(content: bytes, voxels: Path, is_pair: bool) -> NiftiHeader | str:
    """Return the header that a file begins with, or what it begins with instead."""
    for order in "<>":
        size = int(np.frombuffer(content[:4].ljust(4, b"\0"), f"{order}i4")[0])
        for dtype, name in ((HEADER, "NIfTI-1"), (HEADER_2, "NIfTI-2")):
            if size != dtype.itemsize:
                continue
            if len(content) < size:
                return f"a {name} file that ends early: {len(content)} bytes, {size} of header"
            swapped = dtype.newbyteorder("<" if order == "<" else ">")
            fields = np.frombuffer(content, swapped, 1)[0]
            magic = bytes(fields["magic"])[:3]
            if magic in ((b"n+1", b"ni1") if dtype is HEADER else (b"n+2", b"ni2")):
                return NiftiHeader(name, fields, order, voxels)
            if is_pair and dtype is HEADER:
                return NiftiHeader("Analyze 7.5", fields, order, voxels)
            return f"a header of {size} bytes as NIfTI has it, but with the mark {magic!r}"
    if len(content) < 4:
        return f"a file that ends early: {len(content)} bytes"
    return "neither NIfTI-1 nor NIfTI-2: the file does not begin with the size of their headers"


def _check_image(path: Path, header: NiftiHeader) -> None:
    """Demand one image of one number a voxel, whose voxels begin at a byte."""
    fields = header.fields
    dim, kind = fields["dim"].astype(int).tolist(), int(fields["datatype"])
    offset = float(fields["vox_offset"])
    if not (2 <= dim[0] <= 7 and min(dim[1 : dim[0] + 1]) > 0):
        found = f"dim {dim}"
        raise InputError(path, "a header states the numbers of voxels", found, "correct the header")
    if kind not in KINDS or any(n != 1 for n in dim[4 : dim[0] + 1]):
        other = OTHER_KINDS.get(kind, f"datatype {kind}")
        counts = " x ".join(map(str, dim[1 : dim[0] + 1]))
        found = f"{dim[0]}D ({counts} voxels), {'1 value a voxel' if kind in KINDS else other}"
        raise InputError(path, "one 3D scalar image is needed", found, "split the file first")
    if not (math.isfinite(offset) and offset >= 0 and offset.is_integer()):
        found = f"vox_offset {offset:g}"
        raise InputError(path, "voxels begin at a whole byte", found, "correct the header")


@contextmanager
def _open_unpacked(path: Path) -> Iterator[tuple[BufferedIOBase, int]]:
    """Open a file, unpacked where it is packed; give the bytes that it can hold at most, too."""
    size = path.stat().st_size
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        if packed:
            with gzip.GzipFile(fileobj=raw) as stream:
                yield stream, DEFLATES * size
        else:
            yield raw, size


def _read_voxels(path: Path, header: NiftiHeader) -> tuple[NDArray[Any], int]:
    """Read the voxels (D, H, W) in native byte order, and count the bytes that follow them."""
    if not header.voxels.is_file():
        raise _unreadable(path, f"{header.kind}: its voxels, {header.voxels.name}, are not there")
    shape, dtype = header.shape, header.dtype
    needed = header.offset + math.prod(shape) * dtype.itemsize
    try:
        with _open_unpacked(header.voxels) as (stream, most):
            if needed > most:  # before memory is taken for them
                raise EOFError(f"it holds {most} bytes at most, its voxels end at byte {needed}")
            array = np.empty(shape, dtype)
            skip_bytes(stream, header.offset)
            fill_bytes(stream, array.reshape(-1).view(np.uint8).data)
            more = 0
            while count := len(stream.read(PART)):  # also lets gzip compare its checksum
                more += count
    except EOFError as error:
        raise _unreadable(path, f"a {header.kind} file that ends early: {error}") from None
    except (OSError, zlib.error) as error:
        raise _unreadable(path, f"a damaged {header.kind} file: {error}") from None
    if not dtype.isnative:
        array = array.byteswap(inplace=True).view(dtype.newbyteorder("="))
    return array, more


def _rescaled(stored: NDArray[Any], slope: float, inter: float) -> NDArray[Any]:
    """Return real values; float32 where it holds every stored one, else float64."""
    wide = stored.dtype.itemsize > 4 or (
        stored.dtype.kind in "iu" and max(abs(int(stored.min())), int(stored.max())) > EXACT
    )
    result = np.empty(stored.shape, np.float64 if wide else np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for values, into in zip(stored, result, strict=True):
            into[...] = values.astype(np.float64) * slope + inter
    return result


def _affine(path: Path, header: NiftiHeader) -> tuple[Floats, list[str]]:
    """Return the (4, 4) affine from (d, h, w) to LPS mm, and what is to be noted of it."""
    fields = header.fields
    spacing, notes = _spacing(path, fields)
    codes = header.kind != "Analyze 7.5"
    if codes:
        _check_codes(path, fields)
    rotated = None
    if codes and fields["qform_code"] > 0:
        try:
            rotated = _qform(path, fields, spacing)
        except InputError as error:
            if fields["sform_code"] <= 0:
                raise
            notes.append(f"its qform is unusable ({error.found}): the sform is used")
    if codes and fields["sform_code"] > 0:
        rows = fields["srow"].astype(np.float64)
        lengths = np.linalg.norm(rows[:, :3], axis=0)
        if not np.allclose(lengths, spacing, rtol=CONTRADICT, atol=0):
            stated = f"pixdim {_shown(spacing)} mm, sform {_shown(lengths)} mm (x, y, z)"
            raise InputError(path, ONE_SPACING, stated, CORRECT)
        placed = rows
        if np.allclose(lengths, spacing, rtol=AGREE, atol=0):
            placed = np.c_[rows[:, :3] / lengths * spacing, rows[:, 3]]
        if rotated is not None:
            if np.abs(rotated - placed).max() <= AGREE * spacing.min():
                placed = rotated  # one statement but for rounding
            else:
                notes += _distance_note(rotated, placed, header)
    elif rotated is not None:
        placed = rotated
    else:
        placed = _spacing_alone(header, spacing)
        why = "Analyze 7.5 has none" if not codes else "the codes of its qform and sform are both 0"
        notes.append(
            f"no orientation: {why}; {UNKNOWN_SIDES}, and taken as nibabel does "
            "(the first axis to the left, the second to the front, the third to the head)"
        )
    placed = placed * TO_MILLIMETRES.get(int(fields["xyzt_units"]) & 7 if codes else 2, 1.0)
    # NIfTI's x and y grow to the right and to the front, DICOM's to the left and to the back
    placed[:2] *= -1
    return grid_from_axes(path, placed[:, :3], placed[:, 3], SHEARED_REMEDY), notes


def _spacing(path: Path, fields: Any) -> tuple[Floats, list[str]]:
    """Return what ``pixdim`` says of x, y and z, and a note where a slice has no thickness."""
    spacing, notes = fields["pixdim"][1:4].astype(np.float64), []
    if fields["dim"][0] == 2 and not spacing[2] > 0:
        spacing[2] = 1.0
        notes.append("one slice without a thickness: taken as 1 mm")
    if not (np.isfinite(spacing).all() and (spacing > 0).all()):
        raise InputError(path, ONE_SPACING, f"pixdim {_shown(spacing)} mm (x, y, z)", CORRECT)
    return spacing, notes


def _shown(steps: Floats) -> str:
    return " x ".join(f"{step:g}" for step in steps)


def _check_codes(path: Path, fields: Any) -> None:
    """Demand values that the definition of NIfTI has: of others nobody knows what is meant."""
    found = {name: int(fields[name]) for name in ("qform_code", "sform_code")}
    wrong = [f"{name} {code}" for name, code in found.items() if not 0 <= code <= LAST_CODE]
    if wrong:
        rule = "orientation is stated by codes that NIfTI defines"
        raise InputError(path, rule, ", ".join(wrong), "correct the header")


def _qform(path: Path, fields: Any, spacing: Floats) -> Floats:
    """Return the (3, 4) qform: from (i, j, k) to RAS."""
    quaternion, offset = fields["quatern"].astype(np.float64), fields["qoffset"].astype(np.float64)
    length, side = float(np.linalg.norm(quaternion)), float(fields["pixdim"][0])
    usable = np.isfinite(offset).all() and length <= 1 + TOO_LONG and side in (-1, 0, 1)
    if not usable:
        shown = [[float(f"{x:.6g}") for x in part] for part in (quaternion, offset)]
        found = f"quatern {shown[0]}, qoffset {shown[1]}, pixdim[0] {side:g}"
        raise InputError(path, "a qform is a rotation and a position", found, "correct the header")
    axes = _rotation(quaternion)
    axes[:, 2] *= -1 if fields["pixdim"][0] < 0 else 1
    return np.asarray(np.c_[axes * spacing, offset], dtype=np.float64)


def _spacing_alone(header: NiftiHeader, spacing: Floats) -> Floats:
    """Return the (3, 4) affine of nibabel where there is no other: the origin in the middle."""
    axes = np.diag(spacing * [-1, 1, 1])
    middle = (np.array(header.shape[::-1]) - 1) / 2
    return np.asarray(np.c_[axes, -axes @ middle], dtype=np.float64)


def _distance_note(rotated: Floats, placed: Floats, header: NiftiHeader) -> list[str]:
    """Note how far qform and sform place a voxel apart, where that is more than rounding."""
    last = np.array(header.shape[::-1]) - 1
    corners = np.array([[*(last * bits), 1] for bits in np.ndindex(2, 2, 2)], dtype=np.float64)
    apart = float(np.linalg.norm(corners @ (rotated - placed).T, axis=1).max())
    extent = float(np.linalg.norm((corners[-1] - corners[0]) @ placed.T))
    rest = 1 - float(np.square(header.fields["quatern"].astype(np.float64)).sum())
    precision = float(np.finfo(header.fields["quatern"].dtype).eps)
    # the quaternion's first number is not stored: close to half turns the others hardly tell it
    lost = 4 * precision / math.sqrt(max(rest, precision))
    if apart <= APART * float(np.linalg.norm(placed[:, :3], axis=0).min()) + lost * extent:
        return []
    factor = TO_MILLIMETRES.get(int(header.fields["xyzt_units"]) & 7, 1.0)
    return [f"qform and sform lie up to {apart * factor:.6g} mm apart: the sform is used"]


def _rotation(quaternion: Floats) -> Floats:
    """Return the rotation (3, 3) of a unit quaternion whose first number is not stored."""
    rest = 1 - float(quaternion @ quaternion)
    if rest < ALMOST_HALF_TURN:
        quaternion, rest = quaternion / np.linalg.norm(quaternion), 0.0
    a, (b, c, d) = rest**0.5, quaternion
    return np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
