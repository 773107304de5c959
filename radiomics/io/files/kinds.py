"""Kinds of files: what a name says of a file, what stands behind it, which options do not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from radiomics.types import InputError, Volume

ITK_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
SLICER_SUFFIX = ".seg.nrrd"


def has_itk_suffix(path: Path) -> bool:
    """Tell whether a name ends like NIfTI, NRRD or MetaImage, which SimpleITK reads."""
    return path.name.lower().endswith(ITK_SUFFIXES)


def has_slicer_suffix(path: Path) -> bool:
    """Tell whether a name ends like a segmentation of 3D Slicer, which also is an NRRD file."""
    return path.name.lower().endswith(SLICER_SUFFIX)


def existing_path(path: str | Path) -> Path:
    """Return a path at which something lies.

    Raises
    ------
    InputError
        When nothing lies there.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(path, "the path must exist", "nothing there", "check the spelling")
    return path


def volume_of_file(path: Path, array: NDArray[Any], affine: NDArray[Any], unit: str) -> Volume:
    """Return what a file holds as a Volume.

    Raises
    ------
    InputError
        When the header gives no grid on which voxels have places, or holds no numbers.
    """
    try:
        return Volume(array, affine, unit)
    except ValueError as error:
        rule = "the header must give voxels a grid: spacings above 0 along three directions"
        remedy = "export the image again, or correct its header"
        raise InputError(path, rule, str(error), remedy) from None


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
