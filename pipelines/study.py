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
from radiomics.evaluation.crossval import cross_validate
from radiomics.evaluation.intervals import Estimate, bootstrap, group_weights
from radiomics.evaluation.metrics import METRICS
from radiomics.evaluation.splits import grouped_folds
from radiomics.io.table import Manifest
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
    check_columns(config, manifest)
    features = extract_cohort(manifest, config.extraction, Store(folder / "store"), progress)
    table, samples = assemble(config, manifest, features)
    splits = grouped_folds(samples.y, samples.groups, config.evaluation.folds, config.seed)
    weights = group_weights(samples.groups, config.evaluation.resamples, config.seed)
    outcomes: dict[str, Outcome] = {}
    for number, spec in enumerate(config.models):
        build = model_builder(config, spec, table)
        predictions, fitted = cross_validate(build, table, samples.y, samples.groups, splits)
        estimates = {n: bootstrap(predictions, metric, weights) for n, metric in METRICS.items()}
        outcomes[_unique(str(spec["name"]), outcomes)] = Outcome(predictions, estimates, fitted)
        progress("models", number + 1, len(config.models))
    study = Study(folder, features, outcomes)
    write_results(config, study)
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


def check_columns(config: StudyConfig, manifest: Manifest) -> None:
    """Demand the columns that the study reads, and a target with two values, before any work."""
    rows = manifest.rows
    absent = [c for c in ("target", *config.covariates) if c not in rows]
    if absent:
        raise InputError(
            "manifest",
            "the study reads the columns target and those under 'covariates'",
            f"no {', '.join(absent)}; columns: {', '.join(rows.columns)}",
            "add the column, or take it out of the config",
        )
    values = sorted(rows["target"].dropna().unique().tolist(), key=str)
    if rows["target"].isna().any() or len(values) != 2 or config.positive not in values:
        raise InputError(
            "manifest",
            f"every case needs one of two outcomes, one of them {config.positive!r} ('positive')",
            f"{int(rows['target'].isna().sum())} without one; values {values[:6]}",
            "fill or remove those rows, or set 'positive' in the config",
        )


def assemble(
    config: StudyConfig, manifest: Manifest, features: CohortFeatures
) -> tuple[pd.DataFrame, Samples]:
    """Join features and covariates of the cases that were computed; return table and Samples."""
    if features.table.empty:
        reason = next(iter(features.failures.values()), "no case")
        raise InputError("features", "at least one case must succeed", reason, "see each failure")
    rows = manifest.rows.set_index("id").loc[features.table.index]
    table = features.table.join(rows[list(config.covariates)])
    y = (rows["target"] == config.positive).to_numpy().astype(np.int64)
    numeric = table.select_dtypes("number")
    samples = Samples(
        tuple(map(str, table.index)),
        rows["group"].to_numpy(dtype=str),
        numeric.to_numpy(dtype=np.float64),
        y,
        tuple(map(str, numeric.columns)),
    )
    return table, samples


def model_builder(
    config: StudyConfig, spec: dict[str, Any], table: pd.DataFrame
) -> Callable[[], Pipeline]:
    """Return a function that makes the unfitted chain: preprocessing, then the model."""
    module, options = parse_plugin("radiomics.models", spec, "models")
    if "seed" in module.Options.model_fields and "seed" not in spec:
        options = options.model_copy(update={"seed": config.seed})

    def build() -> Pipeline:
        model = module.build(options, (table.shape[1],), 1)
        return Pipeline([("tabular", tabular.build(table, config.tabular)), ("model", model)])

    return build


def write_results(config: StudyConfig, study: Study) -> None:
    """Write features and predictions as Parquet, metrics and provenance as JSON."""
    folder = study.folder
    _write_parquet(
        study.features.table.rename_axis("id").reset_index(), folder / "features.parquet"
    )
    parts = []
    for name, outcome in study.outcomes.items():
        p = outcome.predictions
        columns = {"id": p.ids, "group": p.groups, "fold": p.fold, "y_true": p.y_true}
        parts.append(pd.DataFrame({"model": name, **columns, "y_score": p.y_score}))
    _write_parquet(pd.concat(parts, ignore_index=True), folder / "predictions.parquet")
    metrics = {
        name: {metric: vars(estimate) for metric, estimate in outcome.estimates.items()}
        for name, outcome in study.outcomes.items()
    }
    write_whole(folder / "metrics.json", json.dumps(metrics, indent=1, sort_keys=True) + "\n")
    record = provenance.record(config, study.features)
    write_whole(folder / "provenance.json", json.dumps(record, indent=1, sort_keys=True) + "\n")


def _write_parquet(table: pd.DataFrame, path: Path) -> None:
    temporary = path.with_name(f".{path.name}.part")
    table.to_parquet(temporary, index=False)
    temporary.replace(path)


def _unique(name: str, taken: dict[str, Any]) -> str:
    count = sum(other == name or other.startswith(f"{name}-") for other in taken)
    return f"{name}-{count + 1}" if count else name
