"""Masks of whatever kind of file, chosen by name, on the grid of an image."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radiomics.io.files.kinds import (
    existing_path,
    has_itk_suffix,
    has_picture_suffix,
    has_slicer_suffix,
    refuse_option,
)
from radiomics.types import InputError, Volume, check_mask

if TYPE_CHECKING:
    from radiomics.io.dicom.headers import Header


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
    grid, or a PNG, TIFF or BMP for an image of one slice.

    Parameters
    ----------
    roi : ROI name in an RTSTRUCT; not needed when there is only one
    label : value in a label image or picture; not needed when there is only one besides 0
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
    path = existing_path(path)
    if path.is_file() and has_picture_suffix(path):
        from radiomics.io.masks.labels import read_picture_mask

        refuse_option(path, "a picture as mask", "roi", roi)
        refuse_option(path, "a picture as mask", "segment", segment)
        mask = read_picture_mask(path, like, label)
    elif path.is_file() and has_slicer_suffix(path):
        from radiomics.io.masks.slicer import read_slicer_segment

        refuse_option(path, "a Slicer segmentation", "roi", roi)
        refuse_option(path, "a Slicer segmentation", "label", label)
        mask = read_slicer_segment(path, like, segment)
    elif path.is_file() and has_itk_suffix(path):
        from radiomics.io.masks.labels import read_label

        refuse_option(path, "a label image", "roi", roi)
        refuse_option(path, "a label image", "segment", segment)
        mask = read_label(path, like, label)
    else:
        mask = _read_dicom_mask(_mask_file(path), like, roi, label, segment)
    check_mask(like, mask, where=path)
    history, lengths = mask.history, like.length_unit
    return Volume(mask.array, like.affine, "1", like.frame, history, length_unit=lengths)


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
    path = _mask_file(existing_path(path))
    option, names = read_mask_names(path)
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


def read_mask_names(path: Path) -> tuple[str, list[str]]:
    """Return what chooses a mask of a file, and the names of those that are not empty.

    Returns
    -------
    option of :func:`read_mask` (``"roi"``, ``"label"``, ``"segment"``), and the names
    """
    if has_slicer_suffix(path):
        from radiomics.io.masks.slicer import read_segments

        return "segment", [segment.name for segment in read_segments(path)]
    if has_itk_suffix(path) or has_picture_suffix(path):
        from radiomics.io.masks.labels import read_label_names

        return "label", read_label_names(path)
    segmentation = _segmentation_header(path)
    if segmentation is not None:
        items = segmentation.sequence("SegmentSequence")
        return "segment", [str(item.get("SegmentLabel")) for item in items]
    from radiomics.io.masks.rtstruct import read_rois

    return "roi", [roi.name for roi in read_rois(path) if roi.contours]


def _read_dicom_mask(
    path: Path, like: Volume, roi: str | None, label: int | None, segment: int | str | None
) -> Volume:
    if _segmentation_header(path) is not None:
        from radiomics.io.masks.segmentation import read_segment

        refuse_option(path, "a SEG", "roi", roi)
        refuse_option(path, "a SEG", "label", label)
        return read_segment(path, like, segment)
    from radiomics.io.masks.rtstruct import read_roi

    refuse_option(path, "an RTSTRUCT", "label", label)
    refuse_option(path, "an RTSTRUCT", "segment", segment)
    return read_roi(path, like, roi)


def _segmentation_header(path: Path) -> Header | None:
    """Return the header of a DICOM SEG, None for any other file."""
    from radiomics.io.dicom.headers import Header, read_header

    header = read_header(path)
    return header if isinstance(header, Header) and header.text("Modality") == "SEG" else None


def _mask_file(path: Path) -> Path:
    """Return the RTSTRUCT or SEG at a path: the file itself, or the only one in a folder."""
    if path.is_file():
        return path
    from radiomics.io.dicom.scanning import scan_path

    files = [h.path for h in scan_path(path).headers if h.text("Modality") in ("RTSTRUCT", "SEG")]
    if len(files) != 1:
        found = f"{len(files)}: {', '.join(f.name for f in files[:5])}"
        raise InputError(path, "a mask folder holds exactly one RTSTRUCT or SEG", found, "name it")
    return files[0]
