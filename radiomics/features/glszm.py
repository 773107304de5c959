"""Grey level size zone matrix, GLSZM (IBSI family 9SAK): 16 features [1]_.

References
----------
.. [1] Zwanenburg et al., Image biomarker standardisation initiative, arXiv:1612.07003, section 3.8.
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
    "small_zone_emphasis": "5QRC",
    "large_zone_emphasis": "48P8",
    "low_grey_level_zone_emphasis": "XMSY",
    "high_grey_level_zone_emphasis": "5GN9",
    "small_zone_low_grey_level_emphasis": "5RAI",
    "small_zone_high_grey_level_emphasis": "HW1V",
    "large_zone_low_grey_level_emphasis": "YH51",
    "large_zone_high_grey_level_emphasis": "J17V",
    "grey_level_non_uniformity": "JNSA",
    "normalised_grey_level_non_uniformity": "Y1RO",
    "zone_size_non_uniformity": "4JP3",
    "normalised_zone_size_non_uniformity": "VB3A",
    "zone_percentage": "P30P",
    "grey_level_variance": "BYLV",
    "zone_size_variance": "3NSA",
    "zone_size_entropy": "GU8N",
}
UNITS = dict.fromkeys(IBSI, "1") | {
    "small_zone_emphasis": "1/voxel^2",
    "large_zone_emphasis": "voxel^2",
    "low_grey_level_zone_emphasis": "1/bin^2",
    "high_grey_level_zone_emphasis": "bin^2",
    "small_zone_low_grey_level_emphasis": "1/(bin^2 voxel^2)",
    "small_zone_high_grey_level_emphasis": "bin^2/voxel^2",
    "large_zone_low_grey_level_emphasis": "voxel^2/bin^2",
    "large_zone_high_grey_level_emphasis": "bin^2 voxel^2",
    "grey_level_non_uniformity": "count",
    "zone_size_non_uniformity": "count",
    "grey_level_variance": "bin^2",
    "zone_size_variance": "voxel^2",
    "zone_size_entropy": "bit",
}


class Options(BaseModel, frozen=True, extra="forbid"):
    """How matrices are aggregated, by IBSI's names."""

    aggregation: Undirected = "3d"


def features(region: Region, options: Options) -> dict[str, float]:
    """Compute the features of connected zones of equal grey levels by their sizes.

    Zone sizes are in voxels. All features are defined for any region with a voxel.
    """
    found = region_zones(region, options.aggregation)
    rows = (emphases(*count_table(zones.levels, zones.sizes), voxels) for zones, voxels in found)
    return dict(zip(IBSI, mean_features(rows, len(IBSI)), strict=True))
