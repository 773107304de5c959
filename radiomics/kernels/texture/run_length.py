"""Matrices of neighbouring levels, a row of voxels at a time.

A row and its neighbouring row lie side by side in memory, so the processor compares many voxels at
once; only what is counted is looked at one by one. Arrays are padded by one voxel outside.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.compiling import kernel
from radiomics.kernels.texture.directions import directions

Triple = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def runs(
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
    _places(levels, steps, n_levels + 1, tall, place, counts)
    for size in sizes:
        last = first + len(steps) * tall * size
        places = counts[first:last].reshape(len(steps), tall, size)
        # one voxel of each long enough run has each place in it
        ended = places[:, 1:-1, 1:] - places[:, 2:, 1:]
        found.append(ended.transpose(0, 2, 1).astype(np.int64))
        first = last
    return found


def zones(levels: NDArray[np.uint16], distances: NDArray[np.uint16], planar: bool) -> list[Triple]:
    """Find connected zones of equal levels (8 neighbours in a slice, 26 in a volume).

    Parameters
    ----------
    levels, planar : as in :func:`runs`
    distances : (M, D + 2, H + 2, W + 2) uint16, whose smallest value in each zone is wanted; image
        b has those of b modulo M

    Returns
    -------
    list of B triples: level, size in voxels and smallest distance of each zone, (Z,) int64
    """
    inside = max(int(np.count_nonzero(one)) for one in levels)
    found, ends = _zones(levels, distances, *_links(planar), inside)
    parts = np.split(found, ends[:-1])
    return [(part[:, 0], part[:, 1], part[:, 2]) for part in parts]


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


@kernel
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


@kernel
def _places(images: Any, steps: Any, sizes: Any, tall: int, place: Any, counts: Any) -> None:
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
                    part = counts[first + k * table : first + (k + 1) * table]
                    _count(part, flat, own, place, here, many, sizes[b])
        first += len(steps) * table


# Indices without a sign spare a check for negative ones, which would keep a loop from running in
# vector registers; slices instead of offsets would cost more than a row.


@kernel
def _run_along(flat: Any, own: int, place: Any, here: int, many: int) -> None:
    at, to = np.uint64(own), np.uint64(here)
    level: Any = np.uint16(0)
    run: Any = np.uint16(0)
    for i in range(many):
        x = np.uint64(i)
        again = flat[at + x] == level and level != 0
        run, level = np.uint16(run + 1 if again else 1), flat[at + x]
        place[to + x] = run


@kernel
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


@kernel
def _count(counts: Any, flat: Any, own: int, place: Any, here: int, many: int, size: int) -> None:
    at, to, wide = np.uint64(own), np.uint64(here), np.uint64(size)
    for i in range(many):
        x = np.uint64(i)
        counts[np.uint64(place[to + x]) * wide + np.uint64(flat[at + x])] += 1


@kernel
def _zones(images: Any, distances: Any, steps: Any, lowest: Any, apart: Any, inside: int) -> Any:
    """Join voxels to zones by union and find; a zone's number is that of its first voxel.

    Returns level, size and distance of the zones of all images, and where those of each end.
    """
    _, depth, height, width = images.shape
    plane = height * width
    number = np.zeros(2 * plane, dtype=np.int32)  # of this plane and the one before
    links = np.zeros(width, dtype=np.uint16)
    parent = np.empty(inside, dtype=np.int32)
    every = np.empty((len(images) * inside, 3), dtype=np.int64)
    ends = np.zeros(len(images), dtype=np.int64)
    back = np.empty(len(steps), dtype=np.int64)
    end = 0
    for b in range(len(images)):
        levels, near = images[b], distances[b % len(distances)]
        flat, found, count = levels.ravel(), every[end : end + inside], 0
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
                        found[at, 0], found[at, 1], found[at, 2] = level, 0, near[z, y, x]
                        count += 1
                    found[at, 1] += 1
                    found[at, 2] = min(found[at, 2], near[z, y, x])
                    number[place] = at
        end += _gather(parent, found, count)
        ends[b] = end
    return every[:end], ends


@kernel
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


@kernel
def _link(flat: Any, own: int, beside: int, links: Any, low: int, many: int, bit: Any) -> None:
    at, by, to = np.uint64(own), np.uint64(beside), np.uint64(low)
    for i in range(many):
        x = np.uint64(i)
        mark: Any = np.uint16(0)
        if flat[at + x] == flat[by + x]:
            mark = bit
        links[to + x] = links[to + x] | mark


@kernel
def _gather(parent: Any, found: Any, count: int) -> int:
    """Add up the parts of each zone, whose numbers are larger than its own; return how many are."""
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
    return kept
