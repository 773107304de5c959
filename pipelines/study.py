"""A study from images to report: read this to see the whole chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines import bundle, chains, networks, picture_report, study_data, study_report
from pipelines.cohort_features import CohortFeatures, extract_cohort, given_features
from pipelines.config import StudyConfig
from pipelines.environment import first_process
from pipelines.outcomes import (
    Comparison,
    Outcome,
    baseline_recipes,
    compare,
    design_of,
    estimates_of,
    fused,
    permutation_test,
    plan_of,
    weights_of,
)
from pipelines.store import Store, write_whole
from pipelines.study_checks import warnings_of
from pipelines.study_files import log_opening, write_features, write_networks, write_outcomes
from radiomics.evaluation import nested
from radiomics.evaluation.crossval import cross_validate
from radiomics.evaluation.measures import measures
from radiomics.evaluation.splits import Split
from radiomics.evaluation.tuning import Plan
from radiomics.io.table import FeatureTable, Manifest
from radiomics.plugins import parse_plugin
from radiomics.types import InputError, Predictions, Progress, Samples, silent


@dataclass(frozen=True, eq=False)
class Study:
    """A finished study: where its files are, and what is in them.

    ``features`` is None where the source holds samples instead of cases; ``table`` are the samples
    of the tabular models. ``permuted`` holds the p-value of the first model's headline and what
    permuted outcomes reached.
    """

    folder: Path
    features: CohortFeatures | None
    table: Samples
    outcomes: dict[str, Outcome]
    comparisons: list[Comparison] = field(default_factory=list)
    permuted: tuple[float, list[float]] | None = None
    warnings: list[str] = field(default_factory=list)


def run(config: StudyConfig, folder: Path, progress: Progress = silent, workers: int = 1) -> Study:
    """Run a study and write features, predictions, metrics, provenance and report to a folder.

    ``workers`` processes share the folds; they change no byte of the results.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = study_data.open_source(config, folder, progress)
    features, table, images, warned = _learn_from(config, source, folder, progress)
    if config.evaluation.scheme == "external" and first_process():
        warned = [*warned, *log_opening(config, folder)]
    splits = _splits(config, source, table)
    outcomes = _tables(config, table, splits, (workers, progress))
    for number, spec in enumerate(config.models):
        if is_network(spec):
            name = _names(config)[number]
            place = folder / "training" / name
            outcomes[name] = _network(config, spec, images, splits, (place, progress))
        progress("models", number + 1, len(config.models))
    outcomes = {n: outcomes[n] for n in [*_names(config), *(o for o in outcomes)] if n in outcomes}
    weights = weights_of(config, next(iter(outcomes.values())).predictions)
    plan = plan_of(config, table.y)
    for names in config.fusion:
        predictions = fused(outcomes, _known(names, outcomes), config.task)
        made = estimates_of(predictions, plan, weights)
        outcomes[" + ".join(names)] = Outcome(table, predictions, made, [])
    compared = compare(outcomes, config.task, weights) if len(outcomes) > 1 else []
    permuted = _permuted(config, source, table, outcomes, (workers, progress))
    study = Study(folder, features, table, outcomes, compared, permuted, warned)
    if first_process():
        write_outcomes(study)
        _write_bundle(config, study, plan)
        write_networks(study)
        write_whole(folder / "report.html", _report(config, source, table, study))
        progress("report", 1, 1)
    return study


def _learn_from(
    config: StudyConfig, source: study_data.Source, folder: Path, progress: Progress
) -> tuple[CohortFeatures | None, Samples, Samples, list[str]]:
    """Return the features of cases, the samples of tables and of networks, and warnings."""
    if isinstance(source, Samples):
        study_data.check_samples(config, source)
        return None, source, source, []
    study_data.check_manifest(config, source)
    if isinstance(source, FeatureTable):
        features = given_features(source, config.covariates)
    else:
        store, copies = Store(folder / "store"), config.duplicates == "merge"
        features = extract_cohort(source, config.extraction, store, progress, copies=copies)
    if first_process():
        write_features(config, source, features, folder)
    table = study_data.assemble(config, source, features)
    warned = warnings_of(config, source.rows, table)
    images = table
    if any(is_network(spec) for spec in config.models) and isinstance(source, Manifest):
        place = folder / "store" / "tensors"
        images = study_data.images(config, source, features, table, place, progress)
    return features, table, images, warned


def _splits(
    config: StudyConfig, source: study_data.Source, table: Samples, y: Any = None
) -> list[list[Split]]:
    y = table.y if y is None else y
    if isinstance(source, Samples):
        return study_data.splits_of_samples(config, source)
    rows = source.rows.set_index("id").loc[list(table.ids)]
    return study_data.repeats(config, rows, y, table.groups)


