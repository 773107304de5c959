"""Cross-validation: every fitted step is fitted anew inside each training part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radiomics.evaluation.splits import Split, check_disjoint
from radiomics.types import Predictions


def cross_validate(
    build: Callable[[], Any],
    x: pd.DataFrame,
    y: NDArray[Any],
    groups: NDArray[Any],
    splits: list[Split],
) -> tuple[Predictions, list[Any]]:
    """Predict every sample by a model that was fitted without its group.

    Parameters
    ----------
    build : returns a fresh, unfitted estimator with ``fit`` and ``predict_proba``; scaling,
        imputing and selection belong inside it
    x : (N, F) table, indexed by sample id
    y : (N,) 0 or 1
    groups : (N,) the patient of each sample
    splits : (train, test) index arrays; together the test parts hold every sample once

    Returns
    -------
    Predictions, and the fitted estimator of each split
    """
    score = np.full(len(y), np.nan)
    fold = np.full(len(y), -1, dtype=np.int64)
    fitted = []
    for number, (train, test) in enumerate(splits):
        check_disjoint(groups, train, test)
        estimator = build()
        estimator.fit(x.iloc[train], y[train])
        score[test] = estimator.predict_proba(x.iloc[test])[:, 1]
        fold[test] = number
        fitted.append(estimator)
    ids = tuple(str(i) for i in x.index)
    return Predictions(ids, groups, y, score, fold), fitted
