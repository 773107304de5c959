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
    """Predict every sample by a model that was fitted without its group.

    Parameters
    ----------
    build : returns a fresh, unfitted estimator with ``fit`` and ``predict_proba``; scaling,
        imputing and selection belong inside it
    samples : a table (N, F) becomes a DataFrame with its column names, images stay an array;
        ``y`` is 0 or 1
    splits : (train, test) index arrays; together the test parts hold every sample once

    Returns
    -------
    Predictions, and the fitted estimator of each split
    """
    x: Any = as_frame(samples) if samples.x.ndim == 2 else samples.x
    score = np.full(len(samples.ids), np.nan)
    fold = np.full(len(samples.ids), -1, dtype=np.int64)
    fitted = []
    for number, (train, test) in enumerate(splits):
        check_disjoint(samples.groups, train, test)
        estimator = build()
        estimator.fit(_rows(x, train), samples.y[train])
        score[test] = estimator.predict_proba(_rows(x, test))[:, 1]
        fold[test] = number
        fitted.append(estimator)
    return Predictions(samples.ids, samples.groups, samples.y, score, fold), fitted


def as_frame(samples: Samples) -> pd.DataFrame:
    """Return a table of samples as a DataFrame; columns of mixed kinds find their own dtype."""
    frame = pd.DataFrame(samples.x, index=list(samples.ids), columns=list(samples.columns))
    return frame.infer_objects()


def _rows(x: Any, chosen: NDArray[np.int64]) -> Any:
    return x.iloc[chosen] if isinstance(x, pd.DataFrame) else x[chosen]
