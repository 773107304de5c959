"""Oracle: scikit-learn and closed forms. Invariant: no group on two sides, ever."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student
from sklearn import metrics as sk
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from radiomics import InputError, Predictions, Samples
from radiomics.evaluation import metrics, splits, survival
from radiomics.evaluation.crossval import cross_validate
from radiomics.evaluation.intervals import estimate, group_weights, independent_units, interval
from radiomics.evaluation.measures import BINARY

SCORES = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 10), st.integers(0, 3)), min_size=4, max_size=40
).filter(lambda rows: {y for y, _, w in rows if w} == {0, 1})


@given(SCORES)
def test_weighted_metrics_equal_scikit_learn(rows: list[tuple[int, int, int]]) -> None:
    y = np.array([r[0] for r in rows])
    score = np.array([r[1] for r in rows]) / 10
    weights = np.array([r[2] for r in rows], float)
    expected = {
        "roc_auc": sk.roc_auc_score(y, score, sample_weight=weights),
        "average_precision": sk.average_precision_score(y, score, sample_weight=weights),
        "brier": sk.brier_score_loss(y, score, sample_weight=weights),
        "balanced_accuracy": np.mean(
            [sk.recall_score(y, score >= 0.5, pos_label=k, sample_weight=weights) for k in (0, 1)]
        ),
    }
    for name, value in expected.items():
        assert metrics.METRICS[name](y, score, weights[None])[0] == pytest.approx(value), name


def test_a_resample_without_one_class_gives_no_value() -> None:
    y, score = np.array([0, 1, 1]), np.array([0.2, 0.7, 0.6])
    weights = np.array([[0.0, 1, 1], [1, 0, 0], [1, 1, 1]])
    for name in ("roc_auc", "average_precision", "balanced_accuracy"):
        found = metrics.METRICS[name](y, score, weights)
        assert np.isnan(found[:2]).all()
        assert np.isfinite(found[2])


@given(st.integers(0, 1000), st.integers(2, 5))
def test_no_group_stands_on_two_sides(seed: int, folds: int) -> None:
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 30, 80).astype(str)
    outcome = {g: int(rng.integers(2)) for g in np.unique(groups)}
    y = np.array([outcome[g] for g in groups])
    y[:10] = [0, 1] * 5
    groups[:10] = [f"extra{i}" for i in range(10)]
    found = splits.grouped_folds(y, groups, folds, seed)
    tested = np.concatenate([test for _, test in found])
    assert sorted(tested.tolist()) == list(range(80))
    for train, test in found:
        assert not set(groups[train]) & set(groups[test])


def test_a_leak_is_seen() -> None:
    with pytest.raises(ValueError, match="leak"):
        splits.check_disjoint(np.array(["a", "b", "a"]), np.array([0, 1]), np.array([2]))


def test_too_few_patients_of_a_class_are_told() -> None:
    y, groups = np.array([0, 0, 0, 1, 1]), np.array(list("abccc"))
    with pytest.raises(InputError, match="1 patients of class"):
        splits.grouped_folds(y, groups, 3, 0)
    with pytest.raises(InputError, match="two classes"):
        splits.grouped_folds(np.zeros(5), groups, 3, 0)


def noise(seed: int, signal: float = 0.0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(50), 2)
    y = np.repeat(rng.integers(0, 2, 50), 2)
    shared = np.repeat(rng.normal(size=(50, 20)), 2, axis=0)
    x = shared + 0.1 * rng.normal(size=(100, 20))
    x[:, 0] += signal * y
    return pd.DataFrame(x, index=[f"s{i}" for i in range(100)]), y, groups


def build() -> object:
    return make_pipeline(StandardScaler(), LogisticRegression())


def auc(x: pd.DataFrame, y: np.ndarray, groups: np.ndarray) -> float:
    found = splits.grouped_folds(y, groups, 5, 0)
    samples = Samples(tuple(x.index), groups, x.to_numpy(), y, tuple(map(str, x.columns)))
    predictions, fitted = cross_validate(build, samples, found)
    assert len(fitted) == 5
    return float(sk.roc_auc_score(predictions.y_true, predictions.y_score))


def test_noise_gives_chance_and_ungrouped_splits_would_not() -> None:
    """Two samples a patient with shared noise: splitting them is the leak that grouping closes."""
    honest = np.mean([auc(*noise(seed)) for seed in range(12)])
    leaky = np.mean([auc(x, y, np.arange(100)) for x, y, _ in (noise(seed) for seed in range(12))])
    assert abs(honest - 0.5) < 0.06
    assert leaky > 0.65


def test_signal_is_found() -> None:
    assert auc(*noise(0, signal=4)) > 0.9


def test_groups_are_drawn_whole_and_by_seed() -> None:
    groups = np.array(["a", "a", "b", "c"])
    weights = group_weights(groups, 200, 1)
    assert np.array_equal(weights[:, 0], weights[:, 1])
    assert np.all(weights[:, 0] + weights[:, 2] + weights[:, 3] == 3)
    assert np.array_equal(weights, group_weights(groups, 200, 1))
    assert not np.array_equal(weights, group_weights(groups, 200, 2))


def test_the_interval_of_a_mean_is_the_normal_one() -> None:
    """Brier score of a constant error plus noise: its bootstrap interval is known closely."""
    rng = np.random.default_rng(0)
    n = 400
    score = rng.uniform(0, 1, n)
    groups, fold = np.arange(n).astype(str), np.zeros(n, np.int64)
    predictions = Predictions(tuple(groups), groups, np.zeros(n, int), score, fold)
    found = estimate(predictions, BINARY["brier"], group_weights(groups, 4000, 0))
    error = 1.96 * (score**2).std() / np.sqrt(n)
    assert found.value == pytest.approx((score**2).mean())
    assert found.low == pytest.approx(found.value - error, abs=0.004)
    assert found.high == pytest.approx(found.value + error, abs=0.004)
    assert found.resamples == 4000


def test_few_patients_have_the_interval_of_student() -> None:
    """The mean of ten numbers: its expanded interval is that of the t distribution."""
    rng = np.random.default_rng(0)
    value = rng.normal(size=10)
    drawn = rng.integers(0, 10, (200_000, 10))
    found = interval(float(value.mean()), value[drawn].mean(axis=1), count=10)
    half = student.ppf(0.975, 9) * value.std(ddof=1) / np.sqrt(10)
    assert found.high - found.low == pytest.approx(2 * half, rel=0.06)
    plain = interval(float(value.mean()), value[drawn].mean(axis=1))
    assert (plain.high - plain.low) < 0.85 * 2 * half


def test_patients_of_the_rarest_class_are_counted() -> None:
    groups = np.array(["a", "a", "b", "c", "d"])
    zeros, ids = np.zeros(5), tuple("12345")
    fold = np.zeros(5, dtype=np.int64)
    for y, count in (
        (np.array([1, 1, 0, 0, 0]), 1),
        (np.array([0.1, 0.2, 0.3, 0.4, 0.5]), 4),
        (survival.outcome(np.array([1, 0, 1, 1, 0]), np.ones(5)), 3),
    ):
        assert independent_units(Predictions(ids, groups, y, zeros, fold)) == count


def test_two_samples_of_a_patient_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 60)
    score = 1 / (1 + np.exp(-(y + rng.normal(size=60))))
    doubled = [np.tile(a, 2) for a in (y, score)]
    ids, fold = tuple(map(str, range(120))), np.zeros(120, np.int64)
    patients = np.tile(np.arange(60), 2)
    widths = []
    for groups in (patients, np.arange(120)):
        predictions = Predictions(ids, groups, doubled[0], doubled[1], fold)
        found = estimate(predictions, BINARY["roc_auc"], group_weights(groups, 1000, 0))
        widths.append(found.high - found.low)
    assert widths[0] > 1.25 * widths[1]
