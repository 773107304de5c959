"""Intensity-based statistics (IBSI family UHIW): 18 features of the intensities in the mask [1]_.

References
----------
.. [1] Zwanenburg et al., Image biomarker standardisation initiative, arXiv:1612.07003, section 3.3.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from radiomics.types import Region

VERSION = 1

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


def statistics(x: NDArray[np.float64]) -> dict[str, float]:
    """Compute 18 statistics of a sample.

    Moments are population moments, kurtosis is excess kurtosis, percentiles interpolate linearly
    between order statistics. Skewness and kurtosis of equal values are 0. The coefficient of
    variation is NaN for a mean of 0, the quartile coefficient of dispersion where P25 + P75 = 0.

    Parameters
    ----------
    x : (N,) float64, N at least 1

    >>> round(statistics(np.array([1.0, 2.0, 3.0, 6.0]))["variance"], 6)
    3.5
    """
    mean = float(x.mean())
    centred = x - mean
    square = centred * centred
    variance = float(square.mean())
    # a constant region that was interpolated is constant but for the last bits
    equal = float(x.max() - x.min()) <= 1e-12 * float(np.abs(x).max())
    p10, p25, median, p75, p90 = (float(p) for p in np.percentile(x, [10, 25, 50, 75, 90]))
    robust = x[(x >= p10) & (x <= p90)]
    energy = float(x @ x)
    return {
        "mean": mean,
        "variance": 0.0 if equal else variance,
        "skewness": 0.0 if equal else float((square * centred).mean()) / variance**1.5,
        "kurtosis": 0.0 if equal else float((square * square).mean()) / variance**2 - 3,
        "median": median,
        "minimum": float(x.min()),
        "10th_percentile": p10,
        "90th_percentile": p90,
        "maximum": float(x.max()),
        "interquartile_range": p75 - p25,
        "range": float(x.max() - x.min()),
        "mean_absolute_deviation": float(np.abs(centred).mean()),
        "robust_mean_absolute_deviation": _mean_deviation(robust),
        "median_absolute_deviation": float(np.abs(x - median).mean()),
        "coefficient_of_variation": _ratio(0.0 if equal else variance**0.5, mean),
        "quartile_coefficient_of_dispersion": _ratio(p75 - p25, p75 + p25),
        "energy": energy,
        "root_mean_square": (energy / x.size) ** 0.5,
    }


def _mean_deviation(x: NDArray[np.float64]) -> float:
    """Return the mean absolute deviation; NaN of nothing (two values lie outside P10 to P90)."""
    return float(np.abs(x - x.mean()).mean()) if x.size else float("nan")


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator != 0 else float("nan")
