"""Neighbouring grey level dependence matrix, NGLDM (IBSI family REK0): 17 features [1]_.

References
----------
.. [1] Zwanenburg et al., Image biomarker standardisation initiative,
   arXiv:1612.07003, section 3.11.
"""

from __future__ import annotations

from pydantic import BaseModel

from radiomics.kernels.texture.aggregation import UNDIRECTED, Undirected, mean_features
from radiomics.kernels.texture.emphases import emphases, matrix_entries
from radiomics.kernels.texture.neighbourhood import neighbour_tables
from radiomics.types import Region

VERSION = 1
AGGREGATIONS = UNDIRECTED

IBSI = {
    "low_dependence_emphasis": "SODN",
    "high_dependence_emphasis": "IMOQ",
    "low_grey_level_count_emphasis": "TL9H",
    "high_grey_level_count_emphasis": "OAE7",
    "low_dependence_low_grey_level_emphasis": "EQ3F",
    "low_dependence_high_grey_level_emphasis": "JA6D",
    "high_dependence_low_grey_level_emphasis": "NBZI",
    "high_dependence_high_grey_level_emphasis": "9QMG",
    "grey_level_non_uniformity": "FP8K",
    "normalised_grey_level_non_uniformity": "5SPA",
    "dependence_count_non_uniformity": "Z87G",
    "normalised_dependence_count_non_uniformity": "OKJI",
    "dependence_count_percentage": "6XV8",
    "grey_level_variance": "1PFV",
    "dependence_count_variance": "DNX2",
    "dependence_count_entropy": "FCBV",
    "dependence_count_energy": "CAS9",
}
UNITS = dict.fromkeys(IBSI, "1") | {
    "low_dependence_emphasis": "1/count^2",
    "high_dependence_emphasis": "count^2",
    "low_grey_level_count_emphasis": "1/bin^2",
    "high_grey_level_count_emphasis": "bin^2",
    "low_dependence_low_grey_level_emphasis": "1/(bin^2 count^2)",
    "low_dependence_high_grey_level_emphasis": "bin^2/count^2",
    "high_dependence_low_grey_level_emphasis": "count^2/bin^2",
    "high_dependence_high_grey_level_emphasis": "bin^2 count^2",
    "grey_level_non_uniformity": "count",
    "dependence_count_non_uniformity": "count",
    "grey_level_variance": "bin^2",
    "dependence_count_variance": "count^2",
    "dependence_count_entropy": "bit",
}


class Options(BaseModel, frozen=True, extra="forbid"):
    """How matrices are aggregated, by IBSI's names."""

    aggregation: Undirected = "3d"


def features(region: Region, options: Options) -> dict[str, float]:
    """Compute the features of how many neighbours share a voxel's grey level, itself included.

    Coarseness is 0: only equal levels count. All features are defined for any region with a voxel.
    """
    rows = []
    for tables in neighbour_tables(region, options.aggregation):
        voxels = int(tables.dependences.sum())
        # the first column, no equal neighbour, is dependence 1
        found = matrix_entries(tables.dependences)
        energy = float((found[2].astype(float) ** 2).sum()) / voxels**2
        rows.append([*emphases(*found, voxels), energy])
    return dict(zip(IBSI, mean_features(rows, len(IBSI)), strict=True))
