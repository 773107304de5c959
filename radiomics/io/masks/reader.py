"""Masks of whatever kind of file, chosen by name, on the grid of an image."""

from __future__ import annotations

from pathlib import Path

from radiomics.io.files.kinds import (
    existing_path,
    has_itk_suffix,
    has_picture_suffix,
    has_slicer_suffix,
    refuse_option,
)
from radiomics.io.masks.boxes import BoxedMask, Masks, mask_volume
from radiomics.io.masks.choice import Entry, MaskFile, choose_one, choose_several
from radiomics.types import InputError, Volume


def read_mask(
    path: str | Path,
    *,
    like: Volume,
    roi: str | None = None,
    label: int | None = None,
    segment: int | str | None = None,
) -> Volume:
    """Read a mask onto the grid of ``like``.

    An RTSTRUCT, a DICOM SEG, a segmentation of 3D Slicer (``.seg.nrrd``), a label image, or a PNG,
    TIFF or BMP for an image of one slice. A mask on another grid is the region that its voxels
    cover: where the voxels of both are the same, in whatever order of axes, they are copied;
    elsewhere a voxel of the image is inside where its centre is, and a note says so.

    Parameters
    ----------
    roi : ROI name in an RTSTRUCT; not needed when there is only one
    label : value in a label image or picture; not needed when there is only one besides 0
    segment : number or label in a SEG or ``.seg.nrrd``; not needed when there is only one

    Returns
    -------
    Volume
        bool, on the grid of ``like``, with at least one voxel inside; ``history`` notes what was
        resampled or left out.

    Raises
    ------
    InputError
        Unknown ROI or label (those that exist are listed), a mask outside the image, another frame
        of reference, an empty mask.
    """
    path = _path_of(path, like)
    file = open_masks(path, like)
    given = {"roi": roi, "label": label, "segment": segment}
    asked = given.pop(file.option)
    for option, value in given.items():
        refuse_option(file.path, file.kind, option, value)
    mask = _read_entry(file, choose_one(file, asked), like)
    return mask_volume(mask, like)


def read_masks(path: str | Path, *, like: Volume, choose: str = "*") -> Masks:
    """Read several masks of one file by the names of its ROIs, segments or labels.

    The file is read once. A mask that cannot be read does not keep the others from being read; it
    stands in ``refused`` with the reason. Masks of one name are told apart by their number:
    ``GTV #2``.

    Parameters
    ----------
    choose : a name, a pattern with ``*`` and ``?``, or ``re:`` and a regular expression for the
        whole name

    Returns
    -------
    Masks
        A mapping of name to bool Volume on the grid of ``like``, in the order of the file. Each
        Volume is made when it is looked up, so that a hundred organs take little memory.
        ``refused`` maps names to errors.

    Raises
    ------
    InputError
        When no name fits (those that exist are listed), when none that fits can be read, or the one
        that was asked for by its whole name cannot.
    """
    file = open_masks(_path_of(path, like), like)
    by_name = [entry for entry in file.entries if entry.name == choose]
    if by_name or any(entry.label == choose for entry in file.entries):
        entry = by_name[0] if by_name else choose_one(file, choose)
        return Masks(like, {entry.name: _read_entry(file, entry, like)}, {})
    masks: dict[str, BoxedMask] = {}
    refused: dict[str, InputError] = {}
    chosen = choose_several(file, choose)
    for entry in chosen:
        try:
            masks[entry.name] = _read_entry(file, entry, like)
        except InputError as error:
            refused[entry.name] = error
    if len(chosen) == 1 and refused:
        raise refused[chosen[0].name]
    if not masks:
        reasons = [f"{name!r}: {error.rule}: {error.found}" for name, error in refused.items()]
        more = ["…"] * (len(reasons) > MOST_REASONS)
        raise InputError(
            file.path,
            f"a mask that fits {choose!r} must be readable on this image",
            "; ".join([*reasons[:MOST_REASONS], *more]),
            "use the image on which the masks were made",
        )
    return Masks(like, masks, refused)


MOST_REASONS = 5
"""Masks whose reasons a message gives."""


def _read_entry(file: MaskFile, entry: Entry, like: Volume) -> BoxedMask:
    mask = file.read(entry, like)
    if not len(mask.bits):
        raise InputError(
            file.path,
            "a mask needs at least one voxel inside",
            f"{entry.name!r} holds no centre of a voxel of the image",
            "check the ROI name or label, and that contour and image belong together",
        )
    return mask


def _path_of(path: str | Path, like: Volume) -> Path:
    if not isinstance(like, Volume):
        raise TypeError(f"like is a Volume, not {type(like).__name__}: read_image gives one")
    return existing_path(path)


def open_masks(path: Path, like: Volume) -> MaskFile:
    """Open a file of masks, or the only RTSTRUCT or SEG in a folder; read each from what it gives.

    Parameters
    ----------
    like : the image that a mask without places, a picture, is to fit

    Raises
    ------
    InputError
        When it is none, or cannot be read.
    """
    if path.is_file() and has_picture_suffix(path):
        from radiomics.io.masks.labels import open_picture_mask

        return open_picture_mask(path, like)
    if path.is_file() and has_slicer_suffix(path):
        from radiomics.io.masks.slicer import open_slicer

        return open_slicer(path)
    if path.is_file() and has_itk_suffix(path):
        from radiomics.io.masks.labels import open_labels

        return open_labels(path)
    return _open_dicom(_mask_file(path))


def _open_dicom(path: Path) -> MaskFile:
    from radiomics.io.masks.objects import READABLE, mask_kind, parsing, read_mask_object

    data, pixel_offset = read_mask_object(path)
    with parsing(path, READABLE):
        if mask_kind(path, data) == "SEG":
            from radiomics.io.masks.segmentation import open_segmentation

            return open_segmentation(path, data, pixel_offset)
        from radiomics.io.masks.rtstruct import open_structure_set

        return open_structure_set(path, data)


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
