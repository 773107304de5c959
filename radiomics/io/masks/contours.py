"""Polygons and pixels: even-odd rasters of contours, and outlines of masks as contours."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def rasterise(polygons: Iterable[NDArray[np.float64]], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Fill closed polygons by the even-odd rule, judged at pixel centres.

    All polygons count together, so one inside another is a hole. A centre exactly on an edge is
    inside on the polygon's low side (row and column) and outside on its high side, so that
    adjoining polygons share no pixel and leave none out.

    Parameters
    ----------
    polygons : each (K, 2), row and column coordinates; pixel (r, c) has its centre at (r, c)
    shape : (H, W) of the raster

    >>> square = np.array([[0.5, 0.5], [0.5, 2.5], [2.5, 2.5], [2.5, 0.5]])
    >>> rasterise([square], (4, 4)).astype(int)
    array([[0, 0, 0, 0],
           [0, 1, 1, 0],
           [0, 1, 1, 0],
           [0, 0, 0, 0]])
    """
    height, width = shape
    toggles = np.zeros((height, width + 1), dtype=np.int64)
    for polygon in polygons:
        start, end = polygon, np.roll(polygon, -1, axis=0)
        upward = start[:, 0] <= end[:, 0]
        low = np.where(upward[:, None], start, end)
        high = np.where(upward[:, None], end, start)
        first = np.clip(np.ceil(low[:, 0]), 0, height).astype(np.int64)
        stop = np.clip(np.ceil(high[:, 0]), 0, height).astype(np.int64)
        count = np.maximum(stop - first, 0)
        edge = np.repeat(np.arange(len(polygon)), count)
        offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        row = first[edge] + offset
        slope = (high[edge, 1] - low[edge, 1]) / (high[edge, 0] - low[edge, 0])
        crossing = low[edge, 1] + (row - low[edge, 0]) * slope
        column = np.clip(np.ceil(crossing), 0, width).astype(np.int64)
        np.add.at(toggles, (row, column), 1)
    inside: NDArray[np.bool_] = np.cumsum(toggles[:, :width], axis=1) % 2 == 1
    return inside


def outline(mask: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """Trace the pixel edges around a mask as closed polygons that raster back to the same mask.

    Corners lie at half-integer coordinates; holes come as polygons of their own.

    Parameters
    ----------
    mask : (H, W) bool

    Returns
    -------
    list of (K, 2) float64, row and column coordinates
    """
    padded = np.pad(mask, 1)
    follow: dict[tuple[int, int], list[tuple[int, int]]] = {}
    rows, columns = np.nonzero(padded[1:, :] != padded[:-1, :])
    for r, c in zip(rows.tolist(), columns.tolist(), strict=True):
        a, b = (r, c - 1), (r, c)
        start, end = (a, b) if padded[r + 1, c] else (b, a)
        follow.setdefault(start, []).append(end)
    rows, columns = np.nonzero(padded[:, 1:] != padded[:, :-1])
    for r, c in zip(rows.tolist(), columns.tolist(), strict=True):
        a, b = (r - 1, c), (r, c)
        start, end = (b, a) if padded[r, c + 1] else (a, b)
        follow.setdefault(start, []).append(end)
    polygons = []
    while follow:
        start = next(iter(follow))
        corner, loop = start, []
        while True:
            loop.append(corner)
            ends = follow[corner]
            corner = ends.pop()
            if not ends:
                del follow[loop[-1]]
            if corner == start:
                break
        polygons.append(_corners_only(np.array(loop, dtype=np.float64)) - 0.5)
    return polygons


def _corners_only(loop: NDArray[np.float64]) -> NDArray[np.float64]:
    """Drop the points of a closed loop at which it goes straight on."""
    before = loop - np.roll(loop, 1, axis=0)
    after = np.roll(loop, -1, axis=0) - loop
    return loop[np.any(before != after, axis=1)]
