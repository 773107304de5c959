"""What the extraction demands of images and masks on its way, each refused with a remedy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.texture.directions import directions
from radiomics.preprocessing import masks
from radiomics.types import InputError, Spacing, Volume

if TYPE_CHECKING:
    from radiomics.extraction.settings import ExtractionSettings

LARGEST_MATRICES = 2**32
"""Bytes that the matrices of one family may take."""


def check_memory(count: int, shape: tuple[int, ...], names: Sequence[str]) -> None:
    """Say how much memory texture matrices would take before it is taken."""
    for name in sorted({"glcm", "glrlm"} & set(names)):
        needed = matrix_bytes(count, shape, (name,))
        if needed > LARGEST_MATRICES:
            raise InputError(
                "discretisation",
                f"the matrices of {name} take at most {LARGEST_MATRICES // 2**30} GiB",
                f"{count} grey levels, which need {needed / 2**30:.1f} GiB",
                "choose wider bins, or leave the family out",
            )


def matrix_bytes(
    count: int, shape: tuple[int, ...], names: Sequence[str] = ("glcm", "glrlm")
) -> int:
    """Return what the matrices of some families take, with their sums or differences."""
    sizes = {"glcm": count**2, "glrlm": count * max(shape)}
    return 2 * 8 * len(directions(False)) * sum(sizes[name] for name in names)


def check_modality(image: Volume, modality: str | None) -> None:
    """Refuse settings made for another kind of image; a file that knows no unit passes."""
    if modality is None or image.unit == "":
        return
    pet = ("SUV", "BQML", "CNTS", "GML", "CM2ML", "PROPC")
    kind = "PT" if image.unit.startswith(pet) else {"HU": "CT"}.get(image.unit, "MR")
    if modality not in (kind, "other"):
        raise InputError(
            "modality",
            f"these settings are for {modality}",
            f"an image in unit {image.unit} ({kind})",
            "choose settings for this modality",
        )


def check_unit(image: Volume, unit: str | None) -> None:
    """Refuse an image in another unit than the settings are made for; no unit at all passes."""
    if unit is None or image.unit == "" or image.unit.startswith(unit):
        return
    remedy = "choose settings for images in this unit"
    if unit == "SUV":
        remedy = "read it as SUV (--suv bw, or read_image(..., suv='bw')), or " + remedy
    rule = f"the bins of these settings are in {unit}"
    raise InputError("unit", rule, f"an image in unit {image.unit}", remedy)


def in_lengths(image: Volume, settings: ExtractionSettings) -> Volume:
    """Return an image in the unit of length of the settings; in pixels voxels lie 1 apart.

    Raises
    ------
    InputError
        For lengths in mm of an image that has no spacing.
    """
    if settings.lengths == image.length_unit:
        return image
    if settings.lengths == "mm":
        raise InputError(
            "image",
            "lengths in mm need a spacing",
            "an image without one",
            "give its spacing in mm (spacing=, --spacing), or set lengths: px in the settings, "
            "which measures every image in pixels",
        )
    affine = np.array(image.affine)
    affine[:3, :3] = image.direction
    return replace(image, affine=affine, length_unit="px")


def check_finite(image: NDArray[Any], mask: NDArray[np.bool_]) -> None:
    """Refuse NaN and infinities in the mask, read there or spread there by interpolation."""
    if image.dtype.kind != "f" or (math.isfinite(image.min()) and math.isfinite(image.max())):
        return  # NaN is the smallest and the largest of values among which it is
    broken = int(np.count_nonzero(~np.isfinite(image[mask])))
    if broken:
        raise InputError(
            "image",
            "intensities inside the mask, and those that interpolation draws on, must be finite",
            f"{broken} of {int(mask.sum())} voxels are NaN or infinite",
            "give the image finite values there, or leave these voxels out of the mask",
        )


def check_resampled(mask: Volume, spacing: Spacing) -> None:
    """Demand that a mask kept a voxel on its new grid."""
    if not mask.array.any():
        raise InputError(
            "resample",
            "the mask must keep at least one voxel on the new grid",
            f"none at a spacing of {spacing} mm",
            "choose a finer spacing",
        )


def check_kept(image: Volume, mask: Volume, kept: Any, options: masks.Options) -> None:
    """Demand that re-segmentation left a voxel."""
    if not kept.any():
        inside = image.array[mask.array]
        raise InputError(
            "resegment",
            f"range {options.range} and sigma {options.sigma} must leave at least one voxel",
            f"intensities from {inside.min():g} to {inside.max():g} {image.unit} in the mask",
            "widen the range, or check the image's unit",
        )
