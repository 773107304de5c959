"""Numba kernels: compiled on first use, cached on disk, free of the interpreter lock."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.compiling import kernel
from radiomics.kernels.texture.directions import directions


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


@kernel
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


def cooccurrences(
    levels: NDArray[np.uint16], n_levels: NDArray[np.int64], planar: bool
) -> list[NDArray[np.int64]]:
    """Count pairs of neighbouring levels in each direction, in both orders.

    Parameters
    ----------
    levels : (B, D + 2, H + 2, W + 2) uint16, in each image 1 to its number of levels inside, 0
        outside and around
    n_levels : (B,) int64
    planar : in the 4 directions within slices, else in all 13

    Returns
    -------
    list of B arrays (K, n, n) int64, symmetric
    """
    sizes, found, first, k = (n_levels + 1).tolist(), [], 0, len(directions(planar))
    counts = np.zeros(k * sum(size * size for size in sizes), dtype=np.int64)
    _cooccurrences(_flat(levels), _strides(levels, planar), n_levels + 1, counts)
    for size in sizes:
        one = counts[first : first + k * size * size].reshape(k, size, size)[:, 1:, 1:]
        one += one.transpose(0, 2, 1)
        found.append(one)
        first += k * size * size
    return found


def neighbourhoods(
    levels: NDArray[np.uint16], n_levels: NDArray[np.int64], planar: bool
) -> list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """Compare each voxel with its neighbours inside (8 in a slice, 26 in a volume).

    Parameters
    ----------
    levels, n_levels, planar : as in :func:`cooccurrences`

    Returns
    -------
    list of B triples

    voxels : (n, K) int64, voxels by level and number K of neighbours inside (0, 1, ...)
    differences : (n, K) int64, their summed ``|K i - sum of neighbours|``
    dependences : (n, K) int64, voxels by level and number of neighbours of the same level
    """
    half = _strides(levels, planar)
    steps = np.concatenate([half, -half])
    ends = np.cumsum(n_levels + 1)
    found = np.zeros((3, ends[-1], len(steps) + 1), dtype=np.int64)
    _neighbourhoods(_flat(levels), steps, ends, *found)
    rows = [slice(end - count, end) for end, count in zip(ends, n_levels, strict=True)]
    return [(found[0][part], found[1][part], found[2][part]) for part in rows]


def _flat(levels: NDArray[np.uint16]) -> NDArray[np.uint16]:
    return levels.reshape(len(levels), -1)


def _strides(levels: NDArray[Any], planar: bool) -> NDArray[np.int64]:
    """Return the directions as steps in a flattened image."""
    _, _, height, width = levels.shape
    return np.asarray(directions(planar) @ np.array([height * width, width, 1]))


@kernel
def _cooccurrences(images: Any, steps: Any, sizes: Any, counts: Any) -> None:
    first = 0
    for b in range(len(images)):
        last = first + len(steps) * sizes[b] * sizes[b]
        table = counts[first:last].reshape(len(steps), sizes[b], sizes[b])
        flat = images[b]
        for at in range(flat.size):
            level = flat[at]
            if level:
                for k in range(len(steps)):
                    table[k, level, flat[np.uint64(at + steps[k])]] += 1
        first = last


@kernel
def _neighbourhoods(
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


@kernel
def line_sums(sums: Any, voxels: Any, lines: Any) -> Any:
    """Average an image over lines around voxels, from its running sums along x.

    Parameters
    ----------
    sums : (D, H, W + 1) float64, sums of the voxels before each place in a row
    voxels : (N, 3) int64
    lines : (L, 3) int64, shifts in z and y, and how far the line reaches to both sides in x

    Returns
    -------
    (N,) float64
    """
    depth, height, width = sums.shape[0], sums.shape[1], sums.shape[2] - 1
    means = np.empty(len(voxels))
    for n in range(len(voxels)):
        total, count = 0.0, 0
        for k in range(len(lines)):
            z, y = voxels[n, 0] + lines[k, 0], voxels[n, 1] + lines[k, 1]
            if 0 <= z < depth and 0 <= y < height:
                low = max(voxels[n, 2] - lines[k, 2], 0)
                high = min(voxels[n, 2] + lines[k, 2] + 1, width)
                total += sums[z, y, high] - sums[z, y, low]
                count += high - low
        means[n] = total / count
    return means
