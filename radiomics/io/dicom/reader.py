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
from radiomics.io.dicom.geometry import Defect
from radiomics.io.dicom.headers import Header
from radiomics.io.dicom.opening import read_dataset
from radiomics.io.dicom.pixels import read_frames, read_pixels
from radiomics.io.dicom.projections import is_coloured
from radiomics.io.dicom.repair import (
    chosen_repairs,
    distinct_slices,
    even_positions,
    interpolate_slices,
    straighten_slices,
)
from radiomics.io.dicom.scanning import scan_path
from radiomics.io.dicom.series import (
    Contents,
    SeriesReport,
    decided,
    kind_of_object,
    left_out,
    name_files,
    sort_contents,
)
from radiomics.io.dicom.suv import convert_values, suv_factor
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
    repair : ``"refuse"``, ``"all"``, or some of missing, duplicates, tilt, spacing, unreadable
    suv : ``"bw"``, ``"lbm"``, ``"lbm_james"`` or ``"bsa"``: turn PET into SUV
    spacing : of an image in its own plane that states none, in mm
    channel : of colours: ``"red"``, ``"green"``, ``"blue"`` or ``"luminance"``

    Raises
    ------
    InputError
        No images, several volumes and none chosen, or one with defects (each is named).
    """
    allowed = chosen_repairs(repair)
    contents = sort_contents(path, scan_path(path))
    chosen = choose_series(contents, series)
    volume = read_reported_volume(chosen, allowed, channel)
    volume = replace(volume, history=(*left_out(contents, chosen), *volume.history))
    if spacing is not None:
        volume = _with_spacing(chosen, volume, spacing)
    return volume if suv is None else _convert_to_suv(volume, chosen, contents.series, suv)


def choose_series(contents: Contents, series: str | None) -> SeriesReport:
    """Return the one volume that is asked for: by name, else the only one.

    Objects that are no volumes, such as scouts and dose pages, stand in nobody's way.

    Raises
    ------
    InputError
        No images, or several volumes and none chosen.
    """
    path, found = contents.path, contents.series
    named = [r for r in found if series is None or series in (r.name, r.series)]
    chosen = [r for r in named if r.rank == min(report.rank for report in named)]
    if len(chosen) == 1:
        return chosen[0]
    images = [bad for bad in contents.unplaced if series in (None, bad.text("SeriesInstanceUID"))]
    if images and not named:
        rule = "an image must say where its slices lie"
        remedy = "choose another series, or export this one again"
        raise InputError(path, rule, name_files(images), remedy)
    if contents.unreadable and not found:
        rule = "DICOM files must be readable"
        what = f"{len(contents.unreadable)} that cannot be read: {name_files(contents.unreadable)}"
        raise InputError(path, rule, what, "export these files again")
    if not found:
        raise InputError(
            path,
            "DICOM images are needed",
            _describe_content(contents),
            "point to the folder that holds the CT, MR or PET slices",
        )
    listing = "; ".join(_describe_series(report) for report in found)
    raise InputError(
        path,
        "exactly one image series is needed",
        f"{len(found)} series: {listing}",
        "choose one with series=NAME (library) or --series NAME (command line)",
    )


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
    """Read all that a file says before its pixels, every value converted."""
    data = read_dataset(path)
    try:
        convert_values(data)
    except Exception as error:  # hostile files break the parser in many ways: say which
        lines = str(error).splitlines() or [type(error).__name__]
        rule = "a DICOM file must be readable"
        raise InputError(path, rule, lines[0], "export this file again") from error
    return data


def _acquisition_time(frame: Frame) -> tuple[str, str]:
    header = frame.header
    return header.text("AcquisitionDate"), header.text("AcquisitionTime")


def _describe_content(contents: Contents) -> str:
    kinds = sorted({kind_of_object(header) for header in contents.objects})
    if kinds:
        return f"no image, but {', '.join(kinds)}"
    if not contents.path.is_dir():
        return "a file that is no DICOM image"
    return "no DICOM file with pixels" if any(contents.path.iterdir()) else "an empty folder"


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
    grave = [d for d in report.defects if d.severity not in ("note", "undecided")]
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
        pixels = read_pixels(report.frames)
        unit, verdict = _unit_of_values(report.frames), decided(report).verdict
        volume = Volume(pixels.array, report.affine, unit, frame, pixels.notes, verdict)
    noted = [d.text for d in report.defects if d.severity == "note"]
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
        pixels = read_pixels([frame])
        array = pixels.array
        notes += pixels.notes
    elif channel is None:
        colours = next(d.text for d in report.defects if d.kind == "colour")
        raise several_channels(header.path, colours)
    else:
        array = one_channel(_read_colours(header), channel)[None]
        notes.append(f"colours: {channel}")
    affine = np.diag([*plane.spacing[::-1], 1.0, 1.0])[:, [2, 1, 0, 3]]
    unit = _unit_of_values([frame])
    verdict = "good" if coloured else decided(report).verdict
    return Volume(array, affine, unit, "", tuple(notes), verdict, plane.length_unit)


def _read_colours(header: Header) -> NDArray[Any]:
    """Read red, green and blue (H, W, 3), those of a palette by its table."""
    samples = header.integer("SamplesPerPixel", 1)
    size = header.integer("Rows") * header.integer("Columns") * samples
    pixels = next(decode_jobs([Job(header, [0])], size))[0]
    if samples > 1:
        return pixels
    try:
        return np.asarray(apply_color_lut(pixels, read_dataset(header.path)))
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
    if "unreadable_files" in kinds:
        history.append(f"read without {kinds['unreadable_files']}")
    return Volume(array, affine, unit, frame, tuple(history), decided(report).verdict)


def check_pixels(report: SeriesReport) -> SeriesReport:
    """Decode a series to see whether its pixels can be read; the report that comes back says so."""
    if report.verdict == "refused":
        return report
    try:
        read_frames(report.frames)
    except InputError as error:
        text = f"{Path(error.where).name}: {error.rule}: {error.found}"
        broken = Defect("broken_slices", text, "refused")
        return replace(decided(report), defects=(*decided(report).defects, broken))
    return decided(report)


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
