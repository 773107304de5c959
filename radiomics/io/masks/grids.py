"""Masks of other grids, brought onto an image's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radiomics.types import InputError, Volume, grids_differ

THRESHOLD = 0.5
"""Probability or occupancy from which a voxel of a FRACTIONAL segment is inside."""


def mask_on_grid(
    path: Path, mask: Volume, like: Volume, what: str
) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Bring a mask onto another grid: by copying where the voxels coincide, else by resampling.

    Returns
    -------
    (D, H, W) bool on the grid of ``like``, and a note where it was resampled
    """
    if mask.shape == like.shape and not grids_differ(mask, like):
        return mask.array, ()
    occupied = np.argwhere(mask.array)
    if not len(occupied):
        return np.zeros(like.shape, dtype=np.bool_), ()
    to_like = np.linalg.inv(like.affine) @ mask.affine
    index = occupied @ to_like[:3, :3].T + to_like[:3, 3]
    if np.any(index < -0.75) or np.any(index > np.array(like.shape) - 0.25):
        raise InputError(
            path,
            f"{what} must lie within the image",
            f"it reaches beyond the image ({like.describe()})",
            "use the image from which it was made, uncropped",
        )
    result = np.zeros(like.shape, dtype=np.bool_)
    whole = np.round(index)
    if np.abs(index - whole).max() < 0.01 and np.isclose(abs(np.linalg.det(to_like[:3, :3])), 1):
        result[tuple(whole.astype(np.intp).T)] = True
        return result, ()
    low = np.maximum(np.floor(index.min(axis=0)) - 1, 0).astype(int)
    high = np.minimum(np.ceil(index.max(axis=0)) + 2, like.shape).astype(int)
    result[tuple(map(slice, low, high))] = _interpolate(mask, like, low, high)
    return result, (f"{what} was resampled from another grid ({mask.describe()})",)


def _interpolate(
    mask: Volume, like: Volume, low: NDArray[np.int64], high: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Interpolate a mask linearly at the voxel centres of a box of another grid."""
    from scipy.ndimage import map_coordinates

    places = np.indices(tuple(high - low)).reshape(3, -1) + low[:, None]
    back = np.linalg.inv(mask.affine) @ like.affine
    index = back[:3, :3] @ places + back[:3, 3:]
    soft = map_coordinates(mask.array.astype(np.float64), index, order=1, mode="constant")
    return np.asarray(soft.reshape(tuple(high - low)) >= THRESHOLD - 1e-6, dtype=np.bool_)
