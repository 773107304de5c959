"""Parts of a report that say how good the models are, and whether they beat what is simple."""

from __future__ import annotations

from typing import Any

import numpy as np

from radiomics.evaluation.decisions import decision_curve
from radiomics.evaluation.measures import HEADLINE, headline, risk
from radiomics.pipelines.study.config import StudyConfig
from radiomics.pipelines.study.estimates import BASELINES, NOTHING, label, plan_of, weights_of
from radiomics.pipelines.study.results import Outcome, Study
from radiomics.reporting import figures, pictures
from radiomics.reporting.html import Section, Table, split_columns
from radiomics.types import Predictions

THRESHOLDS = np.arange(0.01, 1.0, 0.01)
SHOWN = 5
"""Models that a figure of curves shows at most."""
ACROSS = 4
"""Models that stand side by side in a table."""


def performance_sections(study: Study) -> list[Section]:
    """Return the sections on estimates, comparisons, curves and folds."""
    config, compared = study.config, _comparison_section(study.config, study)
    found = [*_estimates(config, study), *([compared] if compared else [])]
    return [*found, _curves(config, study), *_folds(config, study)]


def warnings_section(study: Study) -> Section | None:
    """Return what is suspicious, for the top of a report; None without a warning."""
    rows = [[text] for text in study.warnings]
    return Section("Look at this first", "", Table(["Warning"], rows)) if rows else None


def paginate(title: str, text: str, table: Table, fixed: int, most: int) -> list[Section]:
    """Return a section for each part of a table that fits on a page."""
    first, *others = split_columns(table, fixed, most)
    more = [Section(f"{title}, further models", "", part) for part in others]
    return [Section(title, text, first), *more]


def _estimates(config: StudyConfig, study: Study) -> list[Section]:
    names = next(iter(study.outcomes.values())).estimates
    lines: list[list[Any]] = [
        [label(name), *(str(o.estimates.get(name, "-")) for o in study.outcomes.values())]
        for name in names
    ]
    text = (
        "Every prediction comes from a model that saw no case of the same patient: "
        f"{_how(config)}. Imputing, scaling, encoding, harmonisation, selection, tuning, "
        f"recalibration and the threshold are fitted inside each training part. "
        "Intervals are 95% percentile intervals, expanded for few patients, "
        f"over {config.evaluation.resamples} bootstrap samples of patients{_exact(config)}; "
        f"they do not cover the variation from fitting the models anew."
    )
    if config.task == "binary":
        text += (
            " The ROC AUC compares cases of one fold, since others were scored by other models. "
            "Sensitivity, specificity and balanced accuracy are taken at the threshold that was "
            f"chosen in training: {_threshold(config)}."
        )
        plain = [n for n, o in study.outcomes.items() if not o.candidates and n not in BASELINES]
        text += f" For {', '.join(plain)} it is one half." if plain else ""
    return paginate("Performance", text, Table(["", *study.outcomes], lines), 1, ACROSS)


def _exact(config: StudyConfig) -> str:
    return ", or DeLong's with patients as clusters" if config.task == "binary" else ""


def _how(config: StudyConfig) -> str:
    options = config.evaluation
    inner = f"{options.inner} folds inside each training part for every choice"
    if options.scheme == "external":
        return f"the test part of the column 'split' was predicted once, with {inner}"
    if options.scheme == "leave_one_site_out":
        return f"each site in turn was left out, with {inner}"
    times = f", repeated {options.repeats} times" if options.repeats > 1 else ""
    site = " and site" if options.by_site else ""
    return (
        f"{options.folds}-fold cross-validation{times}, stratified by outcome{site}, grouped by "
        f"patient, with {inner}"
    )


def _threshold(config: StudyConfig) -> str:
    wanted = config.evaluation.sensitivity
    return f"the highest with a sensitivity of {wanted:g}" if wanted else "Youden's index"


def _comparison_section(config: StudyConfig, study: Study) -> Section | None:
    if not study.comparisons:
        return None
    lines = [
        [
            f"{c.model} vs {c.other}",
            str(c.difference),
            _p(c.difference.p),
            _p(c.p_holm),
            *([_p(c.p_delong)] if c.p_delong is not None else []),
        ]
        for c in study.comparisons
    ]
    name = label(HEADLINE[config.task])
    columns = ["Models", f"{name}, first less second", "p (bootstrap)", "p (Holm)"]
    columns += ["p (DeLong)"] if config.task == "binary" else []
    text = (
        f"{_verdict(study)} The same patients are resampled for both of a pair. "
        f"Holm's p-values are those of the bootstrap, adjusted for {len(lines)} pairs."
    )
    if study.permuted:
        p, reached = study.permuted
        text += (
            f" Of {len(reached)} studies with the outcome dealt anew to patients, tuning included, "
            f"the mean {name} was {np.mean(reached):.3f}; p = {_p(p)}."
        )
    return Section("Against baselines and each other", text, Table(columns, lines))


