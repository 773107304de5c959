"""Z-scores by site: the simple rival of ComBat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from radiomics.preprocessing.sites import (
    Floats,
    Unseen,
    numbers,
    replace_columns,
    site_of,
    standing_in,
)


class SiteScaler(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Give every site's features mean 0 and standard deviation 1, both taken from training rows.

    Parameters
    ----------
    features : names of the columns to scale
    site : name of the column with the site
    unseen : what to do with a site that was not seen in training: ``refuse``; ``pool`` scales by
        all training rows; ``nearest`` scales as the site whose mean is nearest

    >>> table = pd.DataFrame({"a": [1.0, 3.0, 10.0, 30.0], "site": list("nnss")})
    >>> SiteScaler(["a"]).fit_transform(table)["a"].tolist()
    [-1.0, 1.0, -1.0, 1.0]
    """

    def __init__(
        self, features: Sequence[str], site: str = "site", unseen: Unseen = "refuse"
    ) -> None:
        self.features = features
        self.site = site
        self.unseen = unseen

    def fit(self, x: pd.DataFrame, y: object = None) -> SiteScaler:
        """Take mean and standard deviation of each site, and of all rows."""
        del y
        values, sites = numbers(x, self.features), site_of(x, self.site)
        self.pooled_ = _moments(values)
        self.sites_ = {s: _moments(values[sites == s]) for s in np.unique(sites).tolist()}
        return self

    def transform(self, x: pd.DataFrame) -> pd.DataFrame:
        """Return the table with scaled features; other columns stay.

        Raises
        ------
        InputError
            For a site that was not seen in training, where those are refused.
        """
        values, sites = numbers(x, self.features), site_of(x, self.site)
        mean, spread = self.pooled_
        centres = {s: (m - mean) / spread for s, (m, _) in self.sites_.items()}
        chosen = standing_in(sites, (values - mean) / spread, centres, self.unseen)
        for site, other in chosen.items():
            centre, scale = self.pooled_ if other is None else self.sites_[other]
            rows = sites == site
            values[rows] = (values[rows] - centre) / scale
        return replace_columns(x, self.features, values)

    def get_feature_names_out(self, names: Sequence[str]) -> Sequence[str]:
        """Return the names of the columns, which stay."""
        return names


def _moments(values: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each column, gaps left out: (F,), (F,)."""
    known = ~np.isnan(values)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, values, 0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, values - mean, 0) ** 2).sum(axis=0) / count)
    return mean, np.where(spread > 1e-12 * np.maximum(np.abs(mean), 1e-300), spread, 1.0)
