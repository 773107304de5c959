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
    lowest, highest = float(x.min()), float(x.max())
    equal = highest - lowest <= 1e-12 * max(-lowest, highest)
    ranked = np.sort(x)  # a sort in vector registers is faster than a search for five ranks
    p10, p25, median, p75, p90 = (_percentile(ranked, q) for q in (10, 25, 50, 75, 90))
    robust = ranked[np.searchsorted(ranked, p10) : np.searchsorted(ranked, p90, side="right")]
    energy = float(x @ x)
    return {
        "mean": mean,
        "variance": 0.0 if equal else variance,
        "skewness": 0.0 if equal else float((square * centred).mean()) / variance**1.5,
        "kurtosis": 0.0 if equal else float((square * square).mean()) / variance**2 - 3,
        "median": median,
        "minimum": lowest,
        "10th_percentile": p10,
        "90th_percentile": p90,
        "maximum": highest,
        "interquartile_range": p75 - p25,
        "range": highest - lowest,
        "mean_absolute_deviation": float(np.abs(centred).mean()),
        "robust_mean_absolute_deviation": _mean_deviation(robust),
        "median_absolute_deviation": float(np.abs(x - median).mean()),
        "coefficient_of_variation": _ratio(0.0 if equal else variance**0.5, mean),
        "quartile_coefficient_of_dispersion": _ratio(p75 - p25, p75 + p25),
        "energy": energy,
        "root_mean_square": (energy / x.size) ** 0.5,
    }


def _percentile(ranked: NDArray[np.float64], q: float) -> float:
    """Return a percentile of sorted values, by linear interpolation between ranks."""
    place = q / 100 * (len(ranked) - 1)
    below = int(place)
    low, high = float(ranked[below]), float(ranked[min(below + 1, len(ranked) - 1)])
    return low + (high - low) * (place - below)


def _mean_deviation(x: NDArray[np.float64]) -> float:
    """Return the mean absolute deviation; NaN of nothing (two values lie outside P10 to P90)."""
    return float(np.abs(x - x.mean()).mean()) if x.size else float("nan")


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator != 0 else float("nan")
