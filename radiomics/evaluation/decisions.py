"""Decisions: a threshold chosen in training, and what acting on it would gain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.evaluation.metrics import Floats, ratio


def choose_threshold(y: NDArray[Any], score: Floats, sensitivity: float | None = None) -> float:
    """Choose the score from which a sample is called positive, on training data.

    Parameters
    ----------
    y : (N,) of 0 and 1
    score : (N,) of samples that the model had not seen
    sensitivity : the least that the threshold shall reach, with the best specificity; without it
        the sum of sensitivity and specificity is the largest (Youden's index [1]_)

    Returns
    -------
    float, half way between two scores

    References
    ----------
    .. [1] Youden, Cancer 3 (1950) 32-35.

    >>> choose_threshold(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.8]))
    0.4
    """
    values, place = np.unique(score, return_inverse=True)
    edges = np.r_[values[0], (values[1:] + values[:-1]) / 2]
    positive = np.bincount(place, y == 1, len(values))
    negative = np.bincount(place, y == 0, len(values))
    found = positive[::-1].cumsum()[::-1] / max(1, positive.sum())  # score at or above edge
    spared = 1 - negative[::-1].cumsum()[::-1] / max(1, negative.sum())
    if sensitivity is None:
        return float(edges[int(np.argmax(np.round(found + spared, 12)))])
    return float(edges[int(np.flatnonzero(found >= sensitivity - 1e-12)[-1])])


def sensitivity(y: NDArray[Any], called: NDArray[np.bool_], weights: Floats) -> Floats:
    """Share of the positives that are called positive: (B,) for ``weights`` (B, N)."""
    return ratio(weights @ (called & (y == 1)), weights @ (y == 1))


def specificity(y: NDArray[Any], called: NDArray[np.bool_], weights: Floats) -> Floats:
    """Share of the negatives that are called negative: (B,) for ``weights`` (B, N)."""
    return ratio(weights @ (~called & (y == 0)), weights @ (y == 0))


def net_benefit(y: NDArray[Any], score: Floats, weights: Floats, threshold: float) -> Floats:
    r"""Net benefit of treating from a probability on: :math:`TP/n - FP/n \cdot t/(1-t)` [1]_.

    References
    ----------
    .. [1] Vickers, Elkin, Medical Decision Making 26 (2006) 565-574.
    """
    treated = score >= threshold
    gain = weights @ (treated & (y == 1))
    harm = weights @ (treated & (y == 0)) * threshold / (1 - threshold)
    return np.asarray((gain - harm) / weights.sum(axis=1))


@dataclass(frozen=True, eq=False)
class DecisionCurve:
    """Net benefit of a model, and of treating all, at each threshold probability."""

    thresholds: Floats
    model: Floats
    low: Floats
    high: Floats
    everyone: Floats


def decision_curve(
    y: NDArray[Any], score: Floats, weights: Floats, thresholds: Floats
) -> DecisionCurve:
    """Return the decision curve with 95% percentile intervals over the rows of ``weights``."""
    plain = np.ones((1, len(y)))
    model = np.array([net_benefit(y, score, plain, t)[0] for t in thresholds])
    spread = np.array([net_benefit(y, score, weights, t) for t in thresholds])  # (T, B)
    low, high = np.quantile(spread, [0.025, 0.975], axis=1)
    share = float(np.mean(y == 1))
    everyone = share - (1 - share) * thresholds / (1 - thresholds)
    return DecisionCurve(thresholds, model, low, high, everyone)
