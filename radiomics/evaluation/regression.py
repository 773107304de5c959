"""Metrics of a predicted value: (B,) for ``weights`` (B, N), as in the metrics of two classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def mean_absolute_error(y: Floats, value: Floats, weights: Floats) -> Floats:
    """Mean distance of value and truth, in the unit of the outcome."""
    return np.asarray(weights @ np.abs(value - y) / weights.sum(axis=1))


def root_mean_squared_error(y: Floats, value: Floats, weights: Floats) -> Floats:
    """Root of the mean squared distance, in the unit of the outcome."""
    return np.asarray(np.sqrt(weights @ (value - y) ** 2 / weights.sum(axis=1)))


def r_squared(y: Floats, value: Floats, weights: Floats) -> Floats:
    """Share of the outcome's variance that is explained; below 0 it is worse than the mean."""
    total = weights.sum(axis=1)
    mean = weights @ y / total
    variance = weights @ y**2 - total * mean**2
    left = np.divide(
        weights @ (value - y) ** 2,
        variance,
        out=np.full(len(weights), np.nan),
        where=variance > 1e-12 * np.maximum(weights @ y**2, 1e-300),
    )
    return np.asarray(1 - left)
