"""Pixels of frames into one array, rescaled; read straight from the file where they lie plain.

Whole-number rescaling keeps integers: the narrowest of int16 and int32 that holds every value that
was found, whatever the header says of their range. Any other rescaling gives float32.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from radiomics.io.dicom.decoding import CHUNK, PLAIN, Job, decode_jobs, pixel_error
from radiomics.io.dicom.frames import Frame
from radiomics.io.dicom.headers import Header

DISPLAY = ("CR", "DX", "MG", "RF", "XA", "PX", "IO")
"""Modalities whose stored values are display values."""


def check_pixel_tags(header: Header) -> None:
    """Demand that the tags that describe the pixels are whole numbers of a believable size.

    Raises
    ------
    ValueError
        Naming the tag.
    """
    limits = {"Rows": 2**16, "Columns": 2**16, "BitsAllocated": 64, "BitsStored": 64}
    limits |= {"SamplesPerPixel": 4, "PixelRepresentation": 1, "NumberOfFrames": 2**20}
    limits |= {"HighBit": 63}
    for tag in ("Rows", "Columns"):
        if header.values.get(tag) == (0.0,):
            raise ValueError(f"{tag} must not be zero")
    for tag, largest in limits.items():
        values = header.numbers(tag)
        whole = values.size == 1 and float(values[0]).is_integer() and 0 <= values[0] <= largest
        if values.size and not whole:
            found = ", ".join(f"{value:g}" for value in values[:4])
            raise ValueError(f"{tag} must be a whole number up to {largest}, not {found}")
    stored, high = header.numbers("BitsStored"), header.numbers("HighBit")
    if stored.size and high.size and high[0] != stored[0] - 1:
        raise ValueError(f"HighBit {high[0]:g} does not fit BitsStored {stored[0]:g}")


def read_frames(frames: Sequence[Frame]) -> NDArray[Any]:
    """Read frames of one matrix as ``(N, rows, columns)`` in rescaled units.

    Raises
    ------
    InputError
        Naming the file whose pixels are cut short, absurdly large or cannot be decoded.
    """
    first = frames[0].header
    shape = (len(frames), first.integer("Rows"), first.integer("Columns"))
    kinds = {_stored_dtype(frame) for frame in frames}
    dtype = kinds.pop() if len(kinds) == 1 else np.dtype(np.int64)
    try:
        stored = np.empty(shape, dtype=dtype)
    except (MemoryError, ValueError):
        raise pixel_error(first, "the volume must fit in memory", f"{shape} voxels") from None
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        plain = list(pool.map(_read_plain, frames, stored))
    by_file: dict[int, list[int]] = {}
    for position in np.flatnonzero(np.logical_not(plain)).tolist():
        by_file.setdefault(id(frames[position].header), []).append(position)
    parts = [p[i : i + CHUNK] for p in by_file.values() for i in range(0, len(p), CHUNK)]
    jobs = [Job(frames[part[0]].header, [frames[i].index for i in part]) for part in parts]
    for part, decoded in zip(parts, decode_jobs(jobs, stored[0].size), strict=True):
        for position, pixels in zip(part, decoded, strict=True):
            if pixels.shape != shape[1:]:
                rule = f"every slice needs a matrix of {shape[1:]}"
                raise pixel_error(frames[position].header, rule, f"{pixels.shape}")
            stored[position] = pixels
    return _rescale(stored, frames)


def padding_note(frames: Sequence[Frame], array: NDArray[Any]) -> list[str]:
    """Tell how many voxels hold PixelPaddingValue: no measurements, though they look like some.

    Only where one padding value and one rescaling hold for all frames, and the value is below all
    others: elsewhere it may be a measured one.
    """
    head = frames[0].header
    found = {(*f.header.numbers("PixelPaddingValue"), f.slope, f.intercept) for f in frames}
    if len(found) != 1 or not head.numbers("PixelPaddingValue").size:
        return []
    kind = f"{'i' if head.integer('PixelRepresentation') else 'u'}2"
    stored = np.array(head.numbers("PixelPaddingValue")[0], np.uint16).astype(kind)
    value = float(stored) * frames[0].slope + frames[0].intercept
    count = int((array == value).sum())
    if not count or value > array.min():
        return []
    return [f"{count} voxels hold PixelPaddingValue ({value:g} after rescaling): not measured"]


def _rescale(stored: NDArray[Any], frames: Sequence[Frame]) -> NDArray[Any]:
    """Apply each frame's slope and intercept, in place where the result fits."""
    whole = all(f.slope == 1 and f.intercept == round(f.intercept) for f in frames)
    if not whole or stored.dtype.kind == "f":
        result = np.empty(stored.shape, np.float32)
        for pixels, frame, into in zip(stored, frames, result, strict=True):
            into[...] = (
                _undo_inversion(pixels, frame).astype(np.float64) * frame.slope + frame.intercept
            )
        return result
    if any(map(_is_inverted, frames)):
        stored = np.stack([_undo_inversion(p, f) for p, f in zip(stored, frames, strict=True)])
    shifts = [int(frame.intercept) for frame in frames]
    low = min(int(p.min()) + s for p, s in zip(stored, shifts, strict=True))
    high = max(int(p.max()) + s for p, s in zip(stored, shifts, strict=True))
    if stored.dtype.itemsize == 2 and low >= -(2**15) and high < 2**15:
        result = stored.view(np.int16)  # sums wrap at 16 bits, and every result fits
        for into, shift in zip(result, shifts, strict=True):
            np.add(into, np.int64(shift).astype(np.int16), out=into)
        return result
    narrow = np.int16 if low >= -(2**15) and high < 2**15 else np.int32
    fits = low >= -(2**31) and high < 2**31
    summed = stored.astype(np.int64 if fits else np.float64)
    for into, shift in zip(summed, shifts, strict=True):
        into += shift
    return summed.astype(narrow) if fits else summed


