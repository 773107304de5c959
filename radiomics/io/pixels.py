"""Pixels of frames into one array, rescaled; read straight from the file where they lie plain."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from radiomics.io.frames import Frame
from radiomics.io.headers import Header
from radiomics.types import InputError

LARGEST = 2**33
"""Bytes of one decoded file from which a header is not believed."""
PLAIN = {ImplicitVRLittleEndian: 8, ExplicitVRLittleEndian: 12, ExplicitVRBigEndian: 12}
"""Transfer syntaxes with plain pixels, and the bytes of the element's head in front of them."""
PIXEL_DATA = {False: b"\xe0\x7f\x10\x00", True: b"\x7f\xe0\x00\x10"}
"""The tag of the pixels, by big-endian or not."""


def check_pixels(header: Header) -> None:
    """Demand that the tags that describe the pixels are whole numbers of a believable size.

    Raises
    ------
    ValueError
        Naming the tag.
    """
    limits = {"Rows": 2**16, "Columns": 2**16, "BitsAllocated": 64, "BitsStored": 64}
    limits |= {"SamplesPerPixel": 4, "PixelRepresentation": 1, "NumberOfFrames": 2**20}
    for tag, largest in limits.items():
        values = header.numbers(tag)
        whole = values.size == 1 and float(values[0]).is_integer() and 0 <= values[0] <= largest
        if values.size and not whole:
            raise ValueError(f"{tag} must be a whole number up to {largest}, not {values.tolist()}")


def read_frames(frames: Sequence[Frame]) -> NDArray[Any]:
    """Read frames of one matrix as ``(N, rows, columns)`` in rescaled units.

    Whole-number rescaling gives int16 (int32 where that is too small), any other float32.

    Raises
    ------
    InputError
        Naming the file whose pixels are cut short, absurdly large or cannot be decoded.
    """
    first = frames[0].header.data
    shape = (len(frames), int(first.Rows), int(first.Columns))
    volume = np.empty(shape, dtype=_result_dtype(frames))
    by_file: dict[int, list[int]] = {}
    for position, frame in enumerate(frames):
        by_file.setdefault(id(frame.header), []).append(position)

    def fill(positions: list[int]) -> None:
        first = frames[positions[0]]
        if len(positions) == 1 and is_plain(first):
            _read_plain(first, volume[positions[0]])
            return
        decoded = _decoded(first)
        for position in positions:
            pixels = decoded[frames[position].index]
            if pixels.shape != shape[1:]:
                rule = f"every slice needs a matrix of {shape[1:]}"
                raise _broken(first.header, rule, f"{pixels.shape}")
            _rescale(pixels, frames[position], volume[position])

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(fill, by_file.values()):
            pass
    return volume


def _rescale(pixels: NDArray[Any], frame: Frame, into: NDArray[Any]) -> None:
    slope, intercept = frame.slope, frame.intercept
    if _is_inverted(frame):
        bits = int(frame.header.data.get("BitsStored") or 16)
        pixels = (2**bits - 1) - pixels.astype(np.int64)
    if into.dtype.kind == "i":
        np.add(pixels, into.dtype.type(intercept), out=into, casting="unsafe", dtype=np.int32)
    else:
        into[...] = pixels.astype(np.float64) * slope + intercept


def _is_inverted(frame: Frame) -> bool:
    """Tell whether low values mean bright: radiographs, whose stored values are display values."""
    display = frame.header.text("Modality") in ("CR", "DX", "MG", "RF", "XA", "PX", "IO")
    return display and frame.header.text("PhotometricInterpretation") == "MONOCHROME1"


def _stored_dtype(frame: Frame) -> np.dtype[Any]:
    data = frame.header.data
    signed = data.get("PixelRepresentation") == 1
    return np.dtype(f"{'i' if signed else 'u'}{int(data.get('BitsAllocated') or 16) // 8}")


