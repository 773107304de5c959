"""What models of a study reached: estimates with intervals, against baselines and each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from radiomics.evaluation import calibration, comparisons, delong, nested
from radiomics.evaluation.intervals import (
    Estimate,
    estimate,
    group_weights,
    independent_units,
    resampled_measure,
)
from radiomics.evaluation.measures import HEADLINE, headline, measures
from radiomics.evaluation.splits import Split
from radiomics.evaluation.tuning import Plan, Recipe
from radiomics.pipelines.study import chains, embedding
from radiomics.pipelines.study.config import StudyConfig
from radiomics.pipelines.study.results import Comparison, Outcome
from radiomics.types import Predictions, Progress, Samples

LABELS = {
    "roc_auc": "ROC AUC",
    "roc_auc_delong": "ROC AUC, DeLong's interval",
    "average_precision": "Average precision",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "balanced_accuracy": "Balanced accuracy",
    "brier": "Brier score",
    "calibration_slope": "Calibration slope",
    "calibration_intercept": "Calibration intercept",
    "expected_calibration_error": "Expected calibration error",
    "accuracy": "Accuracy",
    "roc_auc_pairwise": "ROC AUC, pairs of classes",
    "log_loss": "Log loss",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
    "harrell_c": "Harrell's C",
    "uno_c": "Uno's C",
}
NOTHING, SIZE, CLINICAL = "no information", "volume alone", "clinical alone"
BASELINES = (NOTHING, SIZE, CLINICAL)
"""What every model has to beat; they always run, as far as the data have them."""


def label(measure: str) -> str:
    """Return a measure's name for people.

    >>> label("auc_at_12"), label("rmse")
    ('AUC at 12', 'RMSE')
    """
    for prefix, words in (("auc_at_", "AUC at "), ("brier_at_", "Brier score at ")):
        if measure.startswith(prefix):
            return words + measure.removeprefix(prefix)
    return LABELS[measure]


def plan_of(config: StudyConfig, y: NDArray[Any]) -> Plan:
    """Return how the recipes of a study are fitted."""
    options = config.evaluation
    times = options.times
    if config.task == "survival" and not times:
        found = np.quantile(y["time"][y["event"]], [0.25, 0.5, 0.75])
        times = tuple(float(f"{t:.3g}") for t in np.unique(found))
    return Plan(config.task, options.inner, config.seed, times, options.sensitivity)


def design_of(
    config: StudyConfig, samples: Samples, images: embedding.Images | None = None
) -> chains.Design:
    """Return what the chains of a study have in common, of samples that are a table."""
    apart = {*config.covariates, *config.harmonisation.preserve, "site", embedding.ROW}
    return chains.Design(
        nested.grouped_frame(samples),
        tuple(c for c in samples.columns if c not in apart),
        config.covariates,
        config.task,
        max(2, len(samples.classes)),
        config.seed,
        config.tabular,
        config.harmonisation,
        config.selection,
        images,
    )


def baseline_recipes(config: StudyConfig, design: chains.Design) -> dict[str, Recipe]:
    """Return the models that a study's own have to beat."""
    found = {NOTHING: chains.no_information_recipe(design)}
    if config.volume in design.features:
        found[SIZE] = chains.baseline_recipe(design, (config.volume,))
    if config.covariates:
        found[CLINICAL] = chains.baseline_recipe(design, config.covariates)
    return found


def estimates_of(
    predictions: Predictions, plan: Plan, weights: NDArray[np.float64]
) -> dict[str, Estimate]:
    """Return all measures of the task with their intervals, the headline first.

    A score that never varies within a fold has no calibration slope.
    """
    chosen = measures(plan.task, plan.times)
    if plan.task == "binary" and _constant(predictions):
        chosen = {n: m for n, m in chosen.items() if n != "calibration_slope"}
    first = HEADLINE[plan.task]
    order = chosen if plan.task == "multiclass" else {first: chosen[first], **chosen}
    found = {name: estimate(predictions, m, weights) for name, m in order.items()}
    if plan.task == "binary":
        p = predictions
        exact = delong.delong(p.y_true, p.y_score, p.groups, p.fold)
        found = {first: found.pop(first), "roc_auc_delong": exact, **found}
    return found


def compare(
    outcomes: Mapping[str, Outcome], task: Any, weights: NDArray[np.float64]
) -> list[Comparison]:
    """Compare each model with each baseline and with the first model, on the same patients."""
    own = [name for name in outcomes if name not in BASELINES]
    others = [name for name in BASELINES if name in outcomes]
    pairs = [(name, other) for name in own for other in others]
    pairs += [(name, own[0]) for name in own[1:]]
    measure = headline(task)
    drawn = {
        name: resampled_measure(o.predictions, measure, weights) for name, o in outcomes.items()
    }
    plain = {
        name: float(measure(o.predictions, np.ones((1, len(o.predictions.ids))))[0])
        for name, o in outcomes.items()
    }
    count = independent_units(next(iter(outcomes.values())).predictions)
    gaps = [
        comparisons.difference(plain[a] - plain[b], drawn[a] - drawn[b], count=count)
        for a, b in pairs
    ]
    adjusted = comparisons.holm([gap.p for gap in gaps])
    exact = [_delong(outcomes[a], outcomes[b]) if task == "binary" else None for a, b in pairs]
    return [
        Comparison(a, b, gap, p, q)
        for (a, b), gap, p, q in zip(pairs, gaps, adjusted, exact, strict=True)
    ]


def _constant(p: Predictions) -> bool:
    return all(calibration.is_constant(p.y_score[p.fold == fold]) for fold in np.unique(p.fold))


def _delong(one: Outcome, other: Outcome) -> float:
    p, q = one.predictions, other.predictions
    return delong.delong_test(p.y_true, p.y_score, q.y_score, p.groups, p.fold).p


def fuse_predictions(
    outcomes: Mapping[str, Outcome], names: tuple[str, ...], task: str
) -> Predictions:
    """Average the out-of-fold predictions of models: late fusion, with nothing to fit.

    Probabilities of a binary outcome are averaged as logits. The threshold is one half.
    """
    parts = [outcomes[name].predictions for name in names]
    scores = np.stack([p.y_score for p in parts])
    if task == "binary":
        mean = expit(logit(np.clip(scores, 1e-6, 1 - 1e-6)).mean(axis=0))
    else:
        mean = scores.mean(axis=0)
    first = parts[0]
    return Predictions(first.ids, first.groups, first.y_true, mean, first.fold)


def permutation_test(
    config: StudyConfig,
    samples: Samples,
    images: embedding.Images | None,
    deal: Callable[[NDArray[Any]], list[list[Split]]],
    reached: float,
    progress: Progress,
    workers: int,
) -> tuple[float, list[float]]:
    """Return the p-value of the first model's headline, and what chance alone reached."""
    plan = plan_of(config, samples.y)
    spec = config.deep_columns(config.models[0])
    recipe = chains.recipe(design_of(config, samples, images), spec, config.evaluation.recalibrate)
    count = config.evaluation.permutations
    values = nested.permutation_values(
        recipe, samples, deal, plan, count, config.seed, progress, workers
    )
    return comparisons.permutation_p(reached, values), [float(v) for v in values]


def weights_of(config: StudyConfig, predictions: Predictions) -> NDArray[np.float64]:
    """Return the resamples of patients that all models of a study share: (B, N)."""
    return group_weights(predictions.groups, config.evaluation.resamples, config.seed)
