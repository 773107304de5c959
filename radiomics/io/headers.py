"""The header pass: every file below a path, read up to its pixels, whatever lies there.

Nothing that a file holds can stop the pass: what cannot be read is reported as unreadable with the
reason, what is no DICOM is counted, and the rest goes on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import ImplicitVRLittleEndian

from radiomics.types import Progress, silent

HEADER_TAGS = [
    "AcquisitionNumber",
    "AcquisitionTime",
    "BitsAllocated",
    "BitsStored",
    "BurnedInAnnotation",
    "Columns",
    "ContentTime",
    "DiffusionBValue",
    "EchoNumbers",
    "EchoTime",
    "FrameOfReferenceUID",
    "HighBit",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "ImageType",
    "Modality",
    "NumberOfFrames",
    "PerFrameFunctionalGroupsSequence",
    "PhotometricInterpretation",
    "PixelRepresentation",
    "PixelSpacing",
    "RescaleIntercept",
    "RescaleSlope",
    "RescaleType",
    "Rows",
    "SegmentSequence",
    "SOPClassUID",
    "SOPInstanceUID",
    "SUVType",
    "SamplesPerPixel",
    "SeriesInstanceUID",
    "SharedFunctionalGroupsSequence",
    "SliceThickness",
    "TemporalPositionIdentifier",
    "TransferSyntaxUID",
    "TriggerTime",
    "Units",
]
UID_PREFIX = b"\x08\x00"  # group 0008, little-endian: how a file without preamble begins


@dataclass(frozen=True, eq=False)
class Header:
    """The header of one DICOM file, without its pixels; ``pixel_offset`` is where these begin."""

    path: Path
    data: Dataset
    pixel_offset: int = -1

    def text(self, keyword: str) -> str:
        """Return a value as text, empty when it is absent."""
        return str(self.data.get(keyword) or "")

    def numbers(self, keyword: str) -> NDArray[np.float64]:
        """Return a value as an array of float64, empty when it is absent."""
        return as_numbers(self.data, keyword)

    @property
    def syntax(self) -> str:
        """TransferSyntaxUID; a file that does not tell has DICOM's default, implicit VR."""
        return str(self.data.file_meta.get("TransferSyntaxUID") or ImplicitVRLittleEndian)


@dataclass(frozen=True)
class Unreadable:
    """A file that could not be read, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, eq=False)
class Scan:
    """What a header pass found; ``others`` counts the files that are no DICOM."""

    headers: tuple[Header, ...]
    unreadable: tuple[Unreadable, ...]
    others: int


def as_numbers(data: Dataset, keyword: str) -> NDArray[np.float64]:
    """Return a value of a dataset as an array of float64, empty when it is absent.

    Raises
    ------
    ValueError
        When the value is no number.
    """
    value: Any = data.get(keyword)
    if value is None or value == "":
        return np.empty(0)
    return np.atleast_1d(np.array(value, dtype=np.float64))


def find_files(path: Path) -> Iterator[Path]:
    """Yield the file at a path, or all files below a folder in the order of their names.

    Links are followed; a folder that was seen before (a loop of links) is not entered again.
    """
    if not path.is_dir():
        yield path
        return
    seen: set[tuple[int, int]] = set()
    for folder, folders, files in os.walk(path, followlinks=True):
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders.sort()
        for name in sorted(files):
            yield Path(folder, name)


def scan(path: Path) -> Scan:
    """Read the headers of all DICOM files at a path."""
    return scan_files(list(find_files(path)))


def scan_files(files: Sequence[Path], progress: Progress = silent) -> Scan:
    """Read the headers of the DICOM files among these, in their order."""
    results = []
    for done, file in enumerate(files, start=1):
        results.append(read_header(file))
        if done % 100 == 0 or done == len(files):
            progress("files", done, len(files))
    headers = tuple(r for r in results if isinstance(r, Header))
    unreadable = tuple(r for r in results if isinstance(r, Unreadable))
    return Scan(headers, unreadable, sum(r is None for r in results))


def read_header(path: Path) -> Header | Unreadable | None:
    """Read one header; None when the file is no DICOM."""
    try:
        if not path.is_file():
            return None  # a pipe, a device, a dangling link
        with path.open("rb") as stream:
            start = stream.read(132)
            preamble = start[128:132] == b"DICM"
            if not preamble and start[:2] != UID_PREFIX:
                return None
            stream.seek(0)
            data = pydicom.dcmread(
                stream, stop_before_pixels=True, force=not preamble, specific_tags=[*HEADER_TAGS]
            )
            offset = stream.tell()
    except InvalidDicomError:
        return None
    except Exception as error:  # hostile files break the parser in many ways; each is told
        return Unreadable(path, f"{type(error).__name__}: {_first_line(error)}")
    if not preamble and "SOPClassUID" not in data:
        return None
    return _checked(Header(path, data, offset))


def _checked(header: Header) -> Header | Unreadable:
    """Convert every value once, so that a value of the wrong kind is told here and not later."""
    try:
        for _ in header.data:
            pass
    except Exception as error:  # values are converted on access, and anything may stand there
        return Unreadable(header.path, f"{type(error).__name__}: {_first_line(error)}")
    return header


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else ""
