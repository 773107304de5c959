"""Keep features that are chosen again and again in halves of the patients."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.validation import check_is_fitted

from radiomics.association import Task, strength
from radiomics.selection import training_part

BY_PATIENT = True
"""The index of the table is read, which names the patients."""


class Options(BaseModel, frozen=True, extra="forbid"):
    """``count`` features are chosen in each of ``rounds`` halves; those in ``share`` of them stay.

    ``at_most`` limits how many stay.
    """

    count: Annotated[int, Field(ge=1)] = 10
    rounds: Annotated[int, Field(ge=10)] = 100
    share: Annotated[float, Field(gt=0.5, le=1)] = 0.6
    at_most: Annotated[int, Field(ge=1)] | None = None
    seed: int = 0


class Stability(SelectorMixin, BaseEstimator):  # type: ignore[misc]
    """Choose the most relevant features in halves of the patients, keep the most frequent [1]_.

    Where none reaches the share, the most frequent stays. The index of a table names the patients;
    of an array every row is a patient. Gaps (NaN) and infinity are refused: impute before.
    It passes all of scikit-learn's ``check_estimator``.

    Parameters
    ----------
    task : ``binary``, ``multiclass``, ``regression`` or ``survival``, what ``y`` holds
    count : of features to choose in each half
    rounds : number of halves
    share : of the rounds in which a feature must be chosen to stay
    at_most : so many stay
    seed : of the halves

    Attributes
    ----------
    frequency_ : (F,) share of the rounds in which each feature was chosen
    support_ : (F,) bool, the features that are kept
    n_features_in_, feature_names_in_ : the number of columns in ``fit``, and their names, if any

    References
    ----------
    .. [1] Meinshausen, Bühlmann, Journal of the Royal Statistical Society B 72 (2010) 417-473.
    """

    def __init__(
        self,
        task: Task = "binary",
        count: int = 10,
        rounds: int = 100,
        share: float = 0.6,
        at_most: int | None = None,
        seed: int = 0,
    ) -> None:
        self.task = task
        self.count = count
        self.rounds = rounds
        self.share = share
        self.at_most = at_most
        self.seed = seed

    def fit(self, x: Any, y: Any) -> Stability:
        """Count choices of features of ``x`` (N, F) for ``y`` (N,).

        Raises
        ------
        ValueError
            For fewer than two samples, NaN or infinity; for an outcome that is not the task's.
        """
        values, outcome = training_part(self, x, y, self.task)
        groups = np.asarray(x.index) if isinstance(x, pd.DataFrame) else np.arange(len(values))
        self.frequency_ = self._frequency(values, outcome, groups)
        order = np.argsort(-self.frequency_, kind="stable")
        passed = max(1, int(np.sum(self.frequency_ >= self.share - 1e-12)))
        self.support_ = np.zeros(values.shape[1], dtype=np.bool_)
        self.support_[order[: min(passed, self.at_most or passed)]] = True
        return self

    def _frequency(
        self, values: NDArray[np.float64], y: NDArray[Any], groups: NDArray[Any]
    ) -> NDArray[np.float64]:
        rng = np.random.default_rng(self.seed)
        _, member = np.unique(groups, return_inverse=True)
        patients = int(member.max()) + 1
        chosen = np.zeros(values.shape[1])
        for _ in range(self.rounds):
            half = np.zeros(patients, dtype=np.bool_)
            half[rng.permutation(patients)[: max(2, patients // 2)]] = True
            rows = half[member]
            if len(np.unique(y[rows])) < 2:
                continue  # a half with one outcome tells nothing
            found = strength(values[rows], y[rows], self.task)
            chosen[np.argsort(-found, kind="stable")[: self.count]] += 1
        return chosen / self.rounds

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self)
        return self.support_


def build(options: Options, task: Task) -> Stability:
    """Return an unfitted selector."""
    return Stability(task, **options.model_dump())
