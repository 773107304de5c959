"""The directions between neighbouring voxels."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray


@cache
def directions(planar: bool) -> NDArray[np.int64]:
    """Return one of each pair of opposite neighbours: 4 in a slice, 13 in a volume, (K, 3)."""
    steps = np.array(list(np.ndindex(3, 3, 3)), dtype=np.int64) - 1
    half = steps[14:]  # what comes after the centre in the order of the array
    found = half[half[:, 0] == 0] if planar else half.copy()
    found.setflags(write=False)  # all who ask are given the same
    return found


def flat_directions(levels: NDArray[Any], planar: bool) -> NDArray[np.int64]:
    """Return the directions as steps in a flattened image."""
    _, _, height, width = levels.shape
    return np.asarray(directions(planar) @ np.array([height * width, width, 1]))
