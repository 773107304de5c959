"""The report of a study of cases, or of a table of their features."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import yaml

from radiomics.io.files.tables import FeatureTable, Manifest
from radiomics.pipelines.report.features import feature_sections
from radiomics.pipelines.report.guidelines import guideline_sections
from radiomics.pipelines.report.networks import network_sections
from radiomics.pipelines.report.performance import performance_sections, warnings_section
from radiomics.pipelines.study.config import StudyConfig
from radiomics.pipelines.study.estimates import label
from radiomics.pipelines.study.features import CohortFeatures
from radiomics.pipelines.study.files import provenance_of
from radiomics.pipelines.study.results import Study
from radiomics.reporting import figures
from radiomics.reporting.html import Section, Table, render, without_empty_columns
from radiomics.types import Samples

HU_WINDOW = (-1000.0, 400.0)
NAMED = 8
"""Cases that a note names."""


def render_cohort(study: Study) -> str:
    """Return the report as one HTML text."""
    config, source, samples, features = study.config, study.source, study.table, study.features
    if features is None or isinstance(source, Samples):
        raise ValueError("a report of cases needs their features")
    name, first = next(iter(study.outcomes.items()))
    measure, estimate = next(iter(first.estimates.items()))
    summary = {
        "Patients": str(len(np.unique(samples.groups))),
        "Cases analysed": f"{len(samples.ids)} of {len(source)}",
        "Features": str(features.table.shape[1]),
        f"{label(measure)}, {name} (95% interval)": str(estimate),
    }
    sections = [
        warnings_section(study),
        _flow(config, source, samples, features),
        _cohort(config, source, samples),
        *performance_sections(study),
        _gallery(config, source, study) if isinstance(source, Manifest) else None,
        *feature_sections(study),
        *network_sections(study),
        _failures(features),
        _gaps(features),
        _notes(features),
        *guideline_sections(study, source),
        _provenance(config, source, features),
    ]
    return render(config.title, summary, [section for section in sections if section])


def _flow(
    config: StudyConfig,
    source: Manifest | FeatureTable,
    samples: Samples,
    features: CohortFeatures,
) -> Section:
    """Show how many cases were found, left out and why, and analysed."""
    rows = source.rows
    lines: list[list[Any]] = [["Found", len(rows), rows["group"].nunique(), ""]]
    reasons: dict[str, list[str]] = {}
    for case, reason in features.failures.items():
        reasons.setdefault(reason.splitlines()[0].rpartition(": ")[2], []).append(case)
    patients = rows.set_index("id")["group"]
    for reason, cases in sorted(reasons.items()):
        lines.append(["Left out", len(cases), patients.loc[cases].nunique(), reason])
    kept = len(np.unique(samples.groups))
    merged = patients.loc[list(samples.ids)].nunique() - kept
    note = f"{merged} patients merged: they share an image or all values" if merged else ""
    lines.append(["Analysed", len(samples.ids), kept, note])
    if config.evaluation.scheme == "external":
        for part in ("train", "test"):
            own = rows[(rows["split"] == part) & rows["id"].isin(samples.ids)]
            lines.append([f"of these {part}", len(own), own["group"].nunique(), ""])
    table = without_empty_columns(Table(["", "Cases", "Patients", "Reason"], lines))
    return Section("Flow of cases", "", table)


def _cohort(config: StudyConfig, source: Manifest | FeatureTable, samples: Samples) -> Section:
    """Show the analysed patients by outcome, and by site."""
    rows = source.rows.set_index("id").loc[list(samples.ids)]
    parts = {"All": rows}
    if config.task in ("binary", "survival"):
        event = rows["target"] == config.positive
        other = f"Target {samples.classes[0]}" if samples.classes else "No event"
        parts |= {f"Target {config.positive}": rows[event], other: rows[~event]}
    elif config.task == "multiclass":
        parts |= {f"Target {c}": rows[rows["target"].astype(str) == c] for c in samples.classes}
    if "site" in rows and len(rows["site"].dropna().unique()) > 1:
        names = sorted(rows["site"].dropna().astype(str).unique())
        parts |= {f"Site {name}": rows[rows["site"].astype(str) == name] for name in names}
    lines: list[list[Any]] = [
        ["Patients", *(part["group"].nunique() for part in parts.values())],
        ["Cases", *(len(part) for part in parts.values())],
    ]
    # only what the study reads: other columns may hold names, dates or notes
    numbers = {"regression": ["target"], "survival": ["time"]}.get(config.task, [])
    columns = [*(["site"] if "site" in rows else []), *numbers, *config.covariates]
    for column in dict.fromkeys(columns):
        patients = [part.drop_duplicates("group")[column] for part in parts.values()]
        lines += _describe(column, rows[column], patients)
    text = "Below the cases, all counts are of patients, each by its first case."
    return Section("Cohort", text if len(lines) > 2 else "", Table(["", *parts], lines))


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


def _gallery(config: StudyConfig, manifest: Manifest, study: Study) -> Section | None:
    """Show cases of both outcomes in turn, those with the most and least certain predictions."""
    if not config.gallery:
        return None
    ids = manifest.rows["id"].tolist()
    predictions = next(iter(study.outcomes.values())).predictions
    if predictions.y_score.ndim > 1:
        return None
    once = np.flatnonzero(~pd.Series(predictions.ids).duplicated().to_numpy())
    order = once[np.argsort(predictions.y_score[once], kind="stable")]
    count = min(config.gallery, len(order))
    chosen = order[np.unique(np.linspace(0, len(order) - 1, count).round().astype(int))]
    cases = [manifest.load(ids.index(predictions.ids[i])) for i in chosen]
    rows = zip(predictions.ids, predictions.y_true, predictions.y_score, strict=True)
    captions = [f"{case}: target {y:g}, predicted {score:.2f}" for case, y, score in rows]
    titles = [captions[i] for i in chosen]
    window = HU_WINDOW if config.extraction.modality == "CT" else None
    text = "The slice with the largest section of each mask, from the lowest to the highest score."
    return Section("Gallery", text, figures=[figures.gallery(cases, titles, window)])


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
    found: dict[str, list[str]] = {}
    for case, texts in features.notes.items():
        for text in dict.fromkeys(texts):
            found.setdefault(text, []).append(case)
    rows = [
        [text, len(cases), ", ".join(cases[:NAMED]) + (", …" if len(cases) > NAMED else "")]
        for text, cases in found.items()
    ]
    if not rows:
        return None
    return Section("Notes on reading", "", Table(["Note", "Cases", "Which"], rows))


def _provenance(
    config: StudyConfig, source: Manifest | FeatureTable, features: CohortFeatures
) -> Section:
    record = provenance_of(config, source, features)
    text = (
        "The same config, data and versions give the same bytes. Inputs are named by the SHA-256 "
        "of the bytes of image and mask; provenance.json holds all of this for programs."
    )
    code = yaml.safe_dump(record, sort_keys=False, allow_unicode=True, width=100)
    return Section("Provenance", text, code=code)
