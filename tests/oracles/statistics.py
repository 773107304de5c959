"""Oracle of the 18 intensity statistics (IBSI family UHIW).

Written only from the formulas of FEATURES.md / IBSI arXiv:1612.07003, with the standard library
and without any code of the package under test. Percentiles are linearly interpolated at the
position (n - 1) * q; the position is kept as an exact fraction of whole numbers.
"""

from __future__ import annotations

import math


def percentile(ordered: list[float], percent: int) -> float:
    """Percentile of ascending values, linear between the neighbours of (n - 1) * percent / 100."""
    below, hundredths = divmod((len(ordered) - 1) * percent, 100)
    if hundredths == 0:
        return ordered[below]
    step = ordered[below + 1] - ordered[below]
    return ordered[below] + step * hundredths / 100


def mean_of(values: list[float]) -> float:
    """Arithmetic mean; exactly the common value if all values are equal, nan if there are none."""
    if not values:
        return math.nan
    if min(values) == max(values):
        return values[0]
    return math.fsum(values) / len(values)


def central_moment(values: list[float], order: int) -> float:
    """Mean of (x - mean)^order."""
    mean = mean_of(values)
    return mean_of([(value - mean) ** order for value in values])


def mean_deviation(values: list[float], centre: float) -> float:
    """Mean absolute deviation of the values from a centre."""
    return mean_of([abs(value - centre) for value in values])


def ratio(numerator: float, denominator: float) -> float:
    """Quotient, nan where the denominator is 0."""
    return math.nan if denominator == 0 else numerator / denominator


def shape_statistics(values: list[float]) -> dict[str, float]:
    """Skewness and excess kurtosis, both 0 for equal values."""
    if min(values) == max(values):
        return {"skewness": 0.0, "kurtosis": 0.0}
    variance = central_moment(values, 2)
    return {
        "skewness": central_moment(values, 3) / variance**1.5,
        "kurtosis": central_moment(values, 4) / variance**2 - 3.0,
    }


def order_statistics(ordered: list[float]) -> dict[str, float]:
    """Statistics that follow from the ascending values and their percentiles."""
    p10, p25, median, p75, p90 = (percentile(ordered, q) for q in (10, 25, 50, 75, 90))
    middle = [value for value in ordered if p10 <= value <= p90]
    return {
        "median": median,
        "minimum": ordered[0],
        "10th_percentile": p10,
        "90th_percentile": p90,
        "maximum": ordered[-1],
        "interquartile_range": p75 - p25,
        "range": ordered[-1] - ordered[0],
        "robust_mean_absolute_deviation": mean_deviation(middle, mean_of(middle)),
        "median_absolute_deviation": mean_deviation(ordered, median),
        "quartile_coefficient_of_dispersion": ratio(p75 - p25, p75 + p25),
    }


def statistics(values: list[float]) -> dict[str, float]:
    """Compute the 18 intensity statistics of the (at least one) intensities of a region."""
    numbers = [float(value) for value in values]
    mean = mean_of(numbers)
    variance = central_moment(numbers, 2)
    energy = math.fsum(value * value for value in numbers)
    return {
        "mean": mean,
        "variance": variance,
        **shape_statistics(numbers),
        **order_statistics(sorted(numbers)),
        "mean_absolute_deviation": mean_deviation(numbers, mean),
        "coefficient_of_variation": ratio(math.sqrt(variance), mean),
        "energy": energy,
        "root_mean_square": math.sqrt(energy / len(numbers)),
    }
