"""NIfTI, NRRD and MetaImage files to and from Volume, by the reader that suits the file."""

from __future__ import annotations

from pathlib import Path

from radiomics.types import Volume


def read_volume_file(path: Path) -> Volume:
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
    from radiomics.io.files.itk import read_itk  # SimpleITK takes memory, and is often not needed

    return read_itk(path)


def write_volume(volume: Volume, path: str | Path) -> None:
    """Write a Volume as NIfTI, NRRD or MetaImage by suffix."""
    from radiomics.io.files.itk import write_itk

    write_itk(volume, Path(path))
