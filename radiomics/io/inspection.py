"""What lies in a folder: one finding a volume, one a mask, one a file that cannot be read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from radiomics.io import existing, has_itk_suffix
from radiomics.io.headers import Header, find_files, scan_files
from radiomics.io.itk import read_itk
from radiomics.io.rtstruct import read_rois
from radiomics.io.series import group_series
from radiomics.types import InputError, Progress, silent


@dataclass(frozen=True)
class Finding:
    """One row of :func:`inspect`: an image series, or a mask inside a file."""

    kind: str
    path: str
    name: str
    modality: str
    shape: tuple[int, int, int] | None
    spacing: tuple[float, float, float] | None
    defects: tuple[str, ...]
    verdict: str

    def row(self) -> dict[str, object]:
        """Return the finding as a flat row for a table."""
        return asdict(self)


def inspect(path: str | Path, progress: Progress = silent) -> list[Finding]:
    """Report what lies at a path: one finding a DICOM series or image file, one a mask ROI."""
    path = existing(path)
    files = list(find_files(path))
    images = [file for file in files if has_itk_suffix(file)]
    seen = scan_files([file for file in files if not has_itk_suffix(file)], progress)
    reports, broken = group_series(path, seen.headers)
    found = [
        Finding(
            "image",
            str(report.frames[0].header.path.parent),
            report.name,
            report.modality,
            report.shape,
            report.spacing,
            tuple(defect.text for defect in report.defects),
            report.verdict,
        )
        for report in reports
    ]
    for header in seen.headers:
        if header.text("Modality") == "RTSTRUCT":
            found += _inspect_rtstruct(header.path)
        elif header.text("Modality") == "SEG":
            found += _inspect_segmentation(header)
    found += [_inspect_itk(file) for file in images]
    for bad in (*seen.unreadable, *broken):
        found.append(_refused("file", bad.path, bad.reason))
    return found


def _refused(kind: str, path: Path, reason: str) -> Finding:
    return Finding(kind, str(path), path.name, "", None, None, (reason,), "refused")


def _inspect_rtstruct(path: Path) -> list[Finding]:
    try:
        rois = read_rois(path)
    except InputError as error:
        return [_refused("mask", path, error.found)]
    found = []
    for roi in rois:
        defects = () if roi.contours else ("no contours",)
        verdict = "good" if roi.contours else "refused"
        found.append(Finding("mask", str(path), roi.name, "RTSTRUCT", None, None, defects, verdict))
    return found


def _inspect_segmentation(header: Header) -> list[Finding]:
    labels = [str(item.get("SegmentLabel")) for item in header.data.get("SegmentSequence") or []]
    place = str(header.path)
    return [Finding("mask", place, label, "SEG", None, None, (), "good") for label in labels]


def _inspect_itk(file: Path) -> Finding:
    try:
        volume = read_itk(file)
    except InputError as error:
        return _refused("file", file, error.found)
    shape, spacing = volume.shape, volume.spacing
    return Finding("file", str(file), file.name, "", shape, spacing, (), "good")
