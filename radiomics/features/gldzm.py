"""Grey level distance zone matrix, GLDZM (IBSI family VMDZ): 16 features [1]_.

References
----------
.. [1] Zwanenburg et al., Image biomarker standardisation initiative, arXiv:1612.07003, section 3.9.
"""

from __future__ import annotations

from pydantic import BaseModel

from radiomics.kernels.texture.aggregation import UNDIRECTED, Undirected, mean_features
from radiomics.kernels.texture.emphases import count_table, emphases
from radiomics.kernels.texture.zones import region_zones
from radiomics.types import Region

VERSION = 1
AGGREGATIONS = UNDIRECTED

IBSI = {
    "small_distance_emphasis": "0GBI",
    "large_distance_emphasis": "MB4I",
    "low_grey_level_zone_emphasis": "S1RA",
    "high_grey_level_zone_emphasis": "K26C",
    "small_distance_low_grey_level_emphasis": "RUVG",
    "small_distance_high_grey_level_emphasis": "DKNJ",
    "large_distance_low_grey_level_emphasis": "A7WM",
    "large_distance_high_grey_level_emphasis": "KLTH",
    "grey_level_non_uniformity": "VFT7",
    "normalised_grey_level_non_uniformity": "7HP3",
    "zone_distance_non_uniformity": "V294",
    "normalised_zone_distance_non_uniformity": "IATH",
    "zone_percentage": "VIWW",
    "grey_level_variance": "QK93",
    "zone_distance_variance": "7WT1",
    "zone_distance_entropy": "GBDU",
}
UNITS = dict.fromkeys(IBSI, "1") | {
    "small_distance_emphasis": "1/step^2",
    "large_distance_emphasis": "step^2",
    "low_grey_level_zone_emphasis": "1/bin^2",
    "high_grey_level_zone_emphasis": "bin^2",
    "small_distance_low_grey_level_emphasis": "1/(bin^2 step^2)",
    "small_distance_high_grey_level_emphasis": "bin^2/step^2",
    "large_distance_low_grey_level_emphasis": "step^2/bin^2",
    "large_distance_high_grey_level_emphasis": "bin^2 step^2",
    "grey_level_non_uniformity": "count",
    "zone_distance_non_uniformity": "count",
    "grey_level_variance": "bin^2",
    "zone_distance_variance": "step^2",
    "zone_distance_entropy": "bit",
}


class Options(BaseModel, frozen=True, extra="forbid"):
    """How matrices are aggregated, by IBSI's names."""

    aggregation: Undirected = "3d"


def features(region: Region, options: Options) -> dict[str, float]:
    """Compute the features of connected zones of equal grey levels by their distances.

    A zone's distance is the smallest of its voxels' distances from the border of the morphological
    mask, in steps across faces; voxels at the border have distance 1. All features are defined for
    any region with a voxel.
    """
    found = region_zones(region, options.aggregation)
    rows = (
        emphases(*count_table(zones.levels, zones.distances), voxels) for zones, voxels in found
    )
    return dict(zip(IBSI, mean_features(rows, len(IBSI)), strict=True))
