"""Files to and from Volume: the only place that knows file formats."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.types import InputError, Volume, check_mask

VERSION = 2
"""Counts changes of reading that change values; part of every stored result's key."""
ITK_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")


SLICER_SUFFIX = ".seg.nrrd"


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
    """Read an image: a DICOM series folder, file or ZIP archive, NIfTI, NRRD or MetaImage.

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
    path = existing(path)
    if path.is_file() and has_itk_suffix(path):
        _refuse_selection(path, "a file without a PET header", "suv", suv)
        return read_file(path)
    from radiomics.io.dicom.reader import read_series

    if path.is_file() and path.suffix.lower() == ".zip":
        from radiomics.io.files.archives import unpacked

        with unpacked(path) as folder:
            return read_series(folder, series, repair, suv)
    return read_series(path, series, repair, suv)


def read_file(path: Path) -> Volume:
    """Read NIfTI, NRRD or MetaImage: a plain NIfTI file as it is, others through SimpleITK.

    Raises
    ------
    InputError
        When the file cannot be read or is not one 3D scalar image.
    """
    from radiomics.io.files.nifti import SUFFIXES, check_spacing, read_nifti

    if path.name.lower().endswith(SUFFIXES):
        plain = read_nifti(path)
        if plain is not None:
            return plain
        check_spacing(path)
    from radiomics.io.files.itk import read_itk

    return read_itk(path)


def read_mask(
    path: str | Path,
    *,
    like: Volume,
    roi: str | None = None,
    label: int | None = None,
    segment: int | str | None = None,
) -> Volume:
    """Read a mask onto the grid of ``like``.

    An RTSTRUCT, a DICOM SEG, a segmentation of 3D Slicer (``.seg.nrrd``), a label image on that
    grid, or a PNG for an image of one slice.

    Parameters
    ----------
    roi : ROI name in an RTSTRUCT; not needed when there is only one
    label : value in a label image or PNG; not needed when there is only one besides 0
    segment : number or label in a SEG or ``.seg.nrrd``; not needed when there is only one

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
    if not isinstance(like, Volume):
        raise TypeError(f"like is a Volume, not {type(like).__name__}: read_image gives one")
    path = existing(path)
    if path.is_file() and path.suffix.lower() == ".png":
        for option, value in (("roi", roi), ("segment", segment)):
            _refuse_selection(path, "a PNG mask", option, value)
        mask = _read_png_mask(path, like, label)
    elif path.is_file() and path.name.lower().endswith(SLICER_SUFFIX):
        from radiomics.io.masks.slicer import read_slicer

        for option, value in (("roi", roi), ("label", label)):
            _refuse_selection(path, "a Slicer segmentation", option, value)
        mask = read_slicer(path, like, segment)
    elif path.is_file() and has_itk_suffix(path):
        _refuse_selection(path, "a label image", "roi", roi)
        _refuse_selection(path, "a label image", "segment", segment)
        labels = read_file(path)
        mask = Volume(_select(path, labels.array, label), labels.affine, "1", like.frame)
    else:
        mask = _read_dicom_mask(
            _mask_file(path), like, {"roi": roi, "label": label, "segment": segment}
        )
    check_mask(like, mask, where=path)
    return Volume(mask.array, like.affine, "1", like.frame, mask.history)


def read_masks(path: str | Path, *, like: Volume, choose: str = "*") -> dict[str, Volume]:
    """Read several masks of one file by the names of its ROIs, segments or labels.

    Parameters
    ----------
    choose : a name, a pattern with ``*`` and ``?``, or ``re:`` and a regular expression for the
        whole name

    Returns
    -------
    dict
        Name to bool Volume on the grid of ``like``, in the order of the file.

    Raises
    ------
    InputError
        When no name fits; those that exist are listed.
    """
    path = _mask_file(existing(path))
    option, names = _mask_names(path)
    if choose in names:
        chosen = [choose]
    elif choose.startswith("re:"):
        chosen = [name for name in names if re.fullmatch(choose[3:], name)]
    else:
        chosen = [name for name in names if fnmatch.fnmatchcase(name, choose)]
    if not chosen:
        found = ", ".join(map(repr, names)) or "no mask at all"
        raise InputError(path, f"a mask must fit {choose!r}", found, "choose among these")
    masks = {}
    for name in chosen:
        choice: dict[str, Any] = {option: int(name) if option == "label" else name}
        masks[name] = read_mask(path, like=like, **choice)
    return masks


