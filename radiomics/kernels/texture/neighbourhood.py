"""Voxels and their neighbours: counted once for the two families that need them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.compiling import kernel
from radiomics.kernels.texture.directions import flat_directions
from radiomics.kernels.texture.stacks import count_in_stack
from radiomics.types import Region


class NeighbourTables(NamedTuple):
    """What was counted of voxels with a level and their neighbours inside.

    Parameters
    ----------
    voxels : (n, K) int64, voxels by level and number K of neighbours inside (0, 1, ...)
    differences : (n, K) int64, their summed ``|K i - sum of neighbours|``
    dependences : (n, K) int64, voxels by level and number of neighbours of the same level
    """

    voxels: NDArray[np.int64]
    differences: NDArray[np.int64]
    dependences: NDArray[np.int64]


def count_neighbours(
    levels: NDArray[np.uint16], n_levels: NDArray[np.int64], planar: bool
) -> list[NeighbourTables]:
    """Compare each voxel with its neighbours inside (8 in a slice, 26 in a volume).

    Parameters
    ----------
    levels : (B, D + 2, H + 2, W + 2) uint16, in each image 1 to its number of levels inside, 0
        outside and around
    n_levels : (B,) int64
    planar : with the neighbours within slices, else with all

    Returns
    -------
    list of B tables
    """
    half = flat_directions(levels, planar)
    steps = np.concatenate([half, -half])
    ends = np.cumsum(n_levels + 1)
    found = np.zeros((3, ends[-1], len(steps) + 1), dtype=np.int64)
    _count_neighbours(levels.reshape(len(levels), -1), steps, ends, *found)
    rows = [slice(end - count, end) for end, count in zip(ends, n_levels, strict=True)]
    return [NeighbourTables(found[0][part], found[1][part], found[2][part]) for part in rows]


@kernel
def _count_neighbours(
    images: Any, steps: Any, ends: Any, voxels: Any, differences: Any, dependences: Any
) -> None:
    first = 0
    for b in range(len(images)):
        flat = images[b]
        for at in range(flat.size):
            level = int(flat[at])
            if level:
                total, beside, same = 0, 0, 0
                for k in range(len(steps)):
                    other = int(flat[np.uint64(at + steps[k])])  # no sign, no check for negatives
                    total += other
                    beside += other > 0
                    same += other == level
                voxels[first + level, beside] += 1
                differences[first + level, beside] += abs(level * beside - total)
                dependences[first + level, same] += 1
        first = ends[b]


def neighbour_tables(region: Region, method: str) -> list[NeighbourTables]:
    """Return the tables of a region, one set for each matrix of an aggregation method."""
    planar = method != "3d"
    parts = count_in_stack(region, count_neighbours, planar, by_slice=planar)
    if method != "2.5d_merged":
        return parts
    merged = [np.sum(column, axis=0) for column in zip(*parts, strict=True)]
    return [NeighbourTables(merged[0], merged[1], merged[2])]