def is_plain(frame: Frame) -> bool:
    """Tell whether a frame is a file of its own with uncompressed pixels of whole bytes."""
    data = frame.header.data
    bits = int(data.get("BitsAllocated") or 16)
    single = (
        int(data.get("NumberOfFrames") or 1) == 1 and int(data.get("SamplesPerPixel") or 1) == 1
    )
    # signed pixels of fewer bits than stored need their sign extended
    full = int(data.get("BitsStored") or bits) == bits or data.get("PixelRepresentation") != 1
    plain = frame.header.syntax in PLAIN and frame.header.pixel_offset >= 0
    return plain and single and full and bits in (8, 16)


def _read_plain(frame: Frame, into: NDArray[Any]) -> None:
    """Read plain pixels from where the header pass stopped, straight into place if they fit."""
    header = frame.header
    big = header.syntax == ExplicitVRBigEndian
    dtype = _stored_dtype(frame).newbyteorder(">" if big else "<")
    direct = (
        into.dtype == np.int16
        and dtype.itemsize == 2
        and dtype.isnative
        and not _is_inverted(frame)
        and into.flags.c_contiguous
    )
    stored: Any = into if direct else np.empty(into.shape, dtype)
    with header.path.open("rb") as stream:
        stream.seek(header.pixel_offset)
        if stream.read(PLAIN[header.syntax])[:4] != PIXEL_DATA[big]:
            raise _broken(header, "the pixels must follow the header", "another element there")
        count = stream.readinto(memoryview(stored).cast("B"))
    if count < stored.nbytes:
        raise _broken(header, "the pixels must be complete", f"{count} of {stored.nbytes} bytes")
    if direct:  # sums wrap at 16 bits, and the dtype was chosen so that every result fits
        np.add(into, np.int64(frame.intercept).astype(np.int16), out=into)
    else:
        _rescale(stored, frame, into)


def _decoded(frame: Frame) -> NDArray[Any]:
    """Decode all frames of a file through pydicom's decoders as ``(frames, rows, columns)``."""
    header, data = frame.header, frame.header.data
    frames = int(data.get("NumberOfFrames") or 1)
    size = frames * int(data.Rows) * int(data.Columns) * int(data.get("BitsAllocated") or 16) // 8
    if size > LARGEST:
        raise _broken(header, f"decoded pixels fit in {LARGEST // 2**30} GiB", f"{size} bytes")
    plain = header.syntax in PLAIN
    if plain and header.path.stat().st_size < size:
        raise _broken(
            header, "the pixels must be complete", f"a file shorter than {size} bytes of pixels"
        )
    try:
        whole = pydicom.dcmread(header.path, force=True)
        if "TransferSyntaxUID" not in whole.file_meta:
            whole.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian  # PS3.10: the default
        pixels = whole.pixel_array
    except Exception as error:  # decoders of several libraries fail in ways of their own
        lines = str(error).splitlines() or [type(error).__name__]
        raise _broken(header, "every slice needs readable pixels", lines[0]) from error
    return np.asarray(pixels).reshape(frames, *np.shape(pixels)[-2:])


def _result_dtype(frames: Sequence[Frame]) -> np.dtype[Any]:
    if any(f.slope != 1 or f.intercept != round(f.intercept) for f in frames):
        return np.dtype(np.float32)
    data = frames[0].header.data
    if int(data.get("BitsAllocated") or 16) > 16:
        return np.dtype(np.float32)
    bits = max(int(f.header.data.get("BitsStored") or 16) for f in frames)
    signed = any(f.header.data.get("PixelRepresentation") == 1 for f in frames)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)
    shifts = [f.intercept for f in frames]
    for kind, size in ((np.int16, 2**15), (np.int32, 2**31)):
        if low + min(shifts) >= -size and high + max(shifts) <= size:
            return np.dtype(kind)
    return np.dtype(np.float32)


def _broken(header: Header, rule: str, found: str) -> InputError:
    return InputError(header.path, rule, found, "export this file again")
