"""An image as a Volume, from whatever kind of file or folder holds it."""

from __future__ import annotations

from pathlib import Path

from radiomics.io.files.kinds import (
    existing_path,
    has_itk_suffix,
    has_picture_suffix,
    has_slicer_suffix,
    refuse_option,
)
from radiomics.io.files.volumes import read_volume_file
from radiomics.io.planes import GivenSpacing
from radiomics.types import InputError, Volume


def read_image(
    path: str | Path,
    *,
    series: str | None = None,
    repair: str = "refuse",
    suv: str | None = None,
    spacing: GivenSpacing | None = None,
    channel: str | None = None,
    like: Volume | str | Path | None = None,
) -> Volume:
    """Read an image: DICOM (folder, file or ZIP archive), NIfTI, NRRD, MetaImage, or a picture.

    Parameters
    ----------
    path : folder or file
    series : SeriesInstanceUID, where a folder holds several series
    repair : ``"refuse"``: a series with defects is an error, never a guess; ``"all"``, or some of
        ``missing``, ``duplicates``, ``tilt``, ``spacing``, ``unreadable`` (read without files that
        cannot be read) with commas, repairs it and says so in the Volume's ``history``
    suv : turn PET into SUV: ``"bw"``, ``"lbm"``, ``"lbm_james"`` or ``"bsa"``
    spacing : of a picture, or of a DICOM image in its own plane that states none: how far pixels
        lie apart in mm, one number or ``(rows, columns)``
    channel : which number of colours is meant: ``"red"``, ``"green"``, ``"blue"``, or
        ``"luminance"`` (ITU-R BT.601)
    like : an image, or where one lies, on whose grid this one is wanted: interpolated linearly, NaN
        beyond what it covers; such as a dose on the grid of the CT

    Returns
    -------
    Volume
        ``(D, H, W)`` in HU for CT, in the header's units for PET, in Gy for a dose, else unit
        ``"1"``. A picture, radiograph, mammogram or ultrasound image is one slice in its own plane;
        without a spacing its ``length_unit`` is ``"px"``.

    Raises
    ------
    InputError
        Telling what was found and what to do.
    """
    path = existing_path(path)
    volume = _read(path, series, repair, suv, spacing, channel)
    if like is None:
        return volume
    from radiomics.io.grids import on_grid

    return on_grid(path, volume, like if isinstance(like, Volume) else read_image(like))


def _read(
    path: Path,
    series: str | None,
    repair: str,
    suv: str | None,
    spacing: GivenSpacing | None,
    channel: str | None,
) -> Volume:
    if path.is_file() and has_slicer_suffix(path):
        rule, remedy = "an image holds measured values", "give it as the mask of its image"
        raise InputError(path, rule, "a segmentation of 3D Slicer (.seg.nrrd)", remedy)
    if path.is_file() and has_picture_suffix(path):
        from radiomics.io.files.pictures import read_picture

        refuse_option(path, "a file without a PET header", "suv", suv)
        return read_picture(path, spacing, channel)
    if path.is_file() and has_itk_suffix(path):
        refuse_option(path, "a file without a PET header", "suv", suv)
        refuse_option(path, "a file that states its own", "spacing", spacing)
        refuse_option(path, "a file of one number a voxel", "channel", channel)
        return read_volume_file(path)
    from radiomics.io.dicom.reader import read_series

    if path.is_file() and path.suffix.lower() == ".zip":
        from radiomics.io.files.archives import unpacked_archive

        with unpacked_archive(path) as folder:
            return read_series(folder, series, repair, suv, spacing, channel)
    return read_series(path, series, repair, suv, spacing, channel)
