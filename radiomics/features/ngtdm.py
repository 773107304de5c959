"""Neighbourhood grey tone difference matrix, NGTDM (IBSI family IPET): 5 features [1]_.

References
----------
.. [1] Zwanenburg et al., Image biomarker standardisation initiative,
   arXiv:1612.07003, section 3.10.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from radiomics.kernels.texture.aggregation import UNDIRECTED, Undirected, mean_features
from radiomics.kernels.texture.neighbourhood import neighbour_tables
from radiomics.types import Region

VERSION = 1
AGGREGATIONS = UNDIRECTED
LARGEST_COARSENESS = 1e6

IBSI = {
    "coarseness": "QCDE",
    "contrast": "65HE",
    "busyness": "NQ30",
    "complexity": "HDEZ",
    "strength": "1X9X",
}
UNITS = dict.fromkeys(IBSI, "1") | {
    "coarseness": "1/bin",
    "contrast": "bin^3",
    "complexity": "bin^2",
    "strength": "bin",
}


class Options(BaseModel, frozen=True, extra="forbid"):
    """How matrices are aggregated, by IBSI's names."""

    aggregation: Undirected = "3d"


def features(region: Region, options: Options) -> dict[str, float]:
    """Compute the features of differences between voxels and the mean of their neighbours.

    A voxel without a neighbour inside does not count; where no voxel has one, all five are NaN. A
    single grey level has a coarseness of 1e6, the other features are 0.
    """
    tables = neighbour_tables(region, options.aggregation)
    rows = [tone_features(one.voxels, one.differences) for one in tables]
    return dict(zip(IBSI, mean_features((row for row in rows if row), len(IBSI)), strict=True))


def tone_features(voxels: NDArray[np.int64], differences: NDArray[np.int64]) -> list[float] | None:
    """Compute the five features of one matrix; None where no voxel has a neighbour.

    Parameters
    ----------
    voxels, differences : (G, K) int64, as in
        :class:`radiomics.kernels.texture.neighbourhood.NeighbourTables`
    """
    counts = voxels[:, 1:].sum(axis=1)
    present = np.flatnonzero(counts)
    if not len(present):
        return None
    n = counts[present]
    s = differences[present, 1:] @ (1 / np.arange(1, differences.shape[1]))
    total, levels = int(n.sum()), present + 1
    p = n / total
    weighted = p * s
    across = levels[:, None] - levels
    coarse = float(weighted.sum())
    several = len(levels) > 1
    contrast = 0.0
    if several:
        spread = float(p @ across**2 @ p) / (len(levels) * (len(levels) - 1))
        contrast = spread * float(s.sum()) / total
    # whole numbers: equal products of level and share must cancel exactly
    busy = int(np.abs((levels * n)[:, None] - levels * n).sum())
    pairs = (weighted[:, None] + weighted) / (p[:, None] + p)
    difference = float(s.sum())
    strength = float(((p[:, None] + p) * across**2).sum())
    return [
        min(1 / coarse, LARGEST_COARSENESS) if coarse > 0 else LARGEST_COARSENESS,
        contrast,
        coarse * total / busy if several and busy else 0.0,
        float((np.abs(across) * pairs).sum()) / total,
        strength / difference if difference > 0 else 0.0,
    ]
