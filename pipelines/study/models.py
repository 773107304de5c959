"""The models of a study: estimated on its folds, then fitted to all cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from radiomics.evaluation import nested
from radiomics.evaluation.crossval import cross_validate
from radiomics.evaluation.measures import measures
from radiomics.evaluation.splits import Split
from radiomics.evaluation.tuning import Fitted, Recipe
from radiomics.io.files.tables import Manifest
from radiomics.pipelines.environment import first_process
from radiomics.pipelines.study import chains, embedding, networks
from radiomics.pipelines.study.config import StudyConfig, is_network
from radiomics.pipelines.study.estimates import (
    Outcome,
    baseline_recipes,
    design_of,
    estimates_of,
    plan_of,
    weights_of,
)
from radiomics.pipelines.study.features import CohortFeatures
from radiomics.types import InputError, Predictions, Progress, Samples


@dataclass(frozen=True, eq=False)
class Learned:
    """What the models of a study learn from.

    ``features`` is None where the source holds samples instead of cases. ``table`` are the samples
    of tabular models, ``seen`` those of networks; ``images`` are kept for embeddings.
    """

    features: CohortFeatures | None
    table: Samples
    seen: Samples
    images: embedding.Images | None = None
    warnings: list[str] = field(default_factory=list)

    def rows(self) -> Samples:
        """Return the table with the place of each case's image, where embeddings need it."""
        if self.images is None:
            return self.table
        place = np.arange(len(self.table.ids), dtype=np.int64)
        x = np.column_stack([self.table.x.astype(object), place])
        return replace(self.table, x=x, columns=(*self.table.columns, embedding.ROW))

    def design(self, config: StudyConfig) -> chains.Design:
        """Return what the chains of the study have in common."""
        return design_of(config, self.rows(), self.images)


def needs_images(config: StudyConfig, source: object) -> bool:
    """Tell whether models of a source see images of cases: networks, or embeddings of networks.

    Raises
    ------
    InputError
        For an embedding that no network makes, of a model that is a network itself, or where there
        are no images of cases.
    """
    cases = isinstance(source, Manifest)
    for spec in config.models:
        if "embedding" not in spec:
            continue
        name = str(spec["embedding"]["name"])
        if not is_network({k: v for k, v in spec["embedding"].items() if k != "components"}):
            rule = "an embedding is made by a network"
            raise InputError("models", rule, name, "choose one, such as cnn or resnet")
        if is_network(spec):
            rule = "embeddings join the columns of tabular models"
            raise InputError("models", rule, str(spec["name"]), "take its embedding out")
        if not cases:
            rule = "embeddings are made of images of cases"
            found = f"the source {config.data['name']}"
            raise InputError("models", rule, found, "take them out, or give a cohort of images")
    return cases and any(is_network(spec) or "embedding" in spec for spec in config.models)


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


def estimate_tables(
    config: StudyConfig, learned: Learned, splits: list[list[Split]], run: tuple[int, Progress]
) -> dict[str, Outcome]:
    """Estimate all models of rows, and the baselines, by nested cross-validation."""
    table = learned.table
    own = {n: s for n, s in zip(names_of(config), config.models, strict=True) if not is_network(s)}
    if table.x.ndim != 2:
        if own:
            rule = f"{next(iter(own.values()))['name']} learns from rows of features"
            raise InputError("models", rule, f"images {table.x.shape[1:]}", "choose a network")
        return {}
    if not own and not config.covariates and config.volume not in table.columns:
        return {}
    design, plan = learned.design(config), plan_of(config, table.y)
    recipes = {name: recipe_of(config, design, spec) for name, spec in own.items()}
    recipes |= baseline_recipes(config, design)
    found = nested.estimate(recipes, learned.rows(), splits, plan, run)
    weights = weights_of(config, next(iter(found.values())).predictions)
    specs = {n: chains.candidates(s, config.task, config.seed) for n, s in own.items()}
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


def estimate_network(
    config: StudyConfig,
    spec: dict[str, Any],
    learned: Learned,
    splits: list[list[Split]],
    run: tuple[Path, Progress],
) -> Outcome:
    """Train a network in each fold."""
    samples, parts, fitted = learned.seen, [], []
    for repeat in splits:
        build = _builder(config, spec, learned, run)
        predictions, models = cross_validate(build, samples, repeat)
        parts.append(predictions)
        fitted += models
    predictions = _joined(parts, [len(repeat) for repeat in splits])
    plan = plan_of(config, samples.y)
    made = estimates_of(predictions, plan, weights_of(config, predictions))
    apparent = _apparent(config, samples, [s for repeat in splits for s in repeat], fitted)
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
            build = _builder(config, spec, learned, (folder / name, progress))
            found[name] = build().fit_samples(learned.seen)
        elif first_process():
            recipe = recipe_of(config, learned.design(config), spec)
            found[name] = nested.fit_whole(recipe, learned.rows(), plan_of(config, learned.table.y))
        progress("final models", len(found), len(config.models))
    return found


def _builder(
    config: StudyConfig, spec: dict[str, Any], learned: Learned, run: tuple[Path, Progress]
) -> Callable[[], networks.Network]:
    rows = learned.features is not None and learned.seen.x.ndim == 2
    design = learned.design(config) if rows else None
    times = plan_of(config, learned.seen.y).times
    return networks.builder(config, spec, run, design, times)


def _joined(parts: list[Predictions], sizes: list[int]) -> Predictions:
    """Put the predictions of repeats below each other, their folds numbered on."""
    starts = np.cumsum([0, *sizes[:-1]])
    return Predictions(
        tuple(i for p in parts for i in p.ids),
        np.concatenate([p.groups for p in parts]),
        np.concatenate([p.y_true for p in parts]),
        np.concatenate([p.y_score for p in parts]),
        np.concatenate([p.fold + start for p, start in zip(parts, starts, strict=True)]),
    )


def _apparent(
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
