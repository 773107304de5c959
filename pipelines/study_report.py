"""The report of a study: what goes into each section."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import yaml

from pipelines import provenance
from pipelines.cohort_features import CohortFeatures
from pipelines.config import StudyConfig
from pipelines.network_sections import network_sections
from radiomics.extraction import feature_catalogue
from radiomics.io.table import Manifest
from radiomics.reporting import figures
from radiomics.reporting.html import Section, Table, render
from radiomics.types import Samples

if TYPE_CHECKING:
    from pipelines.study import Outcome, Study

LABELS = {
    "roc_auc": "ROC AUC",
    "average_precision": "Average precision",
    "balanced_accuracy": "Balanced accuracy",
    "brier": "Brier score",
}
HU_WINDOW = (-1000.0, 400.0)
SHOWN_FEATURES = 15


def render_study(config: StudyConfig, manifest: Manifest, samples: Samples, study: Study) -> str:
    """Return the report as one HTML text."""
    features = study.features
    if features is None:
        raise ValueError("a report of cases needs their features")
    name, first = next(iter(study.outcomes.items()))
    patients = len(np.unique(samples.groups))
    summary = {
        "Patients": str(patients),
        "Cases analysed": f"{len(samples.ids)} of {len(manifest)}",
        "Features": str(features.table.shape[1]),
        f"ROC AUC, {name} (95% interval)": str(first.estimates["roc_auc"]),
    }
    sections = [
        _cohort(manifest, config),
        _performance(config, study),
        _curves(study),
        _gallery(config, manifest, study),
        _weights(name, first),
        *network_sections(study),
        _failures(features),
        _gaps(features),
        _notes(features),
        _provenance(config, manifest, features),
    ]
    return render(config.title, summary, [section for section in sections if section])


def _cohort(manifest: Manifest, config: StudyConfig) -> Section:
    rows = manifest.rows
    event = rows["target"] == config.positive
    parts = {"All": rows, f"Target {config.positive}": rows[event], "Other": rows[~event]}
    lines: list[list[Any]] = [
        ["Patients", *(part["group"].nunique() for part in parts.values())],
        ["Cases", *(len(part) for part in parts.values())],
    ]
    # only what the study reads: other columns may hold names, dates or notes
    for column in dict.fromkeys([*(["site"] if "site" in rows else []), *config.covariates]):
        patients = [part.drop_duplicates("group")[column] for part in parts.values()]
        lines += _describe(column, rows[column], patients)
    return Section("Cohort", table=Table(["", *parts], lines))


def _describe(name: str, values: Any, parts: list[Any]) -> list[list[str]]:
    """Return the lines of one column: mean and spread of numbers, counts of anything else."""
    lines = []
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        lines.append([f"{name}, mean ± SD", *(f"{v.mean():.1f} ± {v.std():.1f}" for v in parts)])
    else:
        for value in sorted(values.dropna().unique().tolist(), key=str):
            cells = [f"{(v == value).sum()} ({(v == value).mean():.0%})" for v in parts]
            lines.append([f"{name}: {value}", *cells])
    if values.isna().any():
        lines.append([f"{name}: missing", *(str(int(v.isna().sum())) for v in parts)])
    return lines


def _performance(config: StudyConfig, study: Study) -> Section:
    lines: list[list[Any]] = [
        [name, *(str(outcome.estimates[metric]) for metric in LABELS)]
        for name, outcome in study.outcomes.items()
    ]
    text = (
        f"Every prediction comes from a model that saw no case of the same patient: "
        f"{config.evaluation.folds}-fold cross-validation, stratified by outcome, grouped by "
        f"patient. Imputing, scaling and encoding are fitted inside each training part. "
        f"Intervals are 95% percentile intervals over {config.evaluation.resamples} bootstrap "
        f"samples of patients; they do not cover the variation from fitting the models anew. "
        f"Balanced accuracy is taken at a probability of one half."
    )
    return Section("Performance", text, Table(["Model", *LABELS.values()], lines))


def _curves(study: Study) -> Section:
    predictions = {name: outcome.predictions for name, outcome in study.outcomes.items()}
    auc = {name: str(outcome.estimates["roc_auc"]) for name, outcome in study.outcomes.items()}
    text = (
        "Left: ROC curve of the pooled out-of-fold predictions. Right: observed frequency against "
        "predicted probability in five bins of equal count, bars are 95% Wilson intervals of each "
        "bin, and the distribution of predictions along the bottom."
    )
    drawn = [figures.roc(predictions, auc), figures.calibration(predictions)]
    return Section("Discrimination and calibration", text, figures=drawn)


def _gallery(config: StudyConfig, manifest: Manifest, study: Study) -> Section | None:
    """Show cases of both outcomes in turn, those with the most and least certain predictions."""
    if not config.gallery:
        return None
    ids = manifest.rows["id"].tolist()
    predictions = next(iter(study.outcomes.values())).predictions
    order = np.argsort(predictions.y_score, kind="stable")
    count = min(config.gallery, len(order))
    chosen = order[np.unique(np.linspace(0, len(order) - 1, count).round().astype(int))]
    cases = [manifest.load(ids.index(predictions.ids[i])) for i in chosen]
    rows = zip(predictions.ids, predictions.y_true, predictions.y_score, strict=True)
    captions = [f"{case}: target {y}, predicted {score:.2f}" for case, y, score in rows]
    titles = [captions[i] for i in chosen]
    window = HU_WINDOW if config.extraction.modality == "CT" else None
    text = "The slice with the largest section of each mask, from the lowest to the highest score."
    return Section("Gallery", text, figures=[figures.gallery(cases, titles, window)])


def _weights(name: str, outcome: Outcome) -> Section | None:
    """Show the features that a linear model used, with IBSI codes and spread over folds."""
    chains = [model for model in outcome.fitted if hasattr(model, "named_steps")]
    models = [chain.named_steps["model"] for chain in chains]
    if not models or not all(hasattr(model, "coef_") for model in models):
        return None
    weights = [
        pd.Series(model.coef_[0], index=chain.named_steps["tabular"].get_feature_names_out())
        for chain, model in zip(outcome.fitted, models, strict=True)
    ]  # a rare category may be unknown to some folds: there its weight is 0
    table = pd.concat(weights, axis=1).fillna(0.0)
    columns, values = [str(c) for c in table.index], table.to_numpy()  # (F, K)
    top = np.argsort(-np.abs(values.mean(axis=1)), kind="stable")[:SHOWN_FEATURES]
    codes = _codes()
    lines: list[list[Any]] = [
        [columns[i], codes.get(columns[i].partition("_")[2], "-"), _weight(values[i])] for i in top
    ]
    text = (
        f"The {len(top)} largest of {len(columns)} weights of {name}, mean over folds. Weights of "
        f"correlated features share an effect between them and are no measure of importance."
    )
    drawn = figures.weights([columns[i] for i in top], values[top])
    shown = Table(["Feature", "IBSI code", "Weight (mean ± SD over folds)"], lines)
    return Section("Features that the model used", text, shown, [drawn])


def _weight(values: Any) -> str:
    return f"{values.mean():+.3f} ± {values.std():.3f}"


def _codes() -> dict[str, str]:
    catalogue = feature_catalogue()
    return {
        f"{row.family}_{row.name}": str(row.ibsi_code) for row in catalogue.itertuples(index=False)
    }


def _failures(features: CohortFeatures) -> Section | None:
    failures = features.failures
    if not failures:
        return None
    rows = [[case, reason] for case, reason in failures.items()]
    return Section("Cases left out", "", Table(["Case", "Reason"], rows))


def _gaps(features: CohortFeatures) -> Section | None:
    """Show the features without a value, which the model's imputer filled in."""
    missing = features.missing
    if not missing:
        return None
    text = (
        "A feature has no value where its definition gives none: one voxel has no elongation. "
        "For the model such gaps are imputed from the training part."
    )
    table = Table(["Feature", "Cases"], [*missing.items()])
    return Section("Features without a value", text, table)


def _notes(features: CohortFeatures) -> Section | None:
    """Show what was done to images and masks while reading."""
    notes = [[case, "; ".join(texts)] for case, texts in features.notes.items()]
    return Section("Notes on reading", "", Table(["Case", "Note"], notes)) if notes else None


def _provenance(config: StudyConfig, manifest: Manifest, features: CohortFeatures) -> Section:
    record = provenance.record(config, manifest, features)
    text = (
        "The same config, data and versions give the same bytes. Inputs are named by the SHA-256 "
        "of the bytes of image and mask; provenance.json holds all of this for programs."
    )
    code = yaml.safe_dump(record, sort_keys=False, allow_unicode=True, width=100)
    return Section("Provenance", text, code=code)
