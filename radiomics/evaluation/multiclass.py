"""Metrics of several classes: ``y`` (N,) 0 to K-1, ``probability`` (N, K), ``weights`` (B, N)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.evaluation.metrics import roc_auc

Floats = NDArray[np.float64]


def auc_one_against_rest(
    y: NDArray[Any], probability: Floats, weights: Floats, strata: NDArray[Any] | None = None
) -> Floats:
    """Mean over the classes of the area under the ROC curve of each against the rest."""
    parts = [
        roc_auc((y == k).astype(np.int64), probability[:, k], weights, strata)
        for k in range(probability.shape[1])
    ]
    return np.asarray(np.mean(parts, axis=0))


def auc_pairwise(
    y: NDArray[Any], probability: Floats, weights: Floats, strata: NDArray[Any] | None = None
) -> Floats:
    """Mean area over all pairs of classes: M of Hand and Till, which ignores their frequencies.

    References
    ----------
    .. [1] Hand, Till, Machine Learning 45 (2001) 171-186.
    """
    parts = []
    for a in range(probability.shape[1]):
        for b in range(a):
            inside = np.flatnonzero((y == a) | (y == b))
            here = None if strata is None else strata[inside]
            for one in (a, b):
                is_one = (y[inside] == one).astype(np.int64)
                score = probability[inside, one]
                parts.append(roc_auc(is_one, score, weights[:, inside], here))
    return np.asarray(np.mean(parts, axis=0))


def accuracy(y: NDArray[Any], probability: Floats, weights: Floats) -> Floats:
    """Share of samples whose most probable class is theirs."""
    right = probability.argmax(axis=1) == y
    return np.asarray(weights @ right / weights.sum(axis=1))


def balanced_accuracy(y: NDArray[Any], probability: Floats, weights: Floats) -> Floats:
    """Mean over the classes of the share that is recognised."""
    right = probability.argmax(axis=1) == y
    shares = []
    for k in range(probability.shape[1]):
        found, there = weights @ (right & (y == k)), weights @ (y == k)
        nothing = np.full(len(weights), np.nan)
        shares.append(np.divide(found, there, out=nothing, where=there > 0))
    return np.asarray(np.mean(shares, axis=0))


def brier(y: NDArray[Any], probability: Floats, weights: Floats) -> Floats:
    """Mean squared distance of the probabilities from the outcome, summed over classes: 0 to 2."""
    truth = np.eye(probability.shape[1])[y]
    return np.asarray(weights @ ((probability - truth) ** 2).sum(axis=1) / weights.sum(axis=1))
