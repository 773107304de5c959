"""Which images a mask says that it was made of: an RTSTRUCT or a SEG by their references."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from radiomics.io.dicom.streams import BoundedReader

SEQUENCES = ("ReferencedFrameOfReferenceSequence", "ReferencedSeriesSequence")


@dataclass(frozen=True)
class References:
    """UIDs of the series and of the images that a mask refers to; none where it does not say."""

    series: frozenset[str] = frozenset()
    instances: frozenset[str] = frozenset()


def read_references(path: Path) -> References:
    """Return what a mask refers to; a file that cannot be read refers to nothing."""
    try:
        with BoundedReader(path) as stream:
            data = pydicom.dcmread(
                stream, stop_before_pixels=True, force=True, specific_tags=list(SEQUENCES)
            )
        items = list(_series_items(data))
        series = frozenset(str(item.get("SeriesInstanceUID") or "") for item in items) - {""}
        instances = frozenset(uid for item in items for uid in _instances(item)) - {""}
    except Exception:  # hostile files break the parser in many ways: reading the mask says how
        return References()
    return References(series, instances)


def _series_items(data: Dataset) -> Iterator[Dataset]:
    yield from data.get("ReferencedSeriesSequence") or ()  # of a SEG
    for frame in data.get("ReferencedFrameOfReferenceSequence") or ():  # of an RTSTRUCT
        for study in frame.get("RTReferencedStudySequence") or ():
            yield from study.get("RTReferencedSeriesSequence") or ()


def _instances(item: Dataset) -> Iterator[str]:
    for name in ("ReferencedInstanceSequence", "ContourImageSequence"):
        for image in item.get(name) or ():
            yield str(image.get("ReferencedSOPInstanceUID") or "")
