"""Pixels of frames into one array, rescaled; read straight from the file where they lie plain."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from radiomics.io.frames import Frame
from radiomics.types import InputError

LARGEST = 2**33
"""Bytes of one decoded file from which a header is not believed."""
PLAIN = {ImplicitVRLittleEndian: 8, ExplicitVRLittleEndian: 12, ExplicitVRBigEndian: 12}
"""Transfer syntaxes with plain pixels, and the bytes of the element's head in front of them."""


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
        header = frames[positions[0]].header
        stored = _plain(frames[positions[0]]) if len(positions) == 1 else None
        decoded = _decoded(frames[positions[0]]) if stored is None else None
        for position in positions:
            frame = frames[position]
            pixels = stored if decoded is None else decoded[frame.index]
            if pixels is None or pixels.shape != shape[1:]:
                found = "no pixels" if pixels is None else f"{pixels.shape}"
                raise _broken(header, f"every slice needs a matrix of {shape[1:]}", found)
            _rescale(pixels, frame, volume[position])

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(fill, by_file.values()):
            pass
    return volume


def _rescale(pixels: NDArray[Any], frame: Frame, into: NDArray[Any]) -> None:
    slope, intercept = frame.slope, frame.intercept
    if frame.header.text("PhotometricInterpretation") == "MONOCHROME1" and _is_display(frame):
        bits = int(frame.header.data.get("BitsStored") or 16)
        pixels = (2**bits - 1) - pixels.astype(np.int64)
    if into.dtype.kind == "i":
        np.add(pixels, into.dtype.type(intercept), out=into, casting="unsafe", dtype=np.int32)
    else:
        into[...] = pixels.astype(np.float64) * slope + intercept


def _is_display(frame: Frame) -> bool:
    """Tell whether the stored values are display values: radiographs, where low means bright."""
    return frame.header.text("Modality") in ("CR", "DX", "MG", "RF", "XA", "PX", "IO")


def _stored_dtype(frame: Frame) -> np.dtype[Any]:
    data = frame.header.data
    signed = data.get("PixelRepresentation") == 1
    return np.dtype(f"{'i' if signed else 'u'}{int(data.get('BitsAllocated') or 16) // 8}")


def _plain(frame: Frame) -> NDArray[Any] | None:
    """Read uncompressed pixels from the place where the header pass stopped, or return None."""
    header, data = frame.header, frame.header.data
    head = PLAIN.get(header.syntax)
    bits = int(data.get("BitsAllocated") or 16)
    single = (
        int(data.get("NumberOfFrames") or 1) == 1 and int(data.get("SamplesPerPixel") or 1) == 1
    )
    full = int(data.get("BitsStored") or bits) == bits or data.get("PixelRepresentation") != 1
    if head is None or header.pixel_offset < 0 or bits not in (8, 16) or not single or not full:
        return None
    order: Literal["<", ">"] = ">" if header.syntax == ExplicitVRBigEndian else "<"
    dtype = _stored_dtype(frame).newbyteorder(order)
    count = int(data.Rows) * int(data.Columns)
    with header.path.open("rb") as stream:
        stream.seek(header.pixel_offset)
        tag = stream.read(head)[:4]
        if tag != (b"\x7f\xe0\x00\x10" if order == ">" else b"\xe0\x7f\x10\x00"):
            return None
        raw = stream.read(count * dtype.itemsize)
    if len(raw) < count * dtype.itemsize:
        found = f"{len(raw)} of {count * dtype.itemsize} bytes"
        raise _broken(header, "the pixels must be complete", found)
    return np.frombuffer(raw, dtype=dtype).reshape(int(data.Rows), int(data.Columns))


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


def _broken(header: Any, rule: str, found: str) -> InputError:
    return InputError(header.path, rule, found, "export this file again")
