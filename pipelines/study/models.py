"""The models of a study: estimated on its folds, then fitted to all cases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.evaluation import nested
from radiomics.evaluation.crossval import cross_validate
from radiomics.evaluation.measures import measures
from radiomics.evaluation.splits import Split
from radiomics.evaluation.tuning import Fitted, Recipe
from radiomics.pipelines.provenance import first_process
from radiomics.pipelines.study import chains, networks
from radiomics.pipelines.study.config import StudyConfig, is_network
from radiomics.pipelines.study.estimates import (
    baseline_recipes,
    compare,
    design_of,
    estimates_of,
    fuse_predictions,
    permutation_test,
    plan_of,
    weights_of,
)
from radiomics.pipelines.study.results import Comparison, Learned, Outcome, Source
from radiomics.pipelines.study.sources import splits_of
from radiomics.types import InputError, Predictions, Progress, Samples


def names_of(config: StudyConfig) -> list[str]:
    """Return a name of each model; of those that share one, all but the first are numbered."""
    names: list[str] = []
    for spec in config.models:
        name = str(spec["name"])
        if "embedding" in spec:
            name += f" with {spec['embedding']['name']}"
        count = sum(other == name or other.startswith(f"{name}-") for other in names)
        names.append(f"{name}-{count + 1}" if count else name)
    return names


def recipe_of(config: StudyConfig, design: chains.Design, spec: dict[str, Any]) -> Recipe:
    """Return a tabular model of the config behind the preparation of its study."""
    return chains.recipe(design, config.deep_columns(spec), config.evaluation.recalibrate)


def estimate_models(
    config: StudyConfig,
    learned: Learned,
    splits: list[list[Split]],
    folder: Path,
    progress: Progress,
    workers: int,
) -> dict[str, Outcome]:
    """Estimate every model of a study on its splits, the baselines, and what is fused of them."""
    names = names_of(config)
    outcomes = _estimate_tables(config, learned, splits, progress, workers)
    for number, spec in enumerate(config.models):
        if is_network(spec):
            place = folder / "training" / names[number]
            outcomes[names[number]] = _estimate_network(
                config, spec, learned, splits, place, progress
            )
        progress("models", number + 1, len(config.models))
    outcomes = {name: outcomes[name] for name in [*names, *outcomes]}
    weights = weights_of(config, next(iter(outcomes.values())).predictions)
    plan = plan_of(config, learned.table.y)
    for parts in config.fusion:
        _check_fusion(parts, outcomes)
        predictions = fuse_predictions(outcomes, parts, config.task)
        made = estimates_of(predictions, plan, weights)
        outcomes[" + ".join(parts)] = Outcome(learned.table, predictions, made, [])
    return outcomes


def compare_models(config: StudyConfig, outcomes: dict[str, Outcome]) -> list[Comparison]:
    """Compare the models of a study with its baselines and with the first of them."""
    weights = weights_of(config, next(iter(outcomes.values())).predictions)
    return compare(outcomes, config.task, weights) if len(outcomes) > 1 else []


def permuted_headline(
    config: StudyConfig,
    source: Source,
    learned: Learned,
    outcomes: dict[str, Outcome],
    progress: Progress,
    workers: int,
) -> tuple[float, list[float]] | None:
    """Return the p-value of the first model, and what permuted outcomes reached, if asked for."""
    if not config.evaluation.permutations:
        return None
    first = outcomes[names_of(config)[0]]
    reached = next(iter(first.estimates.values())).value

    def deal(y: NDArray[Any]) -> list[list[Split]]:
        return splits_of(config, source, learned.table, y)

    return permutation_test(
        config, learned.rows(), learned.images, deal, reached, progress, workers
    )


def _check_fusion(names: tuple[str, ...], outcomes: dict[str, Outcome]) -> None:
    absent = [name for name in names if name not in outcomes]
    if absent:
        remedy = f"choose of {', '.join(outcomes)}"
        raise InputError("fusion", "models to fuse are in the study", absent[0], remedy)


def _estimate_tables(
    config: StudyConfig,
    learned: Learned,
    splits: list[list[Split]],
    progress: Progress,
    workers: int,
) -> dict[str, Outcome]:
    """Estimate all models of rows, and the baselines, by nested cross-validation."""
    table = learned.table
    tabular = {
        name: spec
        for name, spec in zip(names_of(config), config.models, strict=True)
        if not is_network(spec)
    }
    if table.x.ndim != 2:
        if tabular:
            rule = f"{next(iter(tabular.values()))['name']} learns from rows of features"
            raise InputError("models", rule, f"images {table.x.shape[1:]}", "choose a network")
        return {}
    if not tabular and not config.covariates and config.volume not in table.columns:
        return {}
    design, plan = _design(config, learned), plan_of(config, table.y)
    recipes = {name: recipe_of(config, design, spec) for name, spec in tabular.items()}
    recipes |= baseline_recipes(config, design)
    found = nested.estimate(recipes, learned.rows(), splits, plan, progress, workers)
    weights = weights_of(config, next(iter(found.values())).predictions)
    specs = {n: chains.candidates(s, config.task, config.seed) for n, s in tabular.items()}
    return {
        name: Outcome(
            table,
            done.predictions,
            estimates_of(done.predictions, plan, weights),
            done.fitted,
            candidates=specs.get(name, []),
        )
        for name, done in found.items()
    }


def _estimate_network(
    config: StudyConfig,
    spec: dict[str, Any],
    learned: Learned,
    splits: list[list[Split]],
    folder: Path,
    progress: Progress,
) -> Outcome:
    """Train a network in each fold."""
    samples, parts, fitted = learned.seen, [], []
    for repeat in splits:
        build = _builder(config, spec, learned, folder, progress)
        predictions, models = cross_validate(build, samples, repeat)
        parts.append(predictions)
        fitted += models
    predictions = _join_repeats(parts, [len(repeat) for repeat in splits])
    plan = plan_of(config, samples.y)
    made = estimates_of(predictions, plan, weights_of(config, predictions))
    apparent = _apparent_measures(config, samples, [s for repeat in splits for s in repeat], fitted)
    return Outcome(samples, predictions, made, fitted, apparent)


def fit_finally(
    config: StudyConfig, learned: Learned, folder: Path, progress: Progress
) -> dict[str, Fitted | networks.Network]:
    """Fit each model of a cohort to all cases, as each fold fits it to its training part.

    Of several processes all train networks; the first one fits the other models.
    """
    if learned.features is None:
        return {}
    found: dict[str, Fitted | networks.Network] = {}
    for name, spec in zip(names_of(config), config.models, strict=True):
        if is_network(spec):
            build = _builder(config, spec, learned, folder / name, progress)
            found[name] = build().fit_samples(learned.seen)
        elif first_process():
            recipe = recipe_of(config, _design(config, learned), spec)
            found[name] = nested.fit_whole(recipe, learned.rows(), plan_of(config, learned.table.y))
        progress("final models", len(found), len(config.models))
    return found


def _design(config: StudyConfig, learned: Learned) -> chains.Design:
    """Return what the chains of a study have in common."""
    return design_of(config, learned.rows(), learned.images)


def _builder(
    config: StudyConfig, spec: dict[str, Any], learned: Learned, folder: Path, progress: Progress
) -> Callable[[], networks.Network]:
    """Return a function that makes the unfitted network."""
    rows = learned.features is not None and learned.seen.x.ndim == 2
    design = _design(config, learned) if rows else None
    times = plan_of(config, learned.seen.y).times
    return lambda: networks.Network(config, spec, folder, progress, design, times)


def _join_repeats(parts: list[Predictions], sizes: list[int]) -> Predictions:
    """Put the predictions of repeats below each other, their folds numbered on."""
    starts = np.cumsum([0, *sizes[:-1]])
    return Predictions(
        tuple(i for p in parts for i in p.ids),
        np.concatenate([p.groups for p in parts]),
        np.concatenate([p.y_true for p in parts]),
        np.concatenate([p.y_score for p in parts]),
        np.concatenate([p.fold + start for p, start in zip(parts, starts, strict=True)]),
    )


def _apparent_measures(
    config: StudyConfig, samples: Samples, splits: list[Split], fitted: list[Any]
) -> dict[str, float]:
    """Return the measures of networks on the samples they were fitted to, mean over folds."""
    rows = []
    chosen = measures(config.task, plan_of(config, samples.y).times)
    for (train, _), model in zip(splits, fitted, strict=True):
        own, _ = model.parts(samples.take(train))
        zeros = np.zeros(len(own.ids), dtype=np.int64)
        p = Predictions(own.ids, own.groups, own.y, model.predict_samples(own), zeros)
        rows.append([measure(p, np.ones((1, len(own.ids))))[0] for measure in chosen.values()])
    return dict(zip(chosen, map(float, np.mean(rows, axis=0)), strict=True))
