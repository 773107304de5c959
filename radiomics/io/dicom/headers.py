"""The header of one DICOM file: what a series is judged by, without its pixels.

Nothing that a file holds raises here: what cannot be read comes back with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from radiomics.io.dicom.elements import (
    BLOCKS,
    CREATORS,
    ITEM,
    LONG,
    PIXEL_TAGS,
    PRIVATE,
    SEQUENCE_END,
    UNDEFINED,
    ElementHead,
    Value,
    dataset_start,
    private_values,
    read_elements,
    salvaged_values,
    values_of,
    wanted_tags,
)
from radiomics.io.dicom.opening import parse_dataset
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
        "DiffusionGradientOrientation",
        "DoseGridScaling",
        "DoseSummationType",
        "DoseType",
        "DoseUnits",
        "DoubleFloatPixelPaddingRangeLimit",
        "DoubleFloatPixelPaddingValue",
        "EchoNumbers",
        "EchoTime",
        "EstimatedRadiographicMagnificationFactor",
        "FlipAngle",
        "FloatPixelPaddingRangeLimit",
        "FloatPixelPaddingValue",
        "FrameOfReferenceUID",
        "FrameReferenceTime",
        "GridFrameOffsetVector",
        "HighBit",
        "ImageOrientationPatient",
        "ImagePositionPatient",
        "ImageType",
        "ImagerPixelSpacing",
        "InstanceNumber",
        "InversionTime",
        "Modality",
        "ModalityLUTSequence",
        "NominalScannedPixelSpacing",
        "NumberOfFrames",
        "PatientID",
        "PerFrameFunctionalGroupsSequence",
        "PhotometricInterpretation",
        "PixelAspectRatio",
        "PixelIntensityRelationship",
        "PixelPaddingRangeLimit",
        "PixelPaddingValue",
        "PixelRepresentation",
        "PixelSpacing",
        "PixelSpacingCalibrationType",
        "PresentationIntentType",
        "RealWorldValueMappingSequence",
        "RepetitionTime",
        "RescaleIntercept",
        "RescaleSlope",
        "RescaleType",
        "Rows",
        "SOPClassUID",
        "SOPInstanceUID",
        "SUVType",
        "SamplesPerPixel",
        "SegmentSequence",
        "SequenceOfUltrasoundRegions",
        "SeriesDate",
        "SeriesDescription",
        "SeriesInstanceUID",
        "SeriesNumber",
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
PRIVATE_TAGS = sorted(CREATORS) + [
    group << 16 | block << 8 | element
    for (group, _), elements in PRIVATE.items()
    for block in BLOCKS
    for element in elements
]
SEQUENCES = [keyword for keyword, vr in WANTED.values() if vr == "SQ"]
SUFFIXES = (".dcm", ".dicom", ".dic", ".ima")
"""Suffixes of names that promise DICOM."""
CUT_SHORT = "the file ends early, within its header: it was cut short"


@dataclass(frozen=True)
class PixelElement:
    """The element that holds a file's pixels, as far as its heads tell.

    ``start`` and ``end`` say where its value lies in the file; the end is beyond ``file_size``
    where the file was cut short. ``fragments`` counts the parts of compressed pixels, None where
    they are not compressed.
    """

    tag: int
    start: int
    end: int
    file_size: int
    fragments: int | None = None


@dataclass(frozen=True, eq=False)
class Header:
    """The header of one DICOM file, without its pixels.

    ``values`` are the plain elements by keyword, ``sequences`` a dataset with those sequences that
    matter (None where there are none). ``pixel_offset`` is where the pixels begin, -1 where that
    is not known; ``implicit`` and ``little`` say how the file is encoded, whatever it claims.
    ``pixels`` is None where there are none, or where the header pass cannot see them (deflated).
    """

    path: Path
    values: Mapping[str, Value]
    pixel_offset: int = -1
    implicit: bool = False
    little: bool = True
    sequences: Dataset | None = None
    pixels: PixelElement | None = None

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
        found = self.values.get(keyword, ())
        if isinstance(found, str):
            raise ValueError(f"{keyword} holds {found!r}, which is no number")
        return (int(found[0]) if found else 0) or default

    def sequence(self, keyword: str) -> list[Dataset]:
        """Return the items of a sequence, none when it is absent."""
        return list((self.sequences and self.sequences.get(keyword)) or [])

    @property
    def syntax(self) -> str:
        """TransferSyntaxUID; a file that does not say has DICOM's default, implicit VR."""
        return self.text("TransferSyntaxUID") or str(ImplicitVRLittleEndian)


@dataclass(frozen=True, eq=False)
class Unreadable:
    """A file that could not be read, and why; ``values`` is what could be read of its header."""

    path: Path
    reason: str
    values: Mapping[str, Value] = field(default_factory=dict)

    def text(self, keyword: str) -> str:
        """Return a value as text, empty when it is absent or was not reached."""
        found = self.values.get(keyword, "")
        return found if isinstance(found, str) else ""


