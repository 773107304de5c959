"""Parts of a report that show which features the models used, and how stably."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from radiomics.extraction.catalogue import feature_catalogue
from radiomics.pipelines.study.estimates import BASELINES
from radiomics.pipelines.study.results import Outcome, Study
from radiomics.reporting import figures
from radiomics.reporting.html import Section, Table, without_empty_columns

SHOWN = 15


def feature_sections(study: Study) -> list[Section]:
    """Return the sections on choices, weights and frequencies of features."""
    own = {n: o for n, o in study.outcomes.items() if n not in BASELINES and o.candidates}
    if not own:
        return []
    name, first = next(iter(own.items()))
    sections = [_choices(own), _weights(name, first), _frequencies(name, first)]
    return [section for section in sections if section]


def codes() -> dict[str, str]:
    """Return the IBSI code of ``family_feature``."""
    catalogue = feature_catalogue()
    return {
        f"{row.family}_{row.name}": str(row.ibsi_code) for row in catalogue.itertuples(index=False)
    }


def code_of(column: str, known: dict[str, str]) -> str:
    """Return the IBSI code of a column, or a dash: filters have names of several words."""
    parts = column.partition("__")[0].split("_")
    names = ("_".join(parts[start:]) for start in range(1, len(parts)))
    return next((known[name] for name in names if name in known), "-")


def _choices(own: dict[str, Outcome]) -> Section | None:
    """Show what the inner folds chose, and what the libraries warned of."""
    lines: list[list[Any]] = []
    for name, outcome in own.items():
        count = Counter(fold.chosen for fold in outcome.fitted)
        for number, times in sorted(count.items()):
            spec = outcome.candidates[number]
            shown = ", ".join(
                f"{k} {v}" for k, v in spec.items() if k not in ("name", "seed", "task")
            )
            told = sorted({w for f in outcome.fitted for w in f.warnings if f.chosen == number})
            lines.append([name, shown or "-", f"{times} of {len(outcome.fitted)}", "; ".join(told)])
    heads = ["Model", "Chosen options", "Folds", "Warnings of the libraries"]
    return Section("What the inner folds chose", "", without_empty_columns(Table(heads, lines)))


def _weights(name: str, outcome: Outcome) -> Section | None:
    """Show the features that a linear model used, with IBSI codes and spread over folds."""
    chains = [fold.chain for fold in outcome.fitted]
    if not all(hasattr(chain[-1], "coef_") for chain in chains):
        return None
    weights = [
        pd.Series(np.atleast_2d(chain[-1].coef_)[0], index=chain[:-1].get_feature_names_out())
        for chain in chains
    ]  # what a fold did not choose, or a category unknown to it, has weight 0 there
    table = pd.concat(weights, axis=1).fillna(0.0)
    columns, values = [str(c) for c in table.index], table.to_numpy()  # (F, K)
    top = np.argsort(-np.abs(values.mean(axis=1)), kind="stable")[:SHOWN]
    known = codes()
    lines: list[list[Any]] = [
        [columns[i], code_of(columns[i], known), _weight(values[i])] for i in top
    ]
    text = (
        f"The {len(top)} largest of {len(columns)} weights of {name}, mean over folds. Weights of "
        f"correlated features share an effect between them and are no measure of importance."
    )
    drawn = figures.weights([columns[i] for i in top], values[top])
    shown = Table(["Feature", "IBSI code", "Weight (mean ± SD over folds)"], lines)
    return Section("Features that the model used", text, without_empty_columns(shown), [drawn])


def _weight(values: Any) -> str:
    return f"{values.mean():+.3f} ± {values.std():.3f}"


def _frequencies(name: str, outcome: Outcome) -> Section | None:
    """Show how often each feature was chosen, where some were not."""
    chosen = [set(map(str, f.chain[:-1].get_feature_names_out())) for f in outcome.fitted]
    count = Counter(column for columns in chosen for column in columns)
    if len(chosen) < 2 or min(count.values()) == len(chosen):
        return None
    known = codes()
    order = sorted(count.items(), key=lambda item: (-item[1], item[0]))[: 2 * SHOWN]
    lines = [[c, code_of(c, known), f"{n} of {len(chosen)}"] for c, n in order]
    overlap = np.mean(
        [len(a & b) / len(a | b) for i, a in enumerate(chosen) for b in chosen[:i] if a | b]
    )
    text = (
        f"How often each feature was chosen for {name} over the outer folds: {len(count)} features "
        f"at least once, {np.mean([len(c) for c in chosen]):.1f} a fold. Two folds share "
        f"{overlap:.0%} of the features that either chose (Jaccard index)."
    )
    table = without_empty_columns(Table(["Feature", "IBSI code", "Folds"], lines))
    return Section("How stable the choice is", text, table)
