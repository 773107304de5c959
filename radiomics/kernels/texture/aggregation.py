"""The aggregation of texture matrices (IBSI section 2.9): over slices, over directions, over both.

Names are those of IBSI's reference table. Families of directional matrices (GLCM, GLRLM) have six
methods, the others three; a setting that names one of the six means for the others the one of the
same dimension.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.texture.stacks import Count, count_in_stack, voxel_counts
from radiomics.types import Region

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
TOGETHER = 2**18
"""Entries of the matrices that are looked at together: they fit a processor's cache."""


def undirected_method(method: str) -> str:
    """Return the method of undirected families that has the dimension of another."""
    return {"2d": "2d_averaged", "2.5d": "2.5d_merged", "3d": "3d"}[method.split("_")[0]]


def directional_matrices(
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
    parts = count_in_stack(region, count, planar, by_slice)
    for voxels, matrices in zip(voxel_counts(region, by_slice), parts, strict=True):
        if method in ("2d_slice_merged", "2.5d_merged", "3d_merged"):
            yield matrices.sum(axis=0), voxels * len(matrices)
        else:
            for matrix in matrices:
                yield matrix, voxels


def matrix_batches(
    matrices: Iterable[tuple[NDArray[np.int64], int]],
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield what :func:`directional_matrices` yields in batches of one shape: (A, ...) and (A,)."""
    waiting: list[tuple[NDArray[np.int64], int]] = []
    for matrix, voxels in matrices:
        first = waiting[0][0] if waiting else matrix
        if first.shape != matrix.shape or (len(waiting) + 1) * matrix.size > TOGETHER:
            if waiting:
                yield _batch(waiting)
            waiting = []
        waiting.append((matrix, voxels))
    if waiting:
        yield _batch(waiting)


def _batch(
    parts: list[tuple[NDArray[np.int64], int]],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.stack([matrix for matrix, _ in parts]), np.array([voxels for _, voxels in parts])


def mean_features(rows: Iterable[Any], size: int) -> list[float]:
    """Average features over matrices; NaN of none."""
    values = np.array(list(rows), dtype=np.float64).reshape(-1, size)
    return values.mean(axis=0).tolist() if len(values) else [float("nan")] * size
