"""A DICOM image series as a Volume: chosen, judged, read, and on request repaired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray

from radiomics.io.dicom.frames import Frame
from radiomics.io.dicom.pixels import read_pixels
from radiomics.io.dicom.repair import (
    chosen_repairs,
    distinct_slices,
    even_positions,
    interpolate_slices,
    straighten_slices,
)
from radiomics.io.dicom.scanning import scan_path
from radiomics.io.dicom.series import SeriesReport, group_series, is_localizer
from radiomics.io.dicom.streams import BoundedReader
from radiomics.io.dicom.suv import convert_values, suv_factor
from radiomics.types import InputError, Volume


def read_series(
    path: Path, series: str | None = None, repair: str = "refuse", suv: str | None = None
) -> Volume:
    """Read one CT, MR, PET, ... volume in rescaled units.

    Parameters
    ----------
    path : a folder (searched with all below it) or one DICOM file
    series : SeriesInstanceUID, or the name that ``inspect`` gives, where there are several volumes
    repair : ``"refuse"``, ``"all"``, or some of missing, duplicates, tilt, spacing
    suv : ``"bw"``, ``"lbm"``, ``"lbm_james"`` or ``"bsa"``: turn PET into SUV

    Raises
    ------
    InputError
        No images, several volumes and none chosen, or one with defects (each is named).
    """
    allowed = chosen_repairs(repair)
    seen = scan_path(path)
    found, broken = group_series(path, seen.headers)
    unreadable = [*seen.unreadable, *broken]
    if unreadable:  # it may be the last slice, which nobody would miss
        named = "; ".join(f"{bad.path.name}: {bad.reason}" for bad in unreadable[:5])
        raise InputError(
            path,
            "every DICOM file must be readable",
            f"{len(unreadable)} that cannot be read: {named}",
            "export these files again, or move them elsewhere",
        )
    if not found:
        raise InputError(
            path,
            "DICOM images are needed",
            _describe_content(path),
            "point to the folder that holds the CT, MR or PET slices",
        )
    chosen = found if series is None else [r for r in found if series in (r.name, r.series)]
    if len(chosen) > 1 and series is not None:  # the series' name means what is no scout
        chosen = [r for r in chosen if not is_localizer(r)] or chosen
    if len(chosen) != 1:
        listing = "; ".join(_describe_series(report) for report in found)
        raise InputError(
            path,
            "exactly one image series is needed",
            f"{len(found)} series: {listing}",
            "choose one with series=NAME (library) or --series NAME (command line)",
        )
    volume = read_reported_volume(chosen[0], allowed)
    left = [r.name for r in found if r.series == series and r is not chosen[0]]
    if left:
        note = f"left out of the series, as localizer: {', '.join(left)}"
        volume = replace(volume, history=(*volume.history, note))
    return volume if suv is None else _convert_to_suv(volume, chosen[0], found, suv)


def _convert_to_suv(
    volume: Volume, report: SeriesReport, found: Sequence[SeriesReport], kind: str
) -> Volume:
    """Turn a PET volume into SUV; all volumes of its series tell when the scan began."""
    frames = [frame for other in found if other.series == report.series for frame in other.frames]
    dated = [frame for frame in frames if all(_acquisition_time(frame))] or frames
    first = min(dated, key=_acquisition_time)  # series may lie before the first bed alone
    path = first.header.path
    data = _read_whole_header(path)
    suv = suv_factor(path, data, kind, [_acquisition_time(frame) for frame in frames])
    array = volume.array if suv.factor == 1 else (volume.array * suv.factor).astype(np.float32)
    return replace(volume, array=array, unit=suv.unit, history=(*volume.history, *suv.notes))


def _read_whole_header(path: Path) -> pydicom.Dataset:
    """Read all that a file says before its pixels, with or without a preamble."""
    try:
        with BoundedReader(path) as stream:
            data = pydicom.dcmread(stream, stop_before_pixels=True, force=True)
        convert_values(data)
    except Exception as error:  # hostile files break the parser in many ways: say which
        lines = str(error).splitlines() or [type(error).__name__]
        rule = "a DICOM file must be readable"
        raise InputError(path, rule, lines[0], "export this file again") from error
    return data


def _acquisition_time(frame: Frame) -> tuple[str, str]:
    header = frame.header
    return header.text("AcquisitionDate"), header.text("AcquisitionTime")


def _describe_content(path: Path) -> str:
    if not path.is_dir():
        return "a file that is no DICOM image"
    return "no DICOM file with pixels" if any(path.iterdir()) else "an empty folder"


def _describe_series(report: SeriesReport) -> str:
    phase = f", {report.phase}" if report.phase else ""
    return f"{report.modality} {report.name} ({len(report.frames)} slices{phase})"


def read_reported_volume(
    report: SeriesReport, allowed: set[str] | frozenset[str] = frozenset()
) -> Volume:
    """Read the volume of a report; refuse defects other than the kinds allowed to be repaired."""
    grave = [d for d in report.defects if d.severity != "note"]
    left = [d for d in grave if d.severity == "refused" or d.kind not in allowed]
    if left:
        repairable = all(d.severity == "repairable" for d in left)
        remedy = "export the series again, complete and once"
        raise InputError(
            report.path,
            f"a {report.modality} series must be a regular grid of slices",
            "; ".join(d.text for d in left),
            f"{remedy}, or allow a repair with repair=... or --repair" if repairable else remedy,
        )
    header = report.frames[0].header
    frame = header.text("FrameOfReferenceUID")
    if grave:
        volume = _read_repaired(report, _unit_of_values(report.frames), frame)
    else:
        pixels = read_pixels(report.frames)
        unit = _unit_of_values(report.frames)
        volume = Volume(pixels.array, report.affine, unit, frame, pixels.notes, report.verdict)
    noted = [d.text for d in report.defects if d.severity == "note"]
    return replace(volume, history=(*noted, *volume.history))


def _read_repaired(report: SeriesReport, unit: str, frame: str) -> Volume:
    """Drop duplicates, straighten a tilt, interpolate gaps and uneven steps: in this order."""
    stack = report.stack
    if stack is None:
        raise ValueError("a series without geometry cannot be repaired")
    kinds = {defect.kind: defect.text for defect in report.defects}
    kept = distinct_slices(stack)
    pixels = read_pixels([report.frames[i] for i in kept])
    array, history = pixels.array, list(pixels.notes)
    along, affine = stack.along[kept], np.array(stack.affine)
    dtype = array.dtype
    if "duplicate_slices" in kinds:
        history.append(f"dropped duplicates: {kinds['duplicate_slices']}")
    if "gantry_tilt" in kinds:
        spacing = np.linalg.norm(affine[:3, 1:3], axis=0)
        drift = stack.sideways[kept] @ (affine[:3, 1:3] / spacing)
        straight, before = straighten_slices(array, drift, (float(spacing[0]), float(spacing[1])))
        affine[:3, 3] -= affine[:3, 1] * before[0] + affine[:3, 2] * before[1]
        array = _to_dtype(straight, dtype)
        fill = f"voxels that no slice covers are {array.min():g}"
        history.append(f"resampled onto an orthogonal grid: {kinds['gantry_tilt']}; {fill}")
    uneven = {"missing_slices", "uneven_spacing"} & set(kinds)
    if uneven:
        step = float(np.linalg.norm(affine[:3, 0]))
        wanted = even_positions(along, step)
        array = _to_dtype(interpolate_slices(array, along, wanted), dtype)
        history += [f"interpolated slices: {kinds[kind]}" for kind in sorted(uneven)]
    return Volume(array, affine, unit, frame, tuple(history), report.verdict)


def _to_dtype(values: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return interpolated values in the dtype of the original, rounded where that is whole."""
    return (np.rint(values) if dtype.kind in "iu" else values).astype(dtype)


def _unit_of_values(frames: Sequence[Frame]) -> str:
    """Return the unit of rescaled values: RescaleType for CT, SUV or Units for PET.

    For others that of RealWorldValueMapping where all frames have the same, else 1.
    """
    header = frames[0].header
    modality = header.text("Modality")
    if modality == "PT":
        suv = {"BW": "SUVbw", "LBM": "SUVlbm", "BSA": "SUVbsa"}.get(header.text("SUVType"))
        units = header.text("Units")
        return suv if suv and units in ("GML", "CM2ML") else units or "1"
    if modality == "CT":  # a dual-energy map is no CT number
        return frames[0].rescaled_kind
    mapped = {frame.unit for frame in frames}
    return (mapped.pop() if len(mapped) == 1 else "") or "1"
