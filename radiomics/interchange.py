"""Images of other libraries to and from Volume: SimpleITK, nibabel and MONAI.

A Volume's array is ``(D, H, W)`` in DICOM's LPS world; the others differ:

=========== =============== ========= ====================================
library     array           world     lengths
=========== =============== ========= ====================================
SimpleITK   ``(z, y, x)``   LPS       spacing, origin, direction: x first
nibabel     ``(i, j, k)``   RAS       affine from (i, j, k)
MONAI       ``(C, i, j, k)`` RAS      affine from (i, j, k)
=========== =============== ========= ====================================

Nothing is resampled and no voxel is moved: each keeps its place in the patient. A mask of bool
becomes 0 and 1 in uint8 where the other library knows no bool. None of these libraries knows the
unit of the values: an image that came from a Volume carries it along as long as it lives in memory;
for others give it, or it is not known (``""``).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.types import RIGHT_ANGLE, Volume

UNIT = "radiomics_unit"
"""Under which name other libraries' images carry the unit of the values."""
FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])
"""From RAS to LPS and back."""
MILLIMETRES = {"meter": 1e3, "micron": 1e-3}
"""Factors of the lengths that a header of NIfTI may name besides."""
_STORED = {"bool": np.uint8, "float16": np.float32}
"""Types that other libraries do not know, and what they get instead."""


def from_sitk(image: Any, unit: str | None = None) -> Volume:
    """Return a SimpleITK image as a Volume.

    Parameters
    ----------
    image : SimpleITK.Image of one number a voxel, in three dimensions, or in two: one slice, 1 mm
    unit : of the values, such as ``"HU"``; without, the one that it carries, or none

    Raises
    ------
    ValueError
        For another number of dimensions, colours, vectors or complex numbers.
    """
    import SimpleITK as sitk

    dims = image.GetDimension()
    kind = image.GetPixelIDTypeAsString()
    if dims not in (2, 3) or image.GetNumberOfComponentsPerPixel() != 1 or "complex" in kind:
        raise ValueError(
            f"one number a voxel in 2 or 3 dimensions is needed; found: {dims}D, {kind}"
        )
    if "label map" in kind:
        image = sitk.Cast(image, sitk.sitkUInt32)
    array = sitk.GetArrayFromImage(image)
    direction = np.eye(3)
    direction[:dims, :dims] = np.reshape(image.GetDirection(), (dims, dims))
    spacing, origin = np.ones(3), np.zeros(3)
    spacing[:dims], origin[:dims] = image.GetSpacing(), image.GetOrigin()
    if unit is None:
        unit = image.GetMetaData(UNIT) if image.HasMetaDataKey(UNIT) else ""
    return Volume.from_array(
        array if dims == 3 else array[None],
        spacing=spacing[::-1].tolist(),
        origin=origin.tolist(),
        direction=direction[:, ::-1],
        unit=unit,
    )


