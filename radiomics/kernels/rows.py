"""Matrices of neighbouring levels, a row of voxels at a time.

A row and its neighbouring row lie side by side in memory, so the processor compares many voxels at
once; only what is counted is looked at one by one. Arrays are padded by one voxel outside.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from radiomics.kernels.directions import directions


def runs(levels: NDArray[np.uint16], n_levels: int, planar: bool) -> NDArray[np.int64]:
    """Count runs of equal levels by level and length in each direction.

    Parameters
    ----------
    levels : (D, H, W) uint16, 1 to ``n_levels`` inside, 0 outside
    planar : in the 4 directions within slices, else in all 13

    Returns
    -------
    (K, n_levels, L) int64; the last axis holds lengths 1, 2, ... L, the largest axis
    """
    longest = max(levels.shape[planar:])
    padded = np.pad(levels, 1)
    places = _places(padded, directions(planar), n_levels + 1, longest + 1)
    # one voxel of each long enough run has each place in it
    counts = places[:, 1:-1, 1:] - places[:, 2:, 1:]
    return np.asarray(counts.transpose(0, 2, 1).astype(np.int64))


def zones(
    levels: NDArray[np.uint16], distances: NDArray[np.uint16], planar: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Find connected zones of equal levels (8 neighbours in a slice, 26 in a volume).

    Parameters
    ----------
    distances : (D + 2, H + 2, W + 2) uint16, whose smallest value in each zone is wanted

    Returns
    -------
    level, size in voxels and smallest distance of each zone, (Z,) int64
    """
    inside = int(np.count_nonzero(levels))
    found = _zones(np.pad(levels, 1), distances, *_links(planar), inside)
    return found[:, 0], found[:, 1], found[:, 2]


@cache
def _links(planar: bool) -> tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.uint16]]:
    """Return directions, the lowest direction in each set of them, and those apart from each.

    A set of directions is a number with a bit for each.
    """
    steps = directions(planar)
    bits = np.arange(len(steps))
    lowest = ((np.arange(2 ** len(steps))[:, None] >> bits) & 1).argmax(axis=1)
    apart = np.abs(steps[:, None] - steps).max(axis=2) > 1
    return steps, lowest.astype(np.uint8), (apart << bits).sum(axis=1).astype(np.uint16)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def extent(row: Any) -> Any:
    """Return where the region begins and ends in a row; both 0 where it has no voxel there."""
    low, high = 0, len(row)
    while low < high and row[low] == 0:
        low += 1
    if low == high:
        return 0, 0
    while row[high - 1] == 0:
        high -= 1
    return low, high


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _places(levels: Any, steps: Any, size: int, longest: int) -> Any:
    """Count voxels by direction, place within their run and level: (K, longest + 1, size)."""
    depth, height, width = levels.shape
    plane, table = height * width, (longest + 1) * size
    counts = np.zeros(len(steps) * table, dtype=np.int32)
    flat = levels.ravel()
    place = np.zeros(2 * len(steps) * plane, dtype=np.uint16)  # of this plane and the one before
    for z in range(1, depth - 1):
        for y in range(1, height - 1):
            low, high = extent(levels[z, y])
            many, at = high - low, y * width + low
            own = z * plane + at
            for k in range(len(steps)):
                dz, dy, dx = steps[k, 0], steps[k, 1], steps[k, 2]
                here = (2 * k + (z & 1)) * plane + at
                if dz == 0 and dy == 0:
                    _run_along(flat, own, place, here, many)
                else:
                    back = at - dy * width - dx
                    of, by = (2 * k + ((z - dz) & 1)) * plane + back, (z - dz) * plane + back
                    _run_across(flat, own, by, place, here, of, many)
                _count(counts[k * table : (k + 1) * table], flat, own, place, here, many, size)
    return counts.reshape(len(steps), longest + 1, size)


