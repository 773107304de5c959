"""Cox's proportional hazards with an elastic-net penalty."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.validation import check_is_fitted, validate_data

TASKS = ("survival",)
GRID = {"strength": (0.3, 0.1, 0.03, 0.01)}
Floats = NDArray[np.float64]
LARGEST = 50.0  # log hazards beyond it would overflow
SPREADS = (0.01, 100.0)
"""Standard deviations of columns between which proximal gradients are tried as they are."""
STATIONARY, EXACT = 1e-4, 1e-9
"""Largest slope of the objective, per standard deviation of a column, that counts as none.

The first is for proximal gradients, the second for Newton's method.
"""
STEPS = 200
"""Newton steps at most: what needs more has no finite optimum but for a weak penalty."""


class Options(BaseModel, frozen=True, extra="forbid"):
    """``strength`` of the penalty per sample; ``l1_ratio``: 0 is ridge, 1 is LASSO."""

    strength: Annotated[float, Field(ge=0)] = 0.1
    l1_ratio: Annotated[float, Field(ge=0, le=1)] = 0.5
    max_iter: Annotated[int, Field(ge=1)] = 20_000


class Cox(BaseEstimator):  # type: ignore[misc]
    r"""Maximise the partial likelihood per sample, ties by Breslow [1]_, less an elastic net.

    The penalty is :math:`s (r |\beta|_1 + (1 - r) |\beta|_2^2 / 2)`, on the columns as they are.
    Solved by proximal gradients with momentum, begun anew whenever the objective rises [2]_. Where
    columns differ too much in scale for that, Newton's method solves the same problem on
    standardised columns, each with its share of the penalty.

    It passes all of scikit-learn's ``check_estimator``. Those checks know no survival outcome: a
    plain ``y`` of numbers holds times, and every sample has its event then, as a warning says.

    Parameters
    ----------
    strength : :math:`s`, of the penalty per sample
    l1_ratio : :math:`r`, 0 is ridge, 1 is LASSO
    max_iter : iterations of each of the two methods, at most; of Newton's never more than 200

    Attributes
    ----------
    coef_ : (F,) log hazard ratios per unit of each column
    mean_ : (F,) means of the columns in training
    times_, hazard_ : (N,) times in rising order, and Breslow's cumulative baseline hazard
    n_iter_ : iterations of the method that found the coefficients
    n_features_in_, feature_names_in_ : the number of columns in ``fit``, and their names, if any

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

    def fit(self, x: Any, y: Any) -> Cox:
        """Fit to ``x`` (N, F) and the outcome ``y`` (N,), as :func:`event_and_time` takes it.

        Raises
        ------
        ValueError
            Without any event; for NaN or infinity in ``x``; for another outcome.

        Warns
        -----
        ConvergenceWarning
            When ``max_iter`` iterations did not find the coefficients.
        """
        if y is None:
            raise ValueError("Cox requires y to be passed, but the target y is None")
        values = validate_data(self, x, dtype=np.float64)
        y = event_and_time(y)
        check_consistent_length(values, y)
        if not y["event"].any():
            raise ValueError("Cox's model needs at least one event")
        self.mean_ = values.mean(axis=0)
        order = np.argsort(-y["time"], kind="stable")
        table, time, event = values[order] - self.mean_, y["time"][order], y["event"][order]
        last = np.searchsorted(-time, -time, side="right") - 1  # the last that is still at risk
        self.coef_, self.n_iter_ = self._solve(table, event, last)
        self.times_, self.hazard_ = baseline(y, self._log_hazard(values))
        return self

    def predict(self, x: Any) -> Floats:
        """Return the log hazard ratio of each sample to the mean of training: (N,).

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            For NaN or infinity, and for other columns than those of ``fit``.
        """
        check_is_fitted(self)
        return self._log_hazard(validate_data(self, x, dtype=np.float64, reset=False))

    def predict_events(self, x: Any, times: Sequence[float]) -> Floats:
        """Return the probability of an event by each time: (N, T), with Breslow's baseline."""
        return events_by(self.predict(x), times, (self.times_, self.hazard_))

    def score(self, x: Any, y: Any) -> float:
        """Return Harrell's concordance [1]_ of :meth:`predict` with an outcome ``y`` (N,).

        It is the share of usable pairs in which the sample that failed first has the higher
        hazard; equal hazards count one half. A pair is usable when the earlier time is an event's;
        of an event and a censoring at one time the event comes first.

        Raises
        ------
        ValueError
            Where no pair is usable.

        References
        ----------
        .. [1] Harrell, Lee, Mark, Statistics in Medicine 15 (1996) 361-387.
        """
        risk, y = self.predict(x), event_and_time(y)
        check_consistent_length(risk, y)
        won, pairs = 0.0, 0
        for one in np.flatnonzero(y["event"]):
            later = (y["time"] > y["time"][one]) | ((y["time"] == y["time"][one]) & ~y["event"])
            gap = risk[one] - risk[later]
            won += float(np.sum(gap > 0)) + 0.5 * float(np.sum(gap == 0))
            pairs += len(gap)
        if not pairs:
            raise ValueError(
                "Harrell's C needs a sample with an event and another that lived longer; "
                f"found none among {len(y)}: score more samples"
            )
        return won / pairs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def _log_hazard(self, values: Floats) -> Floats:
        return np.asarray((values - self.mean_) @ self.coef_)

    def _solve(self, x: Floats, event: NDArray[np.bool_], last: NDArray[Any]) -> tuple[Floats, int]:
        """Return the coefficients (F,), and after how many iterations; rows by falling time."""
        lasso = np.full(x.shape[1], self.strength * self.l1_ratio)
        ridge = np.full(x.shape[1], self.strength * (1 - self.l1_ratio))
        spread = _spread(x)
        varies = spread > 0
        unit = np.where(varies, spread, 1.0)
        if np.all((unit >= SPREADS[0]) & (unit <= SPREADS[1])):
            with np.errstate(all="ignore"):  # what overflows is not stationary, and solved anew
                beta, iterations = self._proximal_gradients(x, event, last)
                slope = _slope(_loss(x, event, last, beta)[1], beta, lasso, ridge)
                if np.all(np.where(varies, slope, 0.0) / unit <= STATIONARY):
                    return beta, iterations
        z = np.where(varies, x, 0.0) / unit
        gamma, iterations, left = _newton(
            z,
            event,
            last,
            lasso=lasso / unit,
            ridge=ridge / unit**2,
            max_iter=min(self.max_iter, STEPS),
        )
        if left > STATIONARY:
            warnings.warn(
                f"Cox's model has not converged in {iterations} iterations: scale the columns, or "
                "raise the strength of the penalty or max_iter",
                ConvergenceWarning,
                stacklevel=3,
            )
        return gamma / unit, iterations

    def _proximal_gradients(
        self, x: Floats, event: NDArray[np.bool_], last: NDArray[Any]
    ) -> tuple[Floats, int]:
        lasso = self.strength * self.l1_ratio
        ridge = self.strength * (1 - self.l1_ratio)

        def smooth(beta: Floats) -> tuple[float, Floats]:
            value, gradient = _loss(x, event, last, beta)
            return value + 0.5 * ridge * float(beta @ beta), gradient + ridge * beta

        beta = ahead = np.zeros(x.shape[1])
        step, momentum = 1.0, 1.0
        objective = smooth(beta)[0]
        iterations = 0
        for iterations in range(1, self.max_iter + 1):  # noqa: B007
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
        return beta, iterations


