"""The aggregation of texture matrices (IBSI section 2.9): over slices, over directions, over both.

Names are those of IBSI's reference table. Families of directional matrices (GLCM, GLRLM) have six
methods, the others three; a setting that names one of the six means for the others the one of the
same dimension.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from radiomics.types import Region, Stack

Found = TypeVar("Found")
Count = Callable[[NDArray[np.uint16], NDArray[np.int64], bool], list[Found]]
"""A kernel: levels (B, D + 2, H + 2, W + 2), their numbers (B,), within slices only -> B results"""

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


def counted(region: Region, count: Count[Found], planar: bool, by_slice: bool) -> list[Found]:
    """Return what a kernel counts in a region, or in each of its slices that hold voxels.

    The first who asks counts for all images of the region's stack.
    """
    stack, place = region.stack
    found = stack.once((count, planar, by_slice), partial(_count, stack, count, planar, by_slice))
    each = len(found) // len(stack.n_levels)
    return list(found[place * each : (place + 1) * each])


def _count(stack: Stack, count: Count[Found], planar: bool, by_slice: bool) -> list[Found]:
    parts = stack.by_slice() if by_slice else stack
    return count(parts.levels, parts.n_levels, planar)


def voxels_of(region: Region, by_slice: bool) -> list[int]:
    """Return how many voxels have a level, in a region or in each of its slices that hold some."""
    planes = region.once("voxels", lambda: [int(np.count_nonzero(one)) for one in region.levels])
    return [count for count in planes if count] if by_slice else [sum(planes)]


def directional(
    region: Region, method: str, count: Count[NDArray[np.int64]]
) -> Iterator[tuple[NDArray[np.int64], int]]:
    """Yield the matrices of a directional family over which features are averaged.

    Parameters
    ----------
    count : a kernel whose results are (K, ...), one matrix a direction

    Yields
    ------
    matrix, and the number of voxels that it was made from, each direction counted
    """
    by_slice = method.startswith("2d")
    planar = not method.startswith("3d")  # such directions never leave a slice
    parts = counted(region, count, planar, by_slice)
    for voxels, matrices in zip(voxels_of(region, by_slice), parts, strict=True):
        if method in ("2d_slice_merged", "2.5d_merged", "3d_merged"):
            yield matrices.sum(axis=0), voxels * len(matrices)
        else:
            for matrix in matrices:
                yield matrix, voxels


def mean(rows: Iterable[Any], size: int) -> list[float]:
    """Average features over matrices; NaN of none."""
    values = np.array(list(rows), dtype=np.float64).reshape(-1, size)
    return values.mean(axis=0).tolist() if len(values) else [float("nan")] * size
