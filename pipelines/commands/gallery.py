"""Pictures of what a folder holds: one PNG a series, with the outlines of its masks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from radiomics.io import has_itk_suffix, read_masks
from radiomics.io.dicom.reader import read_reported_volume
from radiomics.io.dicom.scanning import find_files, scan_files
from radiomics.io.dicom.series import SeriesReport, sort_contents
from radiomics.io.files.kinds import existing_path
from radiomics.io.masks.boxes import Masks
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
    contents = sort_contents(path, seen)
    reports = contents.series
    structures = [h for h in seen.headers if h.text("Modality") in MASKS]
    left = [f"{bad.path}: {bad.reason}" for bad in contents.unplaced]
    seen_masks = SeenMasks()
    for number, report in enumerate(reports, start=1):
        header = report.frames[0].header
        try:
            image = read_reported_volume(report)
        except InputError as error:
            left.append(f"{header.path.parent}: {error.found}")
        else:
            patient = header.text("PatientID")
            near = [h.path for h in structures if h.text("PatientID") == patient]
            masks = _masks(near, image, seen_masks)
            stem = f"{number:03d}_{patient}_{report.modality}"
            name = "".join(c if c.isalnum() or c in "-_" else "_" for c in stem)
            (folder / f"{name}.png").write_bytes(mosaic(image, masks, _title(report)))
        progress("pictures", number, len(reports))
    for header in structures:
        left += seen_masks.not_drawn(header.path)
    return left


class SeenMasks:
    """Which masks of which files were drawn, and why others were not."""

    def __init__(self) -> None:
        self.drawn: dict[Path, set[str]] = {}
        self.reasons: dict[Path, dict[str, str]] = {}

    def keep(self, file: Path, masks: Masks) -> None:
        """Keep what was read of a file on one image."""
        self.drawn.setdefault(file, set()).update(masks)
        for name, error in masks.refused.items():
            reason = f"{error.rule}: {error.found}".splitlines()[0]
            self.reasons.setdefault(file, {}).setdefault(name, reason)

    def not_drawn(self, file: Path) -> list[str]:
        """Say what of a file was drawn on no image."""
        if file not in self.drawn:
            return [f"{file}: lies on no series here"]
        reasons = self.reasons.get(file, {})
        return [
            f"{file}: {name!r} was not drawn: {reason}"
            for name, reason in reasons.items()
            if name not in self.drawn[file]
        ]


def _masks(files: list[Path], image: Volume, seen: SeenMasks) -> Mapping[str, Volume]:
    """Return the masks that lie on an image; others belong to other series of the patient."""
    found: dict[str, tuple[Masks, str]] = {}
    for file in files:
        try:
            masks = read_masks(file, like=image)
        except InputError:
            continue
        seen.keep(file, masks)
        found |= {
            name if name not in found else f"{name} ({file.name})": (masks, name) for name in masks
        }
    return MasksOfFiles(found)


class MasksOfFiles(Mapping[str, Volume]):
    """Masks of several files by name; each is made when it is looked up."""

    def __init__(self, masks: Mapping[str, tuple[Masks, str]]) -> None:
        self._masks = masks

    def __getitem__(self, name: str) -> Volume:
        masks, own = self._masks[name]
        return masks[own]

    def __iter__(self) -> Iterator[str]:
        return iter(self._masks)

    def __len__(self) -> int:
        return len(self._masks)


def _title(report: SeriesReport) -> str:
    header = report.frames[0].header
    spacing = " x ".join(f"{s:.4g}" for s in report.spacing or ())
    shape = " x ".join(map(str, report.shape))
    parts = (header.text("PatientID"), report.modality, header.text("SeriesDescription"))
    said = ", ".join(part for part in (*parts, report.phase) if part)
    return f"{said}\n{shape} voxels of {spacing} mm (slice, row, column); {report.verdict}"
