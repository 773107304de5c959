"""Splits that never put one group (patient) on two sides."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

from radiomics.types import InputError

Indices = NDArray[np.int64]
Split = tuple[Indices, Indices]
FOLDS = "evaluation.folds"


def grouped_folds(
    y: NDArray[Any],
    groups: NDArray[Any],
    folds: int,
    seed: int,
    sites: NDArray[Any] | None = None,
    key: str = FOLDS,
) -> list[Split]:
    """Split samples into stratified folds with every group on one side.

    Parameters
    ----------
    y : (N,) classes
    groups : (N,) the patient of each sample
    folds : number of folds, at least 2
    seed : order in which groups are dealt to folds
    sites : (N,) sites, which then are spread over the folds too, as far as they are large enough
    key : the option that messages name

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
                f"use fewer folds ({key}) or more patients",
            )
    strata = y if sites is None else _strata_with_sites(y, sites, groups, folds)
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    splits = [(train, test) for train, test in splitter.split(np.zeros(len(y)), strata, groups)]
    for train, test in splits:
        check_disjoint(groups, train, test)
        if len(np.unique(y[train])) < len(classes) or len(np.unique(y[test])) < len(classes):
            raise InputError(
                "folds", "every fold needs all classes", "a fold without one", f"lower {key}"
            )
    return splits


def repeated_folds(
    y: NDArray[Any],
    groups: NDArray[Any],
    folds: int,
    seeds: list[int],
    sites: NDArray[Any] | None = None,
) -> list[list[Split]]:
    """Split samples into grouped, stratified folds once for each seed."""
    return [grouped_folds(y, groups, folds, seed, sites) for seed in seeds]


def leave_one_site_out(y: NDArray[Any], groups: NDArray[Any], sites: NDArray[Any]) -> list[Split]:
    """Return a split a site: it is tested, all others train.

    Raises
    ------
    InputError
        Fewer than two sites, a patient of two sites, or a training part with a single class.
    """
    names = np.unique(sites)
    if len(names) < 2:
        found = f"only {names.tolist()}"
        raise InputError("sites", "two sites are needed", found, "choose evaluation.scheme: folds")
    wandering = [g for g in np.unique(groups) if len(np.unique(sites[groups == g])) > 1]
    if wandering:
        raise InputError(
            "sites",
            "to leave a site out every patient belongs to one",
            f"patients of several: {', '.join(map(str, wandering[:5]))}",
            "give each patient one site, or choose evaluation.scheme: folds",
        )
    splits = []
    for name in names:
        train, test = np.flatnonzero(sites != name), np.flatnonzero(sites == name)
        check_disjoint(groups, train, test)
        if len(np.unique(y[train])) < len(np.unique(y)):
            raise InputError(
                "sites",
                "the other sites need all classes to train on",
                f"one class is only at site {name}",
                "choose evaluation.scheme: folds",
            )
        splits.append((train, test))
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


def hold_out_groups(
    y: NDArray[Any], groups: NDArray[Any], share: float, seed: int, *, classes: bool
) -> Split:
    """Keep a share of the patients aside: for early stopping, inside a training part.

    Patients of each class are dealt by themselves; one of several classes counts as of the rarest.

    Parameters
    ----------
    share : above 0, at most one half
    classes : whether ``y`` holds classes, of which both sides then have all

    Returns
    -------
    indices of those to train on, and of those kept aside

    Raises
    ------
    InputError
        When a class cannot be on both sides.
    """
    names, member = np.unique(groups, return_inverse=True)
    found, number = np.unique(y, return_inverse=True) if classes else (np.zeros(1), member * 0)
    counts = [len(np.unique(member[number == k])) for k in range(len(found))]
    strata = np.zeros(len(names), dtype=np.int64)
    for k in np.argsort(counts, kind="stable")[::-1]:  # the rarest class has the last word
        strata[member[number == k]] = k
    quotas = _quotas(np.bincount(strata, minlength=len(found)), share)
    rng = np.random.default_rng(seed)
    aside = np.zeros(len(names), dtype=np.bool_)
    for k, quota in enumerate(quotas.tolist()):
        aside[rng.permutation(np.flatnonzero(strata == k))[:quota]] = True
    there = aside[member]
    for k, name in enumerate(found.tolist()):
        if len(np.unique(there[number == k])) < 2:
            what = f"patients of class {name!r}" if classes else "patients"
            raise InputError(
                "validation",
                "those who learn and those kept aside both need a patient of every class",
                f"{counts[k]} {what} in a training part",
                "leave evaluation.validation out, or give more patients",
            )
    return np.flatnonzero(~there), np.flatnonzero(there)


