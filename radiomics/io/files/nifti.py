"""Plain NIfTI-1 files [1]_, read without SimpleITK: its library alone takes 80 MB of memory.

Plain is one scalar image in one file, stored as it is, whose header says one thing about where it
lies. Whatever is not plain is left to :mod:`radiomics.io.files.itk`.

References
----------
.. [1] Cox et al., A (sort of) new image data format standard: NIfTI-1, 2004; the field names, the
   quaternion and the meaning of codes are those of its header file, nifti1.h.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.io.files.kinds import volume_of_file
from radiomics.types import InputError, Volume

SUFFIXES = (".nii", ".nii.gz")
HEADER = np.dtype(
    {
        "names": [
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
        ],
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
MILLIMETRES = (0, 2)
"""Units of space that need no factor: none given, and millimetres."""
CONTRADICT = 1e-2
"""How far two statements on spacing may differ that are one but for rounding."""
AGREE = 1e-5
"""How far two statements on one thing may differ, relative to the spacing."""
ALMOST_HALF_TURN = 1e-7
"""What is left of the quaternion's first number below which it is none: float32 holds no more."""
DEFLATES = 1032
"""Bytes that one byte of a compressed file stands for at most."""
PART = 2**24
"""Bytes that are read at a time."""


def read_nifti(path: Path, unit: str = "") -> Volume | None:
    """Read a plain NIfTI-1 file; ``None`` where it is not one.

    Raises
    ------
    InputError
        When the file breaks off or its compression is damaged.
    """
    try:
        with _open_unpacked(path) as (stream, most):
            header = _parse_plain_header(stream.read(HEADER.itemsize))
            affine = None if header is None else _affine(header)
            if header is None or affine is None:
                return None
            _check_size(header, most)
            order = header.dtype["dim"].base.byteorder
            shape = _shape(header)
            array = np.empty(shape, f"{order}{KINDS[int(header['datatype'])]}")
            stream.read(int(header["vox_offset"]) - HEADER.itemsize)
            _fill(stream, array.reshape(-1).view(np.uint8).data)
            more = 0
            while count := len(stream.read(PART)):  # also lets gzip compare its checksum
                more += count
            if more:
                return None
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(
            path, "the image file must be readable", str(error), "check that the file is complete"
        ) from None
    if not array.dtype.isnative:
        array = array.byteswap(inplace=True).view(array.dtype.newbyteorder("="))
    return volume_of_file(path, array, affine, unit)


def check_spacing(path: Path) -> None:
    """Refuse a NIfTI-1 header that states no spacing, or two of them: SimpleITK takes one silently.

    Raises
    ------
    InputError
        With what stands there; the file does not say which one is right.
    """
    try:
        with _open_unpacked(path) as (stream, _):
            content = stream.read(HEADER.itemsize)
    except (EOFError, OSError, zlib.error):
        return  # who reads the voxels says what is wrong
    header = _parse_header(content)
    if header is None or header["magic"] not in (b"n+1", b"ni1"):
        return
    spacing = header["pixdim"][1:4].astype(np.float64)
    rule = "the header states one spacing above 0"
    remedy = "correct the header, or convert the original again"
    shown = " x ".join(f"{step:g}" for step in spacing)
    if not (np.isfinite(spacing).all() and (spacing > 0).all()):
        raise InputError(path, rule, f"pixdim {shown} mm (x, y, z)", remedy)
    if header["sform_code"] > 0:
        lengths = np.linalg.norm(header["srow"].astype(np.float64)[:, :3], axis=0)
        if not np.allclose(lengths, spacing, rtol=CONTRADICT, atol=0):
            other = " x ".join(f"{step:g}" for step in lengths)
            raise InputError(path, rule, f"pixdim {shown} mm, sform {other} mm (x, y, z)", remedy)


