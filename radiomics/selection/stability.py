"""Keep features that are chosen again and again in halves of the patients."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin

from radiomics.association import Task, strength

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

    Where none reaches the share, the most frequent stays. The index of a table names the patients.

    References
    ----------
    .. [1] Meinshausen, Bühlmann, Journal of the Royal Statistical Society B 72 (2010) 417-473.
    """

    def __init__(self, task: Task = "binary", options: Options | None = None) -> None:
        self.task = task
        self.options = options

    def fit(self, x: Any, y: NDArray[Any]) -> Stability:
        """Count choices of features of ``x`` (N, F) for ``y`` (N,)."""
        options = self.options or Options()
        index, names = getattr(x, "index", None), getattr(x, "columns", None)
        values = np.asarray(x, dtype=np.float64)
        self.n_features_in_ = values.shape[1]
        if names is not None:
            self.feature_names_in_ = np.asarray(names, dtype=object)
        groups = np.arange(len(values)) if index is None else np.asarray(index)
        self.frequency_ = self._frequency(values, np.asarray(y), groups, options)
        order = np.argsort(-self.frequency_, kind="stable")
        passed = max(1, int(np.sum(self.frequency_ >= options.share - 1e-12)))
        self.support_ = np.zeros(values.shape[1], dtype=np.bool_)
        self.support_[order[: min(passed, options.at_most or passed)]] = True
        return self

    def _frequency(
        self,
        values: NDArray[np.float64],
        y: NDArray[Any],
        groups: NDArray[Any],
        options: Options,
    ) -> NDArray[np.float64]:
        rng = np.random.default_rng(options.seed)
        _, member = np.unique(groups, return_inverse=True)
        patients = int(member.max()) + 1
        chosen = np.zeros(values.shape[1])
        for _ in range(options.rounds):
            half = np.zeros(patients, dtype=np.bool_)
            half[rng.permutation(patients)[: max(2, patients // 2)]] = True
            rows = half[member]
            if len(np.unique(y[rows])) < 2:
                continue  # a half with one outcome tells nothing
            found = strength(values[rows], y[rows], self.task)
            chosen[np.argsort(-found, kind="stable")[: options.count]] += 1
        return chosen / options.rounds

    def _get_support_mask(self) -> NDArray[np.bool_]:
        return self.support_


def build(options: Options, task: Task) -> Stability:
    """Return an unfitted selector."""
    return Stability(task, options)