def _tables(
    config: StudyConfig, table: Samples, splits: list[list[Split]], run: tuple[int, Progress]
) -> dict[str, Outcome]:
    """Estimate all models of rows, and the baselines, by nested cross-validation."""
    if table.x.ndim != 2:
        wrong = [spec["name"] for spec in config.models if not is_network(spec)]
        if wrong:
            rule = f"{wrong[0]} learns from rows of features"
            raise InputError("models", rule, f"images {table.x.shape[1:]}", "choose a network")
        return {}
    own = [(n, s) for n, s in zip(_names(config), config.models, strict=True) if not is_network(s)]
    if not own and not config.covariates and config.volume not in table.columns:
        return {}
    design, plan = design_of(config, table), plan_of(config, table.y)
    recalibrate = config.evaluation.recalibrate
    recipes = {name: chains.recipe(design, spec, recalibrate) for name, spec in own}
    recipes |= baseline_recipes(config, design)
    found = nested.estimate(recipes, table, splits, plan, run)
    weights = weights_of(config, next(iter(found.values())).predictions)
    specs = {n: chains.candidates(s, config.task, config.seed) for n, s in own}
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


def _network(
    config: StudyConfig,
    spec: dict[str, Any],
    samples: Samples,
    splits: list[list[Split]],
    run: tuple[Path, Progress],
) -> Outcome:
    """Train a network in each fold."""
    if config.task == "survival":
        rule = "survival is studied with models of rows, such as cox"
        raise InputError("models", rule, str(spec["name"]), "leave networks out")
    parts, fitted = [], []
    for repeat in splits:
        build = networks.builder(config, spec, *run)
        predictions, models = cross_validate(build, samples, repeat)
        parts.append(predictions)
        fitted += models
    predictions = _joined(parts, [len(repeat) for repeat in splits])
    plan = plan_of(config, samples.y)
    made = estimates_of(predictions, plan, weights_of(config, predictions))
    flat = [split for repeat in splits for split in repeat]
    return Outcome(samples, predictions, made, fitted, _apparent(config, samples, flat, fitted))


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


def _permuted(
    config: StudyConfig,
    source: study_data.Source,
    table: Samples,
    outcomes: dict[str, Outcome],
    run: tuple[int, Progress],
) -> tuple[float, list[float]] | None:
    if not config.evaluation.permutations or is_network(config.models[0]):
        return None
    first = outcomes[_names(config)[0]]
    reached = next(iter(first.estimates.values())).value

    def deal(y: NDArray[Any]) -> list[list[Split]]:
        return _splits(config, source, table, y)

    return permutation_test(config, table, deal, reached, run)


def _write_bundle(config: StudyConfig, study: Study, plan: Plan) -> None:
    """Fit the first tabular model to all cases, and write it for use elsewhere."""
    own = [spec for spec in config.models if not is_network(spec)]
    if not own or study.features is None:
        return
    recalibrate = config.evaluation.recalibrate
    recipe = chains.recipe(design_of(config, study.table), own[0], recalibrate)
    fitted = nested.fit_whole(recipe, study.table, plan)
    about = bundle.describe(config, study.table, study.features.grids)
    reached = {n: vars(e) for n, e in study.outcomes[str(own[0]["name"])].estimates.items()}
    bundle.save(
        fitted, {**about, "model": own[0], "estimates": reached}, study.folder / "model.zip"
    )


def _report(config: StudyConfig, source: study_data.Source, table: Samples, study: Study) -> str:
    if isinstance(source, Samples):
        return picture_report.render_study(config, study)
    return study_report.render_study(config, source, table, study)


def is_network(spec: dict[str, Any]) -> bool:
    """Tell networks from models with scikit-learn's manner: by what ``build`` says it returns."""
    module, _ = parse_plugin("radiomics.models", networks.architecture(spec), "models")
    return str(module.build.__annotations__["return"]).endswith("Module")


def _apparent(
    config: StudyConfig, samples: Samples, splits: list[Split], fitted: list[Any]
) -> dict[str, float]:
    """Return the measures of networks on their own training parts, mean over folds."""
    rows = []
    chosen: dict[str, Callable[..., Any]] = dict(measures(config.task))
    for (train, _), model in zip(splits, fitted, strict=True):
        own = samples.take(train)
        zeros = np.zeros(len(train), dtype=np.int64)
        p = Predictions(own.ids, own.groups, own.y, model.predict_samples(own), zeros)
        rows.append([measure(p, np.ones((1, len(train))))[0] for measure in chosen.values()])
    return dict(zip(chosen, map(float, np.mean(rows, axis=0)), strict=True))


def _names(config: StudyConfig) -> list[str]:
    """Return a name of each model; of those that share one, all but the first are numbered."""
    names: list[str] = []
    for spec in config.models:
        name = str(spec["name"])
        count = sum(other == name or other.startswith(f"{name}-") for other in names)
        names.append(f"{name}-{count + 1}" if count else name)
    return names


def _known(names: tuple[str, ...], outcomes: dict[str, Outcome]) -> tuple[str, ...]:
    absent = [name for name in names if name not in outcomes]
    if absent:
        remedy = f"choose of {', '.join(outcomes)}"
        raise InputError("fusion", "models to fuse are in the study", absent[0], remedy)
    return names
