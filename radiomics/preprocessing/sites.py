"""Sites of a table: which rows come from where, and what to do with one never seen in training."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import validate_data

from radiomics.types import InputError

Floats = NDArray[np.float64]
Unseen = Literal["refuse", "pool", "nearest"]


def checked_table(estimator: Any, x: Any, *, fitting: bool) -> pd.DataFrame:
    """Return what an estimator is given as a table; an array has the columns 0, 1, 2, ...

    Parameters
    ----------
    estimator : when ``fitting`` it notes how many columns there are, and their names
    x : table, or (N, F) array of numbers, gaps as NaN

    Raises
    ------
    ValueError
        For no rows or columns, an array with infinity, and for other columns than those of ``fit``.
    """
    if not isinstance(x, pd.DataFrame):
        gaps = {"ensure_all_finite": "allow-nan", "dtype": np.float64}
        return pd.DataFrame(validate_data(estimator, x, reset=fitting, **gaps))
    validate_data(estimator, x, reset=fitting, skip_check_array=True)
    if fitting and not x.size:
        found = f"{len(x)} rows and {x.shape[1]} columns"
        raise InputError("harmonisation", "a table needs rows and columns", found, "give others")
    return x


def harmonised_columns(
    table: pd.DataFrame, features: Sequence[Any] | None, others: Sequence[Any]
) -> list[Any]:
    """Return the columns to harmonise: those named, or where none are, all but the others."""
    return [c for c in table if c not in others] if features is None else list(features)


def numbers(table: pd.DataFrame, columns: Sequence[Any]) -> Floats:
    """Return columns of a table as (N, F) float64.

    Raises
    ------
    InputError
        For no column, columns that the table does not have, words, and infinity.
    """
    absent = [str(name) for name in columns if name not in table]
    if absent or not len(columns):
        rule = "the features to harmonise are columns of the table"
        found = f"{len(absent)} missing: {', '.join(absent[:5])}" if absent else "no feature"
        raise InputError("harmonisation", rule, found, "name others, or add them")
    try:
        values = np.array(table[list(columns)].to_numpy(dtype=np.float64))
    except ValueError as error:
        remedy = "name the columns that hold numbers as features"
        raise InputError("harmonisation", "features are numbers", str(error), remedy) from None
    infinite = [str(n) for n, wrong in zip(columns, np.isinf(values).any(0), strict=True) if wrong]
    if infinite:
        found = f"infinity in {', '.join(infinite[:5])}"
        remedy = "correct the table; gaps (NaN) may stay"
        raise InputError("harmonisation", "features are finite, or gaps", found, remedy)
    return values


def site_of(table: pd.DataFrame, column: Any) -> NDArray[Any]:
    """Return the site of each row as text.

    Without a ``column`` (None) all rows are of one site; so they are, with a warning, where an
    array has no column of that name.

    Raises
    ------
    InputError
        When the table has no such column, or a row no site.
    """
    unnamed = isinstance(table.columns, pd.RangeIndex)
    if unnamed and isinstance(column, str):
        warnings.warn(
            f"an array has no column {column!r}: all rows count as one site; give a table, or the "
            "number of the column that holds the site",
            UserWarning,
            stacklevel=3,
        )
        column = None
    if column is None:
        return np.array(["all"] * len(table), dtype=object)
    if column not in table:
        raise InputError("harmonisation", f"a column {column!r} names the site", "none", "add it")
    if table[column].isna().any():
        found = f"{int(table[column].isna().sum())} rows without one"
        raise InputError("harmonisation", "every row needs a site", found, "fill the column")
    return np.asarray(table[column].astype(str).to_numpy(dtype=object))


def replace_columns(table: pd.DataFrame, columns: Sequence[str], values: Floats) -> pd.DataFrame:
    """Return the table with other values in some columns; order and index stay."""
    fresh = pd.DataFrame(values, index=table.index, columns=list(columns))
    rest = table.drop(columns=list(columns))
    if rest.empty and not len(rest.columns):
        return fresh
    whole = pd.concat([fresh, rest], axis=1)
    same = list(whole.columns) == list(table.columns)
    return whole if same else whole[list(table.columns)]


def standing_in(
    sites: NDArray[Any], values: Floats, centres: Mapping[str, Floats], unseen: Unseen
) -> dict[str, str | None]:
    """Say for each site whose parameters apply to it: its own, another's, or nobody's (None).

    Parameters
    ----------
    sites : (N,) the site of each row
    values : (N, F) on one scale for all features, gaps as NaN
    centres : the mean of the features (F,) of each site that was seen in training
    unseen : ``refuse`` raises, ``pool`` gives None, ``nearest`` the site with the nearest mean

    Raises
    ------
    InputError
        Naming sites that were not seen in training, where they are refused.
    """
    found: dict[str, str | None] = {}
    strangers = [site for site in np.unique(sites).tolist() if site not in centres]
    if strangers and unseen == "refuse":
        raise InputError(
            "harmonisation",
            "every site must have been seen in training",
            f"{', '.join(strangers[:5])}; seen: {', '.join(sorted(centres)[:5])}",
            "choose another rule for unseen sites: 'pool' or 'nearest'",
        )
    for site in np.unique(sites).tolist():
        found[site] = site if site in centres else None
        if found[site] is None and unseen == "nearest":
            here = values[sites == site]
            known = ~np.isnan(here).all(axis=0)
            mean = np.nanmean(here[:, known], axis=0) if known.any() else np.zeros(0)
            gaps = {s: float(np.sum((c[known] - mean) ** 2)) for s, c in sorted(centres.items())}
            found[site] = min(gaps, key=lambda s: gaps[s])
    return found
