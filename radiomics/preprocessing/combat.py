"""ComBat: take out what sites add to and multiply features by, learned on training rows alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
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
from radiomics.types import InputError

Prior = Literal["parametric", "non_parametric", "none"]
ITERATIONS, CONVERGED = 1000, 1e-10


class ComBat(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    r"""Harmonise features over sites by empirical Bayes [1]_ [2]_.

    A feature is modelled as :math:`\alpha + X\beta + \gamma_s + \delta_s \epsilon`; estimates of
    the shift :math:`\gamma_s` and the scale :math:`\delta_s` of each site borrow from all features.

    It is fitted to a table, or to an array (N, F) of numbers, whose columns are named 0, 1, 2, ...
    Where an array has no column of the site's name all its rows count as one site, with a warning.
    So are the arrays of scikit-learn's ``check_estimator``, all of which it passes; a table without
    the column is refused.

    Parameters
    ----------
    features : names of the columns to harmonise; gaps (NaN) stay gaps, and count as the median;
        None for all but the site and those of ``preserve``
    site : name of the column with the site; None when all rows are of one site
    preserve : columns whose effect is kept; they must be known for new rows too, so never the
        outcome
    reference : a site that stays as it is, to which the others are brought
    prior : ``parametric``, ``non_parametric``, or ``none`` for each feature on its own
    unseen : what to do with a site that was not seen in training: ``refuse``; ``pool`` leaves its
        rows as they are; ``nearest`` treats them as the site whose mean is nearest

    Attributes
    ----------
    n_features_in_, feature_names_in_ : the number of columns in ``fit``, and their names, if any

    References
    ----------
    .. [1] Johnson, Li, Rabinovic, Biostatistics 8 (2007) 118-127.
    .. [2] Fortin et al., NeuroImage 167 (2018) 104-120.
    """

    def __init__(
        self,
        features: Sequence[Any] | None = None,
        site: Any = "site",
        preserve: Sequence[Any] = (),
        reference: str | None = None,
        prior: Prior = "parametric",
        unseen: Unseen = "refuse",
    ) -> None:
        self.features = features
        self.site = site
        self.preserve = preserve
        self.reference = reference
        self.prior = prior
        self.unseen = unseen

    def fit(self, x: Any, y: object = None) -> ComBat:
        """Learn the shift and the scale of every site.

        Raises
        ------
        InputError
            A covariate that follows the site, or a reference site without rows; rows without a
            site; columns that are not there, features with words, and infinity.
        """
        del y
        table = checked_table(self, x, fitting=True)
        sites = site_of(table, self.site)
        names, member = np.unique(sites.astype(str), return_inverse=True)
        values = numbers(table, self._columns(table))
        self.median_ = _median(values)
        values = np.where(np.isnan(values), self.median_, values)
        self.levels_ = _levels(table, self.preserve)
        self._regress(values, member, names.tolist(), _design(table, self.levels_))
        scaled = (values - self._expected(table)) / self.scale_
        self.shift_, self.spread_ = {}, {}
        for number, name in enumerate(names.tolist()):
            if name == self.reference:
                found = np.zeros(values.shape[1]), np.ones(values.shape[1])
            else:
                found = _site_effect(scaled, member == number, member, self.prior)
            self.shift_[name], self.spread_[name] = found
        self.centres_ = {n: scaled[member == i].mean(axis=0) for i, n in enumerate(names.tolist())}
        return self

    def transform(self, x: Any) -> Any:
        """Return the table, or the array, with harmonised features; other columns stay.

        Raises
        ------
        InputError
            For a site that was not seen in training, where those are refused; for rows without a
            site, words and infinity.
        ValueError
            For other columns than those of ``fit``.
        NotFittedError
            Before ``fit``.
        """
        check_is_fitted(self)
        table = checked_table(self, x, fitting=False)
        columns = self._columns(table)
        values, sites = numbers(table, columns), site_of(table, self.site)
        expected = self._expected(table)
        scaled = (values - expected) / self.scale_
        for site, other in standing_in(sites, scaled, self.centres_, self.unseen).items():
            if other is None or other == self.reference:
                continue  # without effect: the very values, not their rounded copies
            rows = sites == site
            calm = (scaled[rows] - self.shift_[other]) / np.sqrt(self.spread_[other])
            values[rows] = np.where(self.varies_, calm * self.scale_ + expected[rows], values[rows])
        harmonised = replace_columns(table, columns, values)
        return harmonised if isinstance(x, pd.DataFrame) else harmonised.to_numpy()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _columns(self, table: pd.DataFrame) -> list[Any]:
        return harmonised_columns(table, self.features, (self.site, *self.preserve))

    def _regress(
        self, values: Floats, member: NDArray[Any], names: list[str], covariates: Floats
    ) -> None:
        """Fit sites and covariates by least squares: grand mean, slopes, pooled scale."""
        batch = np.eye(len(names))[member]
        if self.reference is not None:
            if self.reference not in names:
                raise InputError(
                    "harmonisation.reference",
                    "the reference site needs training rows",
                    f"{self.reference!r}; sites: {', '.join(names)}",
                    "choose one of these sites, large enough to be in every training part",
                )
            batch[:, names.index(self.reference)] = 1
        design = np.hstack([batch, covariates])
        if np.linalg.matrix_rank(design) < design.shape[1]:
            raise InputError(
                "harmonisation.preserve",
                "a covariate to preserve varies within the sites, and follows no other",
                f"{', '.join(map(str, self.levels_))} in a training part of {len(values)} rows",
                "preserve fewer covariates",
            )
        found = np.linalg.lstsq(design, values, rcond=None)[0]
        self.slopes_ = found[len(names) :]
        residual = (values - design @ found) ** 2
        if self.reference is not None:
            place = names.index(self.reference)
            self.mean_ = found[place]
            variance = residual[member == place].mean(axis=0)
        else:
            self.mean_ = batch.mean(axis=0) @ found[: len(names)]
            variance = residual.mean(axis=0)
        typical = np.maximum(np.abs(self.mean_), np.abs(values).max(axis=0))
        self.varies_ = np.sqrt(variance) > 1e-9 * np.maximum(typical, 1e-300)
        self.scale_ = np.where(self.varies_, np.sqrt(variance), 1.0)

    def _expected(self, x: pd.DataFrame) -> Floats:
        return np.asarray(self.mean_ + _design(x, self.levels_) @ self.slopes_)


def _median(values: Floats) -> Floats:
    known = ~np.isnan(values).all(axis=0)
    result = np.zeros(values.shape[1])
    result[known] = np.nanmedian(values[:, known], axis=0)
    return result


def _levels(x: pd.DataFrame, preserve: Sequence[Any]) -> dict[Any, Any]:
    """Return what each covariate becomes: a number's median, or the levels but the first."""
    levels: dict[Any, Any] = {}
    for name in preserve:
        if name not in x or x[name].isna().all():
            found = f"{name!r} is {'empty' if name in x else 'missing'}"
            rule = "the covariates to preserve are columns of the table"
            raise InputError("harmonisation.preserve", rule, found, "preserve others, or add it")
        if pd.api.types.is_numeric_dtype(x[name]) and not pd.api.types.is_bool_dtype(x[name]):
            levels[name] = float(x[name].median())
        else:
            levels[name] = sorted(x[name].dropna().astype(str).unique().tolist())[1:]
    return levels


