"""Survival: concordance, Brier score and time-dependent areas under censoring.

``y`` is (N,) with the fields ``event`` (bool) and ``time``; ``weights`` (B, N) count samples, as in
:mod:`radiomics.evaluation.metrics`. Where ``strata`` are given only pairs of one stratum compare.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.evaluation.metrics import Floats, ratio

KIND = np.dtype([("event", np.bool_), ("time", np.float64)])


def outcome(event: NDArray[Any], time: NDArray[Any]) -> NDArray[Any]:
    """Return (N,) records of ``event`` and ``time``.

    >>> outcome(np.array([1, 0]), np.array([2.0, 3.5])).tolist()
    [(True, 2.0), (False, 3.5)]
    """
    y = np.zeros(len(time), dtype=KIND)
    y["event"], y["time"] = event, time
    return y


def kaplan_meier(y: NDArray[Any]) -> tuple[Floats, Floats]:
    """Return the distinct times, and the share that survives beyond each.

    >>> t, s = kaplan_meier(outcome(np.array([1, 0, 1]), np.array([1.0, 2.0, 3.0])))
    >>> s.round(3).tolist()
    [0.667, 0.667, 0.0]
    """
    times, place = np.unique(y["time"], return_inverse=True)
    died = np.bincount(place, y["event"], len(times))
    left = np.bincount(place, minlength=len(times))
    at_risk = left[::-1].cumsum()[::-1]
    return times, np.cumprod(1 - died / at_risk)


def uncensored_share(y: NDArray[Any], times: Floats) -> Floats:
    """Return the probability to be uncensored beyond each time, by Kaplan and Meier.

    Of an event and a censoring at one time the event comes first.
    """
    distinct, place = np.unique(y["time"], return_inverse=True)
    died = np.bincount(place, y["event"], len(distinct))
    all_ = np.bincount(place, minlength=len(distinct))
    at_risk = all_[::-1].cumsum()[::-1] - died
    lost = np.divide(all_ - died, at_risk, out=np.zeros(len(distinct)), where=at_risk > 0)
    share = np.cumprod(1 - lost)
    return np.asarray(np.r_[1.0, share][np.searchsorted(distinct, times, side="right")])


def harrell_c(
    y: NDArray[Any], risk: Floats, weights: Floats, strata: NDArray[Any] | None = None
) -> Floats:
    """Harrell's C: share of usable pairs in which the one that failed first had the higher risk.

    References
    ----------
    .. [1] Harrell, Lee, Mark, Statistics in Medicine 15 (1996) 361-387.
    """
    return _concordance(y, risk, weights, np.ones(len(y)), strata)


def uno_c(
    y: NDArray[Any],
    risk: Floats,
    weights: Floats,
    strata: NDArray[Any] | None = None,
    tau: float | None = None,
) -> Floats:
    """Uno's C: as Harrell's, weighted so that it does not depend on the censoring.

    ``tau`` is the last time that counts. The censoring is that of all samples.

    References
    ----------
    .. [1] Uno, Cai, Pencina, D'Agostino, Wei, Statistics in Medicine 30 (2011) 1105-1117.
    """
    uncensored = uncensored_share(y, y["time"])
    factor = np.divide(1.0, uncensored**2, out=np.zeros(len(y)), where=uncensored > 0)
    if tau is not None:
        factor[y["time"] >= tau] = 0
    return _concordance(y, risk, weights, factor, strata)


def ipcw_brier(y: NDArray[Any], probability: Floats, weights: Floats, time: float) -> Floats:
    """Brier score of ``probability`` (N,) of the event by a time, weighted for censoring [1]_.

    References
    ----------
    .. [1] Graf, Schmoor, Sauerbrei, Schumacher, Statistics in Medicine 18 (1999) 2529-2545.
    """
    died = y["event"] & (y["time"] <= time)
    alive = y["time"] > time
    now = float(uncensored_share(y, np.array([time]))[0])
    then = uncensored_share(y, y["time"])
    part = np.zeros(len(y))
    part[died] = (1 - probability[died]) ** 2 / np.maximum(then[died], 1e-12)
    if now > 0:
        part[alive] = probability[alive] ** 2 / now
    return np.asarray(weights @ part / weights.sum(axis=1))


def time_auc(
    y: NDArray[Any],
    risk: Floats,
    weights: Floats,
    time: float,
    strata: NDArray[Any] | None = None,
) -> Floats:
    """Area under the ROC curve of events by a time, weighted for censoring.

    References
    ----------
    .. [1] Hung, Chiang, Statistica Neerlandica 64 (2010) 66-80.
    """
    died = y["event"] & (y["time"] <= time)
    alive = y["time"] > time
    factor = np.zeros(len(y))
    uncensored = uncensored_share(y, y["time"])
    factor[died] = 1 / np.maximum(uncensored[died], 1e-12)
    won, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    for inside in _indices_by_stratum(strata, len(y)):
        case, control = inside[died[inside]], inside[alive[inside]]
        better = _wins(risk[case], risk[control])
        left, right = weights[:, case] * factor[case], weights[:, control]
        won += ((left @ better) * right).sum(axis=1)
        pairs += left.sum(axis=1) * right.sum(axis=1)
    return ratio(won, pairs)


def _concordance(
    y: NDArray[Any],
    risk: Floats,
    weights: Floats,
    factor: Floats,
    strata: NDArray[Any] | None,
) -> Floats:
    won, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    for inside in _indices_by_stratum(strata, len(y)):
        time, event = y["time"][inside], y["event"][inside]
        first = time[:, None] < time[None, :]
        first |= (time[:, None] == time[None, :]) & ~event[None, :]  # censored then: lived longer
        usable = (first & event[:, None]) * factor[inside, None]
        np.fill_diagonal(usable, 0)
        here = weights[:, inside]
        won += ((here @ (usable * _wins(risk[inside], risk[inside]))) * here).sum(axis=1)
        pairs += ((here @ usable) * here).sum(axis=1)
    return ratio(won, pairs)


def _wins(first: Floats, second: Floats) -> Floats:
    gap = first[:, None] - second[None, :]
    return np.asarray((gap > 0) + 0.5 * (gap == 0))


def _indices_by_stratum(strata: NDArray[Any] | None, count: int) -> Iterator[NDArray[np.int64]]:
    if strata is None:
        yield np.arange(count)
        return
    for stratum in np.unique(strata):
        yield np.flatnonzero(strata == stratum)
