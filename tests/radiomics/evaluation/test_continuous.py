"""Oracle: metrics of classes and of numbers against scikit-learn; splits inside training parts."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as theirs

from radiomics import InputError
from radiomics.evaluation import multiclass, regression
from radiomics.evaluation.splits import fixed_split, grouped_parts, hold_out_groups

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
    kept, aside = hold_out_groups(y, groups, 0.2, 1, classes=classes)
    assert not set(groups[kept]) & set(groups[aside])
    assert len(aside) == pytest.approx(24, abs=2)
    assert len(kept) + len(aside) == 120


@pytest.mark.parametrize("classes", [True, False])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.4, 0.45])
def test_the_share_held_out_is_the_share_asked_for(classes: bool, share: float) -> None:
    groups = np.arange(200)
    y = np.arange(200) % 7 == 0
    kept, aside = hold_out_groups(y, groups, share, 1, classes=classes)
    assert len(aside) == pytest.approx(200 * share, abs=1)
    assert y[aside].sum() == pytest.approx(29 * share, abs=1) or not classes
    assert y[aside].any()
    assert y[kept].any()


def test_a_class_of_few_patients_stands_on_both_sides_and_of_one_is_refused() -> None:
    y = np.array([0] * 20 + [1] * 2)
    kept, aside = hold_out_groups(y, np.arange(22), 0.2, 0, classes=True)
    assert set(y[kept]) == set(y[aside]) == {0, 1}
    several = np.array([0, 1] * 8 + [0] * 20)  # lesions of both classes in some patients
    groups = np.r_[np.repeat(np.arange(8), 2), np.arange(8, 28)]
    kept, aside = hold_out_groups(several, groups, 0.25, 0, classes=True)
    assert not set(groups[kept]) & set(groups[aside])
    assert set(several[aside]) == {0, 1}
    assert len(np.unique(groups[aside])) == 7
    with pytest.raises(InputError, match=r"1 patients of class 1[^$]*evaluation\.validation"):
        hold_out_groups(y[:21], np.arange(21), 0.2, 0, classes=True)
    with pytest.raises(InputError, match="1 patients in a training part"):
        hold_out_groups(y[:3], np.zeros(3), 0.2, 0, classes=False)


def test_a_fixed_split_is_taken_as_it_is() -> None:
    ((train, test),) = fixed_split(np.array(["test", "train", "other", "train"]))
    assert train.tolist() == [1, 3]
    assert test.tolist() == [0]
