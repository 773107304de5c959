"""A DICOM image series as a Volume: chosen, judged, read, and on request repaired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels import apply_color_lut

from radiomics.io.dicom.decoding import Job, decode_jobs, pixel_error
from radiomics.io.dicom.frames import Frame
from radiomics.io.dicom.headers import Header
from radiomics.io.dicom.pixels import padding_note, read_frames
from radiomics.io.dicom.projections import is_coloured
from radiomics.io.dicom.repair import (
    chosen_repairs,
    distinct_slices,
    even_positions,
    interpolate_slices,
    straighten_slices,
)
from radiomics.io.dicom.scanning import scan_path
from radiomics.io.dicom.series import SeriesReport, group_series
from radiomics.io.dicom.streams import BoundedReader
from radiomics.io.dicom.suv import suv_factor
from radiomics.io.files.kinds import refuse_option
from radiomics.io.planes import (
    NO_SPACING,
    GivenSpacing,
    check_channel,
    one_channel,
    parse_spacing,
    several_channels,
    spacing_note,
)
from radiomics.types import InputError, Volume


def read_series(
    path: Path,
    series: str | None = None,
    repair: str = "refuse",
    suv: str | None = None,
    spacing: GivenSpacing | None = None,
    channel: str | None = None,
) -> Volume:
    """Read one CT, MR, PET, ... volume in rescaled units.

    Parameters
    ----------
    path : a folder (searched with all below it) or one DICOM file
    series : SeriesInstanceUID, or the name that ``inspect`` gives, where there are several volumes
    repair : ``"refuse"``, ``"all"``, or some of missing, duplicates, tilt, spacing
    suv : ``"bw"``, ``"lbm"``, ``"lbm_james"`` or ``"bsa"``: turn PET into SUV
    spacing : of an image in its own plane that states none, in mm
    channel : of colours: ``"red"``, ``"green"``, ``"blue"`` or ``"luminance"``

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
    first = [r for r in chosen if r.rank == min(report.rank for report in chosen)]
    chosen = first if len(first) == 1 else chosen
    if len(chosen) != 1:
        listing = "; ".join(_describe_series(report) for report in found)
        raise InputError(
            path,
            "exactly one image series is needed",
            f"{len(found)} series: {listing}",
            "choose one with series=NAME (library) or --series NAME (command line)",
        )
    volume = read_reported_volume(chosen[0], allowed, channel)
    beside = [report for report in found if report.rank > chosen[0].rank]
    if series is None and beside:
        note = f"left out beside the image: {'; '.join(map(_describe_series, beside[:5]))}"
        volume = replace(volume, history=(*volume.history, note))
    if spacing is not None:
        volume = _with_spacing(chosen[0], volume, spacing)
    return volume if suv is None else _convert_to_suv(volume, chosen[0], suv)


def _with_spacing(report: SeriesReport, volume: Volume, given: GivenSpacing) -> Volume:
    """Give an image in its own plane the spacing that it does not state.

    Raises
    ------
    InputError
        Where it states one, or lies in the patient.
    """
    steps = parse_spacing(given)
    if steps is None or not report.is_flat or volume.length_unit == "mm":
        rule = "a spacing is given to images that state none"
        found = "{:g} x {:g} x {:g} mm in the file (slices, rows, columns)".format(*volume.spacing)
        raise InputError(report.path, rule, found, "leave --spacing out")
    affine = np.array(volume.affine)
    affine[:3, 1:3] *= steps / volume.spacing[1:]
    kept = tuple(note for note in volume.history if note != NO_SPACING)
    notes = (*kept, spacing_note(steps))
    return replace(volume, affine=affine, length_unit="mm", history=notes)


def _convert_to_suv(volume: Volume, report: SeriesReport, kind: str) -> Volume:
    first = min(report.frames, key=_acquisition_time)  # series may lie before the first bed alone
    factor, unit, how = suv_factor(first.header.path, kind)
    array = volume.array if factor == 1 else (volume.array * factor).astype(np.float32)
    return replace(volume, array=array, unit=unit, history=(*volume.history, how))


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
    report: SeriesReport,
    allowed: set[str] | frozenset[str] = frozenset(),
    channel: str | None = None,
) -> Volume:
    """Read the volume of a report; refuse defects other than the kinds allowed to be repaired."""
    check_channel(channel)
    grave = [d for d in report.defects if d.severity != "note"]
    if report.is_flat and [d.kind for d in grave] in ([], ["colour"]):
        return _read_plane(report, channel)
    if channel is not None:
        refuse_option(report.path, "an image of one number a pixel", "channel", channel)
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
        array = read_frames(report.frames)
        volume = Volume(
            array, report.affine, _unit_of_values(report.frames), frame, (), report.verdict
        )
    noted = [d.text for d in report.defects if d.severity == "note"]
    noted += padding_note(report.frames, volume.array)
    return replace(volume, history=(*noted, *volume.history))


def _read_plane(report: SeriesReport, channel: str | None) -> Volume:
    """Read an image in its own plane, of colours one channel."""
    frame = report.frames[0]
    header, plane = frame.header, frame.plane
    if plane is None:
        raise ValueError("an image in its own plane has one")
    notes = [d.text for d in report.defects if d.severity == "note"]
    coloured = is_coloured(header)
    if not coloured:
        refuse_option(header.path, "an image of one number a pixel", "channel", channel)
        array = read_frames([frame])
        notes += padding_note([frame], array)
    elif channel is None:
        raise several_channels(header.path, 3)
    else:
        array = one_channel(_read_colours(header), channel)[None]
        notes.append(f"colours: {channel}")
    affine = np.diag([*plane.spacing[::-1], 1.0, 1.0])[:, [2, 1, 0, 3]]
    unit = _unit_of_values([frame])
    verdict = "good" if coloured else report.verdict
    return Volume(array, affine, unit, "", tuple(notes), verdict, plane.length_unit)


def _read_colours(header: Header) -> NDArray[Any]:
    """Read red, green and blue (H, W, 3), those of a palette by its table."""
    samples = header.integer("SamplesPerPixel", 1)
    size = header.integer("Rows") * header.integer("Columns") * samples
    pixels = next(decode_jobs([Job(header, [0])], size))[0]
    if samples > 1:
        return pixels
    try:
        with BoundedReader(header.path) as stream:
            data = pydicom.dcmread(stream, stop_before_pixels=True, force=True)
        return np.asarray(apply_color_lut(pixels, data))
    except Exception as error:  # a table may be broken in many ways: say which
        lines = str(error).splitlines() or [type(error).__name__]
        raise pixel_error(header, "a palette needs readable tables", lines[0]) from error


def _read_repaired(report: SeriesReport, unit: str, frame: str) -> Volume:
    """Drop duplicates, straighten a tilt, interpolate gaps and uneven steps: in this order."""
    stack = report.stack
    if stack is None:
        raise ValueError("a series without geometry cannot be repaired")
    kinds = {defect.kind: defect.text for defect in report.defects}
    kept = distinct_slices(stack)
    array = read_frames([report.frames[i] for i in kept])
    along, affine, history = stack.along[kept], np.array(stack.affine), []
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
        return header.text("RescaleType").strip() or "HU"
    mapped = {frame.unit for frame in frames}
    return (mapped.pop() if len(mapped) == 1 else "") or "1"
