"""Parts of SimpleITK images around a region."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray


def cropToTumorMask(  # noqa: N802
    imageNode: Any,  # noqa: N803
    maskNode: Any,  # noqa: N803
    boundingBox: NDArray[np.int64],  # noqa: N803
    **settings: Any,
) -> tuple[Any, Any]:
    """Return image and mask cut to a box and ``padDistance`` (0) voxels around it."""
    part = padded_box(boundingBox, int(settings.get("padDistance", 0)), maskNode)
    return crop(imageNode, part), crop(maskNode, part)


def padded_box(box: NDArray[np.int64], pad: int, image: Any) -> tuple[slice, ...]:
    """Return a box [x0, x1, y0, ...] and some voxels around it as part of an image's array."""
    low = np.maximum(box[0::2] - pad, 0).tolist()
    high = np.minimum(box[1::2] + pad + 1, image.GetSize()).tolist()
    return tuple(slice(a, b) for a, b in zip(low[::-1], high[::-1], strict=True))


def crop(image: Any, part: tuple[slice, ...]) -> Any:
    """Return part of an image: sooner than sitk.Crop."""
    return part_as_image(sitk.GetArrayViewFromImage(image)[part], image, part)


def part_as_image(array: NDArray[Any], image: Any, part: tuple[slice, ...]) -> Any:
    """Return an array as an image that stands where that part of another stands."""
    made = sitk.GetImageFromArray(array)
    made.SetSpacing(image.GetSpacing())
    made.SetDirection(image.GetDirection())
    made.SetOrigin(image.TransformIndexToPhysicalPoint([side.start for side in part[::-1]]))
    return made


def crop_to_reach(
    image: Any, mask: Any, box: NDArray[np.int64], reach: list[int] | None
) -> tuple[Any, Any, NDArray[np.int64]]:
    """Return the part of image and mask that decides what lies in a box, and the box in it.

    Along an axis on which the part would meet the border it is the whole: what is beyond a border
    is found at the other one, or mirrored.
    """
    if reach is None:
        return image, mask, box
    size = np.array(image.GetSize())
    low, high = box[0::2] - reach, box[1::2] + reach
    whole = (low < 0) | (high >= size)
    low, high = np.where(whole, 0, low), np.where(whole, size - 1, high)
    part = padded_box(np.stack([low, high], axis=1).ravel(), 0, image)
    return crop(image, part), crop(mask, part), box - np.repeat(low, 2)
