"""Connected zones of equal grey levels with their sizes and distances from the border.

Zones are joined a row of voxels at a time: a row and its neighbouring row lie side by side in
memory, so the processor compares many voxels at once. Arrays are padded by one voxel outside.
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.compiling import kernel
from radiomics.kernels.texture.directions import directions
from radiomics.kernels.texture.run_length import row_extent
from radiomics.kernels.texture.stacks import count_in_stack, voxel_counts
from radiomics.types import Region


class Zones(NamedTuple):
    """Level, size in voxels and smallest distance from the border of each zone, (Z,) int64."""

    levels: NDArray[np.int64]
    sizes: NDArray[np.int64]
    distances: NDArray[np.int64]


def region_zones(region: Region, method: str) -> list[tuple[Zones, int]]:
    """Return the zones of a region and the number of voxels: one entry for each matrix.

    One entry for ``2.5d_merged`` and ``3d``, one a slice for ``2d_averaged``.
    """
    planar = method != "3d"
    distances = region.once_a_mask(
        ("distances", planar), partial(_stacked_distances, region, planar)
    )

    def count(levels: NDArray[np.uint16], _: NDArray[np.int64], flat: bool) -> list[Zones]:
        return find_zones(levels, distances, flat)

    found = count_in_stack(region, count, planar, by_slice=planar, key=find_zones)
    voxels = voxel_counts(region, by_slice=planar)
    if method != "2.5d_merged":
        return list(zip(found, voxels, strict=True))
    merged = [np.concatenate(column) for column in zip(*found, strict=True)]
    return [(Zones(merged[0], merged[1], merged[2]), sum(voxels))]


def _stacked_distances(region: Region, planar: bool) -> NDArray[np.uint16]:
    """Return distances from the border as a region's stack lies: (1 or S, D + 2, H + 2, W + 2)."""
    distances = border_distances(region.morphological_mask, planar)
    if not planar:
        return distances[None]
    held = np.flatnonzero(region.levels.any(axis=(1, 2)))
    return np.stack([distances[index : index + 3] for index in held.tolist()])


def find_zones(
    levels: NDArray[np.uint16], distances: NDArray[np.uint16], planar: bool
) -> list[Zones]:
    """Find connected zones of equal levels (8 neighbours in a slice, 26 in a volume).

    Parameters
    ----------
    levels : (B, D + 2, H + 2, W + 2) uint16, in each image 1 to its number of levels inside, 0
        outside and around
    distances : (M, D + 2, H + 2, W + 2) uint16, whose smallest value in each zone is wanted; image
        b has those of b modulo M
    planar : within slices, else in space

    Returns
    -------
    list of the zones of B images
    """
    inside = max(int(np.count_nonzero(one)) for one in levels)
    found, ends = _find_zones(levels, distances, *_direction_sets(planar), inside)
    parts = np.split(found, ends[:-1])
    return [Zones(part[:, 0], part[:, 1], part[:, 2]) for part in parts]


@cache
def _direction_sets(
    planar: bool,
) -> tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.uint16]]:
    """Return directions, the lowest direction in each set of them, and those apart from each.

    A set of directions is a number with a bit for each.
    """
    steps = directions(planar)
    bits = np.arange(len(steps))
    lowest = ((np.arange(2 ** len(steps))[:, None] >> bits) & 1).argmax(axis=1)
    apart = np.abs(steps[:, None] - steps).max(axis=2) > 1
    return steps, lowest.astype(np.uint8), (apart << bits).sum(axis=1).astype(np.uint16)


@kernel
def _find_zones(
    images: Any, distances: Any, steps: Any, lowest: Any, apart: Any, inside: int
) -> Any:
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
                low, high = row_extent(levels[z, y])
                many, at = high - low, (z * height + y) * width + low
                links[low:high] = 0
                for k in range(len(steps)):
                    by = at - (steps[k, 0] * height + steps[k, 1]) * width - steps[k, 2]
                    _link_row(flat, at, by, links, low, many, np.uint16(1 << k))
                for x in range(low, high):
                    level = levels[z, y, x]
                    if level == 0:
                        continue
                    place = here + y * width + x
                    at, left = count, links[x]
                    while left:
                        k = lowest[left]
                        at = _join_zones(parent, number[np.uint64(place + back[k])], at, count)
                        left &= apart[k]  # voxels beside that one are joined to it already
                    if at == count:
                        parent[at] = at
                        found[at, 0], found[at, 1], found[at, 2] = level, 0, near[z, y, x]
                        count += 1
                    found[at, 1] += 1
                    found[at, 2] = min(found[at, 2], near[z, y, x])
                    number[place] = at
        end += _gather_zones(parent, found, count)
        ends[b] = end
    return every[:end], ends


@kernel
def _join_zones(parent: Any, number: int, at: int, none: int) -> int:
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
def _link_row(
    flat: Any, row: int, other_row: int, links: Any, low: int, count: int, bit: Any
) -> None:
    """Set a bit for the voxels of a row whose level is that of the voxel beside them."""
    at, by, to = np.uint64(row), np.uint64(other_row), np.uint64(low)
    for i in range(count):
        x = np.uint64(i)
        mark: Any = np.uint16(0)
        if flat[at + x] == flat[by + x]:
            mark = bit
        links[to + x] = links[to + x] | mark


@kernel
def _gather_zones(parent: Any, found: Any, count: int) -> int:
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


def border_distances(mask: NDArray[np.bool_], planar: bool) -> NDArray[np.uint16]:
    """Return how many steps across faces lead out of a mask; what is outside the array is outside.

    Parameters
    ----------
    mask : (D, H, W) bool
    planar : within slices only (4 neighbours), else in space (6)

    Returns
    -------
    (D + 2, H + 2, W + 2) uint16, 1 at the border, 0 outside; with a voxel of outside all around
    """
    padded = np.zeros([side + 2 for side in mask.shape], dtype=np.uint16)
    padded[1:-1, 1:-1, 1:-1] = mask
    _border_distances(padded, planar)
    return padded


@kernel
def _border_distances(steps: Any, planar: bool) -> None:
    """Replace ones by distances: once forth, once back, as far as a neighbour's and one more."""
    depth, height, _ = steps.shape
    for z in range(1, depth - 1):
        for y in range(1, height - 1):
            low, high = row_extent(steps[z, y])
            row, up, back = steps[z, y], steps[z, y - 1], steps[z - (not planar), y]
            beside = np.int32(0)
            for x in range(low, high):
                near = min(beside, np.int32(up[x]))
                if not planar:
                    near = min(near, np.int32(back[x]))
                beside = np.int32(near + 1) if row[x] else np.int32(0)
                row[x] = beside
    for z in range(depth - 2, 0, -1):
        for y in range(height - 2, 0, -1):
            low, high = row_extent(steps[z, y])
            row, down, front = steps[z, y], steps[z, y + 1], steps[z + (not planar), y]
            beside = np.int32(0)
            for x in range(high - 1, low - 1, -1):
                near = min(beside, np.int32(down[x]))
                if not planar:
                    near = min(near, np.int32(front[x]))
                beside = min(np.int32(row[x]), np.int32(near + 1))
                row[x] = beside
