"""Is it better, and is it more than chance? Paired differences, Holm, permutations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from radiomics.evaluation.delong import Difference
from radiomics.evaluation.intervals import interval, two_sided_p

Floats = NDArray[np.float64]


def difference(
    value: float, resampled: Floats, level: float = 0.95, count: int | None = None
) -> Difference:
    """Return a difference with its percentile interval and two-sided bootstrap p-value.

    The p-value is that of the interval which ends at no difference. Where no resample comes that
    far, the spread of the resamples says how far it is.

    Parameters
    ----------
    value : the difference of two models on the same samples
    resampled : (B,) the same difference in resamples of patients; NaN is left out
    level : coverage that the interval aims at
    count : independent units, as in :func:`radiomics.evaluation.intervals.interval`
    """
    values = resampled[np.isfinite(resampled)]
    found = interval(value, resampled, level, count)
    if not values.size:
        return Difference(value, found.low, found.high, float("nan"))
    crossed = int(min(np.sum(values <= 0), np.sum(values >= 0)))
    p = two_sided_p((crossed + 1) / (len(values) + 1), count)
    spread = float(values.std())
    if not crossed and spread > 0:
        p = min(p, two_sided_p(float(norm.sf(abs(value) / spread)), count))
    return Difference(value, found.low, found.high, p)


def holm(p: Sequence[float]) -> list[float]:
    """Adjust p-values so that the chance of any false claim stays below the level [1]_.

    References
    ----------
    .. [1] Holm, Scandinavian Journal of Statistics 6 (1979) 65-70.

    >>> [round(x, 3) for x in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    steps = values[order] * np.arange(len(values), 0, -1)
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return [float(x) for x in adjusted]


def permute_outcome(
    y: NDArray[Any], groups: NDArray[Any], rng: np.random.Generator
) -> NDArray[Any]:
    """Return the outcome dealt anew to patients: nothing that is measured can predict it.

    A patient's samples keep together. Where all samples of each patient share one outcome, any
    patient may get any other's; otherwise patients with equally many samples exchange theirs.
    """
    _, member = np.unique(groups, return_inverse=True)
    rows = [np.flatnonzero(member == g) for g in range(int(member.max()) + 1)]
    result = y.copy()
    if all(len(np.unique(y[part])) == 1 for part in rows):
        dealt = rng.permutation(len(rows))
        for part, other in zip(rows, dealt, strict=True):
            result[part] = y[rows[other][0]]
        return result
    for size in sorted({len(part) for part in rows}):
        alike = [part for part in rows if len(part) == size]
        for part, other in zip(alike, rng.permutation(len(alike)), strict=True):
            result[part] = y[alike[other]]
    return result


def permutation_p(value: float, permuted_values: Floats) -> float:
    """Return the one-sided p-value of a metric for which higher is better.

    >>> permutation_p(0.8, np.array([0.4, 0.5, 0.6]))
    0.25
    """
    reached = int(np.sum(permuted_values >= value - 1e-12))
    return (reached + 1) / (len(permuted_values) + 1)
