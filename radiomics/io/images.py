"""An image as a Volume, from whatever kind of file or folder holds it."""

from __future__ import annotations

from pathlib import Path

from radiomics.io.files.kinds import (
    existing_path,
    has_itk_suffix,
    has_slicer_suffix,
    refuse_option,
)
from radiomics.io.files.volumes import read_volume_file
from radiomics.types import InputError, Volume


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
        ``missing``, ``duplicates``, ``tilt``, ``spacing``, ``unreadable`` (read without files that
        cannot be read) with commas, repairs it and says so in the Volume's ``history``
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
    path = existing_path(path)
    if path.is_file() and has_slicer_suffix(path):
        rule, remedy = "an image holds measured values", "give it as the mask of its image"
        raise InputError(path, rule, "a segmentation of 3D Slicer (.seg.nrrd)", remedy)
    if path.is_file() and has_itk_suffix(path):
        refuse_option(path, "a file without a PET header", "suv", suv)
        return read_volume_file(path)
    from radiomics.io.dicom.reader import read_series

    if path.is_file() and path.suffix.lower() == ".zip":
        from radiomics.io.files.archives import unpacked_archive

        with unpacked_archive(path) as folder:
            return read_series(folder, series, repair, suv)
    return read_series(path, series, repair, suv)
