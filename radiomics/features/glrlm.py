"""Grey level run length matrix, GLRLM (IBSI family TP0I): 16 features [1]_.

References
----------
.. [1] Zwanenburg et al., Image biomarker standardisation initiative, arXiv:1612.07003, section 3.7.
"""

from __future__ import annotations

from pydantic import BaseModel

from radiomics.kernels.texture.aggregation import (
    DIRECTIONAL,
    Directional,
    directional_matrices,
    matrix_batches,
    mean_features,
)
from radiomics.kernels.texture.emphases import dense_emphases
from radiomics.kernels.texture.run_length import count_runs
from radiomics.types import Region

VERSION = 2
AGGREGATIONS = DIRECTIONAL

IBSI = {
    "short_runs_emphasis": "22OV",
    "long_runs_emphasis": "W4KF",
    "low_grey_level_run_emphasis": "V3SW",
    "high_grey_level_run_emphasis": "G3QZ",
    "short_run_low_grey_level_emphasis": "HTZT",
    "short_run_high_grey_level_emphasis": "GD3A",
    "long_run_low_grey_level_emphasis": "IVPO",
    "long_run_high_grey_level_emphasis": "3KUM",
    "grey_level_non_uniformity": "R5YN",
    "normalised_grey_level_non_uniformity": "OVBL",
    "run_length_non_uniformity": "W92Y",
    "normalised_run_length_non_uniformity": "IC23",
    "run_percentage": "9ZK5",
    "grey_level_variance": "8CE5",
    "run_length_variance": "SXLW",
    "run_entropy": "HJ9O",
}
UNITS = dict.fromkeys(IBSI, "1") | {
    "short_runs_emphasis": "1/voxel^2",
    "long_runs_emphasis": "voxel^2",
    "low_grey_level_run_emphasis": "1/bin^2",
    "high_grey_level_run_emphasis": "bin^2",
    "short_run_low_grey_level_emphasis": "1/(bin^2 voxel^2)",
    "short_run_high_grey_level_emphasis": "bin^2/voxel^2",
    "long_run_low_grey_level_emphasis": "voxel^2/bin^2",
    "long_run_high_grey_level_emphasis": "bin^2 voxel^2",
    "grey_level_non_uniformity": "count",
    "run_length_non_uniformity": "count",
    "grey_level_variance": "bin^2",
    "run_length_variance": "voxel^2",
    "run_entropy": "bit",
}


class Options(BaseModel, frozen=True, extra="forbid"):
    """How matrices are aggregated, by IBSI's names."""

    aggregation: Directional = "3d_averaged"


def features(region: Region, options: Options) -> dict[str, float]:
    """Compute the features of runs of equal grey levels.

    Run lengths are in voxels; a run ends where the intensity mask ends. All features are defined
    for any region with a voxel.
    """
    matrices = matrix_batches(directional_matrices(region, options.aggregation, count_runs))
    rows = (row for counts, voxels in matrices for row in dense_emphases(counts, voxels))
    return dict(zip(IBSI, mean_features(rows, len(IBSI)), strict=True))
