"""RTSTRUCT: contours of a region of interest into a mask, and masks into contours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import RTStructureSetStorage

from radiomics.io.dicom.headers import Header
from radiomics.io.dicom.opening import read_dataset
from radiomics.io.dicom.writer import deterministic_uid, write_dataset
from radiomics.io.masks.boxes import BoxedMask
from radiomics.io.masks.choice import Entry, with_names
from radiomics.io.masks.contours import outline, rasterise
from radiomics.io.masks.objects import parsing, read_mask_object
from radiomics.types import InputError, Volume

OFF_PLANE = 0.25
"""Largest distance of a contour from a slice plane, in slices."""
CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
"""Geometric types that enclose an area; together they are filled by the even-odd rule."""
WHAT = "an RTSTRUCT is a DICOM file that names its ROIs and lists their contours"


@dataclass(frozen=True, eq=False)
class Roi:
    """One region of interest: its name, its frame of reference, its contours in LPS mm.

    ``kinds`` are the geometric types of the contours; ``problem`` says why the file's account of
    this ROI cannot be read, and is empty where it can.
    """

    name: str
    frame: str
    contours: tuple[NDArray[np.float64], ...]
    kinds: tuple[str, ...]
    number: int = 0
    problem: str = ""


def read_rois(path: Path) -> list[Roi]:
    """Read every region of interest of an RTSTRUCT file, also those without contours.

    Raises
    ------
    InputError
        When the file is no DICOM RTSTRUCT.
    """
    return parse_rois(path, read_mask_object(path)[0])


def parse_rois(path: Path, data: Dataset) -> list[Roi]:
    """Return every region of interest of an RTSTRUCT; one that is broken says so itself.

    Raises
    ------
    InputError
        When the object is no RTSTRUCT.
    """
    if data.get("Modality") != "RTSTRUCT" or "StructureSetROISequence" not in data:
        raise InputError(
            path,
            "an RTSTRUCT has Modality RTSTRUCT and a StructureSetROISequence",
            f"Modality {data.get('Modality')!r}",
            "give the RTSTRUCT file; label images are read from NIfTI, NRRD or MetaImage",
        )
    with parsing(path, WHAT):
        named = list(data.StructureSetROISequence)
        drawn = list(data.get("ROIContourSequence") or [])
    contours: dict[int, list[Dataset]] = {}
    lost = ""
    for item in drawn:
        try:
            contours.setdefault(int(item.ReferencedROINumber), []).append(item)
        except Exception as error:  # the same for one item
            lost = f"contours that belong to no ROI: {_reason(error)}"
    rois = []
    numbers = [_number_of(item) for item in named]
    for item, number in zip(named, numbers, strict=True):
        problem = ""
        if number is None:
            problem = "ROINumber is absent or no number"
        elif numbers.count(number) > 1:
            problem = f"ROINumber {number} is that of {numbers.count(number)} ROIs"
        found = contours.get(number, []) if number is not None else []
        rois.append(_parse_roi(item, number or 0, found, problem or ("" if found else lost)))
    return rois


def _number_of(item: Dataset) -> int | None:
    try:
        return int(item.ROINumber)
    except Exception:  # absent, or anything at all: the ROI says so
        return None


def _parse_roi(item: Dataset, number: int, drawn: list[Dataset], problem: str) -> Roi:
    name, frame = f"ROI {number}", ""
    try:
        name = str(item.get("ROIName") or name)
        frame = str(item.get("ReferencedFrameOfReferenceUID") or "")
        items = [contour for part in drawn for contour in part.get("ContourSequence") or []]
        points = [np.array(c.ContourData, dtype=np.float64).ravel() for c in items]
        kinds = tuple(str(c.get("ContourGeometricType") or "") for c in items)
    except Exception as error:  # a hostile file breaks the parser in many ways: say which
        return Roi(name, frame, (), (), number, problem or _reason(error))
    broken = [p for p in points if p.size == 0 or p.size % 3 or not np.isfinite(p).all()]
    if broken:
        problem = problem or f"a contour of {broken[0].size} numbers, which are no x, y, z triples"
        return Roi(name, frame, (), kinds, number, problem)
    return Roi(name, frame, tuple(p.reshape(-1, 3) for p in points), kinds, number, problem)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def _broken(path: Path, found: str) -> InputError:
    return InputError(path, WHAT, found, "check the path, or export the structure set again")


@dataclass(frozen=True, eq=False)
class StructureSet:
    """An RTSTRUCT that was opened: its ROIs are its masks."""

    path: Path
    rois: tuple[Roi, ...]
    entries: tuple[Entry, ...]
    kind: str = "an RTSTRUCT"
    option: str = "roi"

    def read(self, entry: Entry, like: Volume) -> BoxedMask:
        """Rasterise one region of interest onto the grid of an image; see :func:`rasterise_roi`."""
        roi = self.rois[self.entries.index(entry)]
        return rasterise_roi(self.path, roi, entry.name, like)


def open_structure_set(path: Path, data: Dataset) -> StructureSet:
    """Open an RTSTRUCT that was read."""
    rois = parse_rois(path, data)
    entries = [
        Entry(roi.number, roi.name, "" if roi.problem else enclosing_problem(roi)) for roi in rois
    ]
    return StructureSet(path, tuple(rois), with_names(entries))


def rasterise_roi(path: Path, roi: Roi, name: str, like: Volume) -> BoxedMask:
    """Rasterise one region of interest onto the grid of ``like``.

    A voxel is inside when its centre lies inside an odd number of the contours of its slice; all
    contours of a slice count together, so an inner contour is a hole. Points among contours
    enclose nothing and are left out, with a note.

    Raises
    ------
    InputError
        Another frame of reference, open contours, contours between slices or beyond the image,
        nothing that encloses an area.
    """
    if roi.problem:
        raise _broken(path, f"ROI {name!r}: {roi.problem}")
    if like.frame and roi.frame and like.frame != roi.frame:
        raise InputError(
            path,
            f"ROI {name!r} and the image must share one frame of reference",
            f"FrameOfReferenceUID {roi.frame} in the RTSTRUCT, {like.frame} in the image",
            "use the RTSTRUCT that was drawn on this image, or register the two first",
        )
    problem = enclosing_problem(roi)
    if problem:
        rule = f"ROI {name!r} must be made of CLOSED_PLANAR contours"
        raise InputError(path, rule, problem, "choose a ROI that encloses a volume")
    closed = [c for c, kind in zip(roi.contours, roi.kinds, strict=True) if kind in CLOSED]
    enclosing = tuple(contour for contour in closed if len(contour) > 2)
    if len({_point_set(contour) for contour in enclosing}) < len(enclosing):
        raise InputError(
            path,
            f"ROI {name!r} must not hold the same contour twice (two would cancel)",
            "a repeated contour",
            "remove it in the software that drew the ROI",
        )
    slices = _polygons_by_slice(path, name, enclosing, like)
    notes = _check_gaps(path, name, sorted(slices))
    points = roi.kinds.count("POINT")
    if points:
        notes += (f"left out {points} contour(s) of type POINT, which enclose nothing",)
    dropped = len(closed) - len(enclosing)
    if dropped:
        notes += (f"left out {dropped} contour(s) of fewer than 3 points, which enclose nothing",)
    first, last = min(slices), max(slices)
    array = np.zeros((last - first + 1, *like.shape[1:]), dtype=np.bool_)
    for index, polygons in slices.items():
        array[index - first] = rasterise(polygons, like.shape[1:])
    return BoxedMask.pack(array, (first, 0, 0), like.shape, notes)


def enclosing_problem(roi: Roi) -> str:
    """Say why a ROI encloses no volume whatever the image, empty where it may.

    Single points among closed contours are no reason; a contour of several points that is called
    one may be the outline of something.
    """
    if not roi.contours:
        return "no contours"
    kinds = Counter(
        f"{kind} of {len(contour)} points" if kind == "POINT" and len(contour) > 1 else kind
        for contour, kind in zip(roi.contours, roi.kinds, strict=True)
    )
    other = sorted(set(kinds) - {*CLOSED, "POINT"})
    if other:
        return ", ".join(f"{kinds[k]} {k or 'without ContourGeometricType'}" for k in other)
    if not set(kinds) & set(CLOSED):
        return f"{kinds['POINT']} POINT"
    if all(len(contour) < 3 for contour in roi.contours):
        return f"{len(roi.contours)} contour(s) of fewer than 3 points"
    return ""


def _point_set(contour: NDArray[np.float64]) -> bytes:
    """Return a contour's points whatever their first one and their direction."""
    return np.unique(contour, axis=0).tobytes()