def to_sitk(volume: Volume) -> Any:
    """Return a SimpleITK.Image with the values and the place of a Volume."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(_storable(volume.array))
    image.SetSpacing(volume.spacing[::-1])
    image.SetOrigin(volume.origin.tolist())
    image.SetDirection(volume.direction[:, ::-1].ravel().tolist())
    image.SetMetaData(UNIT, volume.unit)
    return image


def from_nibabel(image: Any, unit: str | None = None) -> Volume:
    """Return a nibabel image as a Volume; axes of one entry after the third are left out.

    Parameters
    ----------
    image : nibabel image of three dimensions; an affine in metres or micrometres is taken as such
    unit : of the values, such as ``"HU"``; without, the one that it carries, or none

    Raises
    ------
    ValueError
        For several volumes, colours, or no affine.
    """
    shape = image.shape
    if len(shape) < 3 or any(size != 1 for size in shape[3:]):
        raise ValueError(f"one volume in 3 dimensions is needed; found: shape {shape}")
    if image.affine is None:
        raise ValueError("an image needs an affine to be placed in the patient; found: none")
    affine = np.array(image.affine, dtype=np.float64)
    units = getattr(image.header, "get_xyzt_units", lambda: ("mm", "sec"))()[0]
    affine[:3] *= MILLIMETRES.get(units, 1.0)
    if unit is None:
        unit = str(image.extra.get(UNIT, ""))
    array = np.asanyarray(image.dataobj)
    return _from_ras(array.reshape(shape[:3]), affine, unit)


def to_nibabel(volume: Volume) -> Any:
    """Return a nibabel.Nifti1Image with the values and the place of a Volume.

    The affine has all its digits in memory; a file of NIfTI keeps seven.
    """
    import nibabel

    array, affine = _to_ras(volume)
    image = nibabel.Nifti1Image(array, affine, dtype=array.dtype, extra={UNIT: volume.unit})
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, code="scanner", update_affine=False)
    return image


def from_metatensor(image: Any, unit: str | None = None) -> Volume:
    """Return a MONAI MetaTensor of one channel as a Volume.

    Parameters
    ----------
    image : monai.data.MetaTensor ``(1, i, j, k)`` or ``(i, j, k)``, as ``LoadImage`` gives it
    unit : of the values, such as ``"HU"``; without, the one that it carries, or none

    Raises
    ------
    ValueError
        For several channels, or another number of dimensions.
    """
    array = np.asarray(image.detach().cpu().numpy())
    if array.ndim == 4 and len(array) == 1:
        array = array[0]
    if array.ndim != 3:
        raise ValueError(
            f"one channel in 3 dimensions is needed; found: shape {tuple(image.shape)}"
        )
    affine = np.asarray(image.affine.cpu().numpy(), dtype=np.float64)
    if str(getattr(image.meta.get("space"), "value", image.meta.get("space"))) == "LPS":
        affine = FLIP @ affine
    return _from_ras(array, affine, str(image.meta.get(UNIT, "")) if unit is None else unit)


def to_metatensor(volume: Volume) -> Any:
    """Return a monai.data.MetaTensor ``(1, i, j, k)`` with the values and the place of a Volume."""
    import torch
    from monai.data import MetaTensor

    array, affine = _to_ras(volume)
    tensor = torch.from_numpy(np.array(array[None]))
    meta = {UNIT: volume.unit, "space": "RAS"}
    return MetaTensor(tensor, affine=torch.from_numpy(affine), meta=meta)


def convert_image(given: object) -> Volume | None:
    """Return an image of one of the libraries as a Volume; ``None`` for anything else.

    No library is imported: what is no object of one that is imported is no image of it.
    """
    for library, kind, change in (
        ("SimpleITK", "Image", from_sitk),
        ("nibabel.spatialimages", "SpatialImage", from_nibabel),
        ("monai.data", "MetaTensor", from_metatensor),
    ):
        module = sys.modules.get(library)
        if module is not None and isinstance(given, getattr(module, kind, ())):
            return change(given)
    return None


def label_masks(labels: Volume, names: Sequence[str] = ()) -> dict[str, Volume]:
    """Return one mask for each value besides 0 of a label image, by its number or by names.

    >>> label_masks(Volume(np.array([[[0, 1, 2, 2]]]), np.eye(4)))["2"]
    Volume(1 x 1 x 4, 1 x 1 x 1 mm, 1, mask of 2 voxels)
    """
    values = [value for value in np.unique(labels.array).tolist() if value != 0]
    chosen = list(names) or [f"{value:g}" for value in values]
    if len(chosen) != len(values):
        raise ValueError(f"{len(values)} labels need as many names; given: {len(chosen)}")
    return {
        name: Volume(labels.array == value, labels.affine, "1", labels.frame, labels.history)
        for name, value in zip(chosen, values, strict=True)
    }


def _from_ras(array: NDArray[Any], affine: NDArray[np.float64], unit: str) -> Volume:
    """Return an array (i, j, k) with its affine to RAS as a Volume."""
    placed = (FLIP @ affine)[:, [2, 1, 0, 3]]
    axes = placed[:3, :3] / np.linalg.norm(placed[:3, :3], axis=0)
    if np.abs(axes.T @ axes - np.eye(3)).max() > RIGHT_ANGLE:
        raise ValueError(f"an image's axes stand at right angles; found: {affine.tolist()}")
    return Volume(array.transpose(2, 1, 0), placed + 0.0, unit)  # no negative zeros


def _to_ras(volume: Volume) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return a Volume's array as (i, j, k), and its affine to RAS."""
    affine = FLIP @ volume.affine[:, [2, 1, 0, 3]]
    return _storable(volume.array).transpose(2, 1, 0), affine + 0.0


def _storable(array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(_STORED.get(array.dtype.name, array.dtype), copy=False)
