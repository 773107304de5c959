"""Convex hulls: the points of a mask that can be their corners, and the largest distance of any."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.compiling import kernel


def hull_candidates(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the mesh vertices of a mask that are corners of the hull of their planes.

    Mesh vertices lie half-way between a voxel inside and a face neighbour outside: in the planes of
    the slices, or half-way between two. A corner of the whole hull is one in each plane
    through it: that of its slice, and that of its row.

    Parameters
    ----------
    mask : (D, H, W) bool

    Returns
    -------
    (P, 3) float64, indices (z, y, x)
    """
    found = []
    for ends, sign in zip(_row_ends(np.pad(mask, 1).view(np.uint8)), (1.0, -1.0), strict=True):
        of_slices = _row_table(ends.shape, _chains(ends, sign), np.inf * sign)
        found.append(_chains(np.ascontiguousarray(of_slices.T), sign)[:, [1, 0, 2]])
    return np.asarray(np.concatenate(found) - 1.0)


def plane_corners(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the mesh vertices of a mask that are corners of the hull of their plane of equal z.

    Returns
    -------
    (P, 3) float64, indices (z, y, x) in steps of half a voxel, z ascending
    """
    ends = _row_ends(np.pad(mask, 1).view(np.uint8))
    chains = [_chains(side, sign) for side, sign in zip(ends, (1.0, -1.0), strict=True)]
    points = np.unique(np.concatenate(chains), axis=0)
    return np.asarray(points - 1.0)


def _row_table(shape: tuple[int, ...], points: NDArray[np.float64], nothing: float) -> Any:
    """Put points back into a table of the ends of rows."""
    ends = np.full(shape, nothing)
    ends[(2 * points[:, 0]).astype(np.intp), (2 * points[:, 1]).astype(np.intp)] = points[:, 2]
    return ends


@kernel
def _row_ends(mask: Any) -> Any:
    """Return the lowest and highest x of mesh vertices by plane and row, both in half voxels."""
    depth, height, width = mask.shape
    low = np.full((2 * depth, 2 * height), np.inf)
    high = np.full((2 * depth, 2 * height), -np.inf)
    for z in range(1, depth - 1):
        for y in range(1, height - 1):
            for x in range(1, width - 1):
                if mask[z, y, x]:
                    if not mask[z, y, x - 1]:
                        low[2 * z, 2 * y] = min(low[2 * z, 2 * y], x - 0.5)
                    if not mask[z, y, x + 1]:
                        high[2 * z, 2 * y] = max(high[2 * z, 2 * y], x + 0.5)
                    for side in (-1, 1):
                        if not mask[z, y + side, x]:
                            row = 2 * y + side
                            low[2 * z, row] = min(low[2 * z, row], x)
                            high[2 * z, row] = max(high[2 * z, row], x)
                        if not mask[z + side, y, x]:
                            plane = 2 * z + side
                            low[plane, 2 * y] = min(low[plane, 2 * y], x)
                            high[plane, 2 * y] = max(high[plane, 2 * y], x)
    return low, high


@kernel
def _chains(ends: Any, sign: float) -> Any:
    """Return the convex chain of the ends of the rows of each plane (P, 3), in voxels."""
    planes, rows = ends.shape
    found = np.empty((planes * rows, 3))
    count = 0
    for plane in range(planes):
        start = count
        for row in range(rows):
            x, y = ends[plane, row], row / 2
            if not np.isfinite(x):
                continue
            while count - start >= 2:
                a, b = found[count - 2], found[count - 1]
                if sign * ((b[1] - a[1]) * (x - a[2]) - (b[2] - a[2]) * (y - a[1])) > 0:
                    break
                count -= 1
            found[count, 0], found[count, 1], found[count, 2] = plane / 2, y, x
            count += 1
    return found[:count].copy()


@kernel(fastmath=True)
def largest_distance(points: Any) -> float:
    """Return the largest distance between two points, (3, N), in O(N^2) without a table."""
    zs, ys, xs = points[0], points[1], points[2]
    largest = 0.0
    for m in range(len(zs)):
        z, y, x = zs[m], ys[m], xs[m]
        for k in range(m):
            dz, dy, dx = z - zs[k], y - ys[k], x - xs[k]
            largest = max(largest, dz * dz + dy * dy + dx * dx)
    return float(np.sqrt(largest))
