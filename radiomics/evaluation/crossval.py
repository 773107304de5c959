"""Cross-validation: every fitted step is fitted anew inside each training part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radiomics.evaluation.splits import Split, check_disjoint
from radiomics.types import Predictions, Samples


def cross_validate(
    build: Callable[[], Any], samples: Samples, splits: list[Split]
) -> tuple[Predictions, list[Any]]:
    """Predict the samples of each test part by a model that was fitted without their groups.

    Parameters
    ----------
    build : returns a fresh, unfitted estimator with scikit-learn's ``fit`` and ``predict_proba`` or
        ``predict``; scaling, imputing and selection belong inside it. One with ``fit_samples`` is
        given the training part as Samples, and ``predict_samples`` its test part.
    samples : a table (N, F) becomes a DataFrame with its column names, images stay an array
    splits : (train, test) index arrays; no sample stands in two test parts

    Returns
    -------
    Predictions of the samples that stand in a test part, and the fitted estimator of each split
    """
    fold = np.full(len(samples.ids), -1, dtype=np.int64)
    scores: list[NDArray[np.float64]] = []
    fitted = []
    for number, (train, test) in enumerate(splits):
        check_disjoint(samples.groups, train, test)
        if (fold[test] >= 0).any():
            raise ValueError("a sample stands in two test parts")
        estimator = build()
        scores.append(_fit_and_predict(estimator, samples, train, test))
        fold[test] = number
        fitted.append(estimator)
    order = np.concatenate([test for _, test in splits])
    back = np.argsort(order, kind="stable")
    tested = samples.take(order[back])
    score = np.concatenate(scores)[back]
    return Predictions(tested.ids, tested.groups, tested.y, score, fold[order[back]]), fitted


def _fit_and_predict(
    estimator: Any, samples: Samples, train: NDArray[np.int64], test: NDArray[np.int64]
) -> NDArray[np.float64]:
    if hasattr(estimator, "fit_samples"):
        estimator.fit_samples(samples.take(train))
        return np.asarray(estimator.predict_samples(samples.take(test)))
    x: Any = as_frame(samples) if samples.x.ndim == 2 else samples.x
    estimator.fit(_rows(x, train), samples.y[train])
    if not hasattr(estimator, "predict_proba"):
        return np.asarray(estimator.predict(_rows(x, test)), dtype=np.float64)
    found = np.asarray(estimator.predict_proba(_rows(x, test)), dtype=np.float64)
    return found[:, 1] if found.shape[1] == 2 else found


def as_frame(samples: Samples) -> pd.DataFrame:
    """Return a table of samples as a DataFrame; columns of mixed kinds find their own dtype."""
    frame = pd.DataFrame(samples.x, index=list(samples.ids), columns=list(samples.columns))
    return frame.infer_objects()


def _rows(x: Any, chosen: NDArray[np.int64]) -> Any:
    return x.iloc[chosen] if isinstance(x, pd.DataFrame) else x[chosen]
