"""What a statistician would ask about the data of a study before hours are spent on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.config import StudyConfig
from radiomics.evaluation.nested import grouped_frame
from radiomics.evaluation.tuning import stratification
from radiomics.types import InputError, Samples

SHOWN = 5
"""Columns that a warning names at most."""


def warnings_of(config: StudyConfig, rows: pd.DataFrame, samples: Samples) -> list[str]:
    """Return what is suspicious: columns that tell the outcome, sites without a class.

    Raises
    ------
    InputError
        For a covariate with one level, or infinite covariates.
    """
    table = grouped_frame(samples)
    _check_covariates(config, table)
    strata = stratification(samples.y, config.task)
    found = [*_tell_tales(table, samples.y, config.task), *_silent(table)]
    if "site" in rows:
        sites = rows.set_index("id").loc[list(samples.ids), "site"].astype(str).to_numpy()
        for site in np.unique(sites):
            absent = sorted(set(strata.tolist()) - set(strata[sites == site].tolist()))
            if absent and config.task in ("binary", "multiclass"):
                names = ", ".join(samples.classes[k] for k in absent)
                found.append(f"site {site} has no case of {names}: site and outcome are confounded")
    patients = len(np.unique(samples.groups))
    features = table.shape[1]
    events = events_per_variable(strata, samples.groups, features)
    if config.task in ("binary", "survival") and events < 0.5 and not config.selection:
        found.append(
            f"{features} columns for {patients} patients, {events:.2g} patients of the rarer "
            f"outcome for each column: without selection a model can fit noise"
        )
    return found


def events_per_variable(strata: NDArray[Any], groups: NDArray[Any], columns: int) -> float:
    """Return patients of the rarest class for each column.

    >>> events_per_variable(np.array([0, 0, 1]), np.array(["a", "b", "c"]), 2)
    0.5
    """
    fewest = min(len(np.unique(groups[strata == k])) for k in np.unique(strata))
    return fewest / max(1, columns)


def _check_covariates(config: StudyConfig, table: pd.DataFrame) -> None:
    for name in config.covariates:
        column = table[name]
        if len(column.dropna().unique()) < 2:
            found = f"{name}: only {column.dropna().unique().tolist()}"
            raise InputError("covariates", "a covariate has two values at least", found, "drop it")
        if pd.api.types.is_numeric_dtype(column) and np.isinf(column.to_numpy(float)).any():
            raise InputError("covariates", "covariates are finite", name, "correct the table")


def _silent(table: pd.DataFrame) -> list[str]:
    """Name columns with one value, or none, in all cases."""
    names = [str(name) for name in table if table[name].nunique() < 2]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    listed = ", ".join(names[:SHOWN])
    return [f"columns with one value or none tell nothing: {listed}{more}"] if names else []


def _tell_tales(table: pd.DataFrame, y: NDArray[Any], task: str) -> list[str]:
    """Name columns that equal the outcome, or tell it without an error: suspected leaks."""
    found = []
    values = y["event"].astype(float) if task == "survival" else y.astype(float)
    for name in table.columns:
        column = table[name]
        if pd.api.types.is_numeric_dtype(column):
            numbers = column.to_numpy(dtype=np.float64)
            same = np.isfinite(numbers).all() and numbers.std() > 0 and values.std() > 0
            r = abs(np.corrcoef(numbers, values)[0, 1]) if same else 0.0
        else:
            codes = column.astype(str)
            kinds = pd.DataFrame({"c": codes, "y": values}).groupby("c")["y"].nunique()
            r = 1.0 if kinds.max() == 1 and 1 < len(kinds) <= len(np.unique(values)) else 0.0
        if r > 1 - 1e-9:
            found.append(f"suspected leak: the column {name!r} tells the outcome exactly")
    return found
