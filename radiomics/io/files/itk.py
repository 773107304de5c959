"""What SimpleITK does here: voxels of MetaImage, and files of a Volume."""

from __future__ import annotations

import math
import os
import shutil
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from radiomics.io.files.kinds import ITK_SUFFIXES, file_parts, has_itk_suffix
from radiomics.types import InputError, Volume

PART = 2**20
"""Bytes that are unpacked at a time."""
LONGEST = 2**30
"""Bytes up to which a broken file is unpacked to see where it ends."""
PACKED = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
"""How streams of zlib begin."""


def read_voxels(
    path: Path,
    shape: tuple[int, int, int],
    plain: Path | None = None,
    offset: int = 0,
    needed: int = 0,
) -> NDArray[Any]:
    """Read the voxels (D, H, W) of a MetaImage file, as many as its header says.

    Parameters
    ----------
    plain : the file that holds them unpacked, if one does, from ``offset`` on, ``needed`` bytes

    Raises
    ------
    InputError
        When the file ends early, cannot be read, or holds several values a voxel.
    """
    rule, remedy = "the image file must be readable", "check that the file is complete"
    if plain is not None and plain.is_file() and plain.stat().st_size - offset < needed:
        there = max(0, plain.stat().st_size - offset)  # ITK would fill in what is not there
        found = f"MetaImage: the file ends early, after {there} of {needed} bytes of voxels"
        raise InputError(path, rule, found, remedy)
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        reason = _ending(path) or str(error).strip().splitlines()[-1]
        raise InputError(path, rule, f"MetaImage: {reason}", remedy) from None
    complex_numbers = "complex" in image.GetPixelIDTypeAsString()
    array = sitk.GetArrayFromImage(image)
    if array.size != math.prod(shape) or complex_numbers:
        count = 2 if complex_numbers else array.size / math.prod(shape)
        found = f"{image.GetDimension()}D, {count:g} values a voxel"
        raise InputError(path, "one 3D scalar image is needed", found, "split the file first")
    return np.asarray(array).reshape(shape)


def _ending(path: Path) -> str:
    """Say what is wrong with packed voxels, which the reader's own words seldom do."""
    parts = file_parts(path)
    missing = [part.name for part in parts if not part.is_file()]
    if missing:
        return f"{missing[0]} is not there"
    if any(_breaks_off(part) for part in parts):
        return "the file ends early: its packed voxels break off"
    return ""


def _breaks_off(part: Path) -> bool:
    """Tell whether a file ends within a stream of zlib."""
    content = part.read_bytes()
    places = [place for mark in PACKED if (place := content.find(mark)) >= 0]
    if not places:
        return False
    unpacking, left, unpacked = zlib.decompressobj(), content[min(places) :], 0
    try:
        while left and not unpacking.eof and unpacked < LONGEST:
            unpacked += len(unpacking.decompress(left, PART))
            left = unpacking.unconsumed_tail
    except zlib.error:
        return False
    return not unpacking.eof and unpacked < LONGEST


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
