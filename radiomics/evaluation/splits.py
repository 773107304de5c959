"""Splits that never put one group (patient) on two sides."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

from radiomics.types import InputError

Indices = NDArray[np.int64]
Split = tuple[Indices, Indices]


def grouped_folds(y: NDArray[Any], groups: NDArray[Any], folds: int, seed: int) -> list[Split]:
    """Split samples into stratified folds with every group on one side.

    Parameters
    ----------
    y : (N,) classes
    groups : (N,) the patient of each sample
    folds : number of folds, at least 2
    seed : order in which groups are dealt to folds

    Returns
    -------
    list of (train, test) index arrays, every sample in exactly one test part

    Raises
    ------
    InputError
        A constant outcome, or a class with fewer groups than folds.
    """
    classes = np.unique(y)
    if len(classes) < 2:
        raise InputError(
            "outcome",
            "two classes are needed",
            f"only {classes.tolist()}",
            "check the target column",
        )
    for value in classes.tolist():
        found = len(np.unique(groups[y == value]))
        if found < folds:
            raise InputError(
                "folds",
                f"each of {folds} folds needs a patient of every class",
                f"{found} patients of class {value!r}",
                "use fewer folds (evaluation.folds) or more patients",
            )
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    splits = [(train, test) for train, test in splitter.split(np.zeros(len(y)), y, groups)]
    for train, test in splits:
        check_disjoint(groups, train, test)
        if len(np.unique(y[train])) < len(classes) or len(np.unique(y[test])) < len(classes):
            raise InputError(
                "folds", "every fold needs all classes", "a fold without one", "use fewer folds"
            )
    return splits


def grouped_parts(groups: NDArray[Any], folds: int, seed: int) -> list[Split]:
    """Split samples with a continuous outcome into folds, every group on one side.

    Raises
    ------
    InputError
        Fewer groups than folds.
    """
    count = len(np.unique(groups))
    if count < folds:
        rule = f"{folds} folds need as many patients"
        raise InputError("folds", rule, f"{count} patients", "use fewer folds (evaluation.folds)")
    splitter = GroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    splits = [(train, test) for train, test in splitter.split(groups, groups=groups)]
    for train, test in splits:
        check_disjoint(groups, train, test)
    return splits


def held_out(
    y: NDArray[Any], groups: NDArray[Any], share: float, seed: int, *, classes: bool
) -> Split:
    """Keep about a share of the patients aside: for early stopping, inside a training part.

    Parameters
    ----------
    share : above 0, at most one half
    classes : whether ``y`` holds classes, of which both sides then have all

    Returns
    -------
    indices of those to train on, and of those kept aside
    """
    folds = max(2, round(1 / share))
    if classes:
        return grouped_folds(y, groups, folds, seed)[0]
    return grouped_parts(groups, folds, seed)[0]


def fixed_split(split: NDArray[Any]) -> list[Split]:
    """Return the one split that a source defines: its parts ``train`` and ``test``."""
    return [(np.flatnonzero(split == "train"), np.flatnonzero(split == "test"))]


def check_disjoint(groups: NDArray[Any], train: Indices, test: Indices) -> None:
    """Demand that no group stands on both sides.

    Raises
    ------
    ValueError
        Naming the groups that do: this would be a leak.
    """
    shared = np.intersect1d(groups[train], groups[test])
    if shared.size:
        raise ValueError(f"leak: groups on both sides of a split: {shared[:5].tolist()}")
