"""Z-scores by site: the simple rival of ComBat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from radiomics.preprocessing.sites import (
    Floats,
    Unseen,
    checked_table,
    harmonised_columns,
    numbers,
    replace_columns,
    site_of,
    standing_in,
)


class SiteScaler(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Give every site's features mean 0 and standard deviation 1, both taken from training rows.

    It is fitted to a table, or to an array (N, F) of numbers, whose columns are named 0, 1, 2, ...
    Where an array has no column of the site's name all its rows count as one site, with a warning.
    So are the arrays of scikit-learn's ``check_estimator``, all of which it passes; a table without
    the column is refused.

    Parameters
    ----------
    features : names of the columns to scale, gaps (NaN) stay gaps; None for all but the site
    site : name of the column with the site; None when all rows are of one site
    unseen : what to do with a site that was not seen in training: ``refuse``; ``pool`` scales by
        all training rows; ``nearest`` scales as the site whose mean is nearest

    Attributes
    ----------
    n_features_in_, feature_names_in_ : the number of columns in ``fit``, and their names, if any

    >>> table = pd.DataFrame({"a": [1.0, 3.0, 10.0, 30.0], "site": list("nnss")})
    >>> SiteScaler(["a"]).fit_transform(table)["a"].tolist()
    [-1.0, 1.0, -1.0, 1.0]
    """

    def __init__(
        self,
        features: Sequence[Any] | None = None,
        site: Any = "site",
        unseen: Unseen = "refuse",
    ) -> None:
        self.features = features
        self.site = site
        self.unseen = unseen

    def fit(self, x: Any, y: object = None) -> SiteScaler:
        """Take mean and standard deviation of each site, and of all rows.

        Raises
        ------
        InputError
            For rows without a site, and features that are not there, hold words or infinity.
        """
        del y
        table = checked_table(self, x, fitting=True)
        values, sites = numbers(table, self._columns(table)), site_of(table, self.site)
        self.pooled_ = _moments(values)
        self.sites_ = {s: _moments(values[sites == s]) for s in np.unique(sites).tolist()}
        return self

    def transform(self, x: Any) -> Any:
        """Return the table, or the array, with scaled features; other columns stay.

        Raises
        ------
        InputError
            For a site that was not seen in training, where those are refused; for what ``fit``
            refuses.
        ValueError
            For other columns than those of ``fit``.
        NotFittedError
            Before ``fit``.
        """
        check_is_fitted(self)
        table = checked_table(self, x, fitting=False)
        columns = self._columns(table)
        values, sites = numbers(table, columns), site_of(table, self.site)
        mean, spread = self.pooled_
        centres = {s: (m - mean) / spread for s, (m, _) in self.sites_.items()}
        chosen = standing_in(sites, (values - mean) / spread, centres, self.unseen)
        for site, other in chosen.items():
            centre, scale = self.pooled_ if other is None else self.sites_[other]
            rows = sites == site
            values[rows] = (values[rows] - centre) / scale
        scaled = replace_columns(table, columns, values)
        return scaled if isinstance(x, pd.DataFrame) else scaled.to_numpy()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _columns(self, table: pd.DataFrame) -> list[Any]:
        return harmonised_columns(table, self.features, (self.site,))


def _moments(values: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each column, gaps left out: (F,), (F,)."""
    known = ~np.isnan(values)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, values, 0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, values - mean, 0) ** 2).sum(axis=0) / count)
    return mean, np.where(spread > 1e-12 * np.maximum(np.abs(mean), 1e-300), spread, 1.0)
