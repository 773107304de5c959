"""Zones of equal grey levels with their sizes and distances, as two families need them."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.shape.surface import border_distances
from radiomics.kernels.texture.run_length import Triple, zones
from radiomics.kernels.texture.stacks import counted, voxels_of
from radiomics.types import Region


def zone_tables(region: Region, method: str) -> list[tuple[Triple, int]]:
    """Return level, size and distance of all zones, and the number of voxels: one a matrix.

    One entry for ``2.5d_merged`` and ``3d``, one a slice for ``2d_averaged``.
    """
    planar = method != "3d"
    parts = list(zip(_find(region, planar), voxels_of(region, by_slice=planar), strict=True))
    if method != "2.5d_merged":
        return parts
    merged = [np.concatenate(column) for column in zip(*(p[0] for p in parts), strict=True)]
    return [((merged[0], merged[1], merged[2]), sum(p[1] for p in parts))]


def _find(region: Region, planar: bool) -> list[Triple]:
    """Return the zones of a region, or of each of its slices that hold voxels."""
    distances = region.once_a_mask(("distances", planar), partial(_distances, region, planar))

    def count(levels: NDArray[np.uint16], _: NDArray[np.int64], flat: bool) -> list[Triple]:
        return zones(levels, distances, flat)

    return counted(region, count, planar, by_slice=planar, key=zones)


def _distances(region: Region, planar: bool) -> NDArray[np.uint16]:
    """Return distances from the border as a region's stack lies: (1 or S, D + 2, H + 2, W + 2)."""
    distances = border_distances(region.morphological_mask, planar)
    if not planar:
        return distances[None]
    held = np.flatnonzero(region.levels.any(axis=(1, 2)))
    return np.stack([distances[index : index + 3] for index in held.tolist()])
