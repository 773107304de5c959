"""What lies in a folder: one finding a volume, one a mask, one a file that cannot be read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydicom.uid import UID

from radiomics.io.dicom.headers import Header, Unreadable
from radiomics.io.dicom.reader import check_pixels
from radiomics.io.dicom.scanning import find_files, scan_files
from radiomics.io.dicom.series import (
    DIRECTORY,
    MASKS,
    Contents,
    SeriesReport,
    is_slice_of,
    kind_of_object,
    sort_contents,
)
from radiomics.io.files.archives import unpacked_archive
from radiomics.io.files.kinds import (
    existing_path,
    has_itk_suffix,
    has_picture_suffix,
    has_slicer_suffix,
)
from radiomics.io.files.volumes import read_volume_file
from radiomics.io.masks.rtstruct import enclosing_problem, read_rois
from radiomics.io.masks.slicer import read_segments
from radiomics.types import InputError, Progress, silent


@dataclass(frozen=True)
class Finding:
    """One row of :func:`inspect`: an image series, a mask inside a file, an object, or a file.

    ``shape`` counts slices, rows and columns; ``spacing`` is (dz, dy, dx) in mm. ``path`` is what
    to read the image from: the file that was asked for, the folder of its files, or the folder
    above where they lie in several.
    ``verdict`` is good, repairable or refused, as reading will find, or undecided where only
    decoding can tell; of an object that is neither image nor mask, such as a plan, "no image".
    """

    kind: str
    path: str
    name: str
    modality: str
    shape: tuple[int, int, int] | None
    spacing: tuple[float, float, float] | None
    defects: tuple[str, ...]
    verdict: str
    patient: str = ""
    description: str = ""
    phase: str = ""
    transfer_syntax: str = ""

    def row(self) -> dict[str, object]:
        """Return the finding as a flat row for a table."""
        return asdict(self)


def inspect(
    path: str | Path,
    progress: Progress = silent,
    index: Path | None = None,
    *,
    pixels: bool = False,
) -> list[Finding]:
    """Report what lies at a path: one finding a DICOM series or image file, one a mask ROI.

    Parameters
    ----------
    path : a folder, a file, a DICOMDIR, or a ZIP archive
    index : see :func:`radiomics.io.dicom.scanning.scan_files`
    pixels : decode the pixels of every series too; without, sizes tell whether they are complete,
        and a series with compressed pixels stays undecided
    """
    path = existing_path(path)
    if path.is_file() and path.suffix.lower() == ".zip":
        with unpacked_archive(path) as folder:
            found = _inspect_path(folder, progress, None, pixels)
        return [replace(finding, path=str(path)) for finding in found]
    return _inspect_path(path, progress, index, pixels)


def _inspect_path(
    path: Path, progress: Progress, index: Path | None, pixels: bool
) -> list[Finding]:
    files = list(find_files(path))
    images = [file for file in files if has_itk_suffix(file)]
    pictures = [file for file in files if has_picture_suffix(file)]
    apart = {*images, *pictures}
    seen = scan_files([file for file in files if file not in apart], progress, index)
    contents = sort_contents(path, seen)
    found = []
    for number, report in enumerate(contents.series, start=1):
        judged = check_pixels(report) if pixels else report
        found.append(_series_finding(judged, _common_folder(contents, report.series)))
        if pixels:
            progress("series", number, len(contents.series))
    found += [_unplaced_finding(bad) for bad in contents.unplaced]
    for header in contents.objects:
        if header.text("Modality") == "RTSTRUCT":
            found += _inspect_rtstruct(header)
        elif header.text("Modality") == "SEG":
            found += _inspect_segmentation(header)
    found += _other_objects(contents.objects)
    found += [_inspect_picture(file) for file in pictures]
    for file in images:
        found += _inspect_slicer(file) if has_slicer_suffix(file) else [_inspect_itk(file)]
    for bad in contents.unreadable:
        found.append(_refused_finding("file", bad.path, bad.reason))
    return found


def _common_folder(contents: Contents, series: str) -> str:
    """Return the folder from which all files of a series are read; the file that was asked for."""
    if contents.path.is_file() and contents.path.name.upper() != "DICOMDIR":
        return str(contents.path)
    reports = [report for report in contents.series if report.series == series]
    folders = [folder for report in reports for folder in report.folders]
    unusable = (*contents.unplaced, *contents.unreadable)
    own = (bad for bad in unusable if any(is_slice_of(report, bad) for report in reports))
    folders += [bad.path.parent for bad in own]
    return os.path.commonpath([str(folder) for folder in folders])


def _series_finding(report: SeriesReport, folder: str) -> Finding:
    header = report.frames[0].header
    where = header.path if report.frames[0].alone else folder
    return Finding(
        "image",
        str(where),
        report.name,
        report.modality,
        report.shape,
        report.spacing,
        tuple(defect.text for defect in report.defects),
        report.verdict,
        header.text("PatientID"),
        header.text("SeriesDescription"),
        report.phase,
        UID(header.syntax).name,
    )


def _unplaced_finding(bad: Unreadable) -> Finding:
    """Return the finding of an image whose frames have no places."""
    name, modality = bad.text("SeriesInstanceUID"), bad.text("Modality")
    finding = Finding("image", str(bad.path), name, modality, None, None, (bad.reason,), "refused")
    return replace(
        finding, patient=bad.text("PatientID"), description=bad.text("SeriesDescription")
    )


def _other_objects(headers: Sequence[Header]) -> list[Finding]:
    """List plans, registrations, reports and other objects without an image, one a series."""
    series: dict[tuple[str, str], list[Header]] = {}
    for header in headers:
        kind = header.text("SOPClassUID")
        if header.text("Modality") not in MASKS and kind != DIRECTORY:
            series.setdefault((header.text("SeriesInstanceUID"), kind), []).append(header)
    found = []
    for (uid, _), members in series.items():
        first = members[0]
        count = f" ({len(members)} files)" if len(members) > 1 else ""
        where, note = str(first.path), (f"{kind_of_object(first)}{count}: no image and no mask",)
        one = Finding("object", where, uid, first.text("Modality"), None, None, note, "no image")
        patient, text = first.text("PatientID"), first.text("SeriesDescription")
        found.append(replace(one, patient=patient, description=text))
    return found


def _inspect_picture(file: Path) -> Finding:
    from radiomics.io.files.pictures import picture_shape, read_picture

    try:
        volume = read_picture(file)
    except InputError as error:
        finding = _refused_finding("file", file, error.found)
        shape = picture_shape(file)
        return replace(finding, shape=shape if all(shape) else None)
    return Finding("file", str(file), file.name, "", volume.shape, None, volume.history, "good")


def _refused_finding(kind: str, path: Path, reason: str) -> Finding:
    return Finding(kind, str(path), path.name, "", None, None, (reason,), "refused")


def _inspect_rtstruct(header: Header) -> list[Finding]:
    path, patient = header.path, header.text("PatientID")
    try:
        rois = read_rois(path)
    except InputError as error:
        return [_refused_finding("mask", path, error.found)]
    found = []
    for roi in rois:
        problem = roi.problem or enclosing_problem(roi)
        defects = (problem,) if problem else ()
        verdict = "refused" if defects else "good"
        mask = Finding("mask", str(path), roi.name, "RTSTRUCT", None, None, defects, verdict)
        found.append(replace(mask, patient=patient))
    return found


def _inspect_segmentation(header: Header) -> list[Finding]:
    labels = [str(item.get("SegmentLabel")) for item in header.sequence("SegmentSequence")]
    place, patient = str(header.path), header.text("PatientID")
    return [
        Finding("mask", place, label, "SEG", None, None, (), "good", patient) for label in labels
    ]


def _inspect_slicer(file: Path) -> list[Finding]:
    try:
        segments = read_segments(file)
    except InputError as error:
        return [_refused_finding("file", file, error.found)]
    return [Finding("mask", str(file), s.name, "SEG", None, None, (), "good") for s in segments]


def _inspect_itk(file: Path) -> Finding:
    try:
        volume = read_volume_file(file)
    except InputError as error:
        return _refused_finding("file", file, error.found)
    shape, spacing = volume.shape, volume.spacing
    return Finding("file", str(file), file.name, "", shape, spacing, volume.history, "good")
