"""The area under the ROC curve with DeLong's variance, also for patients with several samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from radiomics.evaluation.intervals import Estimate

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """A difference of two models with its interval and two-sided p-value."""

    value: float
    low: float
    high: float
    p: float

    def __str__(self) -> str:
        value, low, high = (round(x, 3) + 0.0 for x in (self.value, self.low, self.high))
        return f"{value:+.3f} ({low:+.3f} to {high:+.3f})"


def delong(
    y: NDArray[Any],
    score: Floats,
    groups: NDArray[Any] | None = None,
    strata: NDArray[Any] | None = None,
    level: float = 0.95,
) -> Estimate:
    """Estimate the area under the ROC curve with an interval in closed form.

    Parameters
    ----------
    y : (N,) of 0 and 1
    score : (N,)
    groups : (N,) patients; without them each sample is one, and the variance is DeLong's [1]_
    strata : (N,) folds: only pairs of one fold are compared, since others come from other models
    level : coverage that the interval aims at

    Raises
    ------
    ValueError
        When no stratum has both classes.

    References
    ----------
    .. [1] DeLong, DeLong, Clarke-Pearson, Biometrics 44 (1988) 837-845.
    .. [2] Obuchowski, Biometrics 53 (1997) 567-578: the same for clustered samples.

    >>> print(delong(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])))
    0.750 (0.057 to 1.000)
    """
    groups, strata = _defaults(y, groups, strata)
    value, parts = _influence(y, score, strata)
    variance = _covariance(y, groups, parts, parts)
    half = float(norm.ppf((1 + level) / 2)) * np.sqrt(variance)
    return Estimate(value, max(0.0, value - half), min(1.0, value + half), 0)


def delong_variance(
    y: NDArray[Any],
    score: Floats,
    groups: NDArray[Any] | None = None,
    strata: NDArray[Any] | None = None,
) -> float:
    """Return the variance of the area under the ROC curve; parameters are those of delong."""
    groups, strata = _defaults(y, groups, strata)
    _, parts = _influence(y, score, strata)
    return _covariance(y, groups, parts, parts)


def delong_test(
    y: NDArray[Any],
    first: Floats,
    second: Floats,
    groups: NDArray[Any] | None = None,
    strata: NDArray[Any] | None = None,
) -> Difference:
    """Compare the areas of two scores of the same samples: first minus second, 95% interval.

    Raises
    ------
    ValueError
        When no stratum has both classes.
    """
    groups, strata = _defaults(y, groups, strata)
    (one, a), (two, b) = _influence(y, first, strata), _influence(y, second, strata)
    variance = (
        _covariance(y, groups, a, a)
        + _covariance(y, groups, b, b)
        - 2 * _covariance(y, groups, a, b)
    )
    error = float(np.sqrt(max(variance, 0.0)))
    gain = one - two
    if error == 0:
        return Difference(gain, gain, gain, float(gain == 0))
    half = float(norm.ppf(0.975)) * error
    return Difference(gain, gain - half, gain + half, float(2 * norm.sf(abs(gain) / error)))


def _defaults(
    y: NDArray[Any], groups: NDArray[Any] | None, strata: NDArray[Any] | None
) -> tuple[NDArray[Any], NDArray[Any]]:
    groups = np.arange(len(y)) if groups is None else groups
    strata = np.zeros(len(y), dtype=np.int64) if strata is None else strata
    return np.unique(groups, return_inverse=True)[1], strata


def _influence(y: NDArray[Any], score: Floats, strata: NDArray[Any]) -> tuple[float, Floats]:
    """Return the area, and each sample's pairs won less those expected, per pair: (N,)."""
    won, pairs = np.zeros(len(y)), np.zeros(len(y))
    for stratum in np.unique(strata):
        inside = np.flatnonzero(strata == stratum)
        positive, negative = inside[y[inside] == 1], inside[y[inside] == 0]
        ranks = np.zeros(len(y))
        ranks[inside] = rankdata(score[inside])
        won[positive] = ranks[positive] - rankdata(score[positive])
        won[negative] = len(positive) - (ranks[negative] - rankdata(score[negative]))
        pairs[positive], pairs[negative] = len(negative), len(positive)
    total = pairs[y == 1].sum()
    if total == 0:
        raise ValueError("an area under the ROC curve needs both classes within a fold")
    area = float(won[y == 1].sum() / total)
    return area, (won - pairs * area) / total


def _covariance(y: NDArray[Any], member: NDArray[Any], a: Floats, b: Floats) -> float:
    """Return the covariance of two areas from the influences of their samples."""
    count = int(member.max()) + 1
    present = [np.bincount(member, y == k, count) > 0 for k in (0, 1)]
    sums = [[np.bincount(member, np.where(y == k, x, 0), count) for k in (0, 1)] for x in (a, b)]
    total = sum(_unbiased(int(present[k].sum())) * float(sums[0][k] @ sums[1][k]) for k in (0, 1))
    crossed = float(sums[0][0] @ sums[1][1] + sums[0][1] @ sums[1][0])
    return total + _unbiased(int((present[0] | present[1]).sum())) * crossed


def _unbiased(count: int) -> float:
    return count / (count - 1) if count > 1 else 1.0