def _mask_names(path: Path) -> tuple[str, list[str]]:
    """Return how masks of a file are chosen, and the names of those that are not empty."""
    if path.name.lower().endswith(SLICER_SUFFIX):
        from radiomics.io.masks.slicer import read_segments

        return "segment", [segment.name for segment in read_segments(path)]
    if has_itk_suffix(path):
        values = np.unique(read_file(path).array).tolist()
        return "label", [f"{value:g}" for value in values if value != 0]
    from radiomics.io.dicom.headers import Header, read_header

    header = read_header(path)
    if isinstance(header, Header) and header.text("Modality") == "SEG":
        items = header.sequence("SegmentSequence")
        return "segment", [str(item.get("SegmentLabel")) for item in items]
    from radiomics.io.masks.rtstruct import read_rois

    return "roi", [roi.name for roi in read_rois(path) if roi.contours]


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
    from radiomics.io.files.itk import write_itk

    write_itk(volume, Path(path))


def _refuse_selection(path: Path, kind: str, option: str, value: object) -> None:
    if value is not None:
        raise InputError(
            path, f"{kind} takes no {option}", f"{option} {value!r}", f"leave --{option} out"
        )


def existing(path: str | Path) -> Path:
    """Return a path that exists, or say that it does not."""
    path = Path(path)
    if not path.exists():
        raise InputError(path, "the path must exist", "nothing there", "check the spelling")
    return path


def _read_png_mask(path: Path, like: Volume, label: int | None) -> Volume:
    """Read a PNG of one channel as a mask of the only slice of an image."""
    from radiomics.io.files.images_2d import read_image2d

    pixels = read_image2d(path)
    if pixels.shape != like.shape:
        channels, height, width = pixels.shape
        found = f"{channels} channel(s) of {height} x {width}, image of shape {like.shape}"
        rule = "a PNG mask has one channel and fits an image of one slice, pixel by pixel"
        raise InputError(path, rule, found, "save it as a grey image of the size of the slice")
    return Volume(_select(path, pixels, label), like.affine, "1", like.frame)


def _select(path: Path, labels: NDArray[Any], label: int | None) -> NDArray[np.bool_]:
    values = np.unique(labels)
    present = [value for value in values.tolist() if value != 0]
    if label is not None:
        if label not in present:
            raise InputError(path, f"label {label} must occur", f"labels {present}", "choose one")
        return np.asarray(labels == label)
    if len(present) > 1:
        raise InputError(
            path,
            "a label is needed where there are several",
            f"{len(present)} values besides 0: {present[:10]}",
            "choose one with label=N or --label N, or take all with read_masks or --roi '*'",
        )
    return np.asarray(labels != 0)


def _read_dicom_mask(path: Path, like: Volume, choice: Mapping[str, Any]) -> Volume:
    from radiomics.io.dicom.headers import Header, read_header

    header = read_header(path)
    if isinstance(header, Header) and header.text("Modality") == "SEG":
        from radiomics.io.masks.segmentation import read_segment

        for option in ("roi", "label"):
            _refuse_selection(path, "a SEG", option, choice[option])
        return read_segment(path, like, choice["segment"])
    from radiomics.io.masks.rtstruct import read_roi

    for option in ("label", "segment"):
        _refuse_selection(path, "an RTSTRUCT", option, choice[option])
    return read_roi(path, like, choice["roi"])


def _mask_file(path: Path) -> Path:
    """Return the RTSTRUCT or SEG at a path: the file itself, or the only one in a folder."""
    if path.is_file():
        return path
    from radiomics.io.dicom.scanning import scan

    files = [h.path for h in scan(path).headers if h.text("Modality") in ("RTSTRUCT", "SEG")]
    if len(files) != 1:
        found = f"{len(files)}: {', '.join(f.name for f in files[:5])}"
        raise InputError(path, "a mask folder holds exactly one RTSTRUCT or SEG", found, "name it")
    return files[0]
