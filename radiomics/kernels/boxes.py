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
    parts = []
    for axis, count in enumerate(mask.shape):
        others = tuple(a for a in range(3) if a != axis)
        used = np.flatnonzero(mask.any(axis=others))
        if not used.size:
            raise ValueError("an empty mask has no bounding box")
        wide = margin[axis]
        parts.append(slice(max(0, int(used[0]) - wide), min(count, int(used[-1]) + 1 + wide)))
    return parts[0], parts[1], parts[2]