def _verdict(study: Study) -> str:
    """Say plainly whether the first model beats each baseline."""
    first = next(iter(study.outcomes))
    parts = []
    for c in study.comparisons:
        if c.model == first and c.other in BASELINES:
            beats = c.difference.low > 0 and c.p_holm < 0.05
            word = "beats" if beats else "is not shown to beat"
            parts.append(f"{first} {word} {c.other}: {c.difference}.")
    return " ".join(parts) or "No baseline but chance could be made from these data."


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _shown_outcomes(study: Study) -> dict[str, Outcome]:
    named = {n: o for n, o in study.outcomes.items() if n != NOTHING}
    return dict([*named.items()][:SHOWN])


def _curves(config: StudyConfig, study: Study) -> Section:
    shown = _shown_outcomes(study)
    named = {name: outcome.predictions for name, outcome in shown.items()}
    if config.task == "binary":
        return _binary_curves(config, study, named)
    if config.task == "regression":
        drawn = [pictures.agreement(p.y_true, p.y_score, name) for name, p in named.items()]
        return Section("Predicted and true", figures=drawn)
    if config.task == "multiclass":
        classes = study.table.classes
        drawn = [pictures.class_roc(p.y_true, p.y_score, classes, n) for n, p in named.items()]
        text = "ROC curves of each class against the rest, of the pooled out-of-fold predictions."
        return Section("Discrimination", text, figures=drawn)
    times = ", ".join(f"{t:g}" for t in plan_of(config, study.table.y).times)
    drawn = [figures.survival_curves(_risk_groups(p), name) for name, p in named.items()]
    text = (
        f"Cases in thirds of the predicted risk (within each fold), by Kaplan and Meier. "
        f"Probabilities were predicted for the times {times}."
    )
    return Section("Risk groups", text, figures=drawn)


def _binary_curves(config: StudyConfig, study: Study, named: dict[str, Predictions]) -> Section:
    auc = {n: str(study.outcomes[n].estimates["roc_auc"]) for n in named}
    weights = weights_of(config, next(iter(named.values())))[:500]
    curves = {n: decision_curve(p.y_true, p.y_score, weights, THRESHOLDS) for n, p in named.items()}
    text = (
        "First, ROC curves of the pooled out-of-fold predictions; the areas are those above, which "
        "compare cases of one fold. Second, observed frequency against predicted probability in "
        "five bins of equal count with 95% Wilson intervals, and the distribution of predictions "
        "along the bottom. Third, the net benefit of acting from a probability on (decision "
        "curve), with 95% intervals over patients."
    )
    drawn = [figures.roc(named, auc), figures.calibration(named), figures.decision(curves)]
    return Section("Discrimination, calibration and net benefit", text, figures=drawn)


def _risk_groups(p: Predictions) -> dict[str, Any]:
    rank = np.zeros(len(p.ids))
    for fold in np.unique(p.fold):
        inside = np.flatnonzero(p.fold == fold)
        order = np.argsort(np.argsort(risk(p)[inside], kind="stable"), kind="stable")
        rank[inside] = (order + 0.5) / len(inside)
    third = np.minimum((rank * 3).astype(int), 2)
    return {
        name: p.y_true[third == k]
        for k, name in enumerate(("low risk", "middle", "high risk"))
        if (third == k).any()
    }


def _folds(config: StudyConfig, study: Study) -> list[Section]:
    """Show the headline of each outer fold, and what was chosen there."""
    measure = headline(config.task)
    first = next(iter(study.outcomes.values())).predictions
    lines: list[list[Any]] = []
    for fold in np.unique(first.fold):
        inside = first.fold == fold
        row: list[Any] = [int(fold) + 1, int(inside.sum()), len(np.unique(first.groups[inside]))]
        for outcome in study.outcomes.values():
            weights = (outcome.predictions.fold == fold).astype(np.float64)[None]
            value = measure(outcome.predictions, weights)[0]
            row.append(f"{value:.3f}" if np.isfinite(value) else "-")
        lines.append(row)
    name = label(HEADLINE[config.task])
    heads = ["Fold", "Tested cases", "Patients", *study.outcomes]
    return paginate("Each fold", f"{name} of each test part.", Table(heads, lines), 3, ACROSS)
