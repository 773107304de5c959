"""One way to open a DICOM file: with or without preamble, whatever its meta header says or lacks.

Everything that lets pydicom read a file does it through here, so that a file that one part reads
is read by all of them, and what is broken is told in the same words.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom.dataset import FileDataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from radiomics.io.dicom.elements import PREAMBLE, dataset_start, read_elements
from radiomics.io.dicom.streams import BoundedReader
from radiomics.types import InputError

CUT_SHORT = "the file ends early: it was cut short"
Tags = Sequence[int | str]


def read_dataset(path: Path, *, pixels: bool = False, tags: Tags | None = None) -> FileDataset:
    """Read a DICOM file.

    Parameters
    ----------
    pixels : read them, and what follows, too
    tags : tags or keywords of the elements that are wanted, all without

    Raises
    ------
    InputError
        When the file is no DICOM, is broken, or ends early (pydicom takes what is there, without a
        word).
    """
    return _read(path, pixels, tags)[0]


def read_before_pixels(path: Path) -> tuple[FileDataset, int]:
    """Read a DICOM file up to its pixels; return where these begin, too.

    Raises
    ------
    InputError
        As :func:`read_dataset`.
    """
    return _read(path, False, None)


def _read(path: Path, pixels: bool, tags: Tags | None) -> tuple[FileDataset, int]:
    remedy = "check the path, or export this file again"
    try:
        with BoundedReader(path) as stream:
            data = parse_dataset(stream, pixels=pixels, tags=tags)
            stopped = stream.tell()
            stream.seek(0)
            walked = None if tags else read_elements(stream, {})
    except OSError as error:
        found = error.strerror or type(error).__name__
        raise InputError(path, "a file must be readable", found, remedy) from None
    except Exception as error:  # hostile files break the parser in many ways: say which
        lines = str(error).splitlines() or [""]
        found = f"{type(error).__name__}: {lines[0]}"
        raise InputError(path, "a DICOM file must be readable", found, remedy) from error
    if walked is not None and walked.cut:
        raise InputError(path, "a DICOM file must be complete", CUT_SHORT, remedy)
    return data, stopped


def parse_dataset(stream: BinaryIO, *, pixels: bool, tags: Tags | None = None) -> FileDataset:
    """Let pydicom read a DICOM file from its beginning; the stream stays where it stopped.

    Without a meta header the first element tells how the others are written, which then stands in
    the meta header as TransferSyntaxUID.

    Raises
    ------
    ValueError
        When the file does not begin like DICOM; pydicom raises errors of many kinds besides.
    """
    start = dataset_start(stream.read(PREAMBLE + 4))
    if start is None:
        raise ValueError("no DICOM file: neither a preamble nor an element at its beginning")
    stream.seek(0)
    wanted = None if tags is None else list(tags)
    data = pydicom.dcmread(
        stream, stop_before_pixels=not pixels, force=start == 0, specific_tags=wanted
    )
    if "TransferSyntaxUID" not in data.file_meta:
        implicit, little = data.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    return data
