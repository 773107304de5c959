"""Choose among candidates inside a training part, then fit: what one fold of a study does.

What comes before the model in a chain (imputing, harmonisation, selection) is fitted once for each
training part and shared by all models and candidates that have it in common.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from radiomics.evaluation.calibration import Recalibration
from radiomics.evaluation.decisions import choose_threshold
from radiomics.evaluation.measures import Task, headline
from radiomics.evaluation.splits import Split, grouped_folds, strata_of
from radiomics.types import InputError, Predictions

Floats = NDArray[np.float64]

ALONE = "a class with one patient: no inner folds, threshold one half, not recalibrated"
EXTREME = 0.005
"""Probabilities of trees and neighbours count as this far from 0 and 1, where logits are taken."""


@dataclass(frozen=True, eq=False)
class Recipe:
    """One model to be estimated.

    Parameters
    ----------
    chain : unfitted; its last step is the model, all before prepares the table for it
    candidates : parameters of the chain among which inner cross-validation chooses, the simplest
        first; a single one is taken as it is
    recalibrate : of a binary outcome, fit probabilities to scores of inner test parts
    """

    chain: Pipeline
    candidates: tuple[Mapping[str, Any], ...] = ({},)
    recalibrate: bool = False


@dataclass(frozen=True)
class Plan:
    """How recipes are fitted.

    Parameters
    ----------
    task : the kind of outcome
    inner : folds of the inner cross-validation; fewer where a class has fewer patients
    seed : of the inner folds
    times : of a survival study, those at which probabilities are predicted
    sensitivity : the least that a threshold shall reach; without it Youden's index chooses
    """

    task: Task = "binary"
    inner: int = 5
    seed: int = 0
    times: tuple[float, ...] = ()
    sensitivity: float | None = None


@dataclass(frozen=True, eq=False)
class Fitted:
    """A recipe after training.

    ``chosen`` numbers the candidate taken, ``inner`` is the headline measure that it reached
    inside, ``warnings`` what the libraries had to say.
    """

    chain: Pipeline
    plan: Plan
    chosen: int = 0
    inner: float = float("nan")
    recalibration: Recalibration | None = None
    threshold: float = 0.5
    warnings: tuple[str, ...] = ()

    def predict(self, x: pd.DataFrame) -> Floats:
        """Return scores: (N,), or (N, K) for classes, or (N, T) for times."""
        if self.recalibration is None:
            return scores(self.chain, x, self.plan)
        return self.recalibration.apply(margins(self.chain, x))


class Training:
    """The rows that recipes are fitted on, with the preparations that they share.

    Parameters
    ----------
    x : (N, F) table, its index naming the patient of each row
    y : (N,) outcome
    plan : how to fit

    A class with a single patient allows no inner folds: then nothing is chosen or recalibrated, the
    threshold is one half, and this is noted among the warnings.
    """

    def __init__(self, x: pd.DataFrame, y: NDArray[Any], plan: Plan) -> None:
        self.x, self.y, self.plan = x, y, plan
        groups = x.index.to_numpy()
        strata = stratification(y, plan.task)
        fewest = min(len(np.unique(groups[strata == k])) for k in np.unique(strata))
        self.fewest = fewest
        inner = min(plan.inner, fewest)
        self.splits: list[Split] = []
        if inner > 1:
            self.splits = grouped_folds(strata, groups, inner, plan.seed, key="evaluation.inner")
        self._preparations: dict[tuple[str, int], tuple[Any, Any, Any]] = {}

    def fit(self, recipe: Recipe) -> Fitted:
        """Choose a candidate by inner cross-validation, and fit it to all rows.

        Raises
        ------
        InputError
            When there is something to choose, and a class has a single patient.
        """
        if not self.splits and len(recipe.candidates) > 1:
            raise InputError(
                "folds",
                "inner folds need two patients of each class in every training part",
                f"{self.fewest}",
                "use other folds (evaluation.folds), more patients, or models without tuning",
            )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            fitted = self._fit(recipe)
        if not self.splits:
            fitted = replace(fitted, warnings=(ALONE,))
        messages = sorted(
            {f"{w.category.__name__}: {str(w.message).splitlines()[0]}" for w in caught}
        )
        return replace(fitted, warnings=(*fitted.warnings, *messages))

    def _fit(self, recipe: Recipe) -> Fitted:
        binary = self.plan.task == "binary"
        chosen, inner = 0, float("nan")
        inside: Predictions | None = None
        if self.splits and (len(recipe.candidates) > 1 or binary):
            tried = [self._predict_inner(recipe, candidate) for candidate in recipe.candidates]
            ones = np.ones((1, len(self.y)))
            reached = [float(headline(self.plan.task)(p, ones)[0]) for p in tried]
            chosen = int(np.argmax([round(v, 10) if np.isfinite(v) else -np.inf for v in reached]))
            inner, inside = reached[chosen], tried[chosen]
        chain = self._chain(recipe, recipe.candidates[chosen])
        prepared, table, _ = self._prepare(
            chain, _preparation_name(recipe, recipe.candidates[chosen]), -1
        )
        model = chain.steps[-1][1].fit(table, self.y)
        whole = Pipeline([*prepared.steps, (chain.steps[-1][0], model)])
        if inside is None or not binary:
            return Fitted(whole, self.plan, chosen, inner)
        recalibration = Recalibration.fit(self.y, inside.y_score) if recipe.recalibrate else None
        score = inside.y_score if recalibration is None else recalibration.apply(inside.y_score)
        threshold = choose_threshold(self.y, score, self.plan.sensitivity)
        if recalibration is not None:
            recalibration = recalibration.scaled(1 / _spread(model, table))
        return Fitted(whole, self.plan, chosen, inner, recalibration, threshold)

    def _predict_inner(self, recipe: Recipe, candidate: Mapping[str, Any]) -> Predictions:
        """Return the predictions of a candidate for the inner test parts."""
        score: Any = None
        fold = np.zeros(len(self.y), dtype=np.int64)
        name = _preparation_name(recipe, candidate)
        for number, (train, test) in enumerate(self.splits):
            chain = self._chain(recipe, candidate)
            _, table, other = self._prepare(chain, name, number)
            model = chain.steps[-1][1].fit(table, self.y[train])
            part = scores(model, other, self.plan)
            if recipe.recalibrate:  # on a scale of its own: smaller parts make smaller margins
                part = margins(model, other) / _spread(model, table)
            score = np.zeros((len(self.y), *part.shape[1:])) if score is None else score
            score[test], fold[test] = part, number
        ids = tuple(map(str, range(len(self.y))))
        return Predictions(ids, self.x.index.to_numpy(), self.y, score, fold)

    def _chain(self, recipe: Recipe, candidate: Mapping[str, Any]) -> Pipeline:
        chain = clone(recipe.chain)
        values = {k: clone(v) if hasattr(v, "get_params") else v for k, v in candidate.items()}
        return chain.set_params(**values)

    def _prepare(self, chain: Pipeline, name: str, number: int) -> tuple[Pipeline, Any, Any]:
        """Return all steps before the model, fitted to an inner training part (or all: -1).

        Also the table of that part, and of its test part, after these steps.
        """
        if (name, number) not in self._preparations:
            steps = chain[:-1]
            train, test = self._rows(number)
            table = steps.fit_transform(self.x.iloc[train], self.y[train])
            other = steps.transform(self.x.iloc[test]) if len(test) else None
            self._preparations[name, number] = steps, table, other
        return self._preparations[name, number]

    def _rows(self, number: int) -> Split:
        everything = np.arange(len(self.y))
        return self.splits[number] if number >= 0 else (everything, everything[:0])


def _preparation_name(recipe: Recipe, candidate: Mapping[str, Any]) -> str:
    """Return a name of what comes before the model: equal names, equal preparations."""
    changes = {k: v for k, v in sorted(candidate.items()) if k.split("__")[0] != "model"}
    return str(joblib.hash((recipe.chain[:-1], changes)))


def scores(model: Any, x: Any, plan: Plan) -> Floats:
    """Return what a fitted model says of samples, in the form that its task's measures take."""
    if plan.task == "survival":
        if isinstance(model, Pipeline):
            model, x = model[-1], model[:-1].transform(x)
        return np.asarray(model.predict_events(x, plan.times), dtype=np.float64)
    if plan.task == "regression":
        return np.asarray(model.predict(x), dtype=np.float64)
    if not hasattr(model, "predict_proba"):
        return np.asarray(model.decision_function(x), dtype=np.float64)
    probability = np.asarray(model.predict_proba(x), dtype=np.float64)
    return probability[:, 1] if plan.task == "binary" else probability


def margins(model: Any, x: Any) -> Floats:
    """Return scores of a binary outcome on the logit's scale, where a model has one: (N,)."""
    if hasattr(model, "decision_function"):
        return np.asarray(model.decision_function(x), dtype=np.float64)
    probability = np.asarray(model.predict_proba(x), dtype=np.float64)[:, 1]
    return np.asarray(logit(np.clip(probability, EXTREME, 1 - EXTREME)))


def _spread(model: Any, table: Any) -> float:
    """Return the standard deviation of a model's margins on its own training rows, or 1."""
    return float(margins(model, table).std()) or 1.0


def stratification(y: NDArray[Any], task: Task) -> NDArray[Any]:
    """Return the classes that folds are stratified by: (N,)."""
    if task == "survival":
        return np.asarray(y["event"], dtype=np.int64)
    return strata_of(y) if task == "regression" else y
