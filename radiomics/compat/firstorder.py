"""PyRadiomics' first order features."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.compat.binning import grey_levels
from radiomics.compat.features import FeatureClass

TINY = float(np.spacing(1))


class RadiomicsFirstOrder(FeatureClass):
    """Statistics of intensities; entropy and uniformity of the discretised ones."""

    NAMES = (
        "Energy",
        "TotalEnergy",
        "Entropy",
        "Minimum",
        "10Percentile",
        "90Percentile",
        "Maximum",
        "Mean",
        "Median",
        "InterquartileRange",
        "Range",
        "MeanAbsoluteDeviation",
        "RobustMeanAbsoluteDeviation",
        "RootMeanSquared",
        "Skewness",
        "Kurtosis",
        "Variance",
        "Uniformity",
    )
    OLD = ("StandardDeviation",)

    def compute(self) -> dict[str, float]:
        """Compute all features."""
        grey = self.settings.get("levels")
        if grey is None:
            grey = grey_levels(self.imageArray, self.maskArray, self.settings)
        x = self.imageArray[self.maskArray].astype(np.float64)
        shift = self.settings.get("voxelArrayShift", 0)
        volume = math.prod(self.pixelSpacing)
        return statistics(x, grey[self.maskArray], shift, volume)


def percentiles(ranked: NDArray[np.float64], wanted: Sequence[float]) -> list[float]:
    """Return percentiles of sorted values: what ``np.percentile`` returns, to the last bit.

    The last bit decides whether a value belongs to those between two percentiles.
    """
    found = []
    for q in wanted:
        place = q / 100 * (len(ranked) - 1)
        below = int(place)
        low, high = float(ranked[below]), float(ranked[min(below + 1, len(ranked) - 1)])
        part, step = place - below, high - low
        found.append(high - step * (1 - part) if part >= 0.5 else low + step * part)
    return found


def statistics(
    x: NDArray[np.float64], grey: NDArray[Any], shift: float, volume: float
) -> dict[str, float]:
    """Return the features of intensities and of their grey levels, both (N,)."""
    ranked = np.sort(x)  # sooner than to search for five ranks
    tenth, quarter, median, three, ninetieth = percentiles(ranked, (10, 25, 50, 75, 90))
    mean, low, high = x.mean(), ranked[0], ranked[-1]
    away = x - mean
    square = away * away
    second = square.mean()
    inner = x[(x >= tenth) & (x <= ninetieth)]
    counts = np.bincount(grey)
    p = counts[counts > 0] / len(x)
    energy = ((x + shift) ** 2).sum()
    some = second > 0
    return {
        "Energy": float(energy),
        "TotalEnergy": float(energy * volume),
        "Entropy": float(-(p * np.log2(p + TINY)).sum()),
        "Minimum": float(low),
        "10Percentile": float(tenth),
        "90Percentile": float(ninetieth),
        "Maximum": float(high),
        "Mean": float(mean),
        "Median": float(median),
        "InterquartileRange": float(three - quarter),
        "Range": float(high - low),
        "MeanAbsoluteDeviation": float(np.abs(away).mean()),
        "RobustMeanAbsoluteDeviation": float(np.abs(inner - inner.mean()).mean()),
        "RootMeanSquared": float(np.sqrt(energy / len(x))),
        "StandardDeviation": float(np.sqrt(second)),
        "Skewness": float((square * away).mean() / second**1.5) if some else 0.0,
        "Kurtosis": float((square * square).mean() / second**2) if some else 0.0,
        "Variance": float(second),
        "Uniformity": float((p**2).sum()),
    }
