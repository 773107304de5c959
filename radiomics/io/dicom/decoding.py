"""Compressed and odd pixels, through pydicom's decoders; in other processes where that helps.

Decoders hold the interpreter's lock, so only processes decode side by side. One of them, gdcm, ends
the whole process over some broken streams: where nothing else can decode, it works elsewhere.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames, get_frame
from pydicom.pixels import get_decoder
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    JPEGLSTransferSyntaxes,
    RLELossless,
)

from radiomics.io.dicom.headers import Header
from radiomics.io.dicom.native import (
    KEYWORDS,
    PLAIN,
    frame_of_bytes,
    is_signed,
    pixel_tag,
    stored_dtype,
)
from radiomics.io.dicom.opening import parse_dataset
from radiomics.io.dicom.streams import BoundedReader
from radiomics.types import InputError

CHUNK = 8
"""Frames that one process decodes at a time."""
MANY_PIXELS = 2**23
"""Pixels from which it pays to start processes: 32 slices of 512 x 512."""
TRUSTED = ("pyjpegls", "pylibjpeg")
"""Decoders that raise an error over a broken stream, whatever is in it."""
LARGEST_FRAME = 2**27
"""Pixels of one compressed frame from which a header is not believed: a film scan has fewer."""
LARGEST = 2**33
"""Bytes of one decoded file from which a header is not believed."""
NATIVE = (*PLAIN, DeflatedExplicitVRLittleEndian, RLELossless)
"""Transfer syntaxes that pydicom reads itself."""

START_OF_IMAGE, START_OF_CODESTREAM, SIZE = b"\xff\xd8", b"\xff\x4f", b"\xff\x51"
END_OF_IMAGE = b"\xff\xd9"
NO_FRAME = {0xC4, 0xC8, 0xCC}
"""JPEG markers between C0 and CF that start no frame."""


@dataclass(frozen=True, eq=False)
class Job:
    """A file, and the indices of the frames that are wanted of it."""

    header: Header
    indices: list[int]


def decode_jobs(jobs: list[Job], size: int) -> Iterator[list[NDArray[Any]]]:
    """Yield the decoded frames of each job, arrays ``(rows, columns)`` of ``size`` pixels.

    Raises
    ------
    InputError
        Naming the file that cannot be decoded.
    """
    pixels = sum(len(job.indices) for job in jobs) * size
    pays = pixels >= MANY_PIXELS and (os.cpu_count() or 1) > 1
    is_worker = multiprocessing.parent_process() is not None  # the other processors have work
    if is_worker or (not pays and all(_is_trusted(job.header.syntax) for job in jobs)):
        for job in jobs:
            yield decode_frames(job.header, job.indices)
        return
    from joblib.externals.loky.process_executor import BrokenProcessPool

    done = 0
    try:
        for decoded in _decode_in_processes(jobs):
            yield decoded
            done += 1
    except BrokenProcessPool:  # one by one, to name the file
        for job in jobs[done:]:
            try:
                yield from _decode_in_processes([job])
            except BrokenProcessPool:
                rule, found = "every slice needs readable pixels", "pixels that end the decoder"
                raise pixel_error(job.header, rule, found) from None


def _is_trusted(syntax: str) -> bool:
    if syntax in NATIVE:
        return True
    try:
        return any(name in TRUSTED for name in get_decoder(UID(syntax)).available_plugins)
    except NotImplementedError:  # no decoder at all: the error comes when it is asked for
        return True


def _decode_in_processes(jobs: list[Job]) -> Iterator[list[NDArray[Any]]]:
    """Decode in other processes; these stay for a while, for the next series."""
    from joblib import Parallel, delayed

    several = max(1, CHUNK // max(len(job.indices) for job in jobs))
    batches = [jobs[start : start + several] for start in range(0, len(jobs), several)]
    workers = max(2, os.cpu_count() or 1)  # with one, joblib would stay in this process
    pool = Parallel(n_jobs=workers, return_as="generator", pre_dispatch="all", backend="loky")
    for decoded in pool(delayed(_decode_batch)(batch) for batch in batches):
        yield from decoded


def _decode_batch(jobs: list[Job]) -> list[list[NDArray[Any]]]:
    return [decode_frames(job.header, job.indices) for job in jobs]


def decode_frames(header: Header, indices: list[int]) -> list[NDArray[Any]]:
    """Decode frames of one file through pydicom's decoders as arrays ``(rows, columns)``."""
    frames = header.integer("NumberOfFrames", 1)
    pixels_each = header.integer("Rows") * header.integer("Columns")
    size = frames * pixels_each * header.integer("BitsAllocated", 16) // 8
    if size > LARGEST or pixels_each > LARGEST_FRAME:
        rule = f"a frame has at most {LARGEST_FRAME} pixels, a file {LARGEST // 2**30} GiB of them"
        raise pixel_error(header, rule, f"{frames} frame(s) of {pixels_each} pixels")
    if header.syntax in PLAIN and header.path.stat().st_size < size:
        found = f"a file shorter than {size} bytes of pixels"
        raise pixel_error(header, "the pixels must be complete", found)
    try:
        with BoundedReader(header.path) as stream:
            whole = parse_dataset(stream, pixels=True)
        syntax = whole.file_meta.TransferSyntaxUID
        grey = header.integer("SamplesPerPixel", 1) == 1
        if grey and not syntax.is_encapsulated and whole.original_encoding[1]:
            return _cut_frames(header, whole, indices)
        _check_stated_streams(header, whole, indices)
        _add_end_markers(header, whole, indices)
        decoder = get_decoder(syntax)
        plugin = next((p for p in TRUSTED if p in decoder.available_plugins), "")
        # which bits hold the value is decided for all kinds of files at one place, not here
        options = {"decoding_plugin": plugin, "correct_unused_bits": False}
        pixels = [array for array, _ in decoder.iter_array(whole, indices=indices, **options)]
    except Exception as error:  # decoders of several libraries fail in ways of their own
        lines = str(error).splitlines() or [type(error).__name__]
        raise pixel_error(header, "every slice needs readable pixels", lines[0]) from error
    return pixels


