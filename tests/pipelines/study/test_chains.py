"""Invariant: nothing learns from test rows; a study's numbers do not depend on its workers."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

from radiomics import InputError, Samples
from radiomics.evaluation import nested, splits
from radiomics.evaluation.measures import headline
from radiomics.evaluation.survival import outcome
from radiomics.evaluation.tuning import Plan, stratification
from radiomics.pipelines.study import chains
from radiomics.plugins import ConfigurationError
from radiomics.preprocessing import harmonisation

SELECTION: tuple[dict[str, Any], ...] = (
    {"name": "variance"},
    {"name": "correlation"},
    {"name": "stability", "count": 5, "rounds": 20},
)


def cohort(task: str = "binary", seed: int = 0, signal: float = 1.5) -> Samples:
    """Forty patients with two samples each, 15 features, age, sex and site."""
    rng = np.random.default_rng(seed)
    groups = np.repeat([f"P{i:02d}" for i in range(40)], 2)
    latent = np.repeat(rng.normal(size=40), 2)
    x = np.repeat(rng.normal(size=(40, 15)), 2, axis=0) + 0.3 * rng.normal(size=(80, 15))
    x[:, 0] += signal * latent
    names = [*(f"f{i}" for i in range(15)), "age", "sex", "site"]
    table = pd.DataFrame(x, columns=names[:15]).assign(
        age=np.repeat(rng.uniform(40, 80, 40), 2),
        sex=np.repeat(np.array(["f", "m"])[np.arange(40) % 2], 2),
        site=np.repeat(np.array(["n", "s"])[rng.integers(0, 2, 40)], 2),
    )
    y = {
        "binary": (latent > 0).astype(np.int64),
        "multiclass": np.digitize(latent, [-0.5, 0.5]),
        "regression": latent,
        "survival": outcome(np.repeat(np.arange(40) % 4 > 0, 2), np.exp(-latent)),
    }[task]
    ids = tuple(f"{g}-{i % 2}" for i, g in enumerate(groups))
    return Samples(ids, groups, table.to_numpy(), y, tuple(names))


def design(samples: Samples, task: str = "binary", **changes: Any) -> chains.Design:
    names = tuple(c for c in samples.columns if c.startswith("f"))
    given: dict[str, Any] = {"harmonisation": harmonisation.Options(method="combat")}
    return chains.Design(
        nested.grouped_frame(samples),
        names,
        ("age", "sex"),
        task,
        3 if task == "multiclass" else 2,
        selection=SELECTION,
        **given | changes,
    )


def outer(samples: Samples, task: str, folds: int = 3) -> list[list[splits.Split]]:
    return splits.repeated_folds(stratification(samples.y, task), samples.groups, folds, [0])


MODELS = {
    "binary": ["logistic", "svm"],
    "multiclass": ["logistic", "knn"],
    "regression": ["elastic_net", "gradient_boosting"],
    "survival": ["cox"],
}


@pytest.mark.parametrize("task", MODELS)
def test_every_task_runs_its_models_and_baselines(task: str) -> None:
    samples = cohort(task)
    plan = Plan(task, inner=3, times=(0.5, 1.5))
    made = design(samples, task)
    recipes = {name: chains.recipe(made, {"name": name}) for name in MODELS[task]}
    recipes |= {
        "nothing": chains.no_information_recipe(made),
        "clinical": chains.baseline_recipe(made, ("age", "sex")),
    }
    found = nested.estimate(recipes, samples, outer(samples, task), plan)
    ones = np.ones((1, 80))
    reached = {n: float(headline(task)(e.predictions, ones)[0]) for n, e in found.items()}
    assert reached["nothing"] == pytest.approx(0.0 if task == "regression" else 0.5, abs=0.12)
    for name in MODELS[task]:
        assert reached[name] > reached["nothing"] + 0.08, (name, reached)
        names = [set(f.chain[:-1].get_feature_names_out()) for f in found[name].fitted]
        assert all("f0" in chosen for chosen in names)
        assert all({"age", "sex_f", "sex_m"} <= chosen for chosen in names)
    scores = found[MODELS[task][0]].predictions.y_score
    if task == "multiclass":
        assert np.allclose(scores.sum(axis=1), 1)
    if task == "survival":
        assert np.all(np.diff(scores, axis=1) >= 0)


def test_workers_and_repetition_change_no_byte() -> None:
    samples = cohort()
    recipes = {
        n: chains.recipe(design(samples), {"name": n}) for n in ("logistic", "random_forest")
    }
    plan = Plan(inner=3)
    runs = [
        nested.estimate(recipes, samples, outer(samples, "binary"), plan, workers=workers)
        for workers in (1, 2, 1)
    ]
    for name in recipes:
        bits = {r[name].predictions.y_score.tobytes() for r in runs}
        assert len(bits) == 1
        assert len({r[name].predictions.threshold.tobytes() for r in runs}) == 1


def test_test_rows_teach_nothing() -> None:
    """Other values and outcomes in a test part change what is said of it, but nothing fitted."""
    samples = cohort()
    split = outer(samples, "binary")[0][:1]
    x, y = samples.x.copy(), samples.y.copy()
    x[split[0][1], :15] = 99.0
    y[split[0][1]] = 1 - y[split[0][1]]
    other = dataclasses.replace(samples, x=x, y=y)
    plan = Plan(inner=3)
    fitted = []
    for data in (samples, other):
        recipes = {"m": chains.recipe(design(samples), {"name": "logistic"})}
        fitted.append(nested.estimate(recipes, data, [split], plan)["m"].fitted[0])
    table = nested.grouped_frame(samples)
    assert np.array_equal(fitted[0].predict(table), fitted[1].predict(table))
    assert fitted[0].threshold == fitted[1].threshold
    assert fitted[0].inner == fitted[1].inner


def test_a_group_on_two_sides_stops_the_run() -> None:
    samples = cohort()
    recipes = {"m": chains.no_information_recipe(design(samples))}
    with pytest.raises(ValueError, match="leak"):
        nested.estimate(recipes, samples, [[(np.arange(41), np.arange(41, 80))]], Plan(inner=3))


def test_permuted_outcomes_give_chance() -> None:
    samples = cohort(signal=4)
    made = dataclasses.replace(design(samples), selection=({"name": "univariate", "count": 3},))
    one = chains.recipe(made, {"name": "logistic", "C": 1.0})

    def deal(y: np.ndarray) -> list[list[splits.Split]]:
        return splits.repeated_folds(y, samples.groups, 3, [0])

    values = nested.permutation_values(one, samples, deal, Plan(inner=3), 12, 0)
    assert abs(values.mean() - 0.5) < 0.1
    assert values.max() < 0.85


def test_a_fit_to_all_rows_predicts_the_same_row_by_row() -> None:
    samples = cohort()
    fitted = nested.fit_whole(chains.recipe(design(samples), {"name": "svm"}), samples, Plan())
    table = nested.grouped_frame(samples)
    single = np.concatenate([fitted.predict(table.iloc[[i]]) for i in range(10)])
    assert np.allclose(single, fitted.predict(table)[:10])
    assert np.all((single > 0) & (single < 1))


def test_requests_that_cannot_be_met_are_told() -> None:
    samples = cohort()
    with pytest.raises(ConfigurationError, match="'cox' takes survival; the task is binary"):
        chains.recipe(design(samples), {"name": "cox"})
    with pytest.raises(ConfigurationError, match="'resnet' takes images"):
        chains.recipe(design(samples), {"name": "resnet"})
    with pytest.raises(ConfigurationError, match="no option 'depth' to tune"):
        chains.recipe(design(samples), {"name": "knn", "tune": {"depth": [1]}})
    few = dataclasses.replace(samples, y=(samples.groups < "P02").astype(int))
    split = [[(np.arange(2, 80), np.arange(2))]]
    tuned = {"m": chains.recipe(design(samples), {"name": "logistic"})}
    with pytest.raises(InputError, match="two patients of each class"):
        nested.estimate(tuned, few, split, Plan(inner=5))
    fixed = {"m": chains.recipe(design(samples), {"name": "logistic", "C": 1.0})}
    found = nested.estimate(fixed, few, split, Plan(inner=5))["m"].fitted[0]
    assert "no inner folds" in found.warnings[0]
    assert (found.threshold, found.recalibration) == (0.5, None)
