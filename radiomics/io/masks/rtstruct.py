"""RTSTRUCT: contours of a region of interest into a mask, and masks into contours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import RTStructureSetStorage

from radiomics.io.dicom.headers import Header
from radiomics.io.dicom.opening import read_dataset
from radiomics.io.dicom.writer import deterministic_uid, write_dataset
from radiomics.io.masks.contours import outline, rasterise
from radiomics.types import InputError, Volume

OFF_PLANE = 0.25
"""Largest distance of a contour from a slice plane, in slices."""


@dataclass(frozen=True, eq=False)
class Roi:
    """One region of interest: its name, its frame of reference, its contours in LPS mm."""

    name: str
    frame: str
    contours: tuple[NDArray[np.float64], ...]
    kinds: tuple[str, ...]


def read_rois(path: Path) -> list[Roi]:
    """Read every region of interest of an RTSTRUCT file, also those without contours.

    Raises
    ------
    InputError
        When the file is no DICOM RTSTRUCT.
    """
    try:
        return _parse_rois(path, read_dataset(path, pixels=True))
    except InputError:
        raise
    except Exception as error:  # a hostile file breaks the parser in many ways: say which
        reason = (str(error).splitlines() or [""])[0]
        raise InputError(
            path,
            "an RTSTRUCT is a DICOM file that names its ROIs and lists their contours",
            f"{type(error).__name__}: {reason}",
            "check the path, or export the structure set again",
        ) from error


def _parse_rois(path: Path, data: pydicom.Dataset) -> list[Roi]:
    if data.get("Modality") != "RTSTRUCT" or "StructureSetROISequence" not in data:
        raise InputError(
            path,
            "an RTSTRUCT has Modality RTSTRUCT and a StructureSetROISequence",
            f"Modality {data.get('Modality')!r}",
            "give the RTSTRUCT file; label images are read from NIfTI, NRRD or MetaImage",
        )
    contours = {
        int(item.ReferencedROINumber): list(item.get("ContourSequence") or [])
        for item in data.get("ROIContourSequence") or []
    }
    rois = []
    for item in data.StructureSetROISequence:
        found = contours.get(int(item.ROINumber), [])
        points = [np.array(c.ContourData, dtype=np.float64) for c in found]
        broken = [p for p in points if p.size == 0 or p.size % 3 or not np.isfinite(p).all()]
        name = str(item.get("ROIName") or f"ROI {item.ROINumber}")
        if broken:
            raise InputError(
                path,
                "ContourData is a list of x, y, z triples",
                f"{broken[0].size} numbers in a contour of {name!r}",
                "export the structure set again",
            )
        frame = str(item.get("ReferencedFrameOfReferenceUID") or "")
        kinds = tuple(str(c.get("ContourGeometricType") or "") for c in found)
        rois.append(Roi(name, frame, tuple(p.reshape(-1, 3) for p in points), kinds))
    return rois


def read_roi(path: Path, like: Volume, name: str | None = None) -> Volume:
    """Rasterise one region of interest onto the grid of ``like``.

    A voxel is inside when its centre lies inside an odd number of the contours of its slice; all
    contours of a slice count together, so an inner contour is a hole.

    Parameters
    ----------
    name : the ROI's name; not needed when the file holds a single ROI with contours

    Raises
    ------
    InputError
        Unknown name (the names that exist are listed), another frame of reference, a geometric
        type other than CLOSED_PLANAR, contours between slices or beyond the image.
    """
    roi = _choose_roi(path, read_rois(path), name)
    if like.frame and roi.frame and like.frame != roi.frame:
        raise InputError(
            path,
            f"ROI {roi.name!r} and the image must share one frame of reference",
            f"FrameOfReferenceUID {roi.frame} in the RTSTRUCT, {like.frame} in the image",
            "use the RTSTRUCT that was drawn on this image, or register the two first",
        )
    other = sorted(set(roi.kinds) - {"CLOSED_PLANAR"})
    if other:
        raise InputError(
            path,
            f"ROI {roi.name!r} must be made of CLOSED_PLANAR contours",
            f"{', '.join(other)}",
            "choose a ROI that encloses a volume",
        )
    enclosing = tuple(contour for contour in roi.contours if len(contour) > 2)
    if len({_point_set(contour) for contour in enclosing}) < len(enclosing):
        raise InputError(
            path,
            f"ROI {roi.name!r} must not hold the same contour twice (two would cancel)",
            "a repeated contour",
            "remove it in the software that drew the ROI",
        )
    slices = _polygons_by_slice(path, replace(roi, contours=enclosing), like)
    history = _check_gaps(path, roi, sorted(slices))
    dropped = len(roi.contours) - len(enclosing)
    if dropped:
        history += (f"left out {dropped} contour(s) of fewer than 3 points, which enclose nothing",)
    array = np.zeros(like.shape, dtype=np.bool_)
    for index, polygons in slices.items():
        array[index] = rasterise(polygons, like.shape[1:])
    return Volume(array, like.affine, "1", like.frame, history)


def _point_set(contour: NDArray[np.float64]) -> bytes:
    """Return a contour's points whatever their first one and their direction."""
    return np.unique(contour, axis=0).tobytes()


def _check_gaps(path: Path, roi: Roi, planes: list[int]) -> tuple[str, ...]:
    """Refuse contours on every second (third, ...) slice; note single slices without any."""
    steps = np.diff(planes)
    if len(steps) > 1 and np.median(steps) > 1:
        raise InputError(
            path,
            f"ROI {roi.name!r} needs contours on every slice that it crosses",
            f"contours {np.median(steps):g} slices apart",
            "interpolate the contours in the software that drew them",
        )
    empty = int((steps - 1).sum())
    return (f"ROI has no contours on {empty} slice(s) between others",) if empty else ()


def _choose_roi(path: Path, rois: list[Roi], name: str | None) -> Roi:
    filled = [roi for roi in rois if roi.contours]
    listing = ", ".join(repr(r.name) + ("" if r.contours else " (no contours)") for r in rois)
    if name is None:
        chosen, rule = filled, "a ROI name is needed unless there is exactly one ROI with contours"
    else:
        chosen, rule = [r for r in filled if r.name == name], f"exactly one ROI named {name!r}"
    if len(chosen) != 1:
        found = f"{len(chosen)} of these ROIs fit: {listing}" if rois else "no ROI at all"
        raise InputError(path, rule, found, "choose one of them with roi=NAME or --roi NAME")
    return chosen[0]


def _polygons_by_slice(path: Path, roi: Roi, like: Volume) -> dict[int, list[NDArray[np.float64]]]:
    """Sort the contours of a ROI by slice, as (row, column) polygons in index coordinates."""
    to_index = np.linalg.inv(like.affine)
    depth, height, width = like.shape
    slices: dict[int, list[NDArray[np.float64]]] = {}
    off_plane, outside = 0, 0
    for contour in roi.contours:
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
        rule = "lies beyond the image" if outside == len(roi.contours) else "reaches beyond it"
        raise InputError(
            path,
            f"ROI {roi.name!r} must lie within the image, but {rule}",
            f"{outside} of {len(roi.contours)} contours outside the image ({like.describe()})",
            "use the series on which the ROI was drawn, uncropped",
        )
    if off_plane:
        raise InputError(
            path,
            f"the contours of ROI {roi.name!r} must lie on slice planes of the image",
            f"{off_plane} of {len(roi.contours)} contours between slices or not parallel to them",
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