def _cut_frames(header: Header, whole: Dataset, indices: list[int]) -> list[NDArray[Any]]:
    """Take frames out of an uncompressed little-endian file that was read as a whole."""
    raw = whole[KEYWORDS[pixel_tag(header)]].value
    shape = header.integer("Rows"), header.integer("Columns")
    frames = [np.empty(shape, stored_dtype(header)) for _ in indices]
    for index, frame in zip(indices, frames, strict=True):
        frame_of_bytes(header, raw, index, frame)
    return frames


def _check_stated_streams(header: Header, whole: Dataset, indices: list[int]) -> None:
    """Demand that compressed frames are what their header says, before memory is taken."""
    if not whole.file_meta.TransferSyntaxUID.is_encapsulated:
        return
    wanted = (header.integer("Rows"), header.integer("Columns"))
    count = header.integer("NumberOfFrames", 1)
    for index in indices:
        frame = get_frame(whole.PixelData, index, number_of_frames=count)
        found = stated_size(frame)
        if found not in (None, wanted):
            raise ValueError(f"a compressed frame of {found} where the header says {wanted}")
        if header.integer("SamplesPerPixel", 1) == 1 and (bits := stated_bits(frame)):
            _check_stated_bits(header, bits)
            if bits.precision <= 8 < header.integer("BitsAllocated", 16):
                # decoders give bytes then, whatever the header allocates
                whole.BitsAllocated, whole.BitsStored, whole.HighBit = 8, 8, 7


def _check_stated_bits(header: Header, bits: StatedBits) -> None:
    """Demand that the values of a stream mean what its header says.

    A stream of as many bits as the header stores may lack the sign: its values are two's
    complement then. With fewer bits nobody can tell where the sign is.
    """
    allocated = header.integer("BitsAllocated", 16)
    stored = header.integer("BitsStored", allocated)
    says = f"a compressed stream of {bits.precision} bits"
    if bits.precision > allocated:
        raise ValueError(f"{says} where the header allocates {allocated}")
    if bits.signed and not is_signed(header):
        raise ValueError(f"{says} with a sign where the header says that there is none")
    if is_signed(header) and not bits.signed and bits.precision < stored:
        raise ValueError(f"{says} without a sign where the header stores {stored} with one")