def _check_gaps(path: Path, name: str, planes: list[int]) -> tuple[str, ...]:
    """Refuse contours on every second (third, ...) slice; note single slices without any."""
    steps = np.diff(planes)
    if len(steps) > 1 and np.median(steps) > 1:
        raise InputError(
            path,
            f"ROI {name!r} needs contours on every slice that it crosses",
            f"contours {np.median(steps):g} slices apart",
            "interpolate the contours in the software that drew them",
        )
    empty = int((steps - 1).sum())
    return (f"ROI has no contours on {empty} slice(s) between others",) if empty else ()


def _polygons_by_slice(
    path: Path, name: str, contours: tuple[NDArray[np.float64], ...], like: Volume
) -> dict[int, list[NDArray[np.float64]]]:
    """Sort the contours of a ROI by slice, as (row, column) polygons in index coordinates."""
    to_index = np.linalg.inv(like.affine)
    depth, height, width = like.shape
    slices: dict[int, list[NDArray[np.float64]]] = {}
    off_plane, outside = 0, 0
    for contour in contours:
        index = contour @ to_index[:3, :3].T + to_index[:3, 3]
        plane = int(np.round(index[:, 0].mean()))
        off_plane += bool(np.abs(index[:, 0] - plane).max() > OFF_PLANE)
        inside = (
            0 <= plane < depth
            and index[:, 1:].min() >= -1
            and np.all(index[:, 1:].max(axis=0) <= (height, width))
        )
        outside += not inside
        slices.setdefault(plane, []).append(index[:, 1:])
    if outside:
        rule = "lies beyond the image" if outside == len(contours) else "reaches beyond it"
        raise InputError(
            path,
            f"ROI {name!r} must lie within the image, but {rule}",
            f"{outside} of {len(contours)} contours outside the image ({like.describe()})",
            "use the series on which the ROI was drawn, uncropped",
        )
    if off_plane:
        raise InputError(
            path,
            f"the contours of ROI {name!r} must lie on slice planes of the image",
            f"{off_plane} of {len(contours)} contours between slices or not parallel to them",
            "use the series on which the ROI was drawn",
        )
    return slices


