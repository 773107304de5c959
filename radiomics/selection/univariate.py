"""Keep features that go with the outcome one by one, with a false discovery rate or a number."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from scipy.stats import false_discovery_control
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.validation import check_is_fitted

from radiomics.association import Task, Test, p_values
from radiomics.selection import training_part


class Options(BaseModel, frozen=True, extra="forbid"):
    """``fdr``: largest false discovery rate [1]_; ``count``: at most so many; ``test``: f or rank.

    References
    ----------
    .. [1] Benjamini, Hochberg, Journal of the Royal Statistical Society B 57 (1995) 289-300.
    """

    fdr: Annotated[float, Field(gt=0, le=1)] = 0.05
    count: Annotated[int, Field(ge=1)] | None = None
    test: Test = "rank"


class Univariate(SelectorMixin, BaseEstimator):  # type: ignore[misc]
    """Keep features by their p-value; where none passes, the one with the smallest.

    Gaps (NaN) and infinity are refused: impute before. It passes all of scikit-learn's
    ``check_estimator``.

    Parameters
    ----------
    task : ``binary``, ``multiclass``, ``regression`` or ``survival``, what ``y`` holds
    fdr : largest false discovery rate
    count : of features, at most
    test : ``rank`` or ``f``, as :func:`radiomics.association.p_values` has them

    Attributes
    ----------
    p_values_ : (F,)
    support_ : (F,) bool, the features that are kept
    n_features_in_, feature_names_in_ : the number of columns in ``fit``, and their names, if any
    """

    def __init__(
        self,
        task: Task = "binary",
        fdr: float = 0.05,
        count: int | None = None,
        test: Test = "rank",
    ) -> None:
        self.task = task
        self.fdr = fdr
        self.count = count
        self.test = test

    def fit(self, x: Any, y: Any) -> Univariate:
        """Test every feature of ``x`` (N, F) against ``y`` (N,).

        Raises
        ------
        ValueError
            For fewer than two samples, NaN or infinity; for an outcome that is not the task's.
        """
        values, outcome = training_part(self, x, y, self.task)
        self.p_values_ = p_values(values, outcome, self.task, self.test)
        order = np.argsort(self.p_values_, kind="stable")
        passed = int(np.sum(false_discovery_control(self.p_values_) <= self.fdr))
        number = max(1, min(passed, self.count or passed))
        self.support_ = np.zeros(values.shape[1], dtype=np.bool_)
        self.support_[order[:number]] = True
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self)
        return self.support_


def build(options: Options, task: Task) -> Univariate:
    """Return an unfitted selector."""
    return Univariate(task, options.fdr, options.count, options.test)
