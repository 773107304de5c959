"""NIfTI, NRRD and MetaImage files to and from Volume."""

from __future__ import annotations

from pathlib import Path

from radiomics.types import Volume


def read_volume_file(path: Path) -> Volume:
    """Read NIfTI, NRRD or MetaImage: where voxels lie by our own rules, whoever reads them.

    Raises
    ------
    InputError
        When the file cannot be read, is not one 3D scalar image, or does not say where its voxels
        lie on a grid with right angles.
    """
    from radiomics.io.files.nifti import SUFFIXES, read_nifti

    if path.name.lower().endswith(SUFFIXES):
        return read_nifti(path)
    from radiomics.io.files.nrrd import SUFFIXES as NRRD
    from radiomics.io.files.nrrd import read_nrrd

    if path.name.lower().endswith(NRRD):
        return read_nrrd(path)
    from radiomics.io.files.metaimage import read_metaimage

    return read_metaimage(path)


def write_volume(volume: Volume, path: str | Path) -> None:
    """Write a Volume as NIfTI, NRRD or MetaImage by suffix."""
    from radiomics.io.files.itk import write_itk

    write_itk(volume, Path(path))
