"""Sites of a table: which rows come from where, and what to do with one never seen in training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radiomics.types import InputError

Floats = NDArray[np.float64]
Unseen = Literal["refuse", "pool", "nearest"]


def numbers(table: pd.DataFrame, columns: Sequence[str]) -> Floats:
    """Return columns of a table as (N, F) float64."""
    return np.array(table[list(columns)].to_numpy(dtype=np.float64))


def site_of(table: pd.DataFrame, column: str) -> NDArray[Any]:
    """Return the site of each row as text.

    Raises
    ------
    InputError
        When the table has no such column, or a row no site.
    """
    if column not in table:
        raise InputError("harmonisation", f"a column {column!r} names the site", "none", "add it")
    if table[column].isna().any():
        found = f"{int(table[column].isna().sum())} rows without one"
        raise InputError("harmonisation", "every row needs a site", found, "fill the column")
    return table[column].astype(str).to_numpy(dtype=object)


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
