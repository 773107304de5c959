"""Metrics of more than two classes, for many weightings of the samples at once.

As those of :mod:`radiomics.evaluation.metrics`, with ``y`` (N,) of class numbers and ``score``
(N, K) of probabilities.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.evaluation import metrics
from radiomics.evaluation.metrics import Floats, Metric

SMALLEST = 1e-15  # probability that the log loss takes for none


def accuracy(y: NDArray[Any], score: Floats, weights: Floats) -> Floats:
    """Share of samples whose most probable class is theirs."""
    return np.asarray(weights @ (score.argmax(axis=1) == y) / weights.sum(axis=1))


def balanced_accuracy(y: NDArray[Any], score: Floats, weights: Floats) -> Floats:
    """Mean over classes of the share of their samples that were recognised."""
    hit = score.argmax(axis=1) == y
    own = [weights @ (y == k) for k in range(score.shape[1])]
    found = [weights @ (hit & (y == k)) for k in range(score.shape[1])]
    return np.asarray(np.mean([_ratio(f, n) for f, n in zip(found, own, strict=True)], axis=0))


def roc_auc(y: NDArray[Any], score: Floats, weights: Floats) -> Floats:
    """Mean over classes of the area under the ROC curve of one class against the rest."""
    each = [metrics.roc_auc((y == k).astype(int), s, weights) for k, s in enumerate(score.T)]
    return np.asarray(np.mean(each, axis=0))


def log_loss(y: NDArray[Any], score: Floats, weights: Floats) -> Floats:
    """Mean negative logarithm of the probability that a sample's own class was given."""
    own = np.clip(score[np.arange(len(y)), y], SMALLEST, 1)
    return np.asarray(weights @ -np.log(own) / weights.sum(axis=1))


METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "roc_auc": roc_auc,
    "log_loss": log_loss,
}


def confusion(y: NDArray[Any], score: Floats) -> NDArray[np.int64]:
    """Return how many samples of each class (rows) were taken for each class (columns): (K, K)."""
    count = score.shape[1]
    table = np.zeros((count, count), dtype=np.int64)
    np.add.at(table, (y, score.argmax(axis=1)), 1)
    return table


def _ratio(numerator: Any, denominator: Any) -> Floats:
    nothing = np.full(np.shape(numerator), np.nan)
    return np.asarray(np.divide(numerator, denominator, out=nothing, where=denominator > 0))
