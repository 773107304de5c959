"""Oracle of the intensity histogram, the intensity-volume histogram and the local intensity.

Written only from FEATURES.md (sections "Intensity histogram", "Intensity-volume histogram" and
"Local intensity") / IBSI arXiv:1612.07003, without any code of the package under test. Fractions
of volume and of intensity are compared as whole numbers, so that no rounding moves a level. What
FEATURES.md leaves undefined is nan: the gradients of a single level, an intensity at a volume
fraction that no level of the range reaches, and ratios of the form 0/0.
"""

from __future__ import annotations

import math

import numpy as np

from tests.oracles.statistics import statistics

Features = dict[str, float]

SHARED = """mean variance skewness kurtosis median minimum 10th_percentile 90th_percentile maximum
    interquartile_range range mean_absolute_deviation robust_mean_absolute_deviation
    median_absolute_deviation coefficient_of_variation quartile_coefficient_of_dispersion""".split()
GRADIENTS = """maximum_histogram_gradient maximum_histogram_gradient_grey_level
    minimum_histogram_gradient minimum_histogram_gradient_grey_level""".split()


def counts_by_level(levels_1d: np.ndarray, n_levels: int) -> list[int]:
    """Count the voxels of the levels 1 .. n_levels; any other level is an error."""
    counts = [0] * n_levels
    for level in levels_1d:
        if not 1 <= level <= n_levels:
            raise ValueError(f"level {level} is not in 1 .. {n_levels}")
        counts[int(level) - 1] += 1
    return counts


def mode(counts: list[int]) -> int:
    """Level with the highest count; of several the one nearest to the mean, then the lower one."""
    voxels = sum(counts)
    total = sum(level * n for level, n in enumerate(counts, start=1))
    highest = [level for level, n in enumerate(counts, start=1) if n == max(counts)]
    return min(highest, key=lambda level: (abs(level * voxels - total), level))


def gradient_features(counts: list[int]) -> Features:
    """Extreme gradients of the histogram and their levels (of several the first), nan for one."""
    last = len(counts) - 1
    if last == 0:
        return dict.fromkeys(GRADIENTS, math.nan)
    gradient = [float(counts[1] - counts[0])]
    gradient += [(counts[k + 1] - counts[k - 1]) / 2 for k in range(1, last)]
    gradient += [float(counts[last] - counts[last - 1])]
    high, low = max(gradient), min(gradient)
    values = [high, gradient.index(high) + 1.0, low, gradient.index(low) + 1.0]
    return dict(zip(GRADIENTS, values, strict=True))


def histogram(levels_1d: np.ndarray, n_levels: int) -> Features:
    """Compute the 23 intensity histogram features of the levels 1 .. n_levels of a region."""
    counts = counts_by_level(levels_1d, n_levels)
    p = [n / len(levels_1d) for n in counts]
    basic = statistics([float(level) for level in levels_1d])
    return {
        **{f"intensity_histogram_{name}": basic[name] for name in SHARED},
        "intensity_histogram_mode": float(mode(counts)),
        "intensity_histogram_entropy": -math.fsum(q * math.log2(q) for q in p if q > 0),
        "intensity_histogram_uniformity": math.fsum(q**2 for q in p),
        **gradient_features(counts),
    }


def volume_histogram(bins: list[int], n_bins: int, lowest: float, width: float) -> Features:
    """IVH features of bins 1 .. n_bins at the intensities lowest, lowest + width, ...

    Bins above n_bins count for every level, bins below 1 for none.
    """
    voxels = len(bins)
    above = [sum(b >= level for b in bins) for level in range(1, n_bins + 1)]

    def volume_at(tenths: int) -> float:
        """Largest fraction of the levels with gamma >= tenths / 10; 0/0 for a single level."""
        if n_bins == 1:
            return math.nan
        found = [n for k, n in enumerate(above) if 10 * k >= tenths * (n_bins - 1)]
        return max(found) / voxels

    def intensity_at(tenths: int) -> float:
        """Lowest intensity whose fraction is <= tenths / 10; nan if there is none in the range."""
        found = [k for k, n in enumerate(above) if 10 * n <= tenths * voxels]
        return lowest + width * min(found) if found else math.nan

    trapezoids = [(above[k] + above[k + 1]) / 2 / voxels for k in range(n_bins - 1)]
    v10, v90, i10, i90 = volume_at(1), volume_at(9), intensity_at(1), intensity_at(9)
    return {
        "volume_fraction_at_10_intensity": v10,
        "volume_fraction_at_90_intensity": v90,
        "intensity_at_10_volume": i10,
        "intensity_at_90_volume": i90,
        "difference_in_volume_fraction_between_10_and_90_intensity": v10 - v90,
        "difference_in_intensity_between_10_and_90_volume": i10 - i90,
        "area_under_ivh_curve": math.fsum(trapezoids) / (n_bins - 1) if n_bins > 1 else 0.0,
    }


