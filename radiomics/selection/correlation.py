"""Of features that correlate keep one: clusters by average linkage, their medoids stay."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from scipy.stats import rankdata
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

Method = Literal["spearman", "pearson"]


class Options(BaseModel, frozen=True, extra="forbid"):
    """``limit``: features whose absolute correlation exceeds it on average share a cluster."""

    limit: Annotated[float, Field(gt=0, lt=1)] = 0.9
    method: Method = "spearman"


class Correlation(SelectorMixin, BaseEstimator):  # type: ignore[misc]
    """Keep of each cluster the feature that correlates most with the others.

    Gaps (NaN) and infinity are refused: impute before. It passes all of scikit-learn's
    ``check_estimator``.

    Parameters
    ----------
    limit : features whose absolute correlation exceeds it on average share a cluster
    method : ``spearman`` or ``pearson``

    Attributes
    ----------
    support_ : (F,) bool, the features that are kept
    n_features_in_, feature_names_in_ : the number of columns in ``fit``, and their names, if any
    """

    def __init__(self, limit: float = 0.9, method: Method = "spearman") -> None:
        self.limit = limit
        self.method = method

    def fit(self, x: Any, y: Any = None) -> Correlation:
        """Find clusters in ``x`` (N, F).

        Raises
        ------
        ValueError
            For fewer than two samples, and for NaN or infinity.
        """
        del y
        values = validate_data(self, x, dtype=np.float64, ensure_min_samples=2)
        self.support_ = np.ones(values.shape[1], dtype=np.bool_)
        if values.shape[1] > 1:
            self.support_ = self._medoids(values)
        return self

    def _medoids(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        values = rankdata(values, axis=0) if self.method == "spearman" else values
        centred = values - values.mean(axis=0)
        length = np.sqrt((centred**2).sum(axis=0))
        unit = np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)
        alike = np.clip(np.abs(unit.T @ unit), 0, 1)  # (F, F)
        np.fill_diagonal(alike, 1)
        tree = linkage(squareform(1 - alike, checks=False), method="average")
        cluster = fcluster(tree, 1 - self.limit, criterion="distance")
        support = np.zeros(values.shape[1], dtype=np.bool_)
        for number in np.unique(cluster):
            members = np.flatnonzero(cluster == number)
            closeness = alike[np.ix_(members, members)].sum(axis=1)
            support[members[int(np.argmax(np.round(closeness, 12)))]] = True
        return support

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self)
        return self.support_


def build(options: Options, task: str) -> Correlation:
    """Return an unfitted selector."""
    del task
    return Correlation(options.limit, options.method)