def event_and_time(y: Any) -> NDArray[Any]:
    """Return a survival outcome as (N,) records of ``event`` (bool) and ``time`` (float64).

    Parameters
    ----------
    y : (N,) records, or a table of columns, with the fields ``event`` (bool, or 0 and 1) and
        ``time``; or with two fields of other names, first a bool one of events, then one of times,
        as scikit-survival has them. Plain numbers (N,) are times at which all had their event.

    Raises
    ------
    ValueError
        For other fields or values, and for times that are not finite.

    Warns
    -----
    UserWarning
        For plain numbers.

    >>> y = np.array([(True, 3), (False, 5)], dtype=[("Status", "?"), ("Survival_in_days", "i4")])
    >>> event_and_time(y).tolist()
    [(True, 3.0), (False, 5.0)]
    """
    records = np.asarray(y.to_records(index=False) if hasattr(y, "to_records") else y)
    fields = records.dtype.names
    if fields is None:
        event, time = None, column_or_1d(records, warn=True)
    elif records.ndim == 1 and {"event", "time"} <= set(fields):
        event, time = records["event"], records["time"]
    elif records.ndim == 1 and len(fields) == 2 and records.dtype[0].kind == "b":
        event, time = (records[name] for name in fields)
    else:
        raise ValueError(
            "a survival outcome is (N,) records with the fields event and time, or with two "
            "fields, first a bool one of events and then one of times; "
            f"found the fields {', '.join(fields)} and the shape {records.shape}"
        )
    if event is None and time.dtype.kind == "b":
        raise ValueError("a survival outcome needs times; found events alone")
    time = check_array(time, ensure_2d=False, dtype=np.float64, input_name="time")
    if event is None:
        warnings.warn(
            "the outcome has no field that tells events: every sample has its event at its time",
            UserWarning,
            stacklevel=3,
        )
        event = np.ones(len(time), dtype=np.bool_)
    if event.dtype.kind != "b" and not np.isin(event, (0, 1)).all():
        raise ValueError(f"events are True and False, or 1 and 0; found {np.unique(event)[:5]}")
    found = np.zeros(len(time), dtype=[("event", np.bool_), ("time", np.float64)])
    found["event"], found["time"] = event, time
    return found


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


