"""Cox's proportional hazards with an elastic-net penalty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from sklearn.base import BaseEstimator

TASKS = ("survival",)
GRID = {"strength": (0.3, 0.1, 0.03, 0.01)}
Floats = NDArray[np.float64]
LARGEST = 50.0  # log hazards beyond it would overflow


class Options(BaseModel, frozen=True, extra="forbid"):
    """``strength`` of the penalty per sample; ``l1_ratio``: 0 is ridge, 1 is LASSO."""

    strength: Annotated[float, Field(ge=0)] = 0.1
    l1_ratio: Annotated[float, Field(ge=0, le=1)] = 0.5
    max_iter: Annotated[int, Field(ge=1)] = 20_000


class Cox(BaseEstimator):  # type: ignore[misc]
    r"""Maximise the partial likelihood per sample, ties by Breslow [1]_, less an elastic net.

    The penalty is :math:`s (r |\beta|_1 + (1 - r) |\beta|_2^2 / 2)`. Solved by proximal gradients
    with momentum, begun anew whenever the objective rises [2]_.

    References
    ----------
    .. [1] Breslow, Biometrics 30 (1974) 89-99.
    .. [2] O'Donoghue, Candès, Foundations of Computational Mathematics 15 (2015) 715-732.
    """

    def __init__(
        self, strength: float = 0.1, l1_ratio: float = 0.5, max_iter: int = 20_000
    ) -> None:
        self.strength = strength
        self.l1_ratio = l1_ratio
        self.max_iter = max_iter

    def fit(self, x: Any, y: NDArray[Any]) -> Cox:
        """Fit to ``x`` (N, F) and ``y`` (N,) with the fields ``event`` and ``time``.

        Raises
        ------
        ValueError
            Without any event.
        """
        values = np.asarray(x, dtype=np.float64)
        if not y["event"].any():
            raise ValueError("Cox's model needs at least one event")
        self.mean_ = values.mean(axis=0)
        order = np.argsort(-y["time"], kind="stable")
        table, time, event = values[order] - self.mean_, y["time"][order], y["event"][order]
        last = np.searchsorted(-time, -time, side="right") - 1  # the last that is still at risk
        self.coef_ = self._solve(table, event, last)
        self.times_, self.hazard_ = baseline(y, self.predict(values))
        return self

    def predict(self, x: Any) -> Floats:
        """Return the log hazard ratio of each sample to the mean of training: (N,)."""
        return np.asarray((np.asarray(x, dtype=np.float64) - self.mean_) @ self.coef_)

    def predict_events(self, x: Any, times: Sequence[float]) -> Floats:
        """Return the probability of an event by each time: (N, T), with Breslow's baseline."""
        return events_by(self.predict(x), times, (self.times_, self.hazard_))

    def _solve(self, x: Floats, event: NDArray[np.bool_], last: NDArray[Any]) -> Floats:
        lasso = self.strength * self.l1_ratio
        ridge = self.strength * (1 - self.l1_ratio)

        def smooth(beta: Floats) -> tuple[float, Floats]:
            value, gradient = _loss(x, event, last, beta)
            return value + 0.5 * ridge * float(beta @ beta), gradient + ridge * beta

        beta = ahead = np.zeros(x.shape[1])
        step, momentum = 1.0, 1.0
        objective = smooth(beta)[0]
        for _ in range(self.max_iter):
            value, gradient = smooth(ahead)
            while True:
                moved = ahead - step * gradient
                fresh = np.sign(moved) * np.maximum(np.abs(moved) - step * lasso, 0)
                gap = fresh - ahead
                reached = smooth(fresh)[0]
                bound = value + float(gradient @ gap) + float(gap @ gap) / (2 * step)
                if reached <= bound + 1e-12 * max(1.0, abs(bound)) or step < 1e-12:
                    break
                step /= 2
            total = reached + lasso * float(np.abs(fresh).sum())
            change = float(np.abs(fresh - beta).max(initial=0))
            later = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
            rising = total > objective + 1e-15 * abs(objective)
            ahead = fresh if rising else fresh + (momentum - 1) / later * (fresh - beta)
            momentum = 1.0 if rising else later
            beta, objective = fresh, total
            if change < 1e-9 * max(1.0, float(np.abs(beta).max(initial=0))):
                break
        return beta


def baseline(y: NDArray[Any], log_hazard: Floats) -> tuple[Floats, Floats]:
    """Return Breslow's cumulative baseline hazard [1]_ for log hazards of any model.

    Parameters
    ----------
    y : (N,) with the fields ``event`` and ``time``
    log_hazard : (N,)

    Returns
    -------
    times in rising order, and the cumulative hazard up to each: (N,) both

    References
    ----------
    .. [1] Breslow, Biometrics 30 (1974) 89-99.

    >>> y = np.array([(True, 1.0), (True, 2.0)], dtype=[("event", "?"), ("time", "f8")])
    >>> baseline(y, np.zeros(2))[1].tolist()
    [0.5, 1.5]
    """
    order = np.argsort(-y["time"], kind="stable")
    time, event = y["time"][order], y["event"][order]
    last = np.searchsorted(-time, -time, side="right") - 1
    ratio = np.exp(np.clip(log_hazard[order], -LARGEST, LARGEST))
    steps = event / ratio.cumsum()[last]
    return time[::-1], steps[::-1].cumsum()


def events_by(log_hazard: Floats, times: Sequence[float], hazard: tuple[Floats, Floats]) -> Floats:
    """Return the probability of an event by each time: (N, T), from :func:`baseline`'s hazard."""
    known, total = hazard
    place = np.searchsorted(known, np.asarray(times, dtype=np.float64), side="right")
    ratio = np.exp(np.clip(log_hazard, -LARGEST, LARGEST))
    return np.asarray(-np.expm1(-ratio[:, None] * np.r_[0.0, total][place]))


def build(options: Options, input_shape: tuple[int, ...], outputs: int) -> Cox:
    """Return an unfitted model for samples of shape ``(F,)``.

    Raises
    ------
    ValueError
        When a sample is not a row of features.
    """
    if len(input_shape) != 1 or outputs < 1:
        raise ValueError(f"Cox's model takes rows of features, not samples {input_shape}")
    return Cox(options.strength, options.l1_ratio, options.max_iter)


def _loss(
    x: Floats, event: NDArray[np.bool_], last: NDArray[Any], beta: Floats
) -> tuple[float, Floats]:
    """Return minus the log partial likelihood per sample and its gradient; rows by falling time."""
    linear = x @ beta
    top = float(linear.max())
    ratio = np.exp(linear - top)
    risk = ratio.cumsum()[last]
    value = float(np.sum(np.log(risk[event]) + top - linear[event])) / len(x)
    share = np.zeros(len(x))  # what each event adds to all that were at risk then
    np.add.at(share, last[event], 1 / risk[event])
    weight = ratio * share[::-1].cumsum()[::-1]
    return value, np.asarray(x.T @ (weight - event) / len(x))
