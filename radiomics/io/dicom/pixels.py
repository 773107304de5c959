"""Pixels of frames into one array, rescaled; read straight from the file where they lie plain.

Whole-number rescaling keeps integers: the narrowest of int16 and int32 that holds every value that
was found, whatever the header says of their range. Any other rescaling gives float32.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.io.dicom.decoding import CHUNK, Job, decode_jobs, pixel_error
from radiomics.io.dicom.frames import Frame
from radiomics.io.dicom.native import (
    is_signed,
    padding_range,
    read_native,
    stored_dtype,
    take_stored_bits,
)

DISPLAY = ("CR", "DX", "MG", "RF", "XA", "PX", "IO")
"""Modalities whose stored values are display values."""
EXACT = 2**53
"""Largest whole number up to which float64 holds all."""


@dataclass(frozen=True, eq=False)
class Pixels:
    """Rescaled values ``(N, rows, columns)``, and what was noted when they were read."""

    array: NDArray[Any]
    notes: tuple[str, ...]


def read_frames(frames: Sequence[Frame]) -> NDArray[Any]:
    """Read frames of one matrix as ``(N, rows, columns)`` in rescaled units.

    Raises
    ------
    InputError
        Naming the file whose pixels are cut short, absurdly large or cannot be decoded.
    """
    return read_pixels(frames).array


def read_pixels(frames: Sequence[Frame]) -> Pixels:
    """Read frames of one matrix with what has to be noted of their values.

    Raises
    ------
    InputError
        As :func:`read_frames`.
    """
    first = frames[0].header
    images = _distinct_images(frames)
    shape = (len(images), first.integer("Rows"), first.integer("Columns"))
    try:
        kinds = {stored_dtype(image.header) for image in images}
        stored = np.empty(shape, dtype=np.result_type(*kinds))
    except OSError as error:
        raise pixel_error(first, "every slice needs readable pixels", str(error)) from None
    except (MemoryError, ValueError):
        raise pixel_error(first, "the volume must fit in memory", f"{shape} voxels") from None
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        plain = list(pool.map(_read_plain, images, stored))
        compressed = [number for number, count in enumerate(plain) if count is None]
        _decode_frames(images, compressed, stored)
        beyond = sum(count for count in plain if count)
        beyond += sum(_take_bits(images[i], stored[i]) for i in compressed)
    if any(frame.tile for frame in frames):
        stored = _cut_tiles(frames, images, stored)
    array = _rescale(stored, frames)
    return Pixels(array, tuple(_value_notes(frames, array, beyond)))


def _distinct_images(frames: Sequence[Frame]) -> list[Frame]:
    """Return one frame for each image: the tiles of a mosaic share one."""
    if not any(frame.tile for frame in frames):
        return list(frames)
    return list({(id(frame.header), frame.index): frame for frame in frames}.values())


def _cut_tiles(
    frames: Sequence[Frame], images: Sequence[Frame], stored: NDArray[Any]
) -> NDArray[Any]:
    """Cut mosaics into their tiles, in the order of the frames."""
    place = {(id(image.header), image.index): number for number, image in enumerate(images)}
    cut = np.empty((len(frames), *frames[0].shape), stored.dtype)
    for frame, into in zip(frames, cut, strict=True):
        whole = stored[place[id(frame.header), frame.index]]
        into[...] = whole if frame.tile is None else frame.tile.cut(whole)
    return cut


def _decode_frames(images: Sequence[Frame], which: list[int], stored: NDArray[Any]) -> None:
    """Fill in the images that do not lie plain in their files."""
    by_file: dict[int, list[int]] = {}
    for position in which:
        by_file.setdefault(id(images[position].header), []).append(position)
    parts = [p[i : i + CHUNK] for p in by_file.values() for i in range(0, len(p), CHUNK)]
    jobs = [Job(images[part[0]].header, [images[i].index for i in part]) for part in parts]
    for part, decoded in zip(parts, decode_jobs(jobs, stored[0].size), strict=True):
        for position, pixels in zip(part, decoded, strict=True):
            if pixels.shape != stored.shape[1:]:
                rule = f"every slice needs a matrix of {stored.shape[1:]}"
                raise pixel_error(images[position].header, rule, f"{pixels.shape}")
            stored[position] = pixels


def _read_plain(frame: Frame, into: NDArray[Any]) -> int | None:
    """Read uncompressed pixels from where the header pass stopped; None where they lie not so.

    Returns how many pixels had bits set that are no part of their values.
    """
    header = frame.header
    if header.integer("SamplesPerPixel", 1) != 1:
        return None
    dtype = stored_dtype(header)
    buffer = into if dtype == into.dtype else np.empty(into.shape, dtype)
    try:
        if not read_native(header, frame.index, buffer):
            return None
    except ValueError as error:
        raise pixel_error(header, "the pixels must be complete", str(error)) from None
    beyond = take_stored_bits(buffer, header)
    if buffer is not into:
        into[...] = buffer
    return beyond


def _take_bits(frame: Frame, pixels: NDArray[Any]) -> int:
    """Keep the bits that hold the value, where the volume has a wider type than the file."""
    dtype = stored_dtype(frame.header)
    narrow = pixels if dtype == pixels.dtype else pixels.astype(dtype)
    beyond = take_stored_bits(narrow, frame.header)
    if narrow is not pixels:
        pixels[...] = narrow
    return beyond


def _value_notes(frames: Sequence[Frame], array: NDArray[Any], beyond: int) -> list[str]:
    """Say what is special about values: unused bits, padding, no numbers."""
    notes = []
    if beyond:
        stored = frames[0].header.integer("BitsStored")
        notes.append(
            f"{beyond} pixels have bits set above BitsStored ({stored}), where overlays or their "
            "remains stand: they are no part of the values (DICOM PS3.5 8.1.1)"
        )
    if array.dtype.kind == "f" and (count := array.size - int(np.isfinite(array).sum())):
        notes.append(f"{count} voxels are infinite or no number (NaN)")
    return notes + padding_note(frames, array)


def padding_note(frames: Sequence[Frame], array: NDArray[Any]) -> list[str]:
    """Tell how many voxels hold PixelPaddingValue: no measurements, though they look like some.

    Only where one padding and one rescaling hold for all frames.
    """
    ends = {(padding_range(f.header, stored_dtype(f.header)), f.slope, f.intercept) for f in frames}
    padding, slope, intercept = next(iter(ends))
    if len(ends) != 1 or padding is None:
        return []
    low, high = sorted(value * slope + intercept for value in padding)
    if array.dtype == np.float32:
        low, high = float(np.float32(low)), float(np.float32(high))
    inside = array == low if low == high else (array >= low) & (array <= high)
    count = int(np.count_nonzero(inside))
    if not count:
        return []
    name = "PixelPaddingValue" if low == high else "PixelPaddingValue to PixelPaddingRangeLimit"
    value = f"{low:g}" if low == high else f"{low:g} to {high:g}"
    among = "" if _is_at_an_end(array, low, high) else ", though other values lie on both sides"
    return [f"{count} voxels hold {name} ({value} after rescaling): not measured{among}"]


def _is_at_an_end(array: NDArray[Any], low: float, high: float) -> bool:
    """Tell whether all other values lie on one side of a range."""
    return bool(low <= array.min() or array.max() <= high)


def _rescale(stored: NDArray[Any], frames: Sequence[Frame]) -> NDArray[Any]:
    """Apply each frame's slope and intercept, in place where the result fits."""
    whole = all(f.slope == 1 and f.intercept == round(f.intercept) for f in frames)
    if not whole or stored.dtype.kind == "f":
        if stored.dtype.kind == "f" and all(f.slope == 1 and f.intercept == 0 for f in frames):
            return stored
        result = np.empty(stored.shape, np.float64 if stored.dtype == np.float64 else np.float32)
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
    if max(-low, high) > EXACT:
        rule, found = "values must be exact in float64", f"whole numbers up to {max(-low, high)}"
        raise pixel_error(frames[0].header, rule, found)
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
    turned_round = -1 if is_signed(frame.header) else 2**bits - 1
    return np.asarray(turned_round - pixels.astype(np.int64))


def _is_inverted(frame: Frame) -> bool:
    """Tell whether low values mean bright, as in some radiographs."""
    display = frame.header.text("Modality") in DISPLAY
    return display and frame.header.text("PhotometricInterpretation") == "MONOCHROME1"