def ivh(levels_1d: np.ndarray, n_levels: int) -> Features:
    """IVH in arbitrary units (configuration E, digital phantom): levels, G = [1, n_levels], w=1."""
    counts_by_level(levels_1d, n_levels)
    return volume_histogram([int(level) for level in levels_1d], n_levels, 1.0, 1.0)


def ivh_discrete(intensities: np.ndarray, limits: tuple[int, int] | None = None) -> Features:
    """IVH of calibrated whole intensities (A, B, D): values unchanged, w = 1, G = limits.

    The limits are those of the re-segmentation; without them G = [min, max] of the region.
    """
    values = [int(value) for value in intensities]
    if any(value != exact for value, exact in zip(values, intensities, strict=True)):
        raise ValueError("discrete intensities are whole numbers")
    low, high = limits or (min(values), max(values))
    return volume_histogram([value - low + 1 for value in values], high - low + 1, float(low), 1.0)


def ivh_continuous(
    intensities: np.ndarray, width: float = 2.5, limits: tuple[float, float] | None = None
) -> Features:
    """IVH of calibrated continuous intensities (C): bins of fixed width, named by their centres.

    The bins begin at the lower re-segmentation limit and G runs from the centre of the first bin
    to that of the last, which ends at the upper limit. Without limits the bins begin at the minimum
    of the region and end with the highest one that is occupied (FEATURES.md does not say).
    """
    low = limits[0] if limits else float(min(intensities))
    bins = [math.floor((float(value) - low) / width) + 1 for value in intensities]
    n_bins = round((limits[1] - low) / width) if limits else max(bins)
    if limits and abs(low + n_bins * width - limits[1]) > 1e-9 * width:
        raise ValueError("the limits do not hold a whole number of bins")
    return volume_histogram(bins, n_bins, low + width / 2, width)


def local_peak(image: np.ndarray, centre: tuple[int, ...], spacing: tuple[float, ...]) -> float:
    """Mean of the image voxels within 1 cm^3 around a voxel, without those outside the image."""
    radius = 10 * (3 / (4 * math.pi)) ** (1 / 3)
    reach = [math.floor(radius / size) for size in spacing]
    values = []
    for offset in np.ndindex(*(2 * r + 1 for r in reach)):
        step = [o - r for o, r in zip(offset, reach, strict=True)]
        index = tuple(c + s for c, s in zip(centre, step, strict=True))
        distance = math.hypot(*(s * size for s, size in zip(step, spacing, strict=True)))
        exists = all(0 <= i < n for i, n in zip(index, image.shape, strict=True))
        if exists and distance <= radius:
            values.append(float(image[index]))
    return math.fsum(values) / len(values)


def local_intensity(
    image: np.ndarray, mask: np.ndarray, spacing: tuple[float, float, float]
) -> Features:
    """Compute the 2 local intensity features; the image counts also outside the mask."""
    centres = [tuple(int(k) for k in index) for index in np.argwhere(mask)]
    highest = max(float(image[centre]) for centre in centres)
    peaks = {centre: local_peak(image, centre, spacing) for centre in centres}
    return {
        "local_intensity_peak": max(peaks[c] for c in centres if float(image[c]) == highest),
        "global_intensity_peak": max(peaks.values()),
    }
