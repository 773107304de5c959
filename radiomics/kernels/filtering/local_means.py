"""Means of an image around voxels, over pieces of rows that make up any shape."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.compiling import kernel


def running_sums(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sums of the voxels before each place in a row, (D, H, W + 1)."""
    sums = np.zeros((*image.shape[:2], image.shape[2] + 1))
    np.cumsum(image, axis=2, out=sums[..., 1:])
    return sums


@kernel
def line_means(sums: Any, voxels: Any, lines: Any) -> Any:
    """Average an image over lines around voxels, from its running sums along x.

    Parameters
    ----------
    sums : (D, H, W + 1) float64, sums of the voxels before each place in a row
    voxels : (N, 3) int64
    lines : (L, 3) int64, shifts in z and y, and how far the line reaches to both sides in x

    Returns
    -------
    (N,) float64
    """
    depth, height, width = sums.shape[0], sums.shape[1], sums.shape[2] - 1
    means = np.empty(len(voxels))
    for n in range(len(voxels)):
        total, count = 0.0, 0
        for k in range(len(lines)):
            z, y = voxels[n, 0] + lines[k, 0], voxels[n, 1] + lines[k, 1]
            if 0 <= z < depth and 0 <= y < height:
                low = max(voxels[n, 2] - lines[k, 2], 0)
                high = min(voxels[n, 2] + lines[k, 2] + 1, width)
                total += sums[z, y, high] - sums[z, y, low]
                count += high - low
        means[n] = total / count
    return means
