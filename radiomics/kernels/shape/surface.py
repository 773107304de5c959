"""The outside of a mask: points that can be corners of its hull, distances from its border."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.compiling import kernel
from radiomics.kernels.texture.run_length import extent


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
        of_slices = _kept(ends.shape, _chains(ends, sign), np.inf * sign)
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


def _kept(shape: tuple[int, ...], points: NDArray[np.float64], nothing: float) -> Any:
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
            low, high = extent(steps[z, y])
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
            low, high = extent(steps[z, y])
            row, down, front = steps[z, y], steps[z, y + 1], steps[z + (not planar), y]
            beside = np.int32(0)
            for x in range(high - 1, low - 1, -1):
                near = min(beside, np.int32(down[x]))
                if not planar:
                    near = min(near, np.int32(front[x]))
                beside = min(np.int32(row[x]), np.int32(near + 1))
                row[x] = beside