def _add_end_markers(header: Header, whole: Dataset, indices: list[int]) -> None:
    """Give JPEG-LS frames the end marker, where one of those wanted lacks it."""
    if whole.file_meta.TransferSyntaxUID not in JPEGLSTransferSyntaxes:
        return
    count = header.integer("NumberOfFrames", 1)
    wanted = [get_frame(whole.PixelData, index, number_of_frames=count) for index in indices]
    if any(with_end_marker(frame) != frame for frame in wanted):
        frames = generate_frames(whole.PixelData, number_of_frames=count)
        whole.PixelData = encapsulate([with_end_marker(frame) for frame in frames])


def pixel_error(header: Header, rule: str, found: str) -> InputError:
    """Return the error of a file whose pixels cannot be used."""
    return InputError(header.path, rule, found, "export this file again")


def stated_size(stream: bytes) -> tuple[int, int] | None:
    """Return rows and columns that a JPEG, JPEG-LS or JPEG 2000 stream states, None for others.

    Sources: ITU-T T.81 annex B.2.2, T.87 annex C.2.2, T.800 annex A.5.1.

    >>> stated_size(bytes.fromhex("ffd8 fff7 000b 10 0005 0006 01 000000"))
    (5, 6)
    """
    if stream[:2] == START_OF_CODESTREAM and stream[2:4] == SIZE and len(stream) >= 24:
        width, height, left, top = (
            int.from_bytes(stream[at : at + 4], "big") for at in (8, 12, 16, 20)
        )
        return height - top, width - left
    at = _frame_marker(stream)
    if at is None:
        return None
    rows, columns = (int.from_bytes(stream[start : start + 2], "big") for start in (at + 5, at + 7))
    return rows, columns


def _frame_marker(stream: bytes) -> int | None:
    """Return where the marker stands that begins the frame of a JPEG or JPEG-LS stream."""
    if stream[:2] != START_OF_IMAGE:
        return None
    at = 2
    while at + 9 <= len(stream):
        marker = stream[at + 1]
        if stream[at] != 0xFF:
            return None
        if marker == 0xFF:  # a byte of filling
            at += 1
            continue
        if (0xC0 <= marker <= 0xCF and marker not in NO_FRAME) or marker == 0xF7:
            return at
        at += 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
    return None


@dataclass(frozen=True)
class StatedBits:
    """How many bits a compressed stream says that a sample has, and whether one is a sign."""

    precision: int
    signed: bool


def stated_bits(stream: bytes) -> StatedBits | None:
    """Return what a JPEG, JPEG-LS or JPEG 2000 stream states of its samples, None for others.

    Sources: ITU-T T.81 annex B.2.2, T.87 annex C.2.2, T.800 annex A.5.1.

    >>> stated_bits(bytes.fromhex("ffd8 fff7 000b 0c 0005 0006 01 000000"))
    StatedBits(precision=12, signed=False)
    """
    if stream[:2] == START_OF_CODESTREAM and stream[2:4] == SIZE and len(stream) > 42:
        return StatedBits((stream[42] & 0x7F) + 1, bool(stream[42] & 0x80))
    at = _frame_marker(stream)
    return StatedBits(stream[at + 4], False) if at is not None else None


def with_end_marker(stream: bytes) -> bytes:
    r"""Return a JPEG-LS stream with the marker of its end, which a stream cut short has lost.

    Without it CharLS goes on reading zeros for minutes; with it what is cut short is refused at
    once, and what lacks the marker alone is read. A zero byte that evens the length is taken off.

    >>> with_end_marker(b"\xff\xd8 \x01\x00").hex(" ")
    'ff d8 20 01 ff d9'
    """
    if stream.rstrip(b"\0").endswith(END_OF_IMAGE):
        return stream
    return stream.removesuffix(b"\0") + END_OF_IMAGE
