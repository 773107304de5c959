"""Statistics of a sample, of intensities and of grey levels alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


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
