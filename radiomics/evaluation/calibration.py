"""Calibration: whether predicted probabilities mean what they say.

Functions take ``y`` (N,) of 0 and 1, ``score`` (N,) of probabilities, and ``weights`` (B, N), and
return (B,), as in :mod:`radiomics.evaluation.metrics`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

Floats = NDArray[np.float64]

CLIP = 1e-6
"""Probabilities are kept this far from 0 and 1 before their logit is taken."""
CHUNK = 128
EVEN = 1e-9
"""Slope for a score in units of its spread that tells nothing: too small to be seen in any
probability, large enough to keep the order that the model gave."""
SAME = 1e-6
"""Logits that differ by less count as one."""


def slope(y: NDArray[Any], score: Floats, weights: Floats) -> Floats:
    """Slope of a logistic regression of the outcome on the predicted logit: 1 is best [1]_.

    A row in which the outcome is separated, or a score that is the same for all, gives NaN.

    References
    ----------
    .. [1] Cox, Biometrika 45 (1958) 562-565.
    """
    if is_constant(score):
        return np.full(len(weights), np.nan)
    return _fit_logistic(y, logit(np.clip(score, CLIP, 1 - CLIP)), weights)[1]


def is_constant(score: Floats) -> bool:
    """Tell whether all probabilities are one, up to :data:`SAME` on the logit's scale."""
    return bool(np.ptp(logit(np.clip(score, CLIP, 1 - CLIP))) < SAME)


def intercept(y: NDArray[Any], score: Floats, weights: Floats) -> Floats:
    """Intercept with the predicted logit as offset (calibration in the large): 0 is best."""
    offset = logit(np.clip(score, CLIP, 1 - CLIP))
    found = np.zeros(len(weights))
    for _ in range(60):
        p = expit(found[:, None] + offset)
        gradient = (weights * (y - p)).sum(axis=1)
        curvature = (weights * p * (1 - p)).sum(axis=1)
        step = np.divide(gradient, curvature, out=np.zeros_like(found), where=curvature > 0)
        found = found + np.clip(step, -2, 2)
        if np.abs(step).max(initial=0) < 1e-10:
            break
    share = (weights @ y) / weights.sum(axis=1)
    found[(share == 0) | (share == 1)] = np.nan
    return np.asarray(found)


def expected_error(y: NDArray[Any], score: Floats, weights: Floats, bins: int = 10) -> Floats:
    """Mean distance of observed and predicted frequency, over bins of equal count of samples."""
    order = np.argsort(score, kind="stable")
    total = np.zeros(len(weights))
    for part in np.array_split(order, min(bins, len(order))):
        total += np.abs(weights[:, part] @ (score[part] - y[part]))
    return np.asarray(total / weights.sum(axis=1))


@dataclass(frozen=True, eq=False)
class Curve:
    """Points of a calibration curve: ``predicted`` and ``observed`` with its 95% interval."""

    predicted: Floats
    observed: Floats
    low: Floats
    high: Floats
    count: NDArray[np.int64]


def curve(y: NDArray[Any], score: Floats, bins: int = 10) -> Curve:
    """Return observed against predicted frequency in bins of equal count, with Wilson intervals."""
    order = np.argsort(score, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    count = np.array([len(part) for part in parts])
    predicted = np.array([score[part].mean() for part in parts])
    observed = np.array([y[part].mean() for part in parts])
    low, high = wilson_interval(observed, count)
    return Curve(predicted, observed, low, high, count)


def wilson_interval(share: Any, count: Any) -> tuple[Any, Any]:
    """Return Wilson's 95% interval of a proportion: it stays within 0 and 1.

    >>> [round(float(x), 3) for x in wilson_interval(0.5, 10)]
    [0.237, 0.763]
    """
    share, count = np.asarray(share, dtype=np.float64), np.asarray(count, dtype=np.float64)
    z2 = 1.959964**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = np.sqrt(z2 * (share * (1 - share) / count + z2 / (4 * count**2))) / (1 + z2 / count)
    return middle - half, middle + half


class Recalibration:
    """Logistic recalibration: the probability of the outcome at a score, fitted on training data.

    References
    ----------
    .. [1] Platt, Advances in large margin classifiers, 1999.
    """

    def __init__(self, offset: float, factor: float) -> None:
        self.offset, self.factor = offset, factor

    @classmethod
    def fit(cls, y: NDArray[Any], value: Floats) -> Recalibration:
        """Fit the two numbers on scores of samples that the model had not seen.

        Targets are pulled in by one pseudo-count a class, as Platt did, so that separated classes
        have a finite answer. A score that runs against the outcome gives the prevalence, and keeps
        its order: probabilities are mended here, and what a model can tell apart is not touched.
        """
        many, few = int(np.sum(y == 1)), int(np.sum(y == 0))
        target = np.where(y == 1, (many + 1) / (many + 2), 1 / (few + 2))
        centre, spread = float(value.mean()), float(value.std())
        if spread < 1e-12:
            return cls(float(logit((many + 1) / (many + few + 2))), 0.0)
        a, b = _fit_logistic(target, (value - centre) / spread, np.ones((1, len(y))))
        if not np.isfinite(b[0]) or b[0] <= 0:
            prevalence = float(logit((many + 1) / (many + few + 2)))
            return cls(prevalence - EVEN * centre / spread, EVEN / spread)
        return cls(float(a[0] - b[0] * centre / spread), float(b[0] / spread))

    def scaled(self, by: float) -> Recalibration:
        """Return the same for values that are to be multiplied first."""
        return Recalibration(self.offset, self.factor * by)

    def apply(self, value: Floats) -> Floats:
        """Return the probability at each value."""
        return np.asarray(expit(self.offset + self.factor * value))


def _fit_logistic(y: NDArray[Any], x: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Fit intercept and slope of a logistic regression for each row of weights, by Newton."""
    parts = [
        _fit_by_newton(y, x, weights[start : start + CHUNK])
        for start in range(0, len(weights), CHUNK)
    ]
    a, b = (np.concatenate(part) for part in zip(*parts, strict=True))
    return a, b


def _fit_by_newton(y: NDArray[Any], x: Floats, weights: Floats) -> tuple[Floats, Floats]:
    total = weights.sum(axis=1)
    share = np.clip((weights @ y) / total, 1e-9, 1 - 1e-9)
    a, b = np.asarray(logit(share)), np.zeros(len(weights))
    worst = np.full(len(weights), np.inf)
    for _ in range(50):
        p = expit(a[:, None] + b[:, None] * x)
        miss, curvature = weights * (y - p), weights * p * (1 - p)
        g0, g1 = miss.sum(axis=1), miss @ x
        h00, h01, h11 = curvature.sum(axis=1), curvature @ x, curvature @ x**2
        determinant = h00 * h11 - h01**2
        safe = determinant > 1e-12 * np.maximum(h00 * h11, 1e-300)
        inverse = np.divide(1.0, determinant, out=np.zeros_like(total), where=safe)
        da, db = (h11 * g0 - h01 * g1) * inverse, (h00 * g1 - h01 * g0) * inverse
        shorten = np.minimum(1.0, 4.0 / np.maximum(np.maximum(abs(da), abs(db)), 1e-300))
        a, b = a + shorten * da, b + shorten * db
        worst = np.where(safe, np.abs(da) + np.abs(db), np.inf)
        if worst[np.isfinite(worst)].max(initial=0) < 1e-9:
            break
    lost = ~(worst < 1e-6)
    a[lost], b[lost] = np.nan, np.nan
    return a, b
