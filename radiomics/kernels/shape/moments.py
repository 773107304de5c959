"""Sums over the voxels of a mask: how many, where, how bright."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.compiling import kernel


def moments(mask: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean index of the voxels inside, (3,), and its covariance, (3, 3), by n - 1.

    The covariance of a single voxel is 0.
    """
    count, first, second = _index_sums(mask.view(np.uint8))
    mean = first / count
    return mean, (second - count * np.outer(mean, mean)) / max(count - 1, 1)


@kernel
def _index_sums(mask: Any) -> Any:
    depth, height, width = mask.shape
    count, first, second = 0, np.zeros(3), np.zeros((3, 3))
    for z in range(depth):
        for y in range(height):
            n, sx, sxx = 0, 0, 0
            for x in range(width):
                if mask[z, y, x]:
                    n += 1
                    sx += x
                    sxx += x * x
            if n:
                count += n
                first += np.array([n * z, n * y, sx], dtype=np.float64)
                second[0, 0] += n * z * z
                second[0, 1] += n * z * y
                second[0, 2] += z * sx
                second[1, 1] += n * y * y
                second[1, 2] += y * sx
                second[2, 2] += sxx
    second[1, 0], second[2, 0], second[2, 1] = second[0, 1], second[0, 2], second[1, 2]
    return count, first, second


@kernel
def weighted_sums(image: Any, mask: Any) -> Any:
    """Return the sum of an image inside a mask, and its sums times the indices.

    Parameters
    ----------
    image : (D, H, W) float64
    mask : (D, H, W) bool

    Returns
    -------
    (4,) float64: the sum, and the sums times z, y and x
    """
    depth, height, width = mask.shape
    sums = np.zeros(4)
    for z in range(depth):
        for y in range(height):
            total, along = 0.0, 0.0
            for x in range(width):
                if mask[z, y, x]:
                    total += image[z, y, x]
                    along += image[z, y, x] * x
            sums[0] += total
            sums[1] += total * z
            sums[2] += total * y
            sums[3] += along
    return sums