def _spread(x: Floats) -> Floats:
    """Return the standard deviation of centred columns (F,); 0 for one of rounding errors alone."""
    largest = np.abs(x).max(axis=0)
    unit = np.where(largest > 0, largest, 1.0)  # the squares of large numbers would overflow
    return np.asarray(unit * np.sqrt(np.mean((x / unit) ** 2, axis=0)))


def _slope(gradient: Floats, beta: Floats, lasso: Floats, ridge: Floats) -> Floats:
    """Return how steeply the penalised objective still falls along each coefficient: (F,)."""
    smooth = gradient + ridge * beta
    at_zero = np.maximum(np.abs(smooth) - lasso, 0)
    return np.asarray(np.where(beta == 0, at_zero, np.abs(smooth + lasso * np.sign(beta))))


def _newton(
    z: Floats,
    event: NDArray[np.bool_],
    last: NDArray[Any],
    *,
    lasso: Floats,
    ridge: Floats,
    max_iter: int,
) -> tuple[Floats, int, float]:
    """Minimise the penalised loss by Newton steps within an orthant [1]_; rows by falling time.

    A step moves the coefficients that are not zero, and those that leave zero downhill. What would
    change its sign becomes zero.

    Parameters
    ----------
    z : (N, F) standardised columns
    event : (N,) whether each row has an event
    last : (N,) the last row that is at risk at each row's time
    lasso, ridge : (F,) penalties of each coefficient
    max_iter : of steps, at most

    Returns
    -------
    the coefficients (F,), the number of steps, and the largest slope that is left

    References
    ----------
    .. [1] Andrew, Gao, Proceedings of the 24th International Conference on Machine Learning (2007)
       33-40.
    """

    def objective(at: Floats) -> float:
        penalty = lasso @ np.abs(at) + 0.5 * ridge @ at**2
        return _likelihood(z @ at, event, last) + float(penalty)

    beta = np.zeros(z.shape[1])
    value = objective(beta)
    for iteration in range(max_iter + 1):
        linear = z @ beta
        gradient = z.T @ (_weights(linear, event, last) - event) / len(z)
        left = float(_slope(gradient, beta, lasso, ridge).max(initial=0))
        if left <= EXACT or iteration == max_iter:
            break
        smooth = gradient + ridge * beta
        sign = np.where(beta != 0, np.sign(beta), -np.sign(smooth))
        steep = smooth + lasso * sign
        free = _free(beta, np.abs(smooth) - lasso, lasso, len(z))
        step = np.zeros_like(beta)
        step[free] = _downhill(
            _curvature(z[:, free], linear, event, last) + np.diag(ridge[free]),
            steep[free],
            inward=np.where(beta != 0, 0.0, sign)[free],
        )
        # where hazards tell all, farther is always better: go there in steps
        length = min(1.0, LARGEST / max(float(np.ptp(z @ step)), 1e-300))
        while length > 1e-12:
            moved = beta + length * step
            moved[moved * sign < 0] = 0
            reached = objective(moved)
            gain = min(0.0, float(steep @ (moved - beta)))
            if reached <= value + 1e-4 * gain + 1e-15 * abs(value):
                break
            length /= 2
        else:
            break  # rounding errors are all that is left
        beta, value = moved, reached
    return beta, iteration, left


