"""Oracle: Cox's model against scikit-survival 0.26, in an environment of its own.

Its CoxPHSurvivalAnalysis (ties breslow, tol 1e-14) and CoxnetSurvivalAnalysis (tol 1e-12) were run
on the same 30 patients.
"""

from __future__ import annotations

import numpy as np
import pytest

from radiomics import models
from radiomics.evaluation import survival

TIME = np.array(
    "4.5 10.4 5.8 9.1 0.2 13.7 0.2 5.4 5.9 3.1 5.5 3.2 9.1 2.3 4.6 2.3 17.3 7.5 2 5.9 0.9 0.7 1.6 "
    "7.8 22.1 4.9 5.3 11.9 5.4 0.3".split(),
    dtype=float,
)
EVENT = np.array([int(c) for c in "011100101111100101001101111111"])
X = np.array(
    "-1.06 1.052 -0.005 -0.457 -1.291 0.347 -2.268 -2.035 -0.304 -1.81 0.164 2.245 -1.052 -0.624 "
    "0.205 -2.897 -0.176 -0.206 0.682 0.52 -1.034 -2.899 0.035 -1.054 -0.33 -0.858 0.972 -0.117 "
    "0.089 -0.591 -0.669 -1.998 -1.131 0.043 -2.129 0.847 -2.656 0.757 -0.845 -0.301 0.131 -1.537 "
    "-0.641 1.442 -0.066 -0.504 -0.16 -0.975 -2.051 -0.543 -0.051 -1.543 -0.626 -1.278 0.897 "
    "-0.154 0.966 -0.877 -0.694 -0.327 -0.65 0.008 -0.375 -0.37 -1.379 -0.807 0.424 -0.671 -1.054 "
    "-0.443 1.407 -1.454 -2.419 -0.632 -1.761 0.245 -0.023 0.071 -1.282 0.455 -0.539 -1.333 "
    "-1.108 -1.216 0.796 -0.507 0.292 -0.064 -0.441 -0.508".split(),
    dtype=float,
).reshape(30, 3)
Y = survival.outcome(EVENT, TIME)


@pytest.mark.parametrize(
    ("strength", "l1_ratio", "wanted"),
    [
        (0.0, 0.0, [0.994763583637814, -0.011604195645822405, -0.15914782512183304]),
        (0.1, 0.5, [0.7520085528033124, 0.0, -0.0059342266829866515]),
        (0.05, 1.0, [0.8389949614303334, 0.0, -0.02460047107626867]),
    ],
)
def test_cox_equals_scikit_survival(strength: float, l1_ratio: float, wanted: list[float]) -> None:
    model = models.build("cox", input_shape=(3,), strength=strength, l1_ratio=l1_ratio).fit(X, Y)
    assert model.coef_ == pytest.approx(wanted, abs=1e-6)


def test_survival_equals_scikit_survival() -> None:
    model = models.build("cox", input_shape=(3,), strength=0.0).fit(X, Y)
    found = 1 - model.predict_events(X[:2], [8.0]).ravel()
    assert found == pytest.approx([0.416702661087145, 0.21235931432412405], abs=1e-6)


def test_without_features_it_is_the_breslow_estimate_of_all() -> None:
    model = models.build("cox", input_shape=(3,), strength=1e9, l1_ratio=1.0).fit(X, Y)
    times = np.unique(TIME[EVENT == 1])
    hazard = np.cumsum([np.sum((t == TIME) & (EVENT == 1)) / np.sum(t <= TIME) for t in times])
    assert np.all(model.coef_ == 0)
    assert model.predict_events(X[:1], times)[0] == pytest.approx(1 - np.exp(-hazard))


def test_no_event_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one event"):
        models.build("cox", input_shape=(3,)).fit(X, survival.outcome(0 * EVENT, TIME))


def test_a_lasso_by_either_solver_is_nearly_the_same() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 6))
    y = (x[:, 0] + rng.normal(size=100) > 0).astype(int)
    fast = models.build("logistic", input_shape=(6,), l1_ratio=1.0).fit(x, y)
    slow = models.build("logistic", input_shape=(6,), l1_ratio=1.0, outputs=2).fit(x, y)
    assert fast.coef_ == pytest.approx(slow.coef_, abs=0.03)  # one penalises the intercept
