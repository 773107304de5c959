"""Intensity histogram (IBSI family ZVCW): 23 features of the grey levels in the mask [1]_.

References
----------
.. [1] Zwanenburg et al., Image biomarker standardisation initiative, arXiv:1612.07003, section 3.4.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from radiomics.kernels.statistics import statistics
from radiomics.types import Region

VERSION = 2

IBSI = {
    "intensity_histogram_mean": "X6K6",
    "intensity_histogram_variance": "CH89",
    "intensity_histogram_skewness": "88K1",
    "intensity_histogram_kurtosis": "C3I7",
    "intensity_histogram_median": "WIFQ",
    "intensity_histogram_minimum": "1PR8",
    "intensity_histogram_10th_percentile": "GPMT",
    "intensity_histogram_90th_percentile": "OZ0C",
    "intensity_histogram_maximum": "3NCY",
    "intensity_histogram_mode": "AMMC",
    "intensity_histogram_interquartile_range": "WR0O",
    "intensity_histogram_range": "5Z3W",
    "intensity_histogram_mean_absolute_deviation": "D2ZX",
    "intensity_histogram_robust_mean_absolute_deviation": "WRZB",
    "intensity_histogram_median_absolute_deviation": "4RNL",
    "intensity_histogram_coefficient_of_variation": "CWYJ",
    "intensity_histogram_quartile_coefficient_of_dispersion": "SLWD",
    "intensity_histogram_entropy": "TLU2",
    "intensity_histogram_uniformity": "BJ5W",
    "maximum_histogram_gradient": "12CE",
    "maximum_histogram_gradient_grey_level": "8E6O",
    "minimum_histogram_gradient": "VQB3",
    "minimum_histogram_gradient_grey_level": "RHQZ",
}
UNITS = dict.fromkeys(IBSI, "1") | {
    "intensity_histogram_mean": "bin",
    "intensity_histogram_variance": "bin^2",
    "intensity_histogram_median": "bin",
    "intensity_histogram_minimum": "bin",
    "intensity_histogram_10th_percentile": "bin",
    "intensity_histogram_90th_percentile": "bin",
    "intensity_histogram_maximum": "bin",
    "intensity_histogram_mode": "bin",
    "intensity_histogram_interquartile_range": "bin",
    "intensity_histogram_range": "bin",
    "intensity_histogram_mean_absolute_deviation": "bin",
    "intensity_histogram_robust_mean_absolute_deviation": "bin",
    "intensity_histogram_median_absolute_deviation": "bin",
    "intensity_histogram_entropy": "bit",
    "maximum_histogram_gradient": "voxel",
    "maximum_histogram_gradient_grey_level": "bin",
    "minimum_histogram_gradient": "voxel",
    "minimum_histogram_gradient_grey_level": "bin",
}


class Options(BaseModel, frozen=True, extra="forbid"):
    """The family has nothing to choose."""


def features(region: Region, options: Options) -> dict[str, float]:
    """Compute the features of the histogram of grey levels, empty ones included.

    The statistics are those of the intensities, of levels. The mode nearest to the mean is taken
    where several levels are equally frequent, then the lower. A single level has no gradient.
    """
    del options
    levels = region.levels[region.intensity_mask]
    counts = np.bincount(levels, minlength=region.n_levels + 1)[1:]
    values = statistics(levels.astype(np.float64))
    p = counts[counts > 0] / levels.size
    distance = np.abs(np.arange(1, len(counts) + 1) - values["mean"])
    frequent = np.flatnonzero(counts == counts.max())
    values["mode"] = float(frequent[np.argmin(distance[frequent])] + 1)
    values["entropy"] = float(-(p @ np.log2(p)))
    values["uniformity"] = float(p @ p)
    named = {f"intensity_histogram_{name}": value for name, value in values.items()}
    named |= histogram_gradients(counts)
    return {name: named[name] for name in IBSI}


def histogram_gradients(counts: NDArray[np.int64]) -> dict[str, float]:
    """Return the steepest rise and fall of a histogram and their levels; the first of equal ones.

    Differences are central ones within, one-sided at both ends.
    """
    nothing = float("nan")
    slope = np.gradient(counts.astype(np.float64)) if len(counts) > 1 else np.array([nothing])
    rise, fall = int(np.argmax(slope)), int(np.argmin(slope))
    single = len(counts) < 2
    return {
        "maximum_histogram_gradient": float(slope[rise]),
        "maximum_histogram_gradient_grey_level": nothing if single else rise + 1.0,
        "minimum_histogram_gradient": float(slope[fall]),
        "minimum_histogram_gradient_grey_level": nothing if single else fall + 1.0,
    }
