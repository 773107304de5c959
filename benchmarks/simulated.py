"""Simulated cohorts of which the truth is known, and leaks made on purpose."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.stats import norm

from radiomics.evaluation import nested, splits
from radiomics.evaluation.intervals import estimate, group_weights
from radiomics.evaluation.measures import BINARY
from radiomics.evaluation.tuning import Plan
from radiomics.pipelines.study import chains
from radiomics.preprocessing import harmonisation
from radiomics.preprocessing.combat import ComBat
from radiomics.selection.association import p_values
from radiomics.types import Samples

PATIENTS, FEATURES, SITES, SCANNERS = 60, 500, 3, 3
SHARED = 0.8
"""Share of the variance that the samples of a patient have in common."""
LEAKS = ("selection", "combat", "patients")
SELECTION = ({"name": "univariate", "count": 10, "fdr": 1.0},)
RESAMPLES = 1000


def noise(seed: int) -> Samples:
    """Return 60 patients with 1 to 3 samples, 500 features of noise, and effects of 3 sites."""
    rng = np.random.default_rng(seed)
    count = rng.integers(1, 4, PATIENTS)
    member = np.repeat(np.arange(PATIENTS), count)
    y = rng.permutation(np.arange(PATIENTS) % 2)[member]
    site = rng.integers(0, SITES, PATIENTS)[member]
    own = rng.normal(size=(len(member), FEATURES))
    x = np.sqrt(SHARED) * rng.normal(size=(PATIENTS, FEATURES))[member]
    x += np.sqrt(1 - SHARED) * own
    x = x * np.exp(0.3 * rng.normal(size=(SITES, FEATURES)))[site]
    x += rng.normal(size=(SITES, FEATURES))[site]
    names = (*(f"f{i}" for i in range(FEATURES)), "site")
    table = np.column_stack([x.astype(object), np.array(["north", "south", "west"])[site]])
    groups = np.array([f"P{i:02d}" for i in member])
    return Samples(tuple(map(str, range(len(y)))), groups, table, y, names)


def leaking(samples: Samples, leak: str, seed: int) -> Samples:
    """Return a cohort prepared wrongly, with all of its rows, before any split."""
    table = nested.grouped_frame(samples)
    names = [c for c in samples.columns if c != "site"]
    if leak == "patients":
        return replace(samples, groups=np.array(samples.ids))
    if leak == "selection":
        p = p_values(table[names].to_numpy(), samples.y, "binary", "rank")
        kept = [names[i] for i in np.argsort(p, kind="stable")[: SELECTION[0]["count"]]]
        columns = (*kept, "site")
        return replace(samples, x=table[list(columns)].to_numpy(dtype=object), columns=columns)
    batch = table["site"].to_numpy(dtype=str)
    if leak == "combat":  # a batch is a scanner, three a site; the outcome's effect is "preserved"
        _, member = np.unique(samples.groups, return_inverse=True)
        scanner = np.random.default_rng([seed, 1]).integers(0, SCANNERS, PATIENTS)[member]
        batch = np.char.add(batch, scanner.astype(str))
    wrong = table.assign(batch=batch, outcome=samples.y)
    fixed = ComBat(names, "batch", preserve=["outcome"]).fit_transform(wrong)
    return replace(samples, x=fixed[list(samples.columns)].to_numpy(dtype=object))


def noise_study(seed: int, leak: str = "") -> dict[str, float]:
    """Run one study on noise: ComBat, selection, tuning, recalibration; estimates with interval."""
    samples = noise(seed)
    samples = leaking(samples, leak, seed) if leak else samples
    method = "none" if "combat" in leak else "combat"
    options = harmonisation.Options(method=method, unseen="pool")
    return _study(samples, seed, (5, 3), harmonisation=options, selection=SELECTION)[0]


def signal(seed: int, count: int, auc: float) -> Samples:
    """Return patients with one sample and two features; the best possible AUC is known."""
    rng = np.random.default_rng([seed, count, round(100 * auc)])
    y = rng.permutation(np.arange(count) % 2)
    distance = np.sqrt(2) * norm.ppf(auc)
    x = rng.normal(size=(count, 2)) + y[:, None] * distance / np.sqrt(2)
    ids = tuple(f"P{i:05d}" for i in range(count))
    return Samples(ids, np.array(ids), x, y, ("a", "b"))


def signal_study(seed: int, count: int, auc: float) -> dict[str, float]:
    """Run one study on a cohort with signal; also the AUC of its final model on 20,000 others."""
    samples = signal(seed, count, auc)
    found, recipe, plan = _study(samples, seed, (5, 5))
    final = nested.fit_whole(recipe, samples, plan)
    fresh = signal(seed + 10**6, 20_000, auc)
    score = final.predict(nested.grouped_frame(fresh))
    positive, negative = score[fresh.y == 1], score[fresh.y == 0]
    ranks = np.searchsorted(np.sort(negative), positive).mean() / len(negative)
    return found | {"reached": float(ranks)}


def _study(
    samples: Samples, seed: int, folds: tuple[int, int], **changes: Any
) -> tuple[dict[str, float], Any, Plan]:
    names = tuple(c for c in samples.columns if c != "site")
    design = chains.Design(nested.grouped_frame(samples), names, **changes)
    recipe, plan = chains.recipe(design, {"name": "logistic"}), Plan(inner=folds[1], seed=seed)
    outer = splits.repeated_folds(samples.y, samples.groups, folds[0], [seed])
    done = nested.estimate({"model": recipe}, samples, outer, plan)["model"].predictions
    weights = group_weights(done.groups, RESAMPLES, seed)
    auc = estimate(done, BINARY["roc_auc"], weights)
    slope = BINARY["calibration_slope"](done, np.ones((1, len(done.ids))))[0]
    found = {"auc": auc.value, "low": auc.low, "high": auc.high, "slope": float(slope)}
    return found, recipe, plan
