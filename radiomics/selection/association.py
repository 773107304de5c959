"""How strongly each feature goes with the outcome, taken one at a time."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, f, rankdata

Floats = NDArray[np.float64]
Task = Literal["binary", "multiclass", "regression", "survival"]
Test = Literal["f", "rank"]


def p_values(x: Floats, y: NDArray[Any], task: Task, test: Test = "f") -> Floats:
    """Return a p-value for each feature; 1 for one that does not vary.

    Parameters
    ----------
    x : (N, F)
    y : (N,) classes, values, or records of ``event`` and ``time``
    task : what ``y`` holds
    test : ``f``: analysis of variance, or linear regression; ``rank``: the same on ranks, that is
        Kruskal and Wallis (of two classes: Mann, Whitney), or Spearman. Survival has the score
        test of Cox's model [1]_, on ranks or not.

    Returns
    -------
    (F,) float64

    References
    ----------
    .. [1] Cox, Journal of the Royal Statistical Society B 34 (1972) 187-220.

    >>> x = np.array([[1.0, 5.0], [2.0, 1.0], [3.0, 4.0], [4.0, 2.0]])
    >>> p_values(x, np.array([0, 0, 1, 1]), "binary").round(3).tolist()
    [0.106, 1.0]
    """
    x = rankdata(x, axis=0) if test == "rank" else x
    statistic, freedom = _statistic(x, y, task)
    if test == "rank" and task in ("binary", "multiclass"):
        explained = statistic * freedom[0] / (statistic * freedom[0] + freedom[1])
        return np.asarray(chi2.sf((len(y) - 1) * explained, freedom[0]))
    if task == "survival":
        return np.asarray(chi2.sf(statistic, 1))
    return np.asarray(f.sf(statistic, *freedom))


def strength(x: Floats, y: NDArray[Any], task: Task) -> Floats:
    """Return the F statistic of each feature, or the score statistic of survival: (F,)."""
    return _statistic(x, y, task)[0]


def _statistic(x: Floats, y: NDArray[Any], task: Task) -> tuple[Floats, tuple[int, int]]:
    if task == "survival":
        return _cox_score(x, y), (1, 0)
    centred = x - x.mean(axis=0)
    total = (centred**2).sum(axis=0)
    varies = total > 1e-24 * np.maximum((x**2).sum(axis=0), 1e-300)
    if task == "regression":
        target = y - y.mean()
        between = (target @ centred) ** 2 / max(float(target @ target), 1e-300)
        freedom = (1, len(y) - 2)
    else:
        classes = np.unique(y)
        member = (y[:, None] == classes).astype(np.float64)
        between = ((member.T @ centred) ** 2 / member.sum(axis=0)[:, None]).sum(axis=0)
        freedom = (len(classes) - 1, len(y) - len(classes))
    within = np.maximum(total - between, 1e-12 * np.maximum(total, 1e-300))
    statistic = between / max(1, freedom[0]) / (within / max(1, freedom[1]))
    return np.where(varies, statistic, 0.0), freedom


def _cox_score(x: Floats, y: NDArray[Any]) -> Floats:
    """Return the squared score over its variance at no effect, for each feature."""
    order = np.argsort(-y["time"], kind="stable")
    x, time, event = x[order], y["time"][order], y["event"][order]
    last = np.searchsorted(-time, -time, side="right") - 1  # all with this time or a later one
    count = (last + 1)[:, None]
    mean = x.cumsum(axis=0)[last] / count
    variance = (x**2).cumsum(axis=0)[last] / count - mean**2
    score = (x - mean)[event].sum(axis=0)
    spread = variance[event].sum(axis=0)
    found = np.zeros(x.shape[1])
    return np.asarray(np.divide(score**2, spread, out=found, where=spread > 1e-12))
