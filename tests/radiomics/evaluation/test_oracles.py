"""Oracle: values of other libraries, made in an environment of their own (versions at each)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiomics.association import p_values
from radiomics.evaluation import calibration, comparisons, decisions, survival
from radiomics.evaluation.delong import delong, delong_test, delong_variance
from radiomics.evaluation.intervals import group_weights
from radiomics.evaluation.measures import measures
from radiomics.types import Predictions

Y = np.array([0, 1, 0, 0, 1, 1, 0, 1, 0, 1, 1, 0, 0, 1, 0, 0, 1, 0, 1, 0])
ONE = np.array(
    "0.408 0.575 0.212 0.256 0.944 0.82 0.346 0.509 0.02 0.887 0.892 0.215 0.385 0.845 0.458 0.48 "
    "0.536 0.629 0.338 0.465".split(),
    dtype=float,
)
TWO = np.array(
    "0.523 0.818 0.87 0.771 0.314 0.178 0.604 0.346 0.397 0.81 0.189 0.02 0.465 0.611 0.339 0.41 "
    "0.385 0.022 0.558 0.157".split(),
    dtype=float,
)
TIME = np.array(
    "4.5 10.4 5.8 9.1 0.2 13.7 0.2 5.4 5.9 3.1 5.5 3.2 9.1 2.3 4.6 2.3 17.3 7.5 2 5.9 0.9 0.7 1.6 "
    "7.8 22.1 4.9 5.3 11.9 5.4 0.3".split(),
    dtype=float,
)
EVENT = np.array([int(c) for c in "011100101111100101001101111111"])
RISK = np.array(
    "-0.593 -2.227 -1.159 -1.106 0.679 -2.245 -1.344 -3.615 0.057 -2.302 -1.013 -0.417 0.347 "
    "-0.391 -2.217 -0.599 -3.4 0.774 -0.788 -1.194 0.263 -0.191 -1.427 -1.894 -2.222 -0.934 0.636 "
    "-0.537 -0.564 0.638".split(),
    dtype=float,
)
SURVIVAL = survival.outcome(EVENT, TIME)


def plain(n: int) -> np.ndarray:
    return np.ones((1, n))


def test_delong_equals_confidenceinterval_1_0_5_and_mlstatkit_0_1_91() -> None:
    assert delong_variance(Y, ONE) == pytest.approx(0.0061422300735866405, abs=1e-8)
    assert delong_variance(Y, TWO) == pytest.approx(0.019385777544597048, abs=1e-8)
    found = delong(Y, ONE)
    assert found.value == pytest.approx(0.898989898989899)
    assert (found.low, found.high) == pytest.approx((0.7453828513330061, 1.0))
    test = delong_test(Y, ONE, TWO)
    assert test.value == pytest.approx(0.898989898989899 - 0.5454545454545454)
    assert test.p == pytest.approx(0.05000385433113331)
    assert test.high - test.value == pytest.approx(1.959964 * np.sqrt(0.032537496173859815))


def test_delong_of_doubled_patients_is_that_of_single_ones() -> None:
    """Obuchowski's variance: a copy of every sample of a patient adds no information."""
    groups = np.arange(20)
    twice = [np.tile(a, 2) for a in (Y, ONE, groups)]
    assert delong_variance(*twice) == pytest.approx(delong_variance(Y, ONE, groups))
    assert delong_variance(twice[0], twice[1]) < 0.6 * delong_variance(Y, ONE)


def test_folds_are_compared_within_themselves() -> None:
    strata = np.repeat([0, 1], 10)
    shifted = ONE + 5 * strata
    assert delong(Y, shifted, strata=strata).value == pytest.approx(
        delong(Y, ONE, strata=strata).value
    )
    ids = tuple(map(str, range(20)))
    predictions = Predictions(ids, np.arange(20), Y, shifted, strata)
    measured = measures("binary")["roc_auc"](predictions, plain(20))[0]
    assert measured == pytest.approx(delong(Y, ONE, strata=strata).value)


