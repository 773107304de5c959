"""Metrics of a continuous outcome, for many weightings of the samples at once.

As those of :mod:`radiomics.evaluation.metrics`, ``y`` and ``score`` (N,) in the outcome's unit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.evaluation.metrics import Floats, Metric


def rmse(y: NDArray[Any], score: Floats, weights: Floats) -> Floats:
    """Root of the mean squared error."""
    return np.asarray(np.sqrt(weights @ (score - y) ** 2 / weights.sum(axis=1)))


def mae(y: NDArray[Any], score: Floats, weights: Floats) -> Floats:
    """Mean absolute error."""
    return np.asarray(weights @ np.abs(score - y) / weights.sum(axis=1))


def r2(y: NDArray[Any], score: Floats, weights: Floats) -> Floats:
    """Share of the outcome's variance that the predictions explain; NaN for a constant one."""
    total = weights.sum(axis=1)
    mean = weights @ y / total
    spread = weights @ y**2 / total - mean**2
    error = weights @ (score - y) ** 2 / total
    nothing = np.full(np.shape(error), np.nan)
    return np.asarray(1 - np.divide(error, spread, out=nothing, where=spread > 1e-12 * mean**2))


METRICS: dict[str, Metric] = {"rmse": rmse, "mae": mae, "r2": r2}
