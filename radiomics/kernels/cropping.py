"""The part of an array that a mask needs, and masks on coarser grids."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.types import Spacing

Box = tuple[slice, slice, slice]


def bounding_box(mask: NDArray[np.bool_], margin: tuple[int, int, int] = (0, 0, 0)) -> Box:
    """Return the smallest box around the mask, widened by ``margin`` voxels within the array.

    >>> bounding_box(np.eye(3, dtype=bool)[None])
    (slice(0, 1, None), slice(0, 3, None), slice(0, 3, None))
    """
    slices = np.flatnonzero(mask.any(axis=(1, 2)))
    if not slices.size:
        raise ValueError("an empty mask has no bounding box")
    plane = np.asarray(mask[slices[0] : slices[-1] + 1].any(axis=0))
    rows, columns = np.flatnonzero(plane.any(axis=1)), np.flatnonzero(plane.any(axis=0))
    parts = []
    for axis, used in enumerate((slices, rows, columns)):
        low, high = int(used[0]) - margin[axis], int(used[-1]) + 1 + margin[axis]
        parts.append(slice(max(0, low), min(mask.shape[axis], high)))
    return parts[0], parts[1], parts[2]


def coarse_mask(
    mask: NDArray[np.bool_],
    first: Spacing,
    steps: tuple[int, int, int],
    shape: tuple[int, ...],
) -> NDArray[np.bool_]:
    """Return which voxels of a coarser grid have at least half of what they cover in a mask.

    Voxels of the grid cover ``steps`` voxels of the mask along each axis; what they cover outside
    the image does not count. ``first`` is the middle of the first one.

    >>> coarse_mask(np.ones((1, 1, 3), bool), (0, 0, 0.5), (1, 1, 2), (1, 1, 2)).tolist()
    [[[True, True]]]
    """
    inside: NDArray[Any] = mask
    covered = np.ones((1, 1, 1), dtype=np.int64)
    for axis, (start, step, count) in enumerate(zip(first, steps, shape, strict=True)):
        low = round(start - (step - 1) / 2)  # the first voxel covered, or one before the image
        edges = np.clip(low + step * np.arange(count + 1), 0, mask.shape[axis])
        inside = np.add.reduceat(inside, edges[:-1], axis=axis, dtype=np.int32)
        covered = covered * np.diff(edges).reshape([-1 if a == axis else 1 for a in range(3)])
    return np.asarray(2 * inside >= covered)
