"""Most relevant and least redundant features, one after the other."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.validation import check_is_fitted

from radiomics.association import Task, strength
from radiomics.selection import training_part


class Options(BaseModel, frozen=True, extra="forbid"):
    """``count``: number of features to keep."""

    count: Annotated[int, Field(ge=1)] = 10


class Mrmr(SelectorMixin, BaseEstimator):  # type: ignore[misc]
    """Take in turn the feature with the largest F statistic over mean absolute correlation [1]_.

    The mean is over the features taken before. Gaps (NaN) and infinity are refused: impute before.
    It passes all of scikit-learn's ``check_estimator``.

    Parameters
    ----------
    task : ``binary``, ``multiclass``, ``regression`` or ``survival``, what ``y`` holds
    count : of features to keep; all, where there are fewer

    Attributes
    ----------
    ranking_ : the numbers of the features kept, in the order in which they were taken
    support_ : (F,) bool, the features that are kept
    n_features_in_, feature_names_in_ : the number of columns in ``fit``, and their names, if any

    References
    ----------
    .. [1] Ding, Peng, Journal of Bioinformatics and Computational Biology 3 (2005) 185-205.
    """

    def __init__(self, task: Task = "binary", count: int = 10) -> None:
        self.task = task
        self.count = count

    def fit(self, x: Any, y: Any) -> Mrmr:
        """Rank the features of ``x`` (N, F) for ``y`` (N,).

        Raises
        ------
        ValueError
            For fewer than two samples, NaN or infinity; for an outcome that is not the task's.
        """
        values, outcome = training_part(self, x, y, self.task)
        relevance = strength(values, outcome, self.task)
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

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self)
        return self.support_


def build(options: Options, task: Task) -> Mrmr:
    """Return an unfitted selector."""
    return Mrmr(task, options.count)
