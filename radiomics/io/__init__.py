"""Files to and from Volume: the only place that knows file formats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from radiomics.types import InputError, Volume, check_mask

if TYPE_CHECKING:
    from radiomics.io.headers import Header

ITK_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")


def has_itk_suffix(path: Path) -> bool:
    """Tell whether a name ends like NIfTI, NRRD or MetaImage, which SimpleITK reads."""
    return path.name.lower().endswith(ITK_SUFFIXES)


def read_image(
    path: str | Path,
    *,
    series: str | None = None,
    repair: str = "refuse",
    suv: str | None = None,
) -> Volume:
    """Read an image: a DICOM series folder, one DICOM file, NIfTI, NRRD or MetaImage.

    Parameters
    ----------
    path : folder or file
    series : SeriesInstanceUID, where a folder holds several series
    repair : ``"refuse"``: a series with defects is an error, never a guess; ``"all"``, or some of
        ``missing``, ``duplicates``, ``tilt``, ``spacing`` with commas, repairs it and says so in
        the Volume's ``history``
    suv : turn PET into SUV: ``"bw"``, ``"lbm"``, ``"lbm_james"`` or ``"bsa"``

    Returns
    -------
    Volume
        ``(D, H, W)`` in HU for CT, in the header's units for PET, else unit ``"1"``.

    Raises
    ------
    InputError
        Telling what was found and what to do.
    """
    path = _existing(path)
    if path.is_file() and has_itk_suffix(path):
        from radiomics.io.itk import read_itk

        _refuse_selection(path, "a file without a PET header", "suv", suv)
        return read_itk(path)
    from radiomics.io.dicom import read_series

    return read_series(path, series, repair, suv)


def read_mask(
    path: str | Path,
    *,
    like: Volume,
    roi: str | None = None,
    label: int | None = None,
    segment: int | str | None = None,
) -> Volume:
    """Read a mask onto the grid of ``like``: an RTSTRUCT, a SEG, or a label image on that grid.

    Parameters
    ----------
    roi : ROI name in an RTSTRUCT; not needed when there is only one
    label : value in a label image; not needed when there is only one besides 0
    segment : number or label in a SEG; not needed when there is only one

    Returns
    -------
    Volume
        bool, on the grid of ``like``, with at least one voxel inside.

    Raises
    ------
    InputError
        Unknown ROI or label (those that exist are listed), other grid, other frame of reference,
        an empty mask.
    """
    path = _existing(path)
    if path.is_file() and has_itk_suffix(path):
        from radiomics.io.itk import read_itk

        _refuse_selection(path, "a label image", "roi", roi)
        _refuse_selection(path, "a label image", "segment", segment)
        labels = read_itk(path)
        mask = Volume(_select(path, labels, label), labels.affine, "1", like.frame)
    else:
        mask = _read_dicom_mask(
            _mask_file(path), like, {"roi": roi, "label": label, "segment": segment}
        )
    check_mask(like, mask, where=path)
    return Volume(mask.array, like.affine, "1", like.frame, mask.history)


def file_parts(path: Path) -> list[Path]:
    """Return all files behind a path: a header that names its data file brings that along."""
    if path.suffix.lower() not in (".mhd", ".nhdr") or not path.is_file():
        return [path]
    for line in path.read_text(encoding="latin-1").splitlines():
        key, _, value = line.replace("=", ":", 1).partition(":")
        name = value.strip()
        if key.strip().lower() in ("elementdatafile", "data file") and name.upper() != "LOCAL":
            return [path, path.parent / name]
    return [path]


def write_volume(volume: Volume, path: str | Path) -> None:
    """Write a Volume as NIfTI, NRRD or MetaImage by suffix."""
    from radiomics.io.itk import write_itk

    write_itk(volume, Path(path))


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


def inspect(path: str | Path) -> list[Finding]:
    """Report what lies at a path: one finding a DICOM series or image file, one a mask ROI."""
    path = _existing(path)
    from radiomics.io.headers import find_files, scan_files
    from radiomics.io.series import group_series

    files = list(find_files(path))
    images = [file for file in files if has_itk_suffix(file)]
    seen = scan_files(file for file in files if not has_itk_suffix(file))
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
    from radiomics.io.rtstruct import read_rois

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
    from radiomics.io.itk import read_itk

    try:
        volume = read_itk(file)
    except InputError as error:
        return _refused("file", file, error.found)
    shape, spacing = volume.shape, volume.spacing
    return Finding("file", str(file), file.name, "", shape, spacing, (), "good")


def _refuse_selection(path: Path, kind: str, option: str, value: object) -> None:
    if value is not None:
        raise InputError(
            path, f"{kind} takes no {option}", f"{option} {value!r}", f"leave --{option} out"
        )


def _existing(path: str | Path) -> Path:
    path = Path(path)
    if not path.exists():
        raise InputError(path, "the path must exist", "nothing there", "check the spelling")
    return path


def _select(path: Path, labels: Volume, label: int | None) -> NDArray[np.bool_]:
    values = np.unique(labels.array)
    present = [value for value in values.tolist() if value != 0]
    if label is not None:
        if label not in present:
            raise InputError(path, f"label {label} must occur", f"labels {present}", "choose one")
        return np.asarray(labels.array == label)
    if len(present) > 1:
        raise InputError(
            path,
            "a label is needed where there are several",
            f"{len(present)} values besides 0: {present[:10]}",
            "choose one with label=N or --label N",
        )
    return np.asarray(labels.array != 0)


def _read_dicom_mask(path: Path, like: Volume, choice: Mapping[str, Any]) -> Volume:
    from radiomics.io.headers import Header, read_header

    header = read_header(path)
    if isinstance(header, Header) and header.text("Modality") == "SEG":
        from radiomics.io.segmentation import read_segment

        for option in ("roi", "label"):
            _refuse_selection(path, "a SEG", option, choice[option])
        return read_segment(path, like, choice["segment"])
    from radiomics.io.rtstruct import read_roi

    for option in ("label", "segment"):
        _refuse_selection(path, "an RTSTRUCT", option, choice[option])
    return read_roi(path, like, choice["roi"])


def _mask_file(path: Path) -> Path:
    """Return the RTSTRUCT or SEG at a path: the file itself, or the only one in a folder."""
    if path.is_file():
        return path
    from radiomics.io.headers import scan

    files = [h.path for h in scan(path).headers if h.text("Modality") in ("RTSTRUCT", "SEG")]
    if len(files) != 1:
        found = f"{len(files)}: {', '.join(f.name for f in files[:5])}"
        raise InputError(path, "a mask folder holds exactly one RTSTRUCT or SEG", found, "name it")
    return files[0]