def nifti_shape(path: Path) -> tuple[int, ...] | None:
    """Return the numbers of voxels (D, H, W) of a plain NIfTI-1 file; ``None`` of others."""
    try:
        with _open_unpacked(path) as (stream, _):
            header = _parse_plain_header(stream.read(HEADER.itemsize))
    except (EOFError, OSError, zlib.error):
        return None
    return None if header is None else _shape(header)


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


def _parse_header(content: bytes) -> Any:
    if len(content) < HEADER.itemsize:
        return None
    little = content[:4] == b"\x5c\x01\x00\x00"
    return np.frombuffer(content, HEADER.newbyteorder("<" if little else ">"))[0]


def _parse_plain_header(content: bytes) -> Any:
    """Return the header that a file begins with, ``None`` where that is not a plain one's."""
    header = _parse_header(content)
    if header is None:
        return None
    kind = KINDS.get(int(header["datatype"]))
    dim, offset = header["dim"], float(header["vox_offset"])
    ordinary = (
        header["sizeof_hdr"] == HEADER.itemsize
        and header["magic"] == b"n+1"
        and kind is not None
        and header["bitpix"] == 8 * np.dtype(kind).itemsize
        and 3 <= dim[0] <= 7
        and (dim[1:4] > 0).all()
        and (dim[4 : dim[0] + 1] == 1).all()
        and offset >= HEADER.itemsize
        and offset.is_integer()
        and (header["scl_slope"], header["scl_inter"]) in ((0, 0), (1, 0))
        and (int(header["xyzt_units"]) & 7) in MILLIMETRES
    )
    return header if ordinary else None


def _check_size(header: Any, most: int) -> None:
    """Refuse, with EOFError, a file that cannot hold its voxels: before memory is taken for them.

    SimpleITK gives an image all the same.
    """
    needed = int(header["vox_offset"]) + math.prod(_shape(header)) * int(header["bitpix"]) // 8
    if needed > most:
        raise EOFError(f"it holds {most} bytes at most, its voxels end at byte {needed}")


def _shape(header: Any) -> tuple[int, int, int]:
    width, height, depth = (int(n) for n in header["dim"][1:4])
    return depth, height, width


def _affine(header: Any) -> NDArray[np.float64] | None:
    """Return the (4, 4) affine from (d, h, w) to LPS, ``None`` where the header leaves a doubt."""
    spacing = header["pixdim"][1:4].astype(np.float64)  # of x, y and z
    if not (np.isfinite(spacing).all() and (spacing > 0).all()):
        return None
    stated = []
    if header["qform_code"] > 0:
        axes = _rotation(header["quatern"].astype(np.float64))
        axes[:, 2] *= -1 if header["pixdim"][0] < 0 else 1
        stated.append(np.c_[axes * spacing, header["qoffset"].astype(np.float64)])
    if header["sform_code"] > 0:
        rows = header["srow"].astype(np.float64)
        lengths = np.linalg.norm(rows[:, :3], axis=0)
        if not np.allclose(lengths, spacing, rtol=AGREE, atol=0):
            return None
        axes = rows[:, :3] / lengths
        if np.abs(axes.T @ axes - np.eye(3)).max() > AGREE:
            return None
        stated.append(np.c_[axes * spacing, rows[:, 3]])
    if not stated or not all(np.isfinite(one).all() for one in stated):
        return None
    if np.abs(stated[0] - stated[-1]).max() > AGREE * spacing.min():
        return None
    affine = np.eye(4)
    affine[:3] = stated[0][:, [2, 1, 0, 3]]
    affine[
        :2
    ] *= -1  # NIfTI's x and y grow to the right and to the front, DICOM's to the left, back
    return affine + 0.0  # no negative zeros


def _rotation(quaternion: NDArray[np.float64]) -> NDArray[np.float64]:
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


def _fill(stream: BufferedIOBase, into: memoryview) -> None:
    """Read until all is there; a file that ends before raises EOFError."""
    done = 0
    while done < len(into):
        count = stream.readinto(into[done : done + PART])
        if not count:
            raise EOFError(f"it ends after {done} of {len(into)} bytes of voxels")
        done += count
