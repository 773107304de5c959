"""From options to unfitted scikit-learn chains: harmonise, impute, scale, select, model.

Every step that learns anything is in the chain, so that it is fitted inside the folds.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline

from radiomics import models
from radiomics.evaluation.measures import Task
from radiomics.evaluation.tuning import Recipe
from radiomics.pipelines.study import embedding as deep
from radiomics.plugins import ConfigurationError, parse_plugin
from radiomics.preprocessing import harmonisation, tabular


@dataclass(frozen=True, eq=False)
class Design:
    """What all chains of a study have in common.

    Parameters
    ----------
    table : the columns that chains will see; only names and kinds are read
    features : columns that are harmonised and selected
    covariates : columns that join the chosen features
    task : the kind of outcome
    images : those that embeddings are made of; the table then has the column :data:`deep.ROW`
    """

    table: pd.DataFrame
    features: tuple[str, ...]
    covariates: tuple[str, ...] = ()
    task: Task = "binary"
    classes: int = 2
    seed: int = 0
    tabular: tabular.Options = field(default_factory=tabular.Options)
    harmonisation: harmonisation.Options = field(default_factory=harmonisation.Options)
    selection: tuple[Mapping[str, Any], ...] = ()
    images: deep.Images | None = None


def recipe(design: Design, spec: Mapping[str, Any], recalibrate: bool = True) -> Recipe:
    """Return a model of the registry behind the preparation of a study.

    Options that ``spec`` does not give are tuned over the module's ``GRID``; ``tune`` in the spec
    holds other values to try, ``{}`` for none; ``embedding`` what
    :meth:`radiomics.pipelines.study.config.StudyConfig.deep_columns` makes of it.

    Raises
    ------
    ConfigurationError
        For a model that does not take the task.
    """
    variants = candidates(spec, design.task, design.seed)
    built = [_build_model(design, variant) for variant in variants]
    steps = [*preparation(design, spec.get("embedding")), ("model", built[0])]
    binary = design.task == "binary"
    tried = tuple({"model": model} for model in built)
    return Recipe(Pipeline(steps), tried, recalibrate and binary)


def candidates(spec: Mapping[str, Any], task: Task, seed: int = 0) -> list[dict[str, Any]]:
    """Return the specs among which inner cross-validation chooses, the simplest first.

    >>> candidates({"name": "knn", "tune": {"neighbours": [9, 3]}}, "binary")[1]
    {'name': 'knn', 'task': 'classification', 'neighbours': 3}
    """
    given = {key: value for key, value in spec.items() if key not in ("tune", "embedding")}
    module, _ = parse_plugin("radiomics.models", given, "models")
    tasks: tuple[str, ...] = getattr(module, "TASKS", ())
    if task not in tasks:
        known = ", ".join(tasks) or "images"
        raise ConfigurationError(f"models: '{spec['name']}' takes {known}; the task is {task}.")
    fields = module.Options.model_fields
    if "task" in fields:
        given.setdefault("task", "regression" if task == "regression" else "classification")
    if "seed" in fields:
        given.setdefault("seed", seed)
    grid = spec.get("tune", {k: v for k, v in module.GRID.items() if k not in given})
    unknown = [key for key in grid if key not in fields]
    if unknown:
        raise ConfigurationError(f"models: '{spec['name']}' has no option '{unknown[0]}' to tune.")
    chosen = itertools.product(*grid.values())
    return [given | dict(zip(grid, values, strict=True)) for values in chosen]


def preparation(
    design: Design, embedding: Mapping[str, Any] | None = None
) -> list[tuple[str, Any]]:
    """Return the steps before a model: harmonisation of the features, then a table of numbers.

    With an embedding what a network makes of the images joins features and covariates.
    """
    steps: list[tuple[str, Any]] = []
    harmonise = harmonisation.build(design.features, design.harmonisation)
    if harmonise is not None:
        steps.append(("harmonise", harmonise))
    parts: list[tuple[str, Any, list[str]]] = []
    if design.features:
        parts.append(("features", _feature_steps(design), list(design.features)))
    if design.covariates:
        known = design.table[list(design.covariates)]
        covariates = tabular.build(known, design.tabular)
        parts.append(("covariates", covariates, list(design.covariates)))
    if embedding is not None:
        parts.append(("deep", _embedding_steps(design, embedding), [deep.ROW]))
    return [*steps, ("table", ColumnTransformer(parts, verbose_feature_names_out=False))]


def baseline_recipe(design: Design, columns: Sequence[str], recalibrate: bool = False) -> Recipe:
    """Return the plain model of a task on a few columns, without tuning: a baseline."""
    plain = {
        "binary": {"name": "logistic", "C": 1e3},
        "multiclass": {"name": "logistic", "C": 1e3},
        "regression": {"name": "elastic_net", "strength": 1e-6, "l1_ratio": 0.0},
        "survival": {"name": "cox", "strength": 1e-4, "l1_ratio": 0.0},
    }[design.task]
    only = Design(design.table, (), tuple(columns), design.task, design.classes, design.seed)
    return recipe(only, plain | {"tune": {}}, recalibrate)


def no_information_recipe(design: Design) -> Recipe:
    """Return the model that knows the outcome's frequency, or mean, alone."""
    first = (design.features or design.covariates)[:1]
    only = Design(design.table, (), first, design.task)
    if design.task == "survival":
        nothing = {"name": "cox", "strength": 1e9, "l1_ratio": 1.0, "tune": {}}
        return recipe(only, nothing, False)
    model = DummyRegressor() if design.task == "regression" else DummyClassifier(strategy="prior")
    return Recipe(Pipeline([*preparation(only), ("model", model)]))


def _feature_steps(design: Design) -> Pipeline:
    """Return imputing, scaling and selection of features, in that order."""
    before: list[tuple[str, Any]] = []
    after: list[tuple[str, Any]] = []
    by_patient = False
    for number, spec in enumerate(design.selection):
        module, options = parse_plugin("radiomics.selection", spec, f"selection.{number}")
        if "seed" in module.Options.model_fields and "seed" not in spec:
            options = options.model_copy(update={"seed": design.seed})
        step = (f"{number}_{spec['name']}", module.build(options, design.task))
        (before if getattr(module, "BEFORE_SCALING", False) else after).append(step)
        by_patient |= getattr(module, "BY_PATIENT", False)
    impute = SimpleImputer(strategy=design.tabular.impute, keep_empty_features=True)
    steps: list[tuple[str, Any]] = [("impute", impute), *before]
    if design.tabular.scale != "none":
        steps.append(("scale", tabular.SCALERS[design.tabular.scale]()))
    chain = Pipeline([*steps, *after])
    return chain.set_output(transform="pandas") if by_patient else chain


def _embedding_steps(design: Design, embedding: Mapping[str, Any]) -> Pipeline:
    """Return the network whose embedding joins the columns, all of it trained in each part."""
    network = deep.Embedding(
        deep.json_options(embedding["network"]),
        deep.json_options(embedding["training"]),
        embedding["share"],
        design.images,
    )
    steps: list[tuple[str, Any]] = [("network", network)]
    if embedding["components"] is not None:
        steps.append(("components", PCA(embedding["components"], svd_solver="full")))
    return Pipeline(steps)


def _build_model(design: Design, spec: Mapping[str, Any]) -> Any:
    outputs = design.classes if design.task == "multiclass" else 1
    return models.build(
        spec["name"],
        input_shape=(len(design.features) + len(design.covariates),),
        outputs=outputs,
        **{key: value for key, value in spec.items() if key != "name"},
    )