def _undo_inversion(pixels: NDArray[Any], frame: Frame) -> NDArray[Any]:
    """Turn inverted grey scales round; leave the others."""
    if not _is_inverted(frame):
        return pixels
    bits = frame.header.integer("BitsStored", 16)
    return np.asarray((2**bits - 1) - pixels.astype(np.int64))


def _is_inverted(frame: Frame) -> bool:
    """Tell whether low values mean bright, as in some radiographs."""
    display = frame.header.text("Modality") in DISPLAY
    return display and frame.header.text("PhotometricInterpretation") == "MONOCHROME1"


def _stored_dtype(frame: Frame) -> np.dtype[Any]:
    size = frame.header.integer("BitsAllocated", 16) // 8
    if size not in (1, 2, 4):
        return np.dtype(np.float64)
    return np.dtype(f"{'i' if frame.header.integer('PixelRepresentation') else 'u'}{size}")


def _read_plain(frame: Frame, into: NDArray[Any]) -> bool:
    """Read uncompressed pixels from where the header pass stopped; False where they do not lie so.

    The element's head tells itself how long it is: TransferSyntaxUID is not always true.
    """
    header, little = frame.header, frame.header.little
    bits = header.integer("BitsAllocated", 16)
    extended = header.integer("BitsStored", bits) < bits and header.integer("PixelRepresentation")
    usual = header.syntax in PLAIN and header.pixel_offset >= 0 and not extended
    grey = header.integer("SamplesPerPixel", 1) == 1
    if not (usual and grey and (bits == 16 or (bits == 8 and little))):
        return False
    order: Literal["little", "big"] = "little" if little else "big"
    buffer: Any = np.empty(into.shape, into.dtype.newbyteorder("<" if little else ">"))
    direct = buffer.dtype.isnative and into.dtype.itemsize * 8 == bits
    buffer = into if direct else buffer
    with header.path.open("rb") as stream:
        stream.seek(header.pixel_offset)
        head = stream.read(12)
        # lengths are even and "O" is odd: these letters are a VR, whatever the header claims
        explicit = head[4:6] in (b"OW", b"OB")
        skipped = frame.index * buffer.nbytes
        stream.seek(header.pixel_offset + (12 if explicit else 8) + skipped)
        tag = b"\xe0\x7f\x10\x00" if little else b"\x7f\xe0\x00\x10"
        length = int.from_bytes(head[8:12] if explicit else head[4:8], order)
        if head[:4] != tag or length % 2:
            return False
        if into.dtype.itemsize * 8 != bits:
            return False
        count = stream.readinto(memoryview(buffer))
    if min(count, length - skipped) < buffer.nbytes:
        found = f"{max(0, min(count, length - skipped))} of {buffer.nbytes} bytes"
        raise pixel_error(header, "the pixels must be complete", found)
    if not direct:
        into[...] = buffer
    return True
