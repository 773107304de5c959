"""Oracles: scikit-learn's own checks of every estimator, and closed forms of Cox's model.

Mechanics: what scikit-learn's users do with estimators; what is refused, and in which words.
"""

from __future__ import annotations

import ast
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks

import radiomics
from radiomics import InputError, models, selection
from radiomics.evaluation import survival
from radiomics.models.cox import Cox, event_and_time
from radiomics.models.elastic_net import RidgeMean
from radiomics.models.knn import Classifier, Regressor
from radiomics.preprocessing.combat import ComBat
from radiomics.preprocessing.site_scaling import SiteScaler

TASKS = ("binary", "multiclass", "regression", "survival")
SELECTORS = [selection.build("variance"), selection.build("correlation")]
SUPERVISED = [
    selection.build(name, task=task)
    for name in selection.NAMES
    for task in TASKS
    if name not in ("variance", "correlation")
]
HARMONISERS = [ComBat(), ComBat(site=None), ComBat(prior="non_parametric"), SiteScaler()]
MODELS = [Cox(), Cox(l1_ratio=0.0), RidgeMean(), Classifier(), Regressor()]
ESTIMATORS = [*SELECTORS, *SUPERVISED, *HARMONISERS, SiteScaler(site=None), *MODELS]
NAMED = {type(estimator).__name__: estimator for estimator in ESTIMATORS}

EXPECTED: dict[str, dict[str, str]] = {}
"""Checks that cannot hold, by class, with the reason; its docstring names them too."""

OF_TABLES = (
    "check_dataframe_column_names_consistency",
    "check_get_feature_names_out_error",
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_global_output_transform_pandas",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
)
"""Checks of names and of set_output, which check_estimator leaves out."""
RETURNS_ARRAYS = ("check_set_output_transform_pandas", "check_global_output_transform_pandas")
"""Of these, those which demand that an array is returned for a table unless one asks otherwise."""


def noise(rows: int = 80, columns: int = 6, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, columns))


def outcome(x: np.ndarray, task: str = "binary") -> np.ndarray:
    rng = np.random.default_rng(1)
    value = x[:, 0] + 0.5 * rng.normal(size=len(x))
    if task == "survival":
        return survival.outcome(rng.random(len(x)) < 0.7, np.exp(-value))
    return {
        "binary": (value > 0).astype(np.int64),
        "multiclass": np.digitize(value, [-0.5, 0.5]),
        "regression": value,
    }[task]


