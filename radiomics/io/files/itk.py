"""NIfTI, NRRD and MetaImage files to and from Volume, through SimpleITK."""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from radiomics.io.files.kinds import ITK_SUFFIXES, has_itk_suffix, volume_of_file
from radiomics.io.files.nifti import SUFFIXES
from radiomics.types import InputError, Volume

PART = 2**20
"""Voxels that are looked at at a time."""


def read_itk(path: Path, unit: str = "") -> Volume:
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
    complex_numbers = "complex" in image.GetPixelIDTypeAsString()
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1 or complex_numbers:
        count = 2 if complex_numbers else image.GetNumberOfComponentsPerPixel()
        found = f"{image.GetDimension()}D, {count} values a voxel"
        raise InputError(path, "one 3D scalar image is needed", found, "split the file first")
    array, affine = sitk.GetArrayFromImage(image), affine_of(image)
    del image  # its memory is needed
    if array.dtype.kind == "f" and path.name.lower().endswith(SUFFIXES):
        array = _restore_non_finite(array, path)
    return volume_of_file(path, array, affine, unit)


def read_shape(path: Path) -> tuple[int, ...]:
    """Return the numbers of voxels along the axes of a file, by its header; 0 if unreadable."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return (0,)
    return tuple(reader.GetSize())[::-1]


def affine_of(image: sitk.Image) -> NDArray[np.float64]:
    """Return the (4, 4) affine from (d, h, w) to LPS of a 3D image."""
    axes = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    affine = np.eye(4)
    affine[:3, :3] = axes[:, ::-1]
    affine[:3, 3] = image.GetOrigin()
    return affine


def _restore_non_finite(array: NDArray[Any], path: Path) -> NDArray[Any]:
    """Put NaN and infinities back, which ITK's NIfTI reader turns into 0 without a word."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        stream = gzip.GzipFile(fileobj=raw) if packed else raw
        header = stream.read(112)
        order = "<" if header[:4] == b"\x5c\x01\x00\x00" else ">"
        kind = int(np.frombuffer(header, f"{order}i2", 1, 70)[0])
        offset = int(np.frombuffer(header, f"{order}f4", 1, 108)[0])
        dtype = np.dtype({16: f"{order}f4", 64: f"{order}f8"}.get(kind, "V1"))
        if dtype.kind != "f" or offset < 348:
            return array
        stream.read(offset - len(header))
        voxels = array.reshape(-1)
        for start in range(0, voxels.size, PART):  # not the whole: it may be large
            here = voxels[start : start + PART]
            stored = np.frombuffer(stream.read(here.size * dtype.itemsize), dtype)
            lost = ~np.isfinite(stored)
            if lost.any():
                here[lost] = stored[lost]
    return array


def write_itk(volume: Volume, path: Path) -> None:
    """Write a Volume as NIfTI, NRRD or MetaImage by suffix; a mask becomes 0 and 1 in uint8.

    NIfTI keeps positions as float32: to about 1e-7 of the largest coordinate.

    Raises
    ------
    InputError
        For another suffix, or axes that are not orthogonal (these formats' readers assume it).
    """
    if not has_itk_suffix(path):
        suffixes = ", ".join(ITK_SUFFIXES)
        raise InputError(path, f"the suffix chooses the format: {suffixes}", path.name, "rename it")
    axes = volume.direction[:, ::-1]
    if np.abs(axes.T @ axes - np.eye(3)).max() > 1e-4:
        raise InputError(
            path, "axes must be orthogonal to be written", volume.describe(), "resample first"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = {"bool": np.uint8, "float16": np.float32}.get(volume.array.dtype.name)
    array = volume.array if stored is None else volume.array.astype(stored)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(volume.spacing[::-1])
    image.SetOrigin(volume.origin.tolist())
    image.SetDirection(axes.ravel().tolist())
    suffix = next(s for s in sorted(ITK_SUFFIXES, key=len)[::-1] if path.name.lower().endswith(s))
    if suffix in (".nhdr", ".mhd"):  # two files that name each other: no rename behind their back
        _write_whole(image, path, array.nbytes)
        return
    temporary = path.with_name(f".{path.name}.part{suffix}")
    try:
        _write_whole(image, temporary, array.nbytes)
        os.replace(temporary, path)  # noqa: PTH105
    finally:
        temporary.unlink(missing_ok=True)


def _write_whole(image: sitk.Image, path: Path, nbytes: int) -> None:
    """Write a file and make sure that all of it arrived.

    ITK's NIfTI writer returns without an error when the disk is full, so its files are measured:
    352 bytes of header and the voxels, as the file's size or as the length that gzip records.
    """
    try:
        sitk.WriteImage(image, str(path), useCompression=True)
    except RuntimeError as error:
        raise _writing_error(path, str(error).strip().splitlines()[-1]) from None
    written = expected = 352 + nbytes
    if path.name.endswith(".nii"):
        written = path.stat().st_size
    elif path.name.endswith(".nii.gz"):
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - 4))
            written = int.from_bytes(stream.read(4), "little")
        expected %= 2**32
    if written != expected:
        size = path.stat().st_size
        whole = path.name.endswith(".nii")
        cut = (
            f"{size} of {expected} bytes" if whole else f"{size} bytes, then the file is cut short"
        )
        raise _writing_error(path, cut)


def _writing_error(path: Path, found: str) -> InputError:
    free = shutil.disk_usage(path.parent).free
    return InputError(
        path.parent,
        "the image file must be written whole",
        f"{found}; {free / 2**20:.0f} MiB are free there",
        "free some space, or write elsewhere",
    )