def _quotas(sizes: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    """Return how many of each class make the share, by largest remainders; some on both sides.

    >>> _quotas(np.array([50, 10]), 0.3).tolist()
    [15, 3]
    """
    exact = sizes * share
    least = np.minimum(1, sizes // 2)
    quotas: NDArray[np.int64] = np.maximum(np.floor(exact).astype(np.int64), least)
    for k in np.argsort(quotas - exact, kind="stable"):
        if quotas.sum() < round(float(exact.sum())) and quotas[k] < sizes[k] - 1:
            quotas[k] += 1
    return quotas


def fixed_split(
    split: NDArray[Any], groups: NDArray[Any] | None = None, y: NDArray[Any] | None = None
) -> list[Split]:
    """Return the one split that a source defines: its parts ``train`` and ``test``.

    With ``groups``, the patients (N,), every row belongs to one of them; with ``y``, the classes
    (N,), both have all.

    Raises
    ------
    InputError
        An empty part, a row of neither, a patient in both, or a class that a part lacks.
    """
    train, test = np.flatnonzero(split == "train"), np.flatnonzero(split == "test")
    if not len(train) or not len(test):
        found = f"{sorted(set(map(str, split)))}"
        raise InputError("split", "the column 'split' holds train and test", found, "fill it")
    neither = len(split) - len(train) - len(test)
    if groups is not None and neither:
        found = f"{neither} rows with another value, or none"
        remedy = "write train or test there, or leave these rows out"
        raise InputError("split", "every row is train or test", found, remedy)
    for name, part in (("train", train), ("test", test)):
        absent = [] if y is None else np.setdiff1d(y, y[part]).tolist()
        if absent:
            found = f"{name} has no case of class {absent[0]!r}"
            remedy = "move patients of that class there, or use evaluation.scheme: folds"
            raise InputError("split", "train and test have cases of every class", found, remedy)
    shared = [] if groups is None else np.intersect1d(groups[train], groups[test]).tolist()
    if shared:
        raise InputError(
            "split",
            "no patient is in both train and test",
            f"{len(shared)}: {', '.join(map(str, shared[:5]))}",
            "put all samples of a patient on one side",
        )
    return [(train, test)]


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


def strata_of(values: NDArray[Any], bins: int = 5) -> NDArray[np.int64]:
    """Return classes that stand for a number when folds are stratified: fifths by default.

    >>> strata_of(np.arange(10.0), 2).tolist()
    [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]
    """
    edges = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.asarray(np.searchsorted(edges, values, side="left"), dtype=np.int64)


def _strata_with_sites(
    y: NDArray[Any], sites: NDArray[Any], groups: NDArray[Any], folds: int
) -> NDArray[np.int64]:
    """Return a stratum for each outcome and site, rare ones joined with their outcome's others."""
    names = np.char.add(np.char.add(y.astype(str), "|"), sites.astype(str))
    for name in np.unique(names):
        if len(np.unique(groups[names == name])) < folds:
            names[names == name] = name.partition("|")[0] + "|"
    joined: NDArray[np.int64] = np.unique(names, return_inverse=True)[1]
    for number in np.unique(joined):  # what is still rare joins any stratum of its outcome
        rare = joined == number
        if len(np.unique(groups[rare])) < folds:
            mates = joined[(y == y[rare][0]) & ~rare]
            joined[rare] = mates[0] if len(mates) else number
    return joined
