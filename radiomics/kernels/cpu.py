"""Numba kernels: compiled on first use, cached on disk, free of the interpreter lock."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray


def cell_counts(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count the 256 patterns of inside and outside in 2 x 2 x 2 neighbourhoods.

    The mask is surrounded by outside. Bit ``4 dz + 2 dy + dx`` of a pattern belongs to the corner
    ``(dz, dy, dx)`` of the cell.

    Parameters
    ----------
    mask : (D, H, W) bool

    Returns
    -------
    (256,) int64, which sums to ``(D + 1) (H + 1) (W + 1)``
    """
    counts: NDArray[np.int64] = _cell_counts(np.pad(mask, 1).view(np.uint8))
    return counts


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _cell_counts(padded: Any) -> Any:
    depth, height, width = padded.shape
    counts = np.zeros(256, dtype=np.int64)
    for z in range(depth - 1):
        for y in range(height - 1):
            # bits 0, 2, 4, 6 hold the low-x corners; stepping along x shifts the high ones down
            low = (
                padded[z, y, 0]
                | padded[z, y + 1, 0] << 2
                | padded[z + 1, y, 0] << 4
                | padded[z + 1, y + 1, 0] << 6
            )
            for x in range(1, width):
                high = (
                    padded[z, y, x]
                    | padded[z, y + 1, x] << 2
                    | padded[z + 1, y, x] << 4
                    | padded[z + 1, y + 1, x] << 6
                )
                counts[low | high << 1] += 1
                low = high
    return counts
