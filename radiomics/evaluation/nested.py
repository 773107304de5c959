"""Nested cross-validation: outer folds estimate, inner folds choose; the same for any workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from joblib import delayed
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from radiomics.evaluation.comparisons import permute_outcome
from radiomics.evaluation.measures import headline
from radiomics.evaluation.processes import run_jobs
from radiomics.evaluation.splits import Split, check_disjoint
from radiomics.evaluation.tuning import Fitted, Plan, Recipe, Training
from radiomics.types import Predictions, Progress, Samples, silent


@dataclass(frozen=True, eq=False)
class Estimated:
    """Out-of-fold predictions of one recipe, over all repeats, and its fit in each outer fold."""

    predictions: Predictions
    fitted: list[Fitted]


def estimate(
    recipes: Mapping[str, Recipe],
    samples: Samples,
    repeats: list[list[Split]],
    plan: Plan,
    progress: Progress = silent,
    workers: int = 1,
) -> dict[str, Estimated]:
    """Predict every tested sample by models that were chosen and fitted without its group.

    Parameters
    ----------
    recipes : what to fit, by name; nothing in them has seen the samples
    samples : a table (N, F); ``y`` in the form of the task
    repeats : outer splits, once or several times
    plan : how to fit inside
    progress : called with the stage, and how many of how many folds are done
    workers : number of processes; it changes no byte of the result

    Raises
    ------
    ValueError
        For a group on two sides of a split.
    InputError
        When a training part cannot be split into inner folds.
    """
    table = grouped_frame(samples)
    splits = [split for repeat in repeats for split in repeat]
    for train, test in splits:
        check_disjoint(samples.groups, train, test)
    jobs = [delayed(_fit_and_score)(recipes, table, samples.y, split, plan) for split in splits]
    done: list[dict[str, tuple[Fitted, Any]]] = []
    for part in run_jobs(jobs, workers):
        done.append(part)
        progress("folds", len(done), len(splits))
    return {
        name: Estimated(
            _stack_predictions([part[name] for part in done], samples, repeats),
            [part[name][0] for part in done],
        )
        for name in recipes
    }


def fit_whole(recipe: Recipe, samples: Samples, plan: Plan) -> Fitted:
    """Fit a recipe to all samples, as each fold fits it to its training part."""
    with threadpool_limits(1):
        return Training(grouped_frame(samples), samples.y, plan).fit(recipe)


def permutation_values(
    recipe: Recipe,
    samples: Samples,
    deal: Callable[[NDArray[Any]], list[list[Split]]],
    plan: Plan,
    count: int,
    seed: int,
    progress: Progress = silent,
    workers: int = 1,
) -> NDArray[np.float64]:
    """Return the headline measure after dealing the outcome anew to patients, tuning and all.

    Parameters
    ----------
    deal : returns the outer splits for an outcome, by which they are stratified
    count, seed : number of permutations, and the seed that they are drawn from
    progress, workers : as in :func:`estimate`
    """
    table = grouped_frame(samples)
    jobs = [
        delayed(_permuted_headline)(recipe, table, samples, deal, plan, [seed, number])
        for number in range(count)
    ]
    values: list[float] = []
    for value in run_jobs(jobs, workers):
        values.append(value)
        progress("permutations", len(values), count)
    return np.array(values)


def grouped_frame(samples: Samples) -> pd.DataFrame:
    """Return a table of samples as a DataFrame whose index names the patient of each row."""
    frame = pd.DataFrame(samples.x, columns=list(samples.columns))
    frame = frame.infer_objects().copy()  # copied, all numbers lie in one block: far faster
    return frame.set_axis(samples.groups, axis=0)


def _permuted_headline(
    recipe: Recipe,
    table: pd.DataFrame,
    samples: Samples,
    deal: Callable[[NDArray[Any]], list[list[Split]]],
    plan: Plan,
    seed: list[int],
) -> float:
    """Return the headline measure of a recipe on outcomes dealt anew."""
    y = permute_outcome(samples.y, samples.groups, np.random.default_rng(seed))
    dealt = Samples(samples.ids, samples.groups, samples.x, y, samples.columns)
    recipes = {"": recipe}
    repeats = deal(y)
    splits = [split for repeat in repeats for split in repeat]
    parts = [_fit_and_score(recipes, table, y, split, plan)[""] for split in splits]
    predictions = _stack_predictions(parts, dealt, repeats)
    return float(headline(plan.task)(predictions, np.ones((1, len(predictions.ids))))[0])


def _fit_and_score(
    recipes: Mapping[str, Recipe],
    table: pd.DataFrame,
    y: NDArray[Any],
    split: Split,
    plan: Plan,
) -> dict[str, tuple[Fitted, Any]]:
    """Fit all recipes to one training part; return them with the scores of the test part."""
    train, test = split
    with threadpool_limits(1):  # threads would share sums otherwise on another machine load
        training = Training(table.iloc[train], y[train], plan)
        other = table.iloc[test]
        fitted = {name: training.fit(recipe) for name, recipe in recipes.items()}
        return {name: (found, found.predict(other)) for name, found in fitted.items()}


def _stack_predictions(
    parts: list[tuple[Fitted, Any]], samples: Samples, repeats: list[list[Split]]
) -> Predictions:
    """Put the test parts of all splits below each other: by repeat, then by sample."""
    rows, score, fold, threshold = [], [], [], []
    number = 0
    for repeat in repeats:
        here = range(number, number + len(repeat))
        index = np.concatenate([test for _, test in repeat])
        order = np.argsort(index, kind="stable")
        rows.append(index[order])
        score.append(np.concatenate([parts[k][1] for k in here])[order])
        sizes = [len(test) for _, test in repeat]
        fold.append(np.repeat(np.array(here), sizes)[order])
        threshold.append(np.repeat([parts[k][0].threshold for k in here], sizes)[order])
        number += len(repeat)
    chosen = np.concatenate(rows)
    return Predictions(
        tuple(samples.ids[i] for i in chosen),
        samples.groups[chosen],
        samples.y[chosen],
        np.concatenate(score),
        np.concatenate(fold),
        np.concatenate(threshold),
    )
