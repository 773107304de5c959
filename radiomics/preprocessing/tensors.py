"""Case to ``(C, D, H, W)`` or ``(C, H, W)`` tensor around its mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, Field, model_validator

from radiomics.kernels.cropping import Box, bounding_box
from radiomics.preprocessing import intensity
from radiomics.preprocessing.resample import (
    box_on_new_grid,
    new_grid,
    resample,
    resample_mask,
)
from radiomics.types import Case, InputError, Volume

VERSION = 2
Size = Annotated[int, Field(ge=1)]
Length = Annotated[float, Field(gt=0)]


class Options(BaseModel, frozen=True, extra="forbid"):
    """A patch around the middle of the mask's box.

    It has ``size`` (D, H, W) voxels of ``spacing`` mm, or as many as ``size_mm`` needs; without a
    spacing, of the image's own. With ``margin_mm`` the voxels are cubes, as large as it takes for
    ``size`` of them to hold the mask and this margin on each side.

    With ``dims`` 2 the patch is centred on the slice with the largest section of the mask and its
    slices become channels: one for a 2D network, three or more of them for a 2.5D stack.

    ``window`` (lower, upper) is mapped to 0 .. 1; ``mask_channel`` adds the mask after the image.
    """

    dims: Literal[2, 3] = 3
    size: tuple[Size, Size, Size] = (32, 32, 32)
    size_mm: tuple[Length, Length, Length] | None = None
    spacing: tuple[Length, Length, Length] | None = (1.0, 1.0, 1.0)
    margin_mm: Annotated[float, Field(ge=0)] | None = None
    window: tuple[float, float] | None = (-1000.0, 400.0)
    mask_channel: bool = False

    @model_validator(mode="after")
    def _check_sizes(self) -> Options:
        if self.size_mm is not None and (self.spacing is None or "size" in self.model_fields_set):
            raise ValueError("size_mm needs a spacing, and stands instead of size")
        if self.margin_mm is not None and {"size_mm", "spacing"} & self.model_fields_set:
            raise ValueError("margin_mm chooses the spacing: leave size_mm and spacing out")
        if self.window is not None and not self.window[0] < self.window[1]:
            raise ValueError(f"window is (lower, upper); given: {list(self.window)}")
        if self.dims == 2 and self.voxels()[0] % 2 == 0:
            raise ValueError("in 2D the first size counts slices around one: 1, 3, 5, ...")
        return self

    def voxels(self) -> tuple[int, int, int]:
        """Return the size of the patch in voxels."""
        if self.size_mm is None or self.spacing is None:
            return self.size
        d, h, w = (max(1, round(a / b)) for a, b in zip(self.size_mm, self.spacing, strict=True))
        return d, h, w

    def masks(self) -> int:
        """Return how many of the last channels are the mask's."""
        if not self.mask_channel:
            return 0
        return self.voxels()[0] if self.dims == 2 else 1