def _design(x: pd.DataFrame, levels: dict[Any, Any]) -> Floats:
    columns: list[Any] = []
    for name, level in levels.items():
        if isinstance(level, float):
            column = numbers(x, [name])[:, 0]
            columns.append(np.where(np.isnan(column), level, column))
        else:
            columns += [(x[name].astype(str) == one).to_numpy(dtype=np.float64) for one in level]
    return np.stack(columns, axis=1) if columns else np.zeros((len(x), 0))


def _site_effect(
    scaled: Floats, rows: NDArray[np.bool_], member: NDArray[Any], prior: Prior
) -> tuple[Floats, Floats]:
    """Return shift and squared scale of one site: (F,), (F,)."""
    here = scaled[rows]
    shift = here.mean(axis=0)
    if len(here) < 2 or member.max() == 0:  # one row has no spread; one site nothing to differ from
        return (shift if member.max() else 0 * shift), np.ones(here.shape[1])
    spread = here.var(axis=0, ddof=1)
    spread = np.where(spread > 1e-12, spread, 1.0)
    if prior == "none" or here.shape[1] < 2:
        return shift, spread
    return (_parametric if prior == "parametric" else _non_parametric)(here, shift, spread)


def _parametric(here: Floats, shift: Floats, spread: Floats) -> tuple[Floats, Floats]:
    """Solve for the posterior means under a normal and an inverse gamma prior."""
    count = len(here)
    centre, width = shift.mean(), shift.var(ddof=1)
    m, s2 = spread.mean(), max(float(spread.var(ddof=1)), 1e-300)
    a, b = (2 * s2 + m**2) / s2, (m * s2 + m**3) / s2
    squares = (here**2).sum(axis=0)
    total = here.sum(axis=0)
    g, d = shift, spread
    for _ in range(ITERATIONS):
        g_new = (width * count * shift + d * centre) / (width * count + d)
        sum2 = squares - 2 * g_new * total + count * g_new**2
        d_new = (0.5 * sum2 + b) / (count / 2 + a - 1)
        moved = max(float(np.abs(g_new - g).max()), float(np.abs(d_new / d - 1).max()))
        g, d = g_new, d_new
        if moved < CONVERGED:
            break
    return g, d


def _non_parametric(here: Floats, shift: Floats, spread: Floats) -> tuple[Floats, Floats]:
    """Average the other features' estimates by how likely they make this feature's rows."""
    count = len(here)
    squares, total = (here**2).sum(axis=0), here.sum(axis=0)
    g, d = np.empty_like(shift), np.empty_like(spread)
    for i in range(len(shift)):
        sum2 = squares[i] - 2 * shift * total[i] + count * shift**2
        likely = -0.5 * count * np.log(2 * np.pi * spread) - sum2 / (2 * spread)
        likely[i] = -np.inf
        weight = np.exp(likely - likely.max())
        g[i], d[i] = weight @ shift / weight.sum(), weight @ spread / weight.sum()
    return g, d
