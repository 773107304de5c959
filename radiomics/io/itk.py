"""NIfTI, NRRD and MetaImage files to and from Volume, through SimpleITK."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from radiomics.io import ITK_SUFFIXES, has_itk_suffix
from radiomics.types import InputError, Volume


def read_itk(path: Path, unit: str = "1") -> Volume:
    """Read a 3D scalar image; SimpleITK's (x, y, z) world is DICOM's LPS already.

    Raises
    ------
    InputError
        When the file cannot be read or is not one 3D scalar image.
    """
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise InputError(
            path, "the image file must be readable", reason, "check that the file is complete"
        ) from None
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        found = f"{image.GetDimension()}D, {image.GetNumberOfComponentsPerPixel()} values a voxel"
        raise InputError(path, "one 3D scalar image is needed", found, "split the file first")
    axes = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    affine = np.eye(4)
    affine[:3, :3] = axes[:, ::-1]
    affine[:3, 3] = image.GetOrigin()
    return Volume(sitk.GetArrayFromImage(image), affine, unit)


def write_itk(volume: Volume, path: Path) -> None:
    """Write a Volume as NIfTI, NRRD or MetaImage by suffix; a mask becomes 0 and 1 in uint8.

    Raises
    ------
    InputError
        For another suffix, or axes that are not orthogonal (these formats' readers assume it).
    """
    if not has_itk_suffix(path):
        known = ", ".join(ITK_SUFFIXES)
        raise InputError(path, f"the suffix chooses the format: {known}", path.name, "rename it")
    axes = volume.direction[:, ::-1]
    if np.abs(axes.T @ axes - np.eye(3)).max() > 1e-4:
        raise InputError(
            path, "axes must be orthogonal to be written", volume.describe(), "resample first"
        )
    array = volume.array.astype(np.uint8) if volume.array.dtype == np.bool_ else volume.array
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(volume.spacing[::-1])
    image.SetOrigin(volume.origin.tolist())
    image.SetDirection(axes.ravel().tolist())
    suffix = next(s for s in sorted(ITK_SUFFIXES, key=len)[::-1] if path.name.lower().endswith(s))
    if suffix in (".nhdr", ".mhd"):  # two files that name each other: no rename behind their back
        sitk.WriteImage(image, str(path), useCompression=True)
        return
    temporary = path.with_name(f".{path.name}.part{suffix}")
    sitk.WriteImage(image, str(temporary), useCompression=True)
    os.replace(temporary, path)  # noqa: PTH105