def read_header(path: Path) -> Header | Unreadable | None:
    """Read one header; None when the file is no DICOM."""
    try:
        if not path.is_file():  # a pipe, a device, a link to nowhere; or it has vanished
            return None if path.exists() or path.is_symlink() else Unreadable(path, "it is gone")
        with BoundedReader(path) as stream:
            return _read_stream(path, stream)
    except OSError as error:
        return Unreadable(path, f"{type(error).__name__}: {error.strerror or ''}")


def _read_stream(path: Path, stream: BoundedReader) -> Header | Unreadable | None:
    start = stream.read(132)
    begin = dataset_start(start)
    if begin is None:
        return _promised_dicom(path, start)
    stream.seek(0)
    found = read_elements(stream, WANTED)
    if found is not None:
        if begin == 0 and "SOPClassUID" not in found.values:
            return _promised_dicom(path, start)
        if found.cut:
            return Unreadable(path, CUT_SHORT, found.values)
        pixels = _measure_pixels(stream, found.last)
        return Header(path, found.values, found.offset, found.implicit, True, None, pixels)
    stream.seek(0)
    try:
        header = parse_header(path, stream)
    except Exception as error:  # hostile files break the parser in many ways: say which
        stream.seek(0)
        values = salvaged_values(stream, WANTED)
        if begin == 0 and "SOPClassUID" not in values:
            return _promised_dicom(path, start)
        return Unreadable(path, f"{type(error).__name__}: {_first_line(error)}", values)
    if begin == 0 and "SOPClassUID" not in header.values:
        return _promised_dicom(path, start)
    if stream.tell() > stream.size:
        return Unreadable(path, CUT_SHORT, header.values)
    return header


def _promised_dicom(path: Path, start: bytes) -> Unreadable | None:
    """Return a file that is no DICOM as unreadable where its name promises one, else None.

    A download that failed leaves such files: empty, zeros, a page that says why. Any may stand
    for a slice.
    """
    hollow = not start.strip(b"\0")
    named = path.suffix.lower() in SUFFIXES
    numbered = hollow and (not path.suffix or path.suffix[1:].isdigit())
    numbered = numbered and any(character.isdigit() for character in path.name)
    if path.name.startswith(".") or not (named or numbered):
        return None
    kind = ("holds zeros" if start else "is empty") if hollow else "is none"
    return Unreadable(path, f"a file that is named like DICOM and {kind}")


def _measure_pixels(stream: BoundedReader, head: ElementHead | None) -> PixelElement | None:
    """Return where the pixels lie; None where the element is another, or there is none."""
    if head is None or head.tag not in PIXEL_TAGS:
        return None
    if head.length != UNDEFINED:
        return PixelElement(head.tag, head.start, head.start + head.length, stream.size)
    at, count = head.start, -1  # the first item is the table of offsets
    while True:
        stream.seek(at)
        item = stream.read(8)
        group, number = int.from_bytes(item[:2], "little"), int.from_bytes(item[2:4], "little")
        tag = group << 16 | number
        if len(item) < 8 or tag != ITEM:
            end = at + 8 if tag == SEQUENCE_END else at
            return PixelElement(head.tag, head.start, end, stream.size, max(count, 0))
        at, count = at + 8 + int.from_bytes(item[4:], "little"), count + 1


def parse_header(path: Path, stream: BoundedReader) -> Header:
    """Let pydicom read a header; every value is converted, so that a wrong one raises here."""
    data = parse_dataset(stream, pixels=False, tags=[*WANTED, *PRIVATE_TAGS])
    offset = stream.tell()
    values = private_values(data) | values_of(data)
    values.pop("SpecificCharacterSet", None)  # pydicom brings it along
    if syntax := str(data.file_meta.get("TransferSyntaxUID") or ""):
        values["TransferSyntaxUID"] = syntax
    implicit, little = data.original_encoding
    kept = Dataset()
    for keyword in SEQUENCES:
        if keyword in data:
            kept[keyword] = data[keyword]
    sequences = kept if len(kept) else None
    if syntax == DeflatedExplicitVRLittleEndian:
        return Header(path, values, offset, bool(implicit), bool(little), sequences)
    order: Literal["little", "big"] = "little" if little else "big"
    pixels = _measure_pixels(stream, _head_at(stream, order))
    stream.seek(offset)
    return Header(path, values, offset, bool(implicit), bool(little), sequences, pixels)


def _head_at(stream: BoundedReader, order: Literal["little", "big"]) -> ElementHead | None:
    """Read the head of the element that stands here; its letters tell whether it has a VR."""
    at, head = stream.tell(), stream.read(12)
    if len(head) < 8:
        return None
    tag = int.from_bytes(head[:2], order) << 16 | int.from_bytes(head[2:4], order)
    explicit = head[4:6] in LONG
    length = int.from_bytes(head[8:12] if explicit else head[4:8], order)
    return ElementHead(tag, at + (12 if explicit else 8), length)


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else ""