def test_delong_and_bootstrap_agree_on_a_large_sample() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(1000) % 2
    score = y + rng.normal(size=1000)
    ids = tuple(map(str, range(1000)))
    p = Predictions(ids, np.arange(1000), y, score, np.zeros(1000, np.int64))
    drawn = measures("binary")["roc_auc"](p, group_weights(p.groups, 2000, 0))
    assert np.var(drawn) == pytest.approx(delong_variance(y, score), rel=0.1)


def test_holm_equals_statsmodels_0_15() -> None:
    found = comparisons.holm([0.01, 0.04, 0.03, 0.005, 0.2])
    assert found == pytest.approx([0.04, 0.09, 0.09, 0.025, 0.2])


def test_net_benefit_equals_dcurves_1_1_7() -> None:
    found = [decisions.net_benefit(Y, ONE, plain(20), t)[0] for t in (0.1, 0.3, 0.5)]
    assert found == pytest.approx([0.3944444, 0.3, 0.35], abs=1e-6)
    weights = group_weights(np.arange(20), 100, 0)
    curve = decisions.decision_curve(Y, ONE, weights, np.array([0.1, 0.3, 0.5]))
    assert curve.everyone == pytest.approx([0.3888889, 0.2142857, -0.1], abs=1e-6)
    assert np.all(curve.low <= curve.model)
    assert np.all(curve.model <= curve.high)


def test_calibration_equals_statsmodels_0_15() -> None:
    assert calibration.slope(Y, ONE, plain(20))[0] == pytest.approx(2.266282716260945)
    assert calibration.intercept(Y, ONE, plain(20))[0] == pytest.approx(-0.3304117745186419)


def test_calibration_of_the_right_probabilities_is_perfect() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(0.02, 0.98, 20_000)
    y = (rng.random(20_000) < p).astype(int)
    ones = plain(20_000)
    assert calibration.slope(y, p, ones)[0] == pytest.approx(1, abs=0.03)
    assert calibration.intercept(y, p, ones)[0] == pytest.approx(0, abs=0.04)
    assert calibration.expected_error(y, p, ones)[0] < 0.015
    curve = calibration.curve(y, p)
    assert np.mean((curve.low <= curve.predicted) & (curve.predicted <= curve.high)) >= 0.8
    again = calibration.Recalibration.fit(y, np.log(p / (1 - p)))
    assert (again.offset, again.factor) == pytest.approx((0, 1), abs=0.04)


def test_separated_classes_have_no_slope_but_a_recalibration() -> None:
    y, p = np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9])
    assert np.isnan(calibration.slope(y, p, plain(4))[0])
    fitted = calibration.Recalibration.fit(y, np.log(p / (1 - p)))
    assert np.isfinite(fitted.factor)
    assert fitted.apply(np.array([-2.0, 2.0]))[0] < 0.5 < fitted.apply(np.array([2.0]))[0]
    backwards = calibration.Recalibration.fit(y, -p)
    told = backwards.apply(np.array([0.0, 9.0]))
    assert told == pytest.approx([0.5, 0.5], abs=1e-6)
    assert told[0] < told[1]  # the order is the model's: only probabilities are mended
    assert np.isnan(calibration.slope(y, backwards.apply(-p), plain(4))[0])
    constant = calibration.Recalibration.fit(y, np.ones(4))
    assert np.ptp(constant.apply(np.array([0.0, 9.0]))) == 0


def test_concordance_equals_scikit_survival_0_26_and_lifelines_0_30_3() -> None:
    ones = plain(30)
    assert survival.harrell_c(SURVIVAL, RISK, ones)[0] == pytest.approx(0.6834532374100719)
    assert survival.uno_c(SURVIVAL, RISK, ones)[0] == pytest.approx(0.6936918248261079)
    assert survival.uno_c(SURVIVAL, RISK, ones, tau=12)[0] == pytest.approx(0.6936918248261079)


