"""Metrics of a binary outcome, for many weightings of the samples at once.

Each takes ``y`` (N,) of 0 and 1, ``score`` (N,) and ``weights`` (B, N), and returns (B,): one value
per row of weights. A row of ones gives the plain metric; a row of counts gives that of a bootstrap
sample in which sample i stands that many times. A row that leaves a class empty gives NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Metric = Callable[..., Floats]

THRESHOLD = 0.5
"""Score from which a sample counts as positive, for metrics of decisions."""


def roc_auc(
    y: NDArray[Any], score: Floats, weights: Floats, strata: NDArray[Any] | None = None
) -> Floats:
    r"""Area under the ROC curve: :math:`P(s_+ > s_-) + P(s_+ = s_-) / 2`.

    With ``strata`` (the folds) only pairs of one stratum are compared: scores of two folds come
    from two models, and pooling them is biased downwards [1]_.

    References
    ----------
    .. [1] Airola et al., Computational Statistics and Data Analysis 55 (2011) 1828-1844.
    """
    wins, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    for stratum in [None] if strata is None else np.unique(strata):
        inside = slice(None) if strata is None else np.flatnonzero(strata == stratum)
        positive, negative = _by_distinct_score(y[inside], score[inside], weights[:, inside])
        below = np.cumsum(negative, axis=1) - negative
        wins += (positive * (below + negative / 2)).sum(axis=1)
        pairs += positive.sum(axis=1) * negative.sum(axis=1)
    return ratio(wins, pairs)


def average_precision(y: NDArray[Any], score: Floats, weights: Floats) -> Floats:
    """Mean precision over the positives, at each one's score as threshold (no interpolation)."""
    positive, negative = (np.flip(part, axis=1) for part in _by_distinct_score(y, score, weights))
    found = np.cumsum(positive, axis=1)
    called = found + np.cumsum(negative, axis=1)
    precision = np.divide(found, called, out=np.zeros_like(found), where=called > 0)
    total: Floats = ratio((precision * positive).sum(axis=1), positive.sum(axis=1))
    total[negative.sum(axis=1) == 0] = np.nan
    return total


def balanced_accuracy(y: NDArray[Any], score: Floats, weights: Floats) -> Floats:
    """Mean of sensitivity and specificity at a threshold of one half."""
    called = score >= THRESHOLD
    sensitivity = ratio(weights @ (called & (y == 1)), weights @ (y == 1))
    specificity = ratio(weights @ (~called & (y == 0)), weights @ (y == 0))
    return (sensitivity + specificity) / 2


def brier(y: NDArray[Any], score: Floats, weights: Floats) -> Floats:
    """Mean squared difference of predicted probability and outcome: 0 is best."""
    return ratio(weights @ (score - y) ** 2, weights.sum(axis=1))


METRICS: dict[str, Metric] = {
    "roc_auc": roc_auc,
    "average_precision": average_precision,
    "balanced_accuracy": balanced_accuracy,
    "brier": brier,
}


def _by_distinct_score(y: NDArray[Any], score: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return the weights of positives and negatives at each distinct score, ascending: (B, S)."""
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(score[order]) > 0])
    positive = weights[:, order] * (y[order] == 1)
    negative = weights[:, order] * (y[order] == 0)
    return np.add.reduceat(positive, starts, axis=1), np.add.reduceat(negative, starts, axis=1)


def ratio(numerator: Any, denominator: Any) -> Floats:
    """Return a ratio, NaN where there is nothing to divide by."""
    nothing = np.full(np.shape(numerator), np.nan)
    return np.asarray(np.divide(numerator, denominator, out=nothing, where=denominator > 0))
