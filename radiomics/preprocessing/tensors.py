"""Case to ``(C, D, H, W)`` tensor around its mask, and tensors into batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from radiomics.kernels.boxes import bounding_box
from radiomics.preprocessing import intensity
from radiomics.preprocessing.resample import resample, resample_mask
from radiomics.types import Case, Volume

VERSION = 1
Size = Annotated[int, Field(ge=1)]
Length = Annotated[float, Field(gt=0)]


class Options(BaseModel, frozen=True, extra="forbid"):
    """Patch of ``size`` (D, H, W) voxels of ``spacing`` mm around the mask's centre.

    ``window`` (lower, upper) is mapped to 0 .. 1; ``mask_channel`` adds the mask as channel 2.
    """

    size: tuple[Size, Size, Size] = (32, 32, 32)
    spacing: tuple[Length, Length, Length] | None = (1.0, 1.0, 1.0)
    window: tuple[float, float] | None = (-1000.0, 400.0)
    mask_channel: bool = False


def centre(mask: NDArray[np.bool_]) -> tuple[int, int, int]:
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
    """Turn a case into a float32 tensor: resampled, windowed, cut around the mask's centre.

    Returns
    -------
    torch.Tensor
        ``(1, D, H, W)``, or ``(2, D, H, W)`` with the mask channel.

    Raises
    ------
    ValueError
        When the case has no mask to cut around.
    """
    if case.mask is None:
        raise ValueError(f"case {case.id}: a patch needs a mask to be cut around")
    image, mask = case.image, case.mask
    if options.spacing is not None:
        image = resample(image, options.spacing, "linear")
        mask = resample_mask(mask, options.spacing)
    values = _windowed(image, options)
    channels = [values, mask.array.astype(np.float64)] if options.mask_channel else [values]
    stacked = torch.from_numpy(np.stack(channels).astype(np.float32))  # (C, D, H, W)
    return crop_or_pad(stacked, centre(mask.array), options.size)


def _windowed(image: Volume, options: Options) -> NDArray[np.float64]:
    if options.window is None:
        return image.array.astype(np.float64)
    lower, upper = options.window
    window = intensity.Options(method="window", lower=lower, upper=upper)
    return intensity.normalise(image.array, None, window)


def batches(
    *tensors: torch.Tensor, size: int, generator: torch.Generator | None = None
) -> Iterator[tuple[torch.Tensor, ...]]:
    """Yield batches of tensors that share their first axis; with a generator, shuffled.

    The last batch holds what is left. The order depends on the generator's seed alone.
    """
    count = len(tensors[0])
    if any(len(tensor) != count for tensor in tensors) or size < 1:
        raise ValueError("batches need tensors of one length and a size of at least 1")
    order = torch.arange(count) if generator is None else torch.randperm(count, generator=generator)
    for start in range(0, count, size):
        chosen = order[start : start + size].to(tensors[0].device)
        yield tuple(tensor[chosen] for tensor in tensors)  # (B, C, D, H, W)
