"""Voxels and their neighbours, counted once for the two families that need them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.cpu import neighbourhoods
from radiomics.kernels.texture.stacks import counted
from radiomics.types import Region

Tables = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def neighbour_tables(region: Region, method: str) -> list[Tables]:
    """Return the three tables of :func:`radiomics.kernels.cpu.neighbourhoods`, one set a matrix."""
    planar = method != "3d"
    parts = counted(region, neighbourhoods, planar, by_slice=planar)
    if method != "2.5d_merged":
        return parts
    merged = [np.sum(column, axis=0) for column in zip(*parts, strict=True)]
    return [(merged[0], merged[1], merged[2])]
