"""The report of a study of samples: labelled pictures, or rows of numbers."""

from __future__ import annotations

from typing import Any

import yaml

from radiomics.evaluation.multiclass import confusion
from radiomics.pipelines.provenance import installed
from radiomics.pipelines.report.networks import (
    SHOWN,
    alternate_classes,
    class_scores,
    mistakes,
    network_sections,
)
from radiomics.pipelines.report.performance import ACROSS, paginate, warnings_section
from radiomics.pipelines.study.config import StudyConfig
from radiomics.pipelines.study.embedding import VALIDATION
from radiomics.pipelines.study.estimates import label
from radiomics.pipelines.study.results import Outcome, Study
from radiomics.pipelines.study.samples import TEST, TRAIN
from radiomics.reporting import figures, pictures
from radiomics.reporting.html import Section, Table, render
from radiomics.types import Samples


def render_samples(study: Study) -> str:
    """Return the report as one HTML text."""
    config = study.config
    name, first = next(iter(study.outcomes.items()))
    samples = first.samples
    headline = next(iter(first.estimates))
    summary = {
        "Samples": f"{len(samples.ids):,}",
        "Tested": f"{len(first.predictions.ids):,}",
        f"{label(headline)}, {name} (95% interval)": str(first.estimates[headline]),
    }
    warned = warnings_section(study)
    sections = [*([warned] if warned else []), _samples(samples), *_performance(config, study)]
    sections += _tested(study)
    sections += [*network_sections(study), _provenance(config)]
    return render(config.title, summary, sections)


def _samples(samples: Samples) -> Section:
    if not samples.classes:
        text = f"{len(samples.ids)} samples; target {samples.y.min():g} to {samples.y.max():g}."
        return Section("Samples", text)
    there = set() if samples.split is None else set(samples.split.tolist())
    parts = [part for part in (TRAIN, VALIDATION, TEST) if part in there] or ["all"]
    rows: list[list[Any]] = []
    for number, name in enumerate(samples.classes):
        own = samples.y == number
        held = [own if part == "all" else own & (samples.split == part) for part in parts]
        rows.append([name, *(f"{int(h.sum()):,}" for h in held)])
    drawn = []
    if samples.x.ndim > 2:
        chosen = alternate_classes(samples.y)[:SHOWN]
        titles = [samples.classes[int(samples.y[i])] for i in chosen]
        drawn = [pictures.grid([samples.x[i] for i in chosen], titles)]
    return Section("Samples", "", Table(["Class", *parts], rows), drawn)


def _performance(config: StudyConfig, study: Study) -> list[Section]:
    names = next(iter(study.outcomes.values())).estimates
    lines = [
        [label(name), *(_with_apparent(outcome, name) for outcome in study.outcomes.values())]
        for name in names
    ]
    fixed = next(iter(study.outcomes.values())).samples.split is not None
    how = (
        "on the part that the source keeps for testing"
        if fixed
        else f"in {config.evaluation.folds}-fold cross-validation grouped by patient"
    )
    text = (
        f"Every prediction comes from a model that did not see the sample: {how}. Intervals are "
        f"95% percentile intervals over {config.evaluation.resamples} bootstrap samples; they do "
        f"not cover the variation from training anew. In brackets: the same on the samples that "
        f"the model was fitted to."
    )
    return paginate("Performance", text, Table(["", *study.outcomes], lines), 1, ACROSS)


def _with_apparent(outcome: Outcome, metric: str) -> str:
    own = f" [{outcome.apparent[metric]:.3f}]" if metric in outcome.apparent else ""
    return f"{outcome.estimates[metric]}{own}"


def _tested(study: Study) -> list[Section]:
    """Show what the models made of the tested samples."""
    found = []
    for name, outcome in study.outcomes.items():
        p, classes = outcome.predictions, outcome.samples.classes
        if not classes:
            drawn = [pictures.agreement(p.y_true, p.y_score)]
            found.append(Section(f"Predictions of {name}", figures=drawn))
            continue
        score = class_scores(p.y_score)
        drawn = [pictures.confusion(confusion(p.y_true, score), classes)]
        if p.y_score.ndim == 2:
            drawn.append(pictures.class_roc(p.y_true, score, classes))
        else:
            named, auc = {name: p}, {name: str(outcome.estimates["roc_auc"])}
            drawn += [figures.roc(named, auc), figures.calibration(named)]
        found.append(Section(f"Predictions of {name}", figures=drawn))
        found += mistakes(name, outcome)
    return found


def _provenance(config: StudyConfig) -> Section:
    record = {"config": config.published(), "versions": installed()}
    text = "The same config, data and versions give the same numbers on one processor."
    code = yaml.safe_dump(record, sort_keys=False, allow_unicode=True, width=100)
    return Section("Provenance", text, code=code)