# Indices without a sign spare a check for negative ones, which would keep a loop from running in
# vector registers; slices instead of offsets would cost more than a row.


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _run_along(flat: Any, own: int, place: Any, here: int, many: int) -> None:
    at, to = np.uint64(own), np.uint64(here)
    level: Any = np.uint16(0)
    run: Any = np.uint16(0)
    for i in range(many):
        x = np.uint64(i)
        again = flat[at + x] == level and level != 0
        run, level = np.uint16(run + 1 if again else 1), flat[at + x]
        place[to + x] = run


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _run_across(
    flat: Any, own: int, beside: int, place: Any, here: int, before: int, many: int
) -> None:
    at, by, to, of = np.uint64(own), np.uint64(beside), np.uint64(here), np.uint64(before)
    for i in range(many):
        x = np.uint64(i)
        run = place[of + x]  # of another plane where that row is empty, and then of no run
        if flat[by + x] != flat[at + x] or flat[at + x] == 0:
            run = np.uint16(0)
        place[to + x] = run + np.uint16(1)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _count(counts: Any, flat: Any, own: int, place: Any, here: int, many: int, size: int) -> None:
    at, to, wide = np.uint64(own), np.uint64(here), np.uint64(size)
    for i in range(many):
        x = np.uint64(i)
        counts[np.uint64(place[to + x]) * wide + np.uint64(flat[at + x])] += 1


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _zones(levels: Any, distances: Any, steps: Any, lowest: Any, apart: Any, inside: int) -> Any:
    """Join voxels to zones by union and find; a zone's number is that of its first voxel."""
    depth, height, width = levels.shape
    plane = height * width
    number = np.zeros(2 * plane, dtype=np.int32)  # of this plane and the one before
    flat = levels.ravel()
    links = np.zeros(width, dtype=np.uint16)
    parent = np.empty(inside, dtype=np.int32)
    found = np.empty((inside, 3), dtype=np.int64)
    back = np.empty(len(steps), dtype=np.int64)
    count = 0
    for z in range(1, depth - 1):
        here, there = (z & 1) * plane, (1 - (z & 1)) * plane
        for k in range(len(steps)):
            back[k] = (there - here if steps[k, 0] else 0) - steps[k, 1] * width - steps[k, 2]
        for y in range(1, height - 1):
            low, high = extent(levels[z, y])
            many, at = high - low, (z * height + y) * width + low
            links[low:high] = 0
            for k in range(len(steps)):
                by = at - (steps[k, 0] * height + steps[k, 1]) * width - steps[k, 2]
                _link(flat, at, by, links, low, many, np.uint16(1 << k))
            for x in range(low, high):
                level = levels[z, y, x]
                if level == 0:
                    continue
                place = here + y * width + x
                at, left = count, links[x]
                while left:
                    k = lowest[left]
                    at = _join(parent, number[np.uint64(place + back[k])], at, count)
                    left &= apart[k]  # voxels beside that one are joined to it already
                if at == count:
                    parent[at] = at
                    found[at, 0], found[at, 1], found[at, 2] = level, 0, distances[z, y, x]
                    count += 1
                found[at, 1] += 1
                found[at, 2] = min(found[at, 2], distances[z, y, x])
                number[place] = at
    return _gather(parent, found, count)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _join(parent: Any, number: int, at: int, none: int) -> int:
    """Join one zone to another, or to none; return the number of both."""
    while parent[number] != number:
        parent[number] = parent[parent[number]]
        number = parent[number]
    if at == none or number == at:
        return number
    low, high = min(at, number), max(at, number)
    parent[high] = low
    return low


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _link(flat: Any, own: int, beside: int, links: Any, low: int, many: int, bit: int) -> None:
    at, by, to = np.uint64(own), np.uint64(beside), np.uint64(low)
    for i in range(many):
        x = np.uint64(i)
        mark: Any = np.uint16(0)
        if flat[at + x] == flat[by + x]:
            mark = bit
        links[to + x] = links[to + x] | mark


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _gather(parent: Any, found: Any, count: int) -> Any:
    """Add up the parts of each zone; a part's number is larger than its zone's."""
    for part in range(count - 1, -1, -1):
        whole = parent[part]
        if whole != part:
            found[whole, 1] += found[part, 1]
            found[whole, 2] = min(found[whole, 2], found[part, 2])
    kept = 0
    for part in range(count):
        if parent[part] == part:
            for i in range(3):
                found[kept, i] = found[part, i]
            kept += 1
    return found[:kept]
