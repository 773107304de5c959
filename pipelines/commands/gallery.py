"""Pictures of what a folder holds: one PNG a series, with the outlines of its masks."""

from __future__ import annotations

from pathlib import Path

from radiomics.io import has_itk_suffix, read_masks
from radiomics.io.dicom.reader import read_reported_volume
from radiomics.io.dicom.scanning import find_files, scan_files
from radiomics.io.dicom.series import SeriesReport, group_series
from radiomics.io.files.kinds import existing_path
from radiomics.reporting.mosaic import mosaic
from radiomics.types import InputError, Progress, Volume, silent

MASKS = ("RTSTRUCT", "SEG")


def write_gallery(
    path: Path, folder: Path, progress: Progress = silent, index: Path | None = None
) -> list[str]:
    """Write a mosaic of each good series at a path; return what could not be drawn, and why.

    A mask is drawn on the series of its frame of reference on whose grid it lies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = [file for file in find_files(existing_path(path)) if not has_itk_suffix(file)]
    seen = scan_files(files, index=index)
    reports, _ = group_series(path, seen.headers)
    structures = [h for h in seen.headers if h.text("Modality") in MASKS]
    left = []
    drawn: set[Path] = set()
    for number, report in enumerate(reports, start=1):
        header = report.frames[0].header
        try:
            image = read_reported_volume(report)
        except InputError as error:
            left.append(f"{header.path.parent}: {error.found}")
        else:
            patient = header.text("PatientID")
            near = [h.path for h in structures if h.text("PatientID") == patient]
            masks = _masks(near, image, drawn)
            stem = f"{number:03d}_{patient}_{report.modality}"
            name = "".join(c if c.isalnum() or c in "-_" else "_" for c in stem)
            (folder / f"{name}.png").write_bytes(mosaic(image, masks, _title(report)))
        progress("pictures", number, len(reports))
    left += [f"{h.path}: lies on no series here" for h in structures if h.path not in drawn]
    return left


def _masks(files: list[Path], image: Volume, drawn: set[Path]) -> dict[str, Volume]:
    """Return the masks that lie on an image; others belong to other series of the patient."""
    found: dict[str, Volume] = {}
    for file in files:
        try:
            masks = read_masks(file, like=image)
        except InputError:
            continue
        drawn.add(file)
        found |= {
            name if name not in found else f"{name} ({file.name})": masks[name] for name in masks
        }
    return found


def _title(report: SeriesReport) -> str:
    header = report.frames[0].header
    spacing = " x ".join(f"{s:.4g}" for s in report.spacing or ())
    shape = " x ".join(map(str, report.shape))
    parts = (header.text("PatientID"), report.modality, header.text("SeriesDescription"))
    said = ", ".join(part for part in (*parts, report.phase) if part)
    return f"{said}\n{shape} voxels of {spacing} mm (slice, row, column); {report.verdict}"
