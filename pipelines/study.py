"""A study from images to report: read this to see the whole chain."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from pipelines import provenance, study_report
from pipelines.cohort_features import CohortFeatures, extract_cohort
from pipelines.config import StudyConfig
from pipelines.store import Store, write_whole
from radiomics.evaluation.crossval import as_frame, cross_validate
from radiomics.evaluation.intervals import Estimate, bootstrap, group_weights
from radiomics.evaluation.metrics import METRICS
from radiomics.evaluation.splits import grouped_folds
from radiomics.io.table import RESERVED, Manifest
from radiomics.plugins import parse_plugin
from radiomics.preprocessing import tabular
from radiomics.types import InputError, Predictions, Progress, Samples, silent


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one model reached: predictions, estimates by metric, and its fitted folds."""

    predictions: Predictions
    estimates: dict[str, Estimate]
    fitted: list[Any]


@dataclass(frozen=True, eq=False)
class Study:
    """A finished study: where its files are, and what is in them."""

    folder: Path
    features: CohortFeatures
    outcomes: dict[str, Outcome]


def run(config: StudyConfig, folder: Path, progress: Progress = silent) -> Study:
    """Run a study and write features, predictions, metrics, provenance and report to a folder."""
    manifest = open_source(config, folder, progress)
    check_manifest(config, manifest)
    features = extract_cohort(manifest, config.extraction, Store(folder / "store"), progress)
    write_features(config, manifest, features, folder)
    samples = assemble(config, manifest, features)
    splits = grouped_folds(samples.y, samples.groups, config.evaluation.folds, config.seed)
    weights = group_weights(samples.groups, config.evaluation.resamples, config.seed)
    outcomes: dict[str, Outcome] = {}
    for number, spec in enumerate(config.models):
        build = model_builder(config, spec, samples)
        predictions, fitted = cross_validate(build, samples, splits)
        estimates = {n: bootstrap(predictions, metric, weights) for n, metric in METRICS.items()}
        outcomes[_unique(str(spec["name"]), outcomes)] = Outcome(predictions, estimates, fitted)
        progress("models", number + 1, len(config.models))
    study = Study(folder, features, outcomes)
    write_outcomes(study)
    report = study_report.render_study(config, manifest, samples, study)
    write_whole(folder / "report.html", report)
    progress("report", 1, 1)
    return study


def open_source(config: StudyConfig, folder: Path, progress: Progress) -> Manifest:
    """Open the data source; one that makes its data gets the study's seed and folder."""
    module, options = parse_plugin("datasets", config.data, "data")
    given: dict[str, Any] = {"seed": config.seed, "folder": folder / "data"}
    update = {k: v for k, v in given.items() if k in module.Options.model_fields}
    update = {k: v for k, v in update.items() if k not in config.data}
    source: Manifest = module.open(options.model_copy(update=update), progress)
    return source


def check_manifest(config: StudyConfig, manifest: Manifest) -> None:
    """Demand usable columns, a target with two values, and enough patients, before any work."""
    rows = manifest.rows
    wanted = ("target", *config.covariates)
    absent = [c for c in wanted if c not in rows]
    if absent:
        raise InputError(
            "manifest",
            "the study reads the columns target and those under 'covariates'",
            f"no {', '.join(absent)}; columns: {', '.join(rows.columns)}",
            "add the column, or take it out of the config",
        )
    refused = [c for c in config.covariates if c in RESERVED or config.covariates.count(c) > 1]
    if refused:
        raise InputError(
            "covariates",
            "covariates are other columns than names, files and the target, each named once",
            ", ".join(sorted(set(refused))),
            "take them out: the target as a covariate would be a leak",
        )
    values = sorted(rows["target"].dropna().unique().tolist(), key=str)
    if rows["target"].isna().any() or len(values) != 2 or config.positive not in values:
        raise InputError(
            "manifest",
            f"every case needs one of two outcomes, one of them {config.positive!r} ('positive')",
            f"{int(rows['target'].isna().sum())} without one; values {values[:6]}",
            "fill or remove those rows, or set 'positive' (in YAML, quote yes and no)",
        )
    event = (rows["target"] == config.positive).to_numpy().astype(np.int64)
    grouped_folds(event, rows["group"].to_numpy(dtype=str), config.evaluation.folds, config.seed)


def assemble(config: StudyConfig, manifest: Manifest, features: CohortFeatures) -> Samples:
    """Join features and covariates of the cases that were computed to Samples."""
    if features.table.empty:
        listed = "\n".join(f"{i}: {reason}" for i, reason in [*features.failures.items()][:10])
        raise InputError("features", "at least one case must succeed", listed, "see failures.json")
    rows = manifest.rows.set_index("id").loc[features.table.index]
    clash = [c for c in config.covariates if c in features.table]
    if clash:
        raise InputError(
            "covariates", "covariates and features have different names", ", ".join(clash), "rename"
        )
    table = features.table.join(rows[list(config.covariates)])
    return Samples(
        tuple(map(str, table.index)),
        rows["group"].to_numpy(dtype=str),
        table.to_numpy(),
        (rows["target"] == config.positive).to_numpy().astype(np.int64),
        tuple(map(str, table.columns)),
    )


def model_builder(
    config: StudyConfig, spec: dict[str, Any], samples: Samples
) -> Callable[[], Pipeline]:
    """Return a function that makes the unfitted chain: preprocessing, then the model."""
    module, options = parse_plugin("radiomics.models", spec, "models")
    if "seed" in module.Options.model_fields and "seed" not in spec:
        options = options.model_copy(update={"seed": config.seed})
    table = as_frame(samples)

    def build() -> Pipeline:
        model = module.build(options, (table.shape[1],), 1)
        return Pipeline([("tabular", tabular.build(table, config.tabular)), ("model", model)])

    return build


def write_features(
    config: StudyConfig, manifest: Manifest, features: CohortFeatures, folder: Path
) -> None:
    """Write the features as Parquet, the failures and the provenance as JSON."""
    table = features.table.rename_axis("id").reset_index()
    _write_parquet(table, folder / "features.parquet")
    _write_json(features.failures, folder / "failures.json")
    _write_json(provenance.record(config, manifest, features), folder / "provenance.json")


def write_outcomes(study: Study) -> None:
    """Write the predictions as Parquet and the metrics as JSON."""
    parts = []
    for name, outcome in study.outcomes.items():
        p = outcome.predictions
        columns = {"id": p.ids, "group": p.groups, "fold": p.fold, "y_true": p.y_true}
        parts.append(pd.DataFrame({"model": name, **columns, "y_score": p.y_score}))
    _write_parquet(pd.concat(parts, ignore_index=True), study.folder / "predictions.parquet")
    metrics = {
        name: {metric: vars(estimate) for metric, estimate in outcome.estimates.items()}
        for name, outcome in study.outcomes.items()
    }
    _write_json(metrics, study.folder / "metrics.json")


def _write_json(values: dict[str, Any], path: Path) -> None:
    write_whole(path, json.dumps(values, indent=1, sort_keys=True) + "\n")


def _write_parquet(table: pd.DataFrame, path: Path) -> None:
    temporary = path.with_name(f".{path.name}.part")
    table.to_parquet(temporary, index=False)
    temporary.replace(path)


def _unique(name: str, taken: dict[str, Any]) -> str:
    count = sum(other == name or other.startswith(f"{name}-") for other in taken)
    return f"{name}-{count + 1}" if count else name
