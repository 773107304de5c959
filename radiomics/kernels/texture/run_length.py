"""Runs of equal grey levels, a row of voxels at a time.

A row and its neighbouring row lie side by side in memory, so the processor compares many voxels at
once; only what is counted is looked at one by one. Arrays are padded by one voxel outside.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.compiling import kernel
from radiomics.kernels.texture.directions import directions


def count_runs(
    levels: NDArray[np.uint16], n_levels: NDArray[np.int64], planar: bool
) -> list[NDArray[np.int64]]:
    """Count runs of equal levels by level and length in each direction.

    Parameters
    ----------
    levels : (B, D + 2, H + 2, W + 2) uint16, in each image 1 to its number of levels inside, 0
        outside and around
    n_levels : (B,) int64
    planar : in the 4 directions within slices, else in all 13

    Returns
    -------
    list of B arrays (K, n, L) int64; the last axis holds lengths 1, 2, ... L, the largest axis
    """
    steps = directions(planar)
    tall = max(levels.shape[1 + planar :])  # a length that no run has, and one more
    sizes, found, first = (n_levels + 1).tolist(), [], 0
    counts = np.zeros(len(steps) * tall * sum(sizes), dtype=np.int32)
    place = np.zeros(2 * len(steps) * levels[0, 0].size, dtype=np.uint16)
    _count_places(levels, steps, n_levels + 1, tall, place, counts)
    for size in sizes:
        last = first + len(steps) * tall * size
        places = counts[first:last].reshape(len(steps), tall, size)
        # one voxel of each long enough run has each place in it
        ended = places[:, 1:-1, 1:] - places[:, 2:, 1:]
        found.append(ended.transpose(0, 2, 1).astype(np.int64))
        first = last
    return found


@kernel
def row_extent(row: Any) -> Any:
    """Return where the region begins and ends in a row; both 0 where it has no voxel there."""
    low, high = 0, len(row)
    while low < high and row[low] == 0:
        low += 1
    if low == high:
        return 0, 0
    while row[high - 1] == 0:
        high -= 1
    return low, high


@kernel
def _count_places(images: Any, steps: Any, sizes: Any, tall: int, place: Any, counts: Any) -> None:
    """Count voxels by image, direction, place within their run and level: (K, tall, size) each.

    ``place`` has room for the places within runs of this plane and the one before.
    """
    plane = images.shape[2] * images.shape[3]
    first = 0
    for b in range(len(images)):
        levels, table = images[b], tall * sizes[b]
        depth, height, width = levels.shape
        flat = levels.ravel()
        for z in range(1, depth - 1):
            for y in range(1, height - 1):
                low, high = row_extent(levels[z, y])
                count, at = high - low, y * width + low
                row = z * plane + at
                for k in range(len(steps)):
                    dz, dy, dx = steps[k, 0], steps[k, 1], steps[k, 2]
                    here = (2 * k + (z & 1)) * plane + at
                    if dz == 0 and dy == 0:
                        _places_along_row(flat, row, place, here, count)
                    else:
                        back = at - dy * width - dx
                        there = (2 * k + ((z - dz) & 1)) * plane + back
                        other_row = (z - dz) * plane + back
                        _places_across_rows(flat, row, other_row, place, here, there, count)
                    part = counts[first + k * table : first + (k + 1) * table]
                    _count_row(part, flat, row, place, here, count, sizes[b])
        first += len(steps) * table


# Indices without a sign spare a check for negative ones, which would keep a loop from running in
# vector registers; slices instead of offsets would cost more than a row. So these functions take
# whole arrays and where a row of them begins: of levels, and of places within runs.


@kernel
def _places_along_row(flat: Any, row: int, place: Any, here: int, count: int) -> None:
    """Find the places of a row's voxels in the runs along it."""
    at, to = np.uint64(row), np.uint64(here)
    level: Any = np.uint16(0)
    run: Any = np.uint16(0)
    for i in range(count):
        x = np.uint64(i)
        again = flat[at + x] == level and level != 0
        run, level = np.uint16(run + 1 if again else 1), flat[at + x]
        place[to + x] = run


@kernel
def _places_across_rows(
    flat: Any, row: int, other_row: int, place: Any, here: int, there: int, count: int
) -> None:
    """Find the places of a row's voxels in the runs that come from another row."""
    at, by, to, of = np.uint64(row), np.uint64(other_row), np.uint64(here), np.uint64(there)
    for i in range(count):
        x = np.uint64(i)
        run = place[of + x]  # of another plane where that row is empty, and then of no run
        if flat[by + x] != flat[at + x] or flat[at + x] == 0:
            run = np.uint16(0)
        place[to + x] = run + np.uint16(1)


@kernel
def _count_row(
    counts: Any, flat: Any, row: int, place: Any, here: int, count: int, size: int
) -> None:
    """Count the voxels of a row by place and level."""
    at, to, wide = np.uint64(row), np.uint64(here), np.uint64(size)
    for i in range(count):
        x = np.uint64(i)
        counts[np.uint64(place[to + x]) * wide + np.uint64(flat[at + x])] += 1
