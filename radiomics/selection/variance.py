"""Leave out features that hardly vary."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

BEFORE_SCALING = True


class Options(BaseModel, frozen=True, extra="forbid"):
    """``minimum`` variance to exceed, in the feature's unit squared; ``same``: the largest share.

    A feature of which more than the share ``same`` of the samples have one value is left out.
    """

    minimum: Annotated[float, Field(ge=0)] = 0.0
    same: Annotated[float, Field(gt=0, le=1)] = 0.95


class Variance(SelectorMixin, BaseEstimator):  # type: ignore[misc]
    """Keep features that vary; all, where none does.

    Gaps (NaN) and infinity are refused: impute before. It passes all of scikit-learn's
    ``check_estimator``.

    Parameters
    ----------
    minimum : variance to exceed, in the feature's unit squared
    same : the largest share of samples that may have one value

    Attributes
    ----------
    support_ : (F,) bool, the features that are kept
    n_features_in_, feature_names_in_ : the number of columns in ``fit``, and their names, if any
    """

    def __init__(self, minimum: float = 0.0, same: float = 0.95) -> None:
        self.minimum = minimum
        self.same = same

    def fit(self, x: Any, y: Any = None) -> Variance:
        """Find the features that vary in ``x`` (N, F).

        Raises
        ------
        ValueError
            For fewer than two samples, and for NaN or infinity.
        """
        del y
        values = validate_data(self, x, dtype=np.float64, ensure_min_samples=2)
        ordered = np.sort(values, axis=0)
        share = np.array([_longest_run(column) for column in ordered.T]) / len(values)
        spread = ordered[-1] - ordered[0]
        keep: NDArray[np.bool_] = (
            (share <= self.same) & (values.var(axis=0) > self.minimum) & (spread > 0)
        )
        self.support_ = keep if keep.any() else np.ones_like(keep)
        return self

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self)
        return np.asarray(self.support_)


def build(options: Options, task: str) -> Variance:
    """Return an unfitted selector."""
    del task
    return Variance(options.minimum, options.same)


def _longest_run(ordered: NDArray[np.float64]) -> int:
    """Return how many samples have the most common value."""
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    return int(np.diff(np.r_[starts, len(ordered)]).max())
