"""The aggregation of texture matrices (IBSI section 2.9): over slices, over directions, over both.

Names are those of IBSI's reference table. Families of directional matrices (GLCM, GLRLM) have six
methods, the others three; a setting that names one of the six means for the others the one of the
same dimension.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Directional = Literal[
    "2d_averaged",
    "2d_slice_merged",
    "2.5d_direction_merged",
    "2.5d_merged",
    "3d_averaged",
    "3d_merged",
]
Undirected = Literal["2d_averaged", "2.5d_merged", "3d"]
DIRECTIONAL: tuple[str, ...] = get_args(Directional)
UNDIRECTED: tuple[str, ...] = get_args(Undirected)


def undirected(method: str) -> str:
    """Return the method of undirected families that has the dimension of another."""
    return {"2d": "2d_averaged", "2.5d": "2.5d_merged", "3d": "3d"}[method.split("_")[0]]


def slices(levels: NDArray[np.uint16]) -> Iterator[NDArray[np.uint16]]:
    """Yield the slices that hold voxels of the region, each (1, H, W)."""
    for index in np.flatnonzero(levels.any(axis=(1, 2))).tolist():
        yield levels[index : index + 1]


def directional(
    levels: NDArray[np.uint16],
    method: str,
    count: Callable[[NDArray[np.uint16], bool], NDArray[np.int64]],
) -> Iterator[tuple[NDArray[np.int64], int]]:
    """Yield the matrices of a directional family over which features are averaged.

    Parameters
    ----------
    count : levels and whether within slices only -> (K, ...) one matrix a direction

    Yields
    ------
    matrix, and the number of voxels that it was made from, each direction counted
    """
    if method.startswith("3d"):
        parts = [(levels, count(levels, False))]
    elif method.startswith("2.5d"):
        parts = [(levels, count(levels, True))]  # planar directions never leave a slice
    else:
        parts = [(part, count(part, True)) for part in slices(levels)]
    for part, matrices in parts:
        voxels = int(np.count_nonzero(part))
        if method in ("2d_slice_merged", "2.5d_merged", "3d_merged"):
            yield matrices.sum(axis=0), voxels * len(matrices)
        else:
            for matrix in matrices:
                yield matrix, voxels


def mean(rows: Iterable[Any], size: int) -> list[float]:
    """Average features over matrices; NaN of none."""
    values = np.array(list(rows), dtype=np.float64).reshape(-1, size)
    return values.mean(axis=0).tolist() if len(values) else [float("nan")] * size