def _free(beta: Floats, rise: Floats, lasso: Floats, count: int) -> NDArray[np.int64]:
    """Return which coefficients a Newton step moves, by number.

    Those that are not zero, and of those that leave zero downhill the steepest few: more than
    there are samples have no single best step where nothing but the LASSO holds them.
    """
    moving = np.flatnonzero(beta)
    leaving = np.flatnonzero((beta == 0) & (rise > 0))
    held = lasso[leaving] > 0
    room = max(1, min(1 + len(moving) // 2, count - len(moving)))
    steepest = leaving[held][np.argsort(-rise[leaving][held], kind="stable")[:room]]
    return np.sort(np.concatenate([moving, leaving[~held], steepest]))


def _downhill(curvature: Floats, slope: Floats, inward: Floats) -> Floats:
    """Return the Newton step (F,) of coefficients of which none leaves zero the wrong way.

    Parameters
    ----------
    curvature : (F, F)
    slope : (F,)
    inward : (F,) the sign that a coefficient at zero may take, and 0 for all others
    """
    step = np.zeros_like(slope)
    size = np.sqrt(np.maximum(np.diag(curvature), 1e-300))
    kept = np.arange(len(slope))
    while len(kept):
        part = curvature[np.ix_(kept, kept)] / size[kept] / size[kept, None]
        part += 1e-10 * np.eye(len(kept))  # columns may be combinations of others
        step[kept] = -np.linalg.lstsq(part, slope[kept] / size[kept])[0] / size[kept]
        wrong = step[kept] * inward[kept] < 0
        if not wrong.any():
            return step
        step[kept[wrong]] = 0
        kept = kept[~wrong]
    return step


def _likelihood(linear: Floats, event: NDArray[np.bool_], last: NDArray[Any]) -> float:
    """Return minus the log partial likelihood per sample, of log hazards however far apart."""
    risk = np.logaddexp.accumulate(linear)[last]
    return float(np.sum(risk[event] - linear[event])) / len(linear)


def _weights(linear: Floats, event: NDArray[np.bool_], last: NDArray[Any]) -> Floats:
    """Return the sum of each row's shares in the hazard of all at risk, over events: (N,)."""
    risk = np.logaddexp.accumulate(linear)[last]
    inverse = np.full(len(linear), -np.inf)
    np.logaddexp.at(inverse, last[event], -risk[event])
    return np.exp(linear + np.logaddexp.accumulate(inverse[::-1])[::-1])


def _curvature(z: Floats, linear: Floats, event: NDArray[np.bool_], last: NDArray[Any]) -> Floats:
    """Return the second derivatives of minus the log partial likelihood per sample: (F, F)."""
    risk = np.logaddexp.accumulate(linear)[last]
    found = z.T @ (_weights(linear, event, last)[:, None] * z)
    rows = np.arange(len(z))
    events = np.flatnonzero(event)
    for some in np.array_split(events, 1 + len(events) * len(z) // 2**22):  # 32 MiB of shares
        share = np.exp(np.minimum(linear - risk[some, None], 0))  # (E, N)
        share[rows > last[some, None]] = 0
        mean = share @ z
        found -= mean.T @ mean
    return np.asarray(found / len(z))
