"""The part of an array that a mask needs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