def write_rtstruct(
    path: Path, masks: Mapping[str, Volume], headers: tuple[Header, ...], label: str = "RTSTRUCT"
) -> None:
    """Write masks as an RTSTRUCT that reads back to the same voxels.

    Contours run along voxel edges, outer ones and holes as contours of their own.

    Parameters
    ----------
    masks : ROI name to bool Volume on the grid of the series
    headers : the sorted headers of that series, as
        :func:`radiomics.io.dicom.series.find_series` gives
    """
    series = headers[0]
    uid = deterministic_uid(series.text("SeriesInstanceUID"), label)
    data = _new_structure_set(series, uid, label)
    data.StructureSetROISequence = Sequence()
    data.ROIContourSequence = Sequence()
    data.RTROIObservationsSequence = Sequence()
    for number, (name, mask) in enumerate(masks.items(), start=1):
        roi = Dataset()
        roi.ROINumber, roi.ROIName, roi.ROIGenerationAlgorithm = number, name, "MANUAL"
        roi.ReferencedFrameOfReferenceUID = series.text("FrameOfReferenceUID")
        data.StructureSetROISequence.append(roi)
        contours = Dataset()
        contours.ReferencedROINumber, contours.ROIDisplayColor = number, [255, 0, 0]
        contours.ContourSequence = Sequence(_contour_items(mask, headers))
        data.ROIContourSequence.append(contours)
        observation = Dataset()
        observation.ObservationNumber = observation.ReferencedROINumber = number
        observation.RTROIInterpretedType, observation.ROIInterpreter = "GTV", ""
        data.RTROIObservationsSequence.append(observation)
    write_dataset(data, path)


def _new_structure_set(series: Header, uid: str, label: str) -> Dataset:
    source = read_dataset(series.path)
    data = Dataset()
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex"):
        setattr(data, keyword, source.get(keyword, ""))
    for keyword in ("StudyInstanceUID", "StudyDate", "StudyTime", "AccessionNumber", "StudyID"):
        setattr(data, keyword, source.get(keyword, ""))
    data.SOPClassUID, data.SOPInstanceUID = RTStructureSetStorage, uid
    data.Modality, data.Manufacturer = "RTSTRUCT", source.get("Manufacturer", "")
    data.ReferringPhysicianName, data.SeriesNumber, data.OperatorsName = "", 2, ""
    data.SeriesInstanceUID = deterministic_uid(uid, "series")
    data.StructureSetLabel = label[:16]
    data.StructureSetDate, data.StructureSetTime = source.get("StudyDate", ""), ""
    data.FrameOfReferenceUID = series.text("FrameOfReferenceUID")
    reference = Dataset()
    reference.FrameOfReferenceUID = series.text("FrameOfReferenceUID")
    data.ReferencedFrameOfReferenceSequence = Sequence([reference])
    return data


def _contour_items(mask: Volume, headers: tuple[Header, ...]) -> list[Dataset]:
    items = []
    for index in np.flatnonzero(mask.array.any(axis=(1, 2))).tolist():
        for polygon in outline(mask.array[index]):
            corners = np.column_stack([np.full(len(polygon), index), polygon])
            points = corners @ mask.affine[:3, :3].T + mask.affine[:3, 3]
            item = Dataset()
            item.ContourGeometricType = "CLOSED_PLANAR"
            item.NumberOfContourPoints = len(points)
            item.ContourData = [f"{value:.8g}" for value in points.ravel()]
            image: Any = Dataset()
            image.ReferencedSOPClassUID = headers[index].text("SOPClassUID")
            image.ReferencedSOPInstanceUID = headers[index].text("SOPInstanceUID")
            item.ContourImageSequence = Sequence([image])
            items.append(item)
    return items
