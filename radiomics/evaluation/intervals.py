"""Confidence intervals by resampling patients, not samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from scipy.stats import t as student

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
        value, low, high = (round(x, 3) + 0.0 for x in (self.value, self.low, self.high))
        return f"{value:.3f} ({low:.3f} to {high:.3f})"


def group_weights(groups: NDArray[Any], resamples: int, seed: int) -> NDArray[np.float64]:
    """Draw groups with replacement; return how often each sample then stands there: (B, N).

    All samples of a group are drawn together, because they are not independent.
    """
    _, member = np.unique(groups, return_inverse=True)
    count = int(member.max()) + 1
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=resamples)
    return drawn[:, member].astype(np.float64)


def estimate(
    predictions: Predictions,
    measure: Callable[[Predictions, NDArray[np.float64]], NDArray[np.float64]],
    weights: NDArray[np.float64],
    level: float = 0.95,
) -> Estimate:
    """Estimate a measure of predictions with its expanded percentile interval.

    Parameters
    ----------
    measure : one of :func:`radiomics.evaluation.measures.measures`
    weights : (B, N), from :func:`group_weights`
    level : coverage that the interval aims at
    """
    value = float(measure(predictions, np.ones((1, len(predictions.ids))))[0])
    count = independent_units(predictions)
    return interval(value, resampled_measure(predictions, measure, weights), level, count)


def resampled_measure(
    predictions: Predictions,
    measure: Callable[[Predictions, NDArray[np.float64]], NDArray[np.float64]],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return a measure in every resample: (B,) for ``weights`` (B, N)."""
    rows = max(1, BLOCK // len(predictions.ids))
    blocks = [weights[start : start + rows] for start in range(0, len(weights), rows)]
    return np.concatenate([measure(predictions, block) for block in blocks])


def interval(
    value: float, resampled: NDArray[np.float64], level: float = 0.95, count: int | None = None
) -> Estimate:
    """Return a value with the percentile interval of its resamples (B,), NaN left out.

    Parameters
    ----------
    count : independent units behind the value; with it the interval is expanded, see :func:`tail`

    References
    ----------
    .. [1] Efron, Tibshirani, An introduction to the bootstrap, 1993, chapter 13.
    """
    values = resampled[np.isfinite(resampled)]
    if not values.size:
        return Estimate(value, float("nan"), float("nan"), 0)
    below = tail(level, count)
    low, high = np.quantile(values, [below, 1 - below])
    return Estimate(value, float(low), float(high), len(values))


def tail(level: float, count: int | None = None) -> float:
    r"""Return the share of resamples that lies below a percentile interval.

    Resamples vary less than samples do, by :math:`\sqrt{(n-1)/n}`, and the normal distribution has
    thinner tails than Student's. With a count :math:`n` the percentiles go as much further out as
    a t interval is wider [1]_:

    .. math:: \Phi\left(-\sqrt{n / (n - 1)} \, t_{(1 + level) / 2, n - 1}\right)

    References
    ----------
    .. [1] Hesterberg, The American Statistician 69 (2015) 371-386.

    >>> round(tail(0.95), 4), round(tail(0.95, 30), 4)
    (0.025, 0.0188)
    """
    if count is None:
        return (1 - level) / 2
    n = max(count, 2)
    return float(norm.cdf(-np.sqrt(n / (n - 1)) * student.ppf((1 + level) / 2, n - 1)))


def two_sided_p(below: float, count: int | None = None) -> float:
    """Return the two-sided p-value of a share of resamples: what :func:`tail` is backwards.

    >>> round(two_sided_p(tail(0.95, 30), 30), 6), two_sided_p(0.6)
    (0.05, 1.0)
    """
    if count is None:
        return min(1.0, 2 * below)
    n = max(count, 2)
    return min(1.0, 2 * float(student.sf(-norm.ppf(below) / np.sqrt(n / (n - 1)), n - 1)))


def independent_units(predictions: Predictions) -> int:
    """Return how many independent units bear on a measure: patients of the rarest class.

    Of a survival outcome those with an event; of a number, all.
    """
    y, groups = predictions.y_true, predictions.groups
    if y.dtype.names:
        return len(np.unique(groups[y["event"]]))
    if y.dtype.kind == "f":
        return len(np.unique(groups))
    return min(len(np.unique(groups[y == value])) for value in np.unique(y))
