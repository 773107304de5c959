"""Oracle: metrics of classes and of numbers against scikit-learn; splits inside training parts."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as theirs

from radiomics import InputError
from radiomics.evaluation import multiclass, regression
from radiomics.evaluation.splits import fixed_split, grouped_parts, held_out

RNG = np.random.default_rng(0)
Y = RNG.integers(0, 4, 200)
RAW = RNG.random((200, 4)) + 0.7 * np.eye(4)[Y]
SCORE = RAW / RAW.sum(axis=1, keepdims=True)
COUNTS = RNG.integers(0, 3, 200).astype(float)


@pytest.mark.parametrize("weights", [np.ones(200), COUNTS])
def test_metrics_of_classes(weights: np.ndarray) -> None:
    drawn = np.repeat(np.arange(200), weights.astype(int))
    y, score = Y[drawn], SCORE[drawn]
    called = score.argmax(axis=1)
    expected = {
        "accuracy": theirs.accuracy_score(y, called),
        "balanced_accuracy": theirs.balanced_accuracy_score(y, called),
        "roc_auc": theirs.roc_auc_score(y, score, multi_class="ovr"),
        "log_loss": theirs.log_loss(y, score),
    }
    found = {n: m(Y, SCORE, weights[None])[0] for n, m in multiclass.METRICS.items()}
    assert found == pytest.approx(expected, rel=1e-12)


def test_confusion() -> None:
    assert np.array_equal(
        multiclass.confusion(Y, SCORE), theirs.confusion_matrix(Y, SCORE.argmax(axis=1))
    )


@pytest.mark.parametrize("weights", [np.ones(200), COUNTS])
def test_metrics_of_numbers(weights: np.ndarray) -> None:
    y = RNG.normal(5, 2, 200)
    score = y + RNG.normal(0, 1, 200)
    expected = {
        "rmse": theirs.root_mean_squared_error(y, score, sample_weight=weights),
        "mae": theirs.mean_absolute_error(y, score, sample_weight=weights),
        "r2": theirs.r2_score(y, score, sample_weight=weights),
    }
    found = {n: m(y, score, weights[None])[0] for n, m in regression.METRICS.items()}
    assert found == pytest.approx(expected, rel=1e-10)
    assert np.isnan(regression.r2(np.ones(4), np.arange(4.0), np.ones((1, 4))))


def test_parts_never_share_a_patient() -> None:
    groups = np.repeat(np.arange(30), 3)
    parts = grouped_parts(groups, 4, 0)
    assert sorted(np.concatenate([test for _, test in parts]).tolist()) == list(range(90))
    for train, test in parts:
        assert not set(groups[train]) & set(groups[test])
    with pytest.raises(InputError, match="30 patients"):
        grouped_parts(groups, 31, 0)


@pytest.mark.parametrize("classes", [True, False])
def test_patients_held_out_are_about_the_share_asked_for(classes: bool) -> None:
    groups = np.repeat(np.arange(60), 2)
    y = np.repeat(np.arange(60) % 2, 2)
    kept, aside = held_out(y, groups, 0.2, 1, classes=classes)
    assert not set(groups[kept]) & set(groups[aside])
    assert len(aside) == pytest.approx(24, abs=2)
    assert len(kept) + len(aside) == 120


def test_a_fixed_split_is_taken_as_it_is() -> None:
    ((train, test),) = fixed_split(np.array(["test", "train", "other", "train"]))
    assert train.tolist() == [1, 3]
    assert test.tolist() == [0]