def frame(x: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(x, columns=[f"f{i}" for i in range(x.shape[1])])


def fitting_outcome(estimator: Any, x: np.ndarray) -> np.ndarray:
    kind = {"Cox": "survival", "RidgeMean": "regression", "Regressor": "regression"}
    return outcome(x, getattr(estimator, "task", kind.get(type(estimator).__name__, "binary")))


def estimators_in(path: Path) -> set[str]:
    """Return the classes of a file that stand on one of scikit-learn's."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    theirs = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("sklearn")
        for alias in node.names
    }
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and theirs & {base.id for base in node.bases if isinstance(base, ast.Name)}
    }


def test_every_estimator_of_ours_is_among_those_tested() -> None:
    root = Path(radiomics.__file__).parent
    rooms = [root / room for room in ("models", "preprocessing", "selection", "evaluation")]
    found = [estimators_in(path) for room in rooms for path in room.rglob("*.py")]
    assert set().union(*found) == set(NAMED)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_scikit_learns_checks_hold(estimator: Any) -> None:
    expected = EXPECTED.get(type(estimator).__name__, {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks themselves provoke them
        results = estimator_checks.check_estimator(
            clone(estimator), expected_failed_checks=expected, on_skip=None, on_fail=None
        )
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert not failed
    assert {r["check_name"] for r in results if r["status"] == "xfail"} == set(expected)
    assert sum(r["status"] == "passed" for r in results) > 40


@pytest.mark.parametrize("name", NAMED)
def test_a_docstring_says_which_checks_hold(name: str) -> None:
    text = " ".join(str(type(NAMED[name]).__doc__).split())
    expected = EXPECTED.get(name, {})
    assert "check_estimator" in text
    assert expected or "passes all of" in text or "all of which it passes" in text
    for check, reason in expected.items():
        assert check in text
        assert reason in text


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_names_of_columns_are_kept_and_checked(estimator: Any) -> None:
    harmoniser = isinstance(estimator, ComBat | SiteScaler)
    if harmoniser and estimator.site is not None:
        return  # the tables of these checks have no site
    for check in OF_TABLES:
        if harmoniser and check in RETURNS_ARRAYS:
            continue  # a harmoniser returns a table for a table
        if hasattr(estimator, "transform") or "dataframe" in check:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the checks themselves provoke them
                getattr(estimator_checks, check)(type(estimator).__name__, clone(estimator))


@pytest.mark.parametrize("name", NAMED)
def test_an_estimator_is_cloned_shown_and_refuses_to_work_unfitted(name: str) -> None:
    fresh = clone(NAMED[name])
    assert fresh.get_params() == NAMED[name].get_params()
    assert name in fresh._repr_html_()
    use = fresh.transform if hasattr(fresh, "transform") else fresh.predict
    with pytest.raises(NotFittedError):
        use(noise())


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("estimator", [*SELECTORS, *SUPERVISED, *MODELS], ids=repr)
def test_gaps_and_infinity_are_refused_in_words(estimator: Any, value: float) -> None:
    x = noise()
    y = fitting_outcome(estimator, x)
    fitted = clone(estimator).fit(x, y)
    x[3, 1] = value
    words = "NaN" if np.isnan(value) else "infinity"
    with pytest.raises(ValueError, match=words):
        clone(estimator).fit(frame(x), y)
    use = fitted.transform if hasattr(fitted, "transform") else fitted.predict
    with pytest.raises(ValueError, match=words):
        use(x)


@pytest.mark.parametrize("estimator", [*SELECTORS, *SUPERVISED, *MODELS], ids=repr)
def test_other_columns_than_those_of_training_are_refused(estimator: Any) -> None:
    table = frame(noise())
    fitted = clone(estimator).fit(table, fitting_outcome(estimator, table.to_numpy()))
    assert fitted.n_features_in_ == 6
    assert fitted.feature_names_in_.tolist() == table.columns.tolist()
    use = fitted.transform if hasattr(fitted, "transform") else fitted.predict
    with pytest.raises(ValueError, match="missing"):
        use(table.iloc[:, :4])
    fitted = clone(estimator).fit(table.to_numpy(), fitting_outcome(estimator, table.to_numpy()))
    use = fitted.transform if hasattr(fitted, "transform") else fitted.predict
    with pytest.raises(ValueError, match="4 features"):
        use(table.to_numpy()[:, :4])


@pytest.mark.parametrize("name", selection.NAMES)
def test_a_selector_stands_in_a_pipeline_and_gives_tables(name: str) -> None:
    table = frame(noise())
    y = outcome(table.to_numpy())
    chain = make_pipeline(StandardScaler(), selection.build(name), LogisticRegression())
    assert cross_val_score(chain, table, y, cv=3).min() > 0.6
    kept = chain[:-1].set_output(transform="pandas").fit(table, y)
    assert list(kept.transform(table)) == kept.get_feature_names_out().tolist()
    assert "f0" in kept.get_feature_names_out()


@pytest.mark.parametrize("name", ["mrmr", "stability"])
def test_the_number_of_features_is_tuned(name: str) -> None:
    x = noise()
    chain = make_pipeline(selection.build(name), LogisticRegression())
    key = f"{type(chain[0]).__name__.lower()}__count"
    found = GridSearchCV(chain, {key: [1, 2]}, cv=3).fit(x, outcome(x))
    assert found.best_params_[key] in (1, 2)


@pytest.mark.parametrize("estimator", SUPERVISED, ids=repr)
def test_a_selector_refuses_an_outcome_of_another_kind(estimator: Any) -> None:
    x = noise()
    y = outcome(x, estimator.task)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        clone(estimator).fit(x, y[:-1])
    with pytest.raises(ValueError, match="the task is one of binary, multiclass"):
        clone(estimator).set_params(task="survivl").fit(x, y)
    if estimator.task in ("binary", "multiclass"):
        with pytest.raises(ValueError, match="give the task 'regression'"):
            clone(estimator).fit(x, x[:, 0])
        with pytest.raises(ValueError, match="1 without one"):
            clone(estimator).fit(x, np.where(np.arange(len(x)) == 5, np.nan, y))
        with pytest.raises(ValueError, match="needs two of them; found \\[0\\]"):
            clone(estimator).fit(x, 0 * y)


@pytest.mark.parametrize("name", ["univariate", "mrmr", "elastic_net", "stability"])
def test_a_selector_takes_scikit_survivals_outcome(name: str) -> None:
    x = noise()
    y = outcome(x, "survival")
    other = y.astype([("Status", np.bool_), ("Survival_in_days", np.float64)])
    one, two = (selection.build(name, task="survival").fit(x, o) for o in (y, other))
    assert np.array_equal(one.get_support(), two.get_support())


# harmonisers


def sites_of(rows: int) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 3, rows)


@pytest.mark.parametrize("kind", [ComBat, SiteScaler])
def test_an_array_with_the_number_of_its_site_is_a_table(kind: Any) -> None:
    x = noise()
    table = frame(x).assign(site=sites_of(len(x)).astype(np.float64))
    wanted = kind().fit_transform(table)
    found = kind(site=6).fit_transform(table.to_numpy())
    assert isinstance(found, np.ndarray)
    assert np.array_equal(found, wanted.to_numpy())
    named = kind(list(table)[:6]).fit(table)
    assert named.transform(table).equals(wanted)
    assert named.get_feature_names_out().tolist() == [*frame(x), "site"]
    assert named.set_output(transform="pandas").transform(table).equals(wanted)
    assert make_pipeline(kind()).fit(table).get_feature_names_out().tolist() == list(table)


@pytest.mark.parametrize("kind", [ComBat, SiteScaler])
def test_without_a_site_all_rows_are_of_one_with_a_warning(kind: Any) -> None:
    x = noise()
    with pytest.warns(UserWarning, match="all rows count as one site"):
        found = kind().fit(x)
    wanted = kind(site=None).fit_transform(x)
    with pytest.warns(UserWarning, match="all rows count as one site"):
        assert np.array_equal(found.transform(x), wanted)
    assert wanted == pytest.approx(x if kind is ComBat else StandardScaler().fit_transform(x))
    with pytest.raises(InputError, match="a column 'site' names the site"):
        kind().fit(frame(x))


@pytest.mark.parametrize("kind", [ComBat, SiteScaler])
def test_what_a_harmoniser_cannot_take_is_told(kind: Any) -> None:
    table = frame(noise()).assign(site=sites_of(80).astype(str))
    fitted = kind().fit(table)
    infinite = table.assign(f1=np.where(table.index == 3, np.inf, table["f1"]))
    for work in (kind().fit, fitted.transform):
        with pytest.raises(InputError, match="infinity in f1"):
            work(infinite)
    with pytest.raises(InputError, match="1 missing: shape"):
        kind(["f0", "shape"]).fit(table)
    with pytest.raises(InputError, match="features are numbers"):
        kind().fit(table.assign(sex=["f", "m"] * 40))
    with pytest.raises(InputError, match="0 rows and 7 columns"):
        kind().fit(table.iloc[:0])
    with pytest.raises(ValueError, match="yet now missing"):
        fitted.transform(table.drop(columns="f5"))
    gap = table.assign(f1=np.where(table.index == 3, np.nan, table["f1"]))
    assert np.flatnonzero(fitted.transform(gap)["f1"].isna()).tolist() == [3]


def test_a_covariate_to_preserve_must_be_there() -> None:
    table = frame(noise()).assign(site=sites_of(80).astype(str))
    with pytest.raises(InputError, match="'age' is missing"):
        ComBat(preserve=["age"]).fit(table)
    with pytest.raises(InputError, match="'age' is empty"):
        ComBat(preserve=["age"]).fit(table.assign(age=np.nan))
    with pytest.raises(InputError, match="infinity in age"):
        ComBat(preserve=["age"]).fit(table.assign(age=[np.inf, *range(79)]))


# Cox's model


def objective(beta: np.ndarray, x: np.ndarray, y: np.ndarray, lasso: float, ridge: float) -> float:
    """Return the documented objective, event by event."""
    linear = (x - x.mean(axis=0)) @ beta
    total = 0.0
    for i in np.flatnonzero(y["event"]):
        total += np.logaddexp.reduce(linear[y["time"] >= y["time"][i]]) - linear[i]
    penalty = lasso * np.abs(beta).sum() + 0.5 * ridge * beta @ beta
    return float(total / len(x) + penalty)


SCALES = np.array([1e-6, 1e-3, 1.0, 1e3, 1e6, 1e9])


def test_the_coefficient_of_a_unit_is_inverse_to_the_unit() -> None:
    x = noise()
    y = outcome(x, "survival")
    wanted = Cox(strength=0.0).fit(x, y)
    found = Cox(strength=0.0).fit(x * SCALES + 7 * SCALES, y)
    assert found.coef_ * SCALES == pytest.approx(wanted.coef_, rel=1e-5)
    assert found.predict(x * SCALES + 7 * SCALES) == pytest.approx(wanted.predict(x), abs=1e-6)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(("strength", "l1_ratio"), [(0.1, 0.0), (0.1, 0.5), (0.03, 1.0)])
def test_columns_of_any_scale_have_the_least_objective(
    strength: float, l1_ratio: float, ties: bool
) -> None:
    x = noise() * [1e-3, 1.0, 1e4, 30.0, 1e3, 3e-2]
    x[:, 4] += x[:, 2]
    y = outcome(x / x.std(axis=0), "survival")
    if ties:
        y["time"] = np.ceil(3 * y["time"])
    model = Cox(strength, l1_ratio).fit(x, y)
    lasso, ridge = strength * l1_ratio, strength * (1 - l1_ratio)
    reached = objective(model.coef_, x, y, lasso, ridge)
    for step in np.vstack([np.eye(6), -np.eye(6)]) * 1e-4 / x.std(axis=0):
        # convex, and smooth but for each coefficient's own penalty: no step along one is downhill
        assert objective(model.coef_ + step, x, y, lasso, ridge) > reached


def test_both_methods_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    x = noise(columns=12)
    y = outcome(x, "survival")
    for strength, l1_ratio in [(0.1, 0.5), (0.03, 1.0), (0.01, 0.0), (0.0, 0.0), (1e9, 1.0)]:
        plain = Cox(strength, l1_ratio).fit(x, y)
        with monkeypatch.context() as patch:
            patch.setattr("radiomics.models.cox.SPREADS", (2e9, 1e9))
            newton = Cox(strength, l1_ratio).fit(x, y)
        assert newton.n_iter_ < 20
        assert newton.coef_ == pytest.approx(plain.coef_, abs=1e-6)
        assert np.array_equal(newton.coef_ == 0, plain.coef_ == 0)


@pytest.mark.parametrize("columns", [1, 4, 30])
@pytest.mark.parametrize("strength", [0.1, 0.001])
def test_raw_measurements_give_finite_hazards(columns: int, strength: float) -> None:
    from sklearn.datasets import load_breast_cancer

    x, event = load_breast_cancer(return_X_y=True)
    y = survival.outcome(event, np.random.default_rng(0).exponential(1, len(x)))
    model = Cox(strength).fit(x[:, :columns], y)
    assert np.isfinite(model.predict(x[:, :columns])).all()
    assert np.isfinite(model.predict_events(x[:, :columns], [0.5, 1.0])).all()
    assert model.score(x[:, :columns], y) > 0.5


def test_a_constant_column_has_no_coefficient_and_two_equal_ones_share_theirs() -> None:
    x = noise() * 1e4
    x[:, 2] = 7e5
    x[:, 3] = x[:, 0]
    y = outcome(x / 1e4, "survival")
    model = Cox(strength=1e-3).fit(x, y)
    assert model.coef_[2] == 0
    alone = Cox(strength=1e-3).fit(np.delete(x, 3, axis=1), y)
    assert model.coef_[0] + model.coef_[3] == pytest.approx(alone.coef_[0], rel=1e-5)


def test_hazards_that_nothing_bounds_stay_finite() -> None:
    x = np.exp(3 * noise())
    y = survival.outcome(np.ones(len(x)), -x[:, 0])  # the first column tells the order
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = Cox(strength=0.0).fit(x, y)
    assert np.isfinite(model.coef_).all()
    assert model.score(x, y) > 0.95


def test_too_few_iterations_are_told() -> None:
    x = noise() * 1e4
    with pytest.warns(ConvergenceWarning, match="has not converged in 1 iterations"):
        model = Cox(max_iter=1).fit(x, outcome(x / 1e4, "survival"))
    assert np.isfinite(model.coef_).all()


def test_the_score_is_harrells_concordance() -> None:
    x = noise()
    y = outcome(x, "survival")
    y["time"] = np.ceil(4 * y["time"])  # ties of times
    model = Cox().fit(x[:, :2].round(), y)  # ties of hazards
    risk = model.predict(x[:, :2].round())
    wanted = survival.harrell_c(y, risk, np.ones((1, len(y))))[0]
    assert model.score(x[:, :2].round(), y) == pytest.approx(wanted, abs=1e-12)
    three = survival.outcome(np.array([1, 0, 1]), np.array([1.0, 2.0, 3.0]))
    by_hand = Cox().fit(x, y)
    by_hand.coef_ = np.array([1.0, 0, 0, 0, 0, 0])
    rows = np.zeros((3, 6))
    rows[:, 0] = [1.0, 2.0, 0.0]
    assert by_hand.score(rows, three) == 0.5  # of the pairs (1, 2) and (1, 3) the second is right
    with pytest.raises(ValueError, match="needs a sample with an event"):
        model.score(x[:2, :2], survival.outcome(np.zeros(2), np.ones(2)))


def test_cox_stands_in_a_pipeline_and_is_tuned() -> None:
    table = frame(noise())
    y = outcome(table.to_numpy(), "survival")
    chain = make_pipeline(StandardScaler(), models.build("cox", input_shape=(6,)))
    assert cross_val_score(chain, table, y, cv=3).min() > 0.6
    assert cross_val_predict(chain, table, y, cv=3).shape == (80,)
    found = GridSearchCV(chain, {"cox__strength": [0.1, 0.01]}, cv=3).fit(table, y)
    assert found.score(table, y) > 0.6


FIELDS: list[tuple[str, Any]] = [
    ("scikit-survival", [("Status", np.bool_), ("Survival_in_days", np.float64)]),
    ("integers", [("event", np.int64), ("time", np.int64)]),
    ("turned", {"names": ["time", "event"], "formats": [np.float32, np.bool_]}),
]


@pytest.mark.parametrize(("name", "fields"), FIELDS, ids=[name for name, _ in FIELDS])
def test_an_outcome_of_other_fields_is_the_same(name: str, fields: Any) -> None:
    x = noise()
    y = outcome(x, "survival")
    y["time"] = np.ceil(10 * y["time"])
    other = np.zeros(len(y), dtype=fields)
    event, time = other.dtype.names if name == "scikit-survival" else ("event", "time")
    other[event], other[time] = y["event"], y["time"]
    assert np.array_equal(event_and_time(other), y)
    assert np.array_equal(Cox().fit(x, other).coef_, Cox().fit(x, y).coef_)
    assert np.array_equal(event_and_time(pd.DataFrame(other)), y)


def test_plain_times_are_events_with_a_warning() -> None:
    x = noise()
    times = outcome(x, "survival")["time"]
    with pytest.warns(UserWarning, match="every sample has its event at its time"):
        found = Cox().fit(x, times)
    wanted = Cox().fit(x, survival.outcome(np.ones(len(x)), times))
    assert np.array_equal(found.coef_, wanted.coef_)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (None, "the target y is None"),
        (np.ones(80, dtype=np.bool_), "found events alone"),
        (np.zeros((80, 2)), "1d array"),
        (np.zeros(80, dtype=[("a", float), ("b", bool)]), "found the fields a, b"),
        (np.zeros(80, dtype=[("a", bool), ("b", float), ("c", float)]), "found the fields a, b, c"),
        (np.full(80, 2, dtype=[("event", int), ("time", float)]), r"1 and 0; found \[2\]"),
        (survival.outcome(np.ones(80), np.full(80, np.nan)), "time contains NaN"),
        (survival.outcome(np.ones(79), np.ones(79)), "inconsistent numbers of samples"),
        (survival.outcome(np.zeros(80), np.ones(80)), "at least one event"),
    ],
)
def test_another_outcome_is_refused_in_words(y: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Cox().fit(noise(), y)


# the others


def test_ridge_has_its_penalty_per_sample() -> None:
    x = noise()
    y = outcome(x, "regression")
    found, wanted = RidgeMean(0.3).fit(x, y), Ridge(alpha=0.3 * len(x)).fit(x, y)
    assert np.array_equal(found.coef_, wanted.coef_)
    assert np.array_equal(found.predict(x), wanted.predict(x))


def test_neighbours_are_all_where_there_are_fewer_and_more_in_a_larger_sample() -> None:
    x = noise()
    y = outcome(x)
    model = Classifier(n_neighbors=20).fit(x[:10], y[:10])
    assert model.predict_proba(x[:1])[0] == pytest.approx([np.mean(y[:10] == 0), np.mean(y[:10])])
    assert model.n_neighbors == 20
    wanted = KNeighborsClassifier(n_neighbors=20).fit(x, y)
    assert np.array_equal(model.fit(x, y).predict_proba(x), wanted.predict_proba(x))
    mean = Regressor(n_neighbors=20).fit(x[:10], x[:10, 0])
    assert mean.predict(x[:2]) == pytest.approx([x[:10, 0].mean()] * 2)
