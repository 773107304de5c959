"""Zones of equal grey levels with their sizes and distances, as two families need them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.cpu import zones
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
    distances = border_distances(region.morphological_mask, planar)
    levels = region.levels
    if not planar:
        return [(zones(levels, distances, False), int(np.count_nonzero(levels)))]
    found = []
    for index in np.flatnonzero(levels.any(axis=(1, 2))).tolist():
        part = levels[index : index + 1]
        flat = zones(part, distances[index : index + 1], True)
        found.append((flat, int(np.count_nonzero(part))))
    return found


def border_distances(mask: NDArray[np.bool_], planar: bool) -> NDArray[np.int32]:
    """Return how many steps across faces lead out of a mask; what is outside the array is outside.

    Parameters
    ----------
    mask : (D, H, W) bool
    planar : within slices only (4 neighbours), else in space (6)

    Returns
    -------
    (D, H, W) int32, 1 at the border, 0 outside
    """
    from scipy.ndimage import distance_transform_cdt

    if planar:
        padded = np.pad(mask, ((0, 0), (1, 1), (1, 1)))
        flat = [distance_transform_cdt(part, metric="taxicab") for part in padded]
        return np.asarray(np.stack(flat)[:, 1:-1, 1:-1], dtype=np.int32)
    whole = distance_transform_cdt(np.pad(mask, 1), metric="taxicab")
    return np.asarray(whole[1:-1, 1:-1, 1:-1], dtype=np.int32)
