"""Which images a mask says that it was made of: an RTSTRUCT or a SEG by their references."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from radiomics.io.dicom.opening import read_dataset

SEQUENCES = ("ReferencedFrameOfReferenceSequence", "ReferencedSeriesSequence")
CONTOURS = "ROIContourSequence"


@dataclass(frozen=True)
class References:
    """UIDs of the series and of the images that a mask refers to; none where it does not say."""

    series: frozenset[str] = frozenset()
    instances: frozenset[str] = frozenset()


def read_references(path: Path, contours: bool = True) -> References:
    """Return what a mask refers to; a file that cannot be read refers to nothing.

    An RTSTRUCT may name its images beside each contour only: there they are looked for last, where
    ``contours`` asks for it, as it takes the longest.
    """
    try:
        items = list(_series_items(_read(path, *SEQUENCES)))
        series = frozenset(str(item.get("SeriesInstanceUID") or "") for item in items) - {""}
        instances = frozenset(uid for item in items for uid in _instances(item)) - {""}
        if contours and not (series or instances):
            items = list(_contour_items(_read(path, CONTOURS)))
            instances = frozenset(uid for item in items for uid in _instances(item)) - {""}
    except Exception:  # hostile files break the parser in many ways: reading the mask says how
        return References()
    return References(series, instances)


def _read(path: Path, *keywords: str) -> Dataset:
    return read_dataset(path, tags=keywords)


def _contour_items(data: Dataset) -> Iterator[Dataset]:
    for roi in data.get(CONTOURS) or ():
        yield from roi.get("ContourSequence") or ()


def _series_items(data: Dataset) -> Iterator[Dataset]:
    yield from data.get("ReferencedSeriesSequence") or ()  # of a SEG
    for frame in data.get("ReferencedFrameOfReferenceSequence") or ():  # of an RTSTRUCT
        for study in frame.get("RTReferencedStudySequence") or ():
            yield from study.get("RTReferencedSeriesSequence") or ()


def _instances(item: Dataset) -> Iterator[str]:
    for name in ("ReferencedInstanceSequence", "ContourImageSequence"):
        for image in item.get(name) or ():
            yield str(image.get("ReferencedSOPInstanceUID") or "")
