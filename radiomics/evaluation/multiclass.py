"""Metrics of more than two classes, for many weightings of the samples at once.

As those of :mod:`radiomics.evaluation.metrics`, with ``y`` (N,) of class numbers and ``score``
(N, K) of probabilities.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.evaluation import metrics
from radiomics.evaluation.metrics import Floats, Metric, ratio

SMALLEST = 1e-15  # probability that the log loss takes for none


def accuracy(y: NDArray[Any], score: Floats, weights: Floats) -> Floats:
    """Share of samples whose most probable class is theirs."""
    return np.asarray(weights @ (score.argmax(axis=1) == y) / weights.sum(axis=1))


def balanced_accuracy(y: NDArray[Any], score: Floats, weights: Floats) -> Floats:
    """Mean over classes of the share of their samples that were recognised."""
    hit = score.argmax(axis=1) == y
    total = [weights @ (y == k) for k in range(score.shape[1])]
    found = [weights @ (hit & (y == k)) for k in range(score.shape[1])]
    return np.asarray(np.mean([ratio(f, n) for f, n in zip(found, total, strict=True)], axis=0))


def roc_auc(
    y: NDArray[Any], score: Floats, weights: Floats, strata: NDArray[Any] | None = None
) -> Floats:
    """Mean over classes of the area under the ROC curve of one class against the rest."""
    parts = [((y == k).astype(int), one) for k, one in enumerate(score.T)]
    return np.asarray(np.mean([metrics.roc_auc(*p, weights, strata) for p in parts], axis=0))


def roc_auc_pairwise(
    y: NDArray[Any], score: Floats, weights: Floats, strata: NDArray[Any] | None = None
) -> Floats:
    """Mean area over all pairs of classes: M of Hand and Till [1]_, which ignores frequencies.

    References
    ----------
    .. [1] Hand, Till, Machine Learning 45 (2001) 171-186.
    """
    parts = []
    for a, b in itertools.permutations(range(score.shape[1]), 2):
        pair = np.flatnonzero((y == a) | (y == b))
        here = None if strata is None else strata[pair]
        one = (y[pair] == a).astype(int)
        parts.append(metrics.roc_auc(one, score[pair, a], weights[:, pair], here))
    return np.asarray(np.mean(parts, axis=0))


def brier(y: NDArray[Any], score: Floats, weights: Floats) -> Floats:
    """Mean squared distance of probabilities and outcome, summed over classes: 0 to 2."""
    distance = ((score - np.eye(score.shape[1])[y]) ** 2).sum(axis=1)
    return np.asarray(weights @ distance / weights.sum(axis=1))


def log_loss(y: NDArray[Any], score: Floats, weights: Floats) -> Floats:
    """Mean negative logarithm of the probability that a sample's own class was given."""
    given = np.clip(score[np.arange(len(y)), y], SMALLEST, 1)
    return np.asarray(weights @ -np.log(given) / weights.sum(axis=1))


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
