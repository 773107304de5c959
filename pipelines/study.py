"""A study from images to report: read this to see the whole chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from pipelines import networks, picture_report, study_data, study_report
from pipelines.cohort_features import CohortFeatures, extract_cohort
from pipelines.config import StudyConfig
from pipelines.store import Store, write_whole
from pipelines.study_files import write_features, write_networks, write_outcomes
from radiomics.evaluation import metrics, multiclass, regression
from radiomics.evaluation.crossval import as_frame, cross_validate
from radiomics.evaluation.intervals import Estimate, bootstrap, group_weights
from radiomics.evaluation.metrics import Metric
from radiomics.io.table import Manifest
from radiomics.plugins import parse_plugin
from radiomics.preprocessing import tabular
from radiomics.types import InputError, Predictions, Progress, Samples, silent

METRICS: dict[str, dict[str, Metric]] = {
    "binary": metrics.METRICS,
    "multiclass": multiclass.METRICS,
    "regression": regression.METRICS,
}
"""Estimates by task; the first is the headline."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one model reached: predictions, estimates by metric, and its fitted folds.

    ``apparent`` holds the same metrics on the samples that each fold was fitted to, mean over
    folds: far above the estimates they tell of overfitting.
    """

    predictions: Predictions
    estimates: dict[str, Estimate]
    fitted: list[Any]
    apparent: dict[str, float]


@dataclass(frozen=True, eq=False)
class Study:
    """A finished study: where its files are, and what is in them.

    ``features`` is None where the source holds samples instead of cases; ``samples`` are those that
    the first model learnt from.
    """

    folder: Path
    features: CohortFeatures | None
    samples: Samples
    outcomes: dict[str, Outcome]


def run(config: StudyConfig, folder: Path, progress: Progress = silent) -> Study:
    """Run a study and write features, predictions, metrics, provenance and report to a folder."""
    source = study_data.open_source(config, folder, progress)
    if isinstance(source, Samples):
        study_data.check_samples(config, source)
        features, table, images = None, source, source
    else:
        study_data.check_manifest(config, source)
        features = extract_cohort(source, config.extraction, Store(folder / "store"), progress)
        write_features(config, source, features, folder)
        table = study_data.assemble(config, source, features)
        images = table
        if any(_is_network(spec) for spec in config.models):
            place = folder / "store" / "tensors"
            images = study_data.images(config, source, features, table, place, progress)
    splits = study_data.splits(config, table.y, table.groups, table.split)
    tested = np.unique(np.concatenate([test for _, test in splits]))
    weights = group_weights(table.groups[tested], config.evaluation.resamples, config.seed)
    outcomes: dict[str, Outcome] = {}
    for number, spec in enumerate(config.models):
        name = _unique(str(spec["name"]), outcomes)
        samples = images if _is_network(spec) else table
        build = model_builder(config, spec, samples, folder / "training" / name, progress)
        predictions, fitted = cross_validate(build, samples, splits)
        chosen = METRICS[config.task]
        estimates = {n: bootstrap(predictions, metric, weights) for n, metric in chosen.items()}
        apparent = _apparent(config, samples, splits, fitted)
        outcomes[name] = Outcome(predictions, estimates, fitted, apparent)
        progress("models", number + 1, len(config.models))
    learnt = images if _is_network(config.models[0]) else table
    study = Study(folder, features, learnt, outcomes)
    write_outcomes(study)
    write_networks(study)
    report = _report(config, source, table, study)
    write_whole(folder / "report.html", report)
    progress("report", 1, 1)
    return study


def _report(config: StudyConfig, source: Manifest | Samples, table: Samples, study: Study) -> str:
    if isinstance(source, Samples):
        return picture_report.render_study(config, study)
    return study_report.render_study(config, source, table, study)


def model_builder(
    config: StudyConfig, spec: dict[str, Any], samples: Samples, folder: Path, progress: Progress
) -> Callable[[], Any]:
    """Return a function that makes the unfitted chain: preprocessing, then the model."""
    if _is_network(spec):
        return networks.builder(config, spec, folder, progress)
    module, options = parse_plugin("radiomics.models", spec, "models")
    if samples.x.ndim != 2:
        rule = f"{spec['name']} learns from rows of features"
        raise InputError("models", rule, f"images {samples.x.shape[1:]}", "choose a network")
    if "seed" in module.Options.model_fields and "seed" not in spec:
        options = options.model_copy(update={"seed": config.seed})
    table = as_frame(samples)

    def build() -> Pipeline:
        model = module.build(options, (table.shape[1],), 1)
        return Pipeline([("tabular", tabular.build(table, config.tabular)), ("model", model)])

    return build


def _is_network(spec: dict[str, Any]) -> bool:
    """Tell networks from models with scikit-learn's manner: by what ``build`` says it returns."""
    module, _ = parse_plugin("radiomics.models", networks.architecture(spec), "models")
    return str(module.build.__annotations__["return"]).endswith("Module")


def _apparent(
    config: StudyConfig, samples: Samples, splits: list[Any], fitted: list[Any]
) -> dict[str, float]:
    """Return the metrics of networks on their own training parts, mean over folds."""
    if not all(hasattr(model, "predict_samples") for model in fitted):
        return {}
    rows = []
    for (train, _), model in zip(splits, fitted, strict=True):
        own = samples.take(train)
        score, ones = model.predict_samples(own), np.ones((1, len(train)))
        rows.append([metric(own.y, score, ones)[0] for metric in METRICS[config.task].values()])
    means = np.mean(rows, axis=0)
    return dict(zip(METRICS[config.task], map(float, means), strict=True))


def _unique(name: str, taken: dict[str, Any]) -> str:
    count = sum(other == name or other.startswith(f"{name}-") for other in taken)
    return f"{name}-{count + 1}" if count else name