def mask_centre(mask: NDArray[np.bool_]) -> tuple[int, int, int]:
    """Return the middle voxel of the mask's bounding box."""
    d, h, w = ((part.start + part.stop) // 2 for part in bounding_box(mask))
    return d, h, w


def crop_or_pad(
    array: torch.Tensor, at: tuple[int, int, int], size: tuple[int, int, int], fill: float = 0.0
) -> torch.Tensor:
    """Cut a patch around a voxel; where it leaves the array, pad with ``fill``.

    Parameters
    ----------
    array : (C, D, H, W)
    at : the voxel that comes to lie at ``size // 2``
    size : (D, H, W) of the result
    """
    parts, padding = [slice(None)], []
    for position, extent, count in zip(at, size, array.shape[1:], strict=True):
        start = position - extent // 2
        low = min(max(0, start), count)
        high = min(max(low, start + extent), count)
        before = min(extent, low - start) if high > low else extent
        parts.append(slice(low, high))
        padding.append((before, extent - before - (high - low)))
    flat = [width for pair in reversed(padding) for width in pair]  # last axis first
    return torch.nn.functional.pad(array[tuple(parts)], flat, value=fill)  # (C, D, H, W)


def case_tensor(case: Case, options: Options) -> torch.Tensor:
    """Turn a case into a float32 tensor: resampled, windowed, cut around its mask.

    Returns
    -------
    torch.Tensor
        ``(C, D, H, W)``, C being 1, or 2 with the mask channel; with ``dims`` 2 ``(C * D, H, W)``,
        the slices of the image before those of the mask.

    Raises
    ------
    InputError
        When the case has no mask to cut around, or none is left at this spacing.
    """
    if case.mask is None:
        rule = "a patch is cut around a mask"
        raise InputError(f"case {case.id}", rule, "no mask", "give the case one")
    image, mask, size = case.image, case.mask, options.voxels()
    spacing = _patch_spacing(mask, options, size)
    if spacing is not None:
        near = box_on_new_grid(bounding_box(np.asarray(mask.array)), mask, spacing, spacing)
        small = resample_mask(mask, spacing, near)
        if not small.array.any():
            rule = "a voxel of the patch lies in the mask"
            found = f"none of {spacing} mm"
            raise InputError(f"case {case.id}", rule, found, "choose a finer tensors.spacing")
        at = _patch_centre(small, options)
        whole, _ = new_grid(image, spacing)
        place = [a + part.start for a, part in zip(at, near, strict=True)]
        box, inside = _patch_box(place, size, whole)
        image = resample(image, spacing, "linear", box)
        mask = resample_mask(mask, spacing, box)
    else:
        box, inside = _patch_box(_patch_centre(mask, options), size, image.shape)
        image = replace(image, array=image.array[box])
        mask = replace(mask, array=mask.array[box])
    values = _apply_window(image, options)
    channels = [values, mask.array.astype(np.float64)] if options.mask_channel else [values]
    stacked = torch.from_numpy(np.stack(channels).astype(np.float32))  # (C, d, h, w)
    patch = crop_or_pad(stacked, inside, size)
    return patch.flatten(0, 1) if options.dims == 2 else patch  # (C * D, H, W)


def _patch_spacing(
    mask: Volume, options: Options, size: tuple[int, int, int]
) -> tuple[float, float, float] | None:
    if options.margin_mm is None:
        return options.spacing
    box = bounding_box(np.asarray(mask.array))
    extents = [(b.stop - b.start) * mm for b, mm in zip(box, mask.spacing, strict=True)]
    wide = [(e + 2 * options.margin_mm) / n for e, n in zip(extents, size, strict=True)]
    side = max(wide[1:]) if options.dims == 2 else max(wide)
    return side, side, side


def _patch_centre(mask: Volume, options: Options) -> tuple[int, int, int]:
    """Return the voxel that the patch is centred on."""
    array = np.asarray(mask.array)
    d, h, w = mask_centre(array)
    if options.dims == 2:
        sections = array.sum(axis=(1, 2))
        d = int(sections.argmax())
        _, h, w = mask_centre(array[d : d + 1])
    return d, h, w


def _patch_box(
    at: Sequence[int], size: Sequence[int], shape: Sequence[int]
) -> tuple[Box, tuple[int, int, int]]:
    """Return the part of a grid that a patch covers, and where its centre lies in that part."""
    parts, inside = [], []
    for position, extent, count in zip(at, size, shape, strict=True):
        start = max(0, position - extent // 2)
        parts.append(slice(start, min(count, position - extent // 2 + extent)))
        inside.append(position - start)
    return (parts[0], parts[1], parts[2]), (inside[0], inside[1], inside[2])


def _apply_window(image: Volume, options: Options) -> NDArray[np.float64]:
    if options.window is None:
        return image.array.astype(np.float64)
    lower, upper = options.window
    window = intensity.Options(method="window", lower=lower, upper=upper)
    return intensity.normalise(image.array, None, window)
