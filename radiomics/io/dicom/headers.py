"""The header of one DICOM file: what a series is judged by, without its pixels.

Nothing that a file holds raises here: what cannot be read comes back with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import ImplicitVRLittleEndian

from radiomics.io.dicom.elements import Value, read_elements, values_of, wanted_tags
from radiomics.io.dicom.streams import BoundedReader

WANTED = wanted_tags(
    (
        "AcquisitionDate",
        "AcquisitionNumber",
        "AcquisitionTime",
        "BitsAllocated",
        "BitsStored",
        "BurnedInAnnotation",
        "Columns",
        "ContentTime",
        "DetectorInformationSequence",
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
        "PatientID",
        "PerFrameFunctionalGroupsSequence",
        "PhotometricInterpretation",
        "PixelPaddingRangeLimit",
        "PixelPaddingValue",
        "PixelRepresentation",
        "PixelSpacing",
        "RealWorldValueMappingSequence",
        "RescaleIntercept",
        "RescaleSlope",
        "RescaleType",
        "Rows",
        "SOPClassUID",
        "SOPInstanceUID",
        "SUVType",
        "SamplesPerPixel",
        "SegmentSequence",
        "SeriesDescription",
        "SeriesInstanceUID",
        "SharedFunctionalGroupsSequence",
        "SliceThickness",
        "SpacingBetweenSlices",
        "StudyDate",
        "StudyInstanceUID",
        "TemporalPositionIdentifier",
        "TriggerTime",
        "Units",
    )
)
SEQUENCES = [keyword for keyword, vr in WANTED.values() if vr == "SQ"]
UID_PREFIX = b"\x08\x00"  # group 0008, little-endian: how a file without preamble begins


@dataclass(frozen=True, eq=False)
class Header:
    """The header of one DICOM file, without its pixels.

    ``values`` are the plain elements by keyword, ``sequences`` a dataset with those sequences that
    matter (None where there are none). ``pixel_offset`` is where the pixels begin, -1 where that
    is not known; ``implicit`` and ``little`` say how the file is encoded, whatever it claims.
    """

    path: Path
    values: Mapping[str, Value]
    pixel_offset: int = -1
    implicit: bool = False
    little: bool = True
    sequences: Dataset | None = None

    def text(self, keyword: str) -> str:
        """Return a value as text, empty when it is absent; parts are joined by backslashes."""
        found = self.values.get(keyword, "")
        return found if isinstance(found, str) else "\\".join(f"{number:.10g}" for number in found)

    def numbers(self, keyword: str) -> NDArray[np.float64]:
        """Return a value as an array of float64, empty when it is absent.

        Raises
        ------
        ValueError
            When the value is text.
        """
        found = self.values.get(keyword, ())
        if isinstance(found, str):
            raise ValueError(f"{keyword} holds {found!r}, which is no number")
        return np.array(found, dtype=np.float64)

    def integer(self, keyword: str, default: int = 0) -> int:
        """Return a value as a whole number, the default when it is absent or zero."""
        found = self.numbers(keyword)
        return (int(found[0]) if found.size else 0) or default

    def sequence(self, keyword: str) -> list[Dataset]:
        """Return the items of a sequence, none when it is absent."""
        return list((self.sequences and self.sequences.get(keyword)) or [])

    @property
    def syntax(self) -> str:
        """TransferSyntaxUID; a file that does not say has DICOM's default, implicit VR."""
        return self.text("TransferSyntaxUID") or str(ImplicitVRLittleEndian)


@dataclass(frozen=True)
class Unreadable:
    """A file that could not be read, and why."""

    path: Path
    reason: str


def read_header(path: Path) -> Header | Unreadable | None:
    """Read one header; None when the file is no DICOM."""
    try:
        if not path.is_file():  # a pipe, a device, a link to nowhere; or it has vanished
            return None if path.exists() or path.is_symlink() else Unreadable(path, "it is gone")
        with BoundedReader(path) as stream:
            start = stream.read(132)
            preamble = start[128:132] == b"DICM"
            if not preamble and start[:2] != UID_PREFIX:
                return None
            stream.seek(0)
            if preamble:
                found = read_elements(stream, WANTED)
                if found is not None:
                    return Header(path, found.values, found.offset, found.implicit)
                stream.seek(0)
            return parse_header(path, stream, preamble)
    except InvalidDicomError:
        return None
    except Exception as error:  # hostile files break the parser in many ways: say which
        return Unreadable(path, f"{type(error).__name__}: {_first_line(error)}")


def parse_header(path: Path, stream: BinaryIO, preamble: bool) -> Header | None:
    """Let pydicom read a header; every value is converted, so that a wrong one raises here."""
    data = pydicom.dcmread(
        stream, stop_before_pixels=True, force=not preamble, specific_tags=list(WANTED)
    )
    offset = stream.tell()
    if not preamble and "SOPClassUID" not in data:
        return None
    values = values_of(data)
    values.pop("SpecificCharacterSet", None)  # pydicom brings it along
    if syntax := str(data.file_meta.get("TransferSyntaxUID") or ""):
        values["TransferSyntaxUID"] = syntax
    implicit, little = data.original_encoding
    kept = Dataset()
    for keyword in SEQUENCES:
        if keyword in data:
            kept[keyword] = data[keyword]
    return Header(path, values, offset, implicit, little, kept if len(kept) else None)


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else ""
