"""Most relevant and least redundant features, one after the other."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin

from radiomics.association import Task, strength


class Options(BaseModel, frozen=True, extra="forbid"):
    """``count``: number of features to keep."""

    count: Annotated[int, Field(ge=1)] = 10


class Mrmr(SelectorMixin, BaseEstimator):  # type: ignore[misc]
    """Take in turn the feature with the largest F statistic over mean absolute correlation [1]_.

    The mean is over the features taken before.

    References
    ----------
    .. [1] Ding, Peng, Journal of Bioinformatics and Computational Biology 3 (2005) 185-205.
    """

    def __init__(self, task: Task = "binary", count: int = 10) -> None:
        self.task = task
        self.count = count

    def fit(self, x: Any, y: NDArray[Any]) -> Mrmr:
        """Rank the features of ``x`` (N, F) for ``y`` (N,)."""
        names = getattr(x, "columns", None)
        values = np.asarray(x, dtype=np.float64)
        self.n_features_in_ = values.shape[1]
        if names is not None:
            self.feature_names_in_ = np.asarray(names, dtype=object)
        relevance = strength(values, np.asarray(y), self.task)
        centred = values - values.mean(axis=0)
        length = np.sqrt((centred**2).sum(axis=0))
        unit = np.divide(centred, length, out=np.zeros_like(centred), where=length > 1e-12)
        taken = [int(np.argmax(relevance))]
        redundancy = np.zeros(values.shape[1])
        while len(taken) < min(self.count, values.shape[1]):
            redundancy += np.abs(unit.T @ unit[:, taken[-1]])
            merit = relevance / np.maximum(redundancy / len(taken), 1e-3)
            merit[taken] = -1
            taken.append(int(np.argmax(merit)))
        self.ranking_ = taken
        self.support_ = np.zeros(values.shape[1], dtype=np.bool_)
        self.support_[taken] = True
        return self

    def _get_support_mask(self) -> NDArray[np.bool_]:
        return self.support_


def build(options: Options, task: Task) -> Mrmr:
    """Return an unfitted selector."""
    return Mrmr(task, options.count)