@pytest.mark.parametrize(
    ("time", "brier", "auc"),
    [
        (4.0, 0.25672533068576847, 0.6317846542654794),
        (8.0, 0.2020626045070095, 0.7434395428328422),
        (12.0, 0.190758931545195, 0.9487830154833283),
    ],
)
def test_ipcw_values_equal_scikit_survival_0_26(time: float, brier: float, auc: float) -> None:
    event = np.round(1 / (1 + np.exp(-RISK - 1)), 4)
    assert survival.ipcw_brier(SURVIVAL, event, plain(30), time)[0] == pytest.approx(brier)
    assert survival.time_auc(SURVIVAL, RISK, plain(30), time)[0] == pytest.approx(auc)


def test_counts_stand_for_repeated_samples() -> None:
    count = np.random.default_rng(0).integers(0, 3, 20)
    for name, measure in measures("binary").items():
        if name == "expected_calibration_error":
            continue  # its bins are those of the plain sample
        zeros = np.zeros(20, np.int64)
        one = Predictions(tuple(map(str, range(20))), np.arange(20), Y, ONE, zeros)
        rows = np.repeat(np.arange(20), count)
        ids = tuple(map(str, range(len(rows))))
        more = Predictions(ids, rows, Y[rows], ONE[rows], zeros[rows])
        weighted = measure(one, count[None].astype(float))[0]
        assert weighted == pytest.approx(measure(more, plain(len(rows)))[0]), name


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=3, max_size=30))
def test_a_threshold_is_the_best_of_all(rows: list[tuple[int, int]]) -> None:
    y, score = np.array([r[0] for r in rows]), np.array([r[1] for r in rows]) / 6
    if len(set(y)) < 2:
        return

    def reached(threshold: float) -> tuple[float, float]:
        called = score >= threshold
        return np.mean(called[y == 1]), np.mean(~called[y == 0])

    chosen = decisions.choose_threshold(y, score)
    assert sum(reached(chosen)) == pytest.approx(max(sum(reached(t)) for t in score))
    kept = decisions.choose_threshold(y, score, sensitivity=0.9)
    assert reached(kept)[0] >= 0.9
    allowed = [reached(t)[1] for t in score if reached(t)[0] >= 0.9]
    assert reached(kept)[1] == pytest.approx(max(allowed))


def test_association_equals_scipy() -> None:
    from scipy import stats

    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3)).round(1)
    y = np.arange(40) % 3
    parts = [[x[y == k, i] for k in range(3)] for i in range(3)]
    kruskal = [stats.kruskal(*p).pvalue for p in parts]
    anova = [stats.f_oneway(*p).pvalue for p in parts]
    assert p_values(x, y, "multiclass", "rank") == pytest.approx(kruskal)
    assert p_values(x, y, "multiclass") == pytest.approx(anova)
    value = x[:, 0] + rng.normal(size=40)
    line = [stats.linregress(x[:, i], value).pvalue for i in range(3)]
    assert p_values(x, value, "regression") == pytest.approx(line)


def test_the_cox_score_is_the_log_rank_test() -> None:
    """Of two groups without ties it is the log-rank test, here counted by hand."""
    group = (np.arange(12) % 2).astype(float)
    y = survival.outcome(np.arange(12) % 3 > 0, np.arange(1.0, 13.0))
    observed = expected = variance = 0.0
    for i in np.flatnonzero(y["event"]):
        at_risk = y["time"] >= y["time"][i]
        share = group[at_risk].mean()
        observed, expected = observed + group[i], expected + share
        variance += share * (1 - share)
    from scipy.stats import chi2

    wanted = chi2.sf((observed - expected) ** 2 / variance, 1)
    assert p_values(group[:, None], y, "survival")[0] == pytest.approx(wanted)
