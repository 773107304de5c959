"""Statistics of a sample, of intensities and of grey levels alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.compiling import kernel

STRETCH = 512
"""Values that are summed before their sum is added to others."""


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
    ranked = np.sort(x)  # a sort in vector registers is faster than a search for five ranks
    lowest, highest, mean = float(ranked[0]), float(ranked[-1]), float(x.mean())
    # a constant region that was interpolated is constant but for the last bits
    equal = highest - lowest <= 1e-12 * max(-lowest, highest)
    p10, p25, median, p75, p90 = (_percentile(ranked, q) for q in (10, 25, 50, 75, 90))
    robust = slice(np.searchsorted(ranked, p10), np.searchsorted(ranked, p90, side="right"))
    ranked -= mean
    variance, third, fourth = (float(s) / x.size for s in _power_sums(ranked))
    return {
        "mean": mean,
        "variance": 0.0 if equal else variance,
        "skewness": 0.0 if equal else third / variance**1.5,
        "kurtosis": 0.0 if equal else fourth / variance**2 - 3,
        "median": median,
        "minimum": lowest,
        "10th_percentile": p10,
        "90th_percentile": p90,
        "maximum": highest,
        "interquartile_range": p75 - p25,
        "range": highest - lowest,
        "mean_absolute_deviation": _mean_deviation(ranked, 0.0),
        "robust_mean_absolute_deviation": _mean_deviation(ranked[robust]),
        "median_absolute_deviation": _mean_deviation(ranked, median - mean),
        "coefficient_of_variation": _ratio_or_nan(0.0 if equal else variance**0.5, mean),
        "quartile_coefficient_of_dispersion": _ratio_or_nan(p75 - p25, p75 + p25),
        "energy": x.size * (variance + mean**2),
        "root_mean_square": (variance + mean**2) ** 0.5,
    }


def _percentile(ranked: NDArray[np.float64], q: float) -> float:
    """Return a percentile of sorted values, by linear interpolation between ranks."""
    place = q / 100 * (len(ranked) - 1)
    below = int(place)
    low, high = float(ranked[below]), float(ranked[min(below + 1, len(ranked) - 1)])
    return low + (high - low) * (place - below)


def _mean_deviation(ranked: NDArray[np.float64], centre: float | None = None) -> float:
    """Return the mean absolute deviation of sorted values from a centre, from their mean if None.

    NaN of nothing (two values lie outside P10 to P90).
    """
    if not ranked.size:
        return float("nan")
    if centre is None:
        centre = float(ranked.mean())
    below = int(np.searchsorted(ranked, centre))
    apart = float(ranked[below:].sum()) - float(ranked[:below].sum())
    return (apart + centre * (2 * below - ranked.size)) / ranked.size


@kernel(fastmath=True)
def _power_sums(x: Any) -> Any:
    """Sum second, third and fourth powers, of short stretches first: rounding errors stay small."""
    total = np.zeros(3)
    for start in range(0, len(x), STRETCH):
        second = third = fourth = 0.0
        for k in range(start, min(start + STRETCH, len(x))):
            square = x[k] * x[k]
            second += square
            third += square * x[k]
            fourth += square * square
        total[0] += second
        total[1] += third
        total[2] += fourth
    return total


def _ratio_or_nan(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator != 0 else float("nan")
