"""What is measured of a study's predictions, by task; each with many weightings at once.

A measure takes Predictions of N samples and ``weights`` (B, N), and returns (B,): a row of ones
gives the plain value, a row of counts that of a bootstrap sample.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from radiomics.evaluation import calibration, decisions, metrics, multiclass, regression, survival
from radiomics.types import Predictions

Floats = NDArray[np.float64]
Measure = Callable[[Predictions, Floats], Floats]
Task = Literal["binary", "multiclass", "regression", "survival"]

HEADLINE: dict[Task, str] = {
    "binary": "roc_auc",
    "multiclass": "roc_auc",
    "regression": "r2",
    "survival": "harrell_c",
}
"""The measure by which models are tuned and compared; higher is better for all of them."""


def measures(task: Task, times: Sequence[float] = ()) -> dict[str, Measure]:
    """Return the measures of a task by name.

    Parameters
    ----------
    task : the kind of outcome
    times : of a survival study, those at which ``y_score`` (N, T) holds probabilities
    """
    if task == "survival":
        return {
            "harrell_c": _harrell_c,
            "uno_c": _uno_c,
            **{f"auc_at_{t:g}": _time_auc(i, t) for i, t in enumerate(times)},
            **{f"brier_at_{t:g}": _ipcw_brier(i, t) for i, t in enumerate(times)},
        }
    return {"binary": BINARY, "multiclass": MULTICLASS, "regression": REGRESSION}[task]


def headline(task: Task) -> Measure:
    """Return the measure by which models of a task are tuned and compared."""
    return measures(task)[HEADLINE[task]]


def risk(predictions: Predictions) -> Floats:
    """Return one number a sample that is higher the sooner an event is expected: (N,)."""
    score = predictions.y_score
    return np.asarray(score if score.ndim == 1 else score.mean(axis=1))


def _roc_auc(p: Predictions, weights: Floats) -> Floats:
    return metrics.roc_auc(p.y_true, p.y_score, weights, p.fold)


def _over_all(metric: Callable[..., Floats]) -> Measure:
    return lambda p, weights: metric(p.y_true, p.y_score, weights)


def _within_folds(metric: Callable[..., Floats]) -> Measure:
    return lambda p, weights: metric(p.y_true, p.y_score, weights, p.fold)


def _sensitivity(p: Predictions, weights: Floats) -> Floats:
    return decisions.sensitivity(p.y_true, p.y_score >= np.asarray(p.threshold), weights)


def _specificity(p: Predictions, weights: Floats) -> Floats:
    return decisions.specificity(p.y_true, p.y_score >= np.asarray(p.threshold), weights)


def _balanced_accuracy(p: Predictions, weights: Floats) -> Floats:
    return (_sensitivity(p, weights) + _specificity(p, weights)) / 2


def _harrell_c(p: Predictions, weights: Floats) -> Floats:
    return survival.harrell_c(p.y_true, risk(p), weights, p.fold)


def _uno_c(p: Predictions, weights: Floats) -> Floats:
    return survival.uno_c(p.y_true, risk(p), weights, p.fold)


def _time_auc(place: int, time: float) -> Measure:
    return lambda p, w: survival.time_auc(p.y_true, _score_at(p, place), w, time, p.fold)


def _ipcw_brier(place: int, time: float) -> Measure:
    return lambda p, w: survival.ipcw_brier(p.y_true, _score_at(p, place), w, time)


def _score_at(p: Predictions, place: int) -> Any:
    return p.y_score[:, place]


BINARY: dict[str, Measure] = {
    "roc_auc": _roc_auc,
    "average_precision": _over_all(metrics.average_precision),
    "sensitivity": _sensitivity,
    "specificity": _specificity,
    "balanced_accuracy": _balanced_accuracy,
    "brier": _over_all(metrics.brier),
    "calibration_slope": _over_all(calibration.slope),
    "calibration_intercept": _over_all(calibration.intercept),
    "expected_calibration_error": _over_all(calibration.expected_error),
}
MULTICLASS: dict[str, Measure] = {
    "accuracy": _over_all(multiclass.accuracy),
    "balanced_accuracy": _over_all(multiclass.balanced_accuracy),
    "roc_auc": _within_folds(multiclass.roc_auc),
    "roc_auc_pairwise": _within_folds(multiclass.roc_auc_pairwise),
    "brier": _over_all(multiclass.brier),
    "log_loss": _over_all(multiclass.log_loss),
}
REGRESSION: dict[str, Measure] = {n: _over_all(metric) for n, metric in regression.METRICS.items()}
