"""What a statistician would ask about the data of a study before hours are spent on it."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu, spearmanr

from radiomics.evaluation.nested import grouped_frame
from radiomics.evaluation.tuning import stratification
from radiomics.pipelines.study.config import StudyConfig
from radiomics.types import InputError, Samples

SHOWN = 5
"""Columns that a warning names at most."""
TELLING = 0.99
"""Area under the ROC curve, or rank correlation, of one column that is too good to be true."""
FEWEST = 10
"""Cases of each class from which that is no chance among many columns."""


def data_warnings(config: StudyConfig, rows: pd.DataFrame, samples: Samples) -> list[str]:
    """Return what is suspicious: columns that tell the outcome, sites without a class.

    Raises
    ------
    InputError
        For a covariate with one level, or infinite covariates.
    """
    table = grouped_frame(samples)
    _check_covariates(config, table)
    strata = stratification(samples.y, config.task)
    found = [*_suspected_leaks(table, samples.y, config.task), *_constant_columns(table)]
    found += _similar_patients(samples.groups)
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


def _constant_columns(table: pd.DataFrame) -> list[str]:
    """Name columns with one value, or none, in all cases."""
    names = [str(name) for name in table if table[name].nunique() < 2]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    listed = ", ".join(names[:SHOWN])
    return [f"columns with one value or none tell nothing: {listed}{more}"] if names else []


def _suspected_leaks(table: pd.DataFrame, y: NDArray[Any], task: str) -> list[str]:
    """Name columns that equal the outcome, or order it nearly without an error: suspected leaks."""
    found = []
    values = y["event"].astype(float) if task == "survival" else y.astype(float)
    for name in table.columns:
        column = table[name]
        told = 0.0
        if pd.api.types.is_numeric_dtype(column):
            numbers = column.to_numpy(dtype=np.float64)
            same = np.isfinite(numbers).all() and numbers.std() > 0 and values.std() > 0
            equal = same and abs(np.corrcoef(numbers, values)[0, 1]) > 1 - 1e-9
            told = 0.0 if equal else _ordering_strength(numbers, values, task)
        else:
            codes = column.astype(str)
            kinds = pd.DataFrame({"c": codes, "y": values}).groupby("c")["y"].nunique()
            equal = kinds.max() == 1 and 1 < len(kinds) <= len(np.unique(values))
        if equal:
            found.append(f"suspected leak: the column {name!r} tells the outcome exactly")
        elif told >= TELLING:
            how = "rank correlation" if task == "regression" else "area under the ROC curve"
            found.append(
                f"suspected leak: the column {name!r} tells the outcome by itself ({how} "
                f"{told:.3f}); was it known before the outcome?"
            )
    return found


def _ordering_strength(
    numbers: NDArray[np.float64], values: NDArray[np.float64], task: str
) -> float:
    """Return how well a column orders the outcome, upwards or downwards, 0 where few are known.

    Of numbers the rank correlation, of classes the mean area under the ROC curve of two of them.
    """
    known = np.isfinite(numbers)
    if task == "regression":
        enough = known.sum() >= 2 * FEWEST and np.ptp(numbers[known]) > 0
        return abs(float(spearmanr(numbers[known], values[known])[0])) if enough else 0.0
    parts = [numbers[known & (values == kind)] for kind in np.unique(values)]
    if len(parts) < 2 or min(map(len, parts)) < FEWEST:
        return 0.0
    areas = [
        float(mannwhitneyu(one, other, method="asymptotic")[0]) / (len(one) * len(other))
        for one, other in combinations(parts, 2)
    ]
    return float(np.mean([max(area, 1 - area) for area in areas]))


def _similar_patients(groups: NDArray[Any]) -> list[str]:
    """Name patients whose names differ in case, signs or leading zeros only."""
    kinds: dict[str, list[str]] = {}
    for name in np.unique(groups).tolist():
        plain = re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(r"[\W_]+", "-", str(name).casefold()))
        kinds.setdefault(plain, []).append(str(name))
    pairs = [" and ".join(names) for names in kinds.values() if len(names) > 1]
    more = f" and {len(pairs) - SHOWN} more" if len(pairs) > SHOWN else ""
    listed = "; ".join(pairs[:SHOWN]) + more
    told = f"patients named alike: {listed}; if they are one, give them one group"
    return [told] if pairs else []
