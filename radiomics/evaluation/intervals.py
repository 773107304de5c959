"""Confidence intervals by resampling patients, not samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.evaluation.metrics import Metric
from radiomics.types import Predictions

BLOCK = 4_000_000  # weights that a metric is given at once


@dataclass(frozen=True)
class Estimate:
    """A value with its interval; ``resamples`` are those that had both classes."""

    value: float
    low: float
    high: float
    resamples: int

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def group_weights(groups: NDArray[Any], resamples: int, seed: int) -> NDArray[np.float64]:
    """Draw groups with replacement; return how often each sample then stands there: (B, N).

    All samples of a group are drawn together, because they are not independent.
    """
    _, member = np.unique(groups, return_inverse=True)
    count = int(member.max()) + 1
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=resamples)
    return drawn[:, member].astype(np.float64)


def bootstrap(
    predictions: Predictions, metric: Metric, weights: NDArray[np.float64], level: float = 0.95
) -> Estimate:
    """Estimate a metric with its percentile bootstrap interval.

    Parameters
    ----------
    weights : (B, N), from :func:`group_weights`
    level : coverage that the interval aims at

    References
    ----------
    .. [1] Efron, Tibshirani, An introduction to the bootstrap, 1993, chapter 13.
    """
    y, score = predictions.y_true, predictions.y_score
    value = float(metric(y, score, np.ones((1, len(y))))[0])
    rows = max(1, BLOCK // len(y))
    blocks = [weights[start : start + rows] for start in range(0, len(weights), rows)]
    values = np.concatenate([metric(y, score, block) for block in blocks])
    values = values[np.isfinite(values)]
    if not values.size:
        return Estimate(value, float("nan"), float("nan"), 0)
    tail = (1 - level) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return Estimate(value, float(low), float(high), len(values))


def estimate(
    predictions: Predictions,
    measure: Callable[[Predictions, NDArray[np.float64]], NDArray[np.float64]],
    weights: NDArray[np.float64],
    level: float = 0.95,
) -> Estimate:
    """Estimate a measure of predictions with its percentile bootstrap interval.

    Parameters
    ----------
    measure : one of :func:`radiomics.evaluation.measures.measures`
    weights : (B, N), from :func:`group_weights`
    level : coverage that the interval aims at
    """
    value = float(measure(predictions, np.ones((1, len(predictions.ids))))[0])
    return interval(value, resampled(predictions, measure, weights), level)


def resampled(
    predictions: Predictions,
    measure: Callable[[Predictions, NDArray[np.float64]], NDArray[np.float64]],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return a measure in every resample: (B,) for ``weights`` (B, N)."""
    rows = max(1, BLOCK // len(predictions.ids))
    blocks = [weights[start : start + rows] for start in range(0, len(weights), rows)]
    return np.concatenate([measure(predictions, block) for block in blocks])


def interval(value: float, resampled: NDArray[np.float64], level: float = 0.95) -> Estimate:
    """Return a value with the percentile interval of its resamples (B,), NaN left out.

    References
    ----------
    .. [1] Efron, Tibshirani, An introduction to the bootstrap, 1993, chapter 13.
    """
    values = resampled[np.isfinite(resampled)]
    if not values.size:
        return Estimate(value, float("nan"), float("nan"), 0)
    tail = (1 - level) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return Estimate(value, float(low), float(high), len(values))
