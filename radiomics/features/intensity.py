"""Intensity-based statistics (IBSI family UHIW): 18 features of the intensities in the mask [1]_.

References
----------
.. [1] Zwanenburg et al., Image biomarker standardisation initiative, arXiv:1612.07003, section 3.3.
"""

from __future__ import annotations

from pydantic import BaseModel

from radiomics.kernels.statistics import statistics
from radiomics.types import Region

VERSION = 2

IBSI = {
    "mean": "Q4LE",
    "variance": "ECT3",
    "skewness": "KE2A",
    "kurtosis": "IPH6",
    "median": "Y12H",
    "minimum": "1GSF",
    "10th_percentile": "QG58",
    "90th_percentile": "8DWT",
    "maximum": "84IY",
    "interquartile_range": "SALO",
    "range": "2OJQ",
    "mean_absolute_deviation": "4FUA",
    "robust_mean_absolute_deviation": "1128",
    "median_absolute_deviation": "N72L",
    "coefficient_of_variation": "7TET",
    "quartile_coefficient_of_dispersion": "9S40",
    "energy": "N8CA",
    "root_mean_square": "5ZWQ",
}
_WITHOUT_UNIT = ("skewness", "kurtosis", "coefficient", "quartile")
UNITS = {
    name: "1"
    if name.startswith(_WITHOUT_UNIT)
    else "{unit}^2"
    if name in ("variance", "energy")
    else "{unit}"
    for name in IBSI
}


class Options(BaseModel, frozen=True, extra="forbid"):
    """The family has nothing to choose."""


def features(region: Region, options: Options) -> dict[str, float]:
    """Compute the statistics of the intensities inside the intensity mask."""
    del options
    return statistics(region.intensities)
