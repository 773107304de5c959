"""Kinds of files: what a name says of a file, what stands behind it, which options do not fit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.types import RIGHT_ANGLE, InputError, Volume

ITK_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
PAIR_SUFFIXES = {".hdr": ".img", ".hdr.gz": ".img.gz"}
"""Headers of NIfTI or Analyze whose voxels lie in another file, and that file."""
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
SLICER_SUFFIX = ".seg.nrrd"
HEADER_SIZES = (348, 540)
"""What the header of a pair begins with, as a number of four bytes."""
MOST_PARTS = 2**16
"""Files of one image: a header may name any number."""
SHEARED = "resample the image onto a grid with right angles"


def has_itk_suffix(path: Path) -> bool:
    """Tell whether a path is that of a NIfTI, NRRD or MetaImage file, or of the header of a pair.

    Of a pair ``.hdr``/``.img`` the header stands for both; other files have these suffixes, too, so
    that it is looked into.
    """
    name = path.name.lower()
    return name.endswith(ITK_SUFFIXES) or (
        name.endswith(tuple(PAIR_SUFFIXES)) and _begins_like_header(path)
    )


def has_picture_suffix(path: Path) -> bool:
    """Tell whether a name ends like that of a picture: PNG, JPEG, TIFF or BMP."""
    return path.name.lower().endswith(PICTURE_SUFFIXES)


def is_part_of_pair(path: Path) -> bool:
    """Tell whether a path is that of the voxels of a pair, whose header lies beside them."""
    head, voxels = pair_of(path)
    return path == voxels != head and _begins_like_header(head)


def pair_of(path: Path) -> tuple[Path, Path]:
    """Return the paths of the header and of the voxels of an image: mostly one file."""
    name = path.name
    for head, voxels in PAIR_SUFFIXES.items():
        for suffix in (head, voxels):
            if name.lower().endswith(suffix):
                stem, given = name[: -len(suffix)], name[-len(suffix) :]
                both = (head.upper(), voxels.upper()) if given.isupper() else (head, voxels)
                return path.with_name(stem + both[0]), path.with_name(stem + both[1])
    return path, path


def _begins_like_header(path: Path) -> bool:
    if path.name.lower().endswith(".gz"):
        return path.is_file()
    try:
        with path.open("rb") as stream:
            start = stream.read(4)
    except OSError:
        return False
    return any(int.from_bytes(start, order) in HEADER_SIZES for order in ("little", "big"))


def has_slicer_suffix(path: Path) -> bool:
    """Tell whether a name ends like a segmentation of 3D Slicer, which also is an NRRD file."""
    return path.name.lower().endswith(SLICER_SUFFIX)


def existing_path(path: str | Path) -> Path:
    """Return a path at which something lies; for the voxels of a pair, that of their header.

    Raises
    ------
    InputError
        When nothing lies there.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(path, "the path must exist", "nothing there", "check the spelling")
    return pair_of(path)[0] if is_part_of_pair(path) else path


def grid_from_axes(
    path: Path, axes: NDArray[Any], origin: NDArray[Any], remedy: str = SHEARED
) -> NDArray[np.float64]:
    """Return the (4, 4) affine from (d, h, w) to LPS mm of a grid with right angles.

    Parameters
    ----------
    axes : (3, 3), its columns the steps along x, y and z of the file, in LPS mm
    origin : (3,), the centre of the first voxel

    Raises
    ------
    InputError
        For axes that are no numbers, have no length, or are sheared (with the angle).
    """
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(axes, axis=0)
    if not (np.isfinite(lengths).all() and np.isfinite(origin).all() and (lengths > 0).all()):
        shown = [[float(f"{x:.6g}") for x in column] for column in axes.T]
        rule = "the header must give voxels a grid: spacings above 0 along three directions"
        found = f"axes {shown}, origin {[float(f'{x:.6g}') for x in origin]}"
        raise InputError(path, rule, found, "export the image again, or correct its header")
    cosines = np.abs(axes.T @ axes / np.outer(lengths, lengths))[np.triu_indices(3, 1)]
    if cosines.max() > RIGHT_ANGLE:
        angle = float(np.degrees(np.arccos(min(1.0, float(cosines.max())))))
        found = f"sheared axes: two of them stand at {angle:.2f} degrees"
        raise InputError(path, "the axes of an image stand at right angles", found, remedy)
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = axes[:, ::-1], origin
    return affine + 0.0  # no negative zeros


def volume_of_file(
    path: Path, array: NDArray[Any], affine: NDArray[Any], unit: str, notes: Sequence[str] = ()
) -> Volume:
    """Return what a file holds as a Volume, with what is to be noted of it.

    Raises
    ------
    InputError
        When the header gives no grid on which voxels have places, or holds no numbers.
    """
    try:
        return Volume(array, affine, unit, "", tuple(notes))
    except ValueError as error:
        rule = "the header must give voxels a grid: spacings above 0 along three directions"
        remedy = "export the image again, or correct its header"
        raise InputError(path, rule, str(error), remedy) from None


def file_parts(path: Path) -> list[Path]:
    """Return all files behind a path: a header that names its data file brings that along."""
    head, voxels = pair_of(path)
    if head != voxels and has_itk_suffix(head):
        return [head, voxels]
    if path.suffix.lower() not in (".mhd", ".nhdr") or not path.is_file():
        return [path]
    lines = path.read_text(encoding="latin-1").splitlines()
    for number, line in enumerate(lines):
        key, _, value = line.replace("=", ":", 1).partition(":")
        name = value.strip()
        if key.strip().lower().replace(" ", "") not in ("elementdatafile", "datafile"):
            continue
        if name.upper() == "LOCAL":
            break
        return [path, *(path.parent / part for part in _data_files(name, lines[number + 1 :]))]
    return [path]


def _data_files(value: str, following: Sequence[str]) -> list[str]:
    """Return the data files that a header names: one, a list below, or a numbered pattern."""
    words = value.split()
    if words[:1] == ["LIST"]:
        return [line.strip() for line in following if line.strip()][:MOST_PARTS]
    pattern = re.fullmatch(r"(\S*%0?\d?d\S*) (\d+) (\d+)(?: ([1-9]\d*))?.*", value)
    if pattern and pattern[1].count("%") == 1:
        first, last, step = (int(number or 1) for number in pattern.groups()[1:])
        return [pattern[1] % number for number in range(first, last + 1, step)[:MOST_PARTS]]
    return [value]


def refuse_option(path: Path, kind: str, option: str, value: object) -> None:
    """Refuse an option that a kind of file does not take.

    Parameters
    ----------
    kind : what the file is, in words
    value : what the user gave, None where nothing was given
    """
    if value is not None:
        raise InputError(
            path, f"{kind} takes no {option}", f"{option} {value!r}", f"leave --{option} out"
        )
