"""Zones of equal grey levels with their sizes and distances, as two families need them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.rows import zones
from radiomics.kernels.surface import border_distances
from radiomics.types import Region

Zones = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def zone_tables(region: Region, method: str) -> list[tuple[Zones, int]]:
    """Return level, size and distance of all zones, and the number of voxels: one a matrix.

    One entry for ``2.5d_merged`` and ``3d``, one a slice for ``2d_averaged``.
    """
    planar = method != "3d"
    parts = region.once(("zones", planar), lambda: _find(region, planar))
    if method != "2.5d_merged":
        return list(parts)
    merged = [np.concatenate(column) for column in zip(*(p[0] for p in parts), strict=True)]
    return [((merged[0], merged[1], merged[2]), sum(p[1] for p in parts))]


def _find(region: Region, planar: bool) -> list[tuple[Zones, int]]:
    distances = region.once_a_mask(
        ("distances", planar), lambda: border_distances(region.morphological_mask, planar)
    )
    levels = region.levels
    if not planar:
        return [(zones(levels, distances, False), int(np.count_nonzero(levels)))]
    found = []
    for index in np.flatnonzero(levels.any(axis=(1, 2))).tolist():
        part = levels[index : index + 1]
        flat = zones(part, distances[index : index + 3], True)
        found.append((flat, int(np.count_nonzero(part))))
    return found
