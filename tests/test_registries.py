"""Mechanics: every entry of every registry keeps its contract, before its author writes a test."""

from __future__ import annotations

import math
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import BaseModel, ValidationError

from radiomics.evaluation import survival
from radiomics.evaluation.measures import headline
from radiomics.evaluation.tuning import Plan, scores
from radiomics.plugins import ConfigurationError, load, parse_plugin
from radiomics.types import Predictions, Region

ROOT = Path(__file__).resolve().parent.parent
REGISTRIES = (
    "radiomics.features",
    "radiomics.filters",
    "radiomics.models",
    "radiomics.selection",
    "datasets",
)
ENTRIES = [(package, name) for package in REGISTRIES for name in import_module(package).NAMES]
FAMILIES = import_module("radiomics.features").NAMES
ON_REQUEST = import_module("radiomics.features").ON_REQUEST
FILTERS = import_module("radiomics.filters").NAMES
MODELS = import_module("radiomics.models").NAMES
SELECTORS = import_module("radiomics.selection").NAMES
TABULAR = tuple(name for name in MODELS if hasattr(load("radiomics.models", name), "TASKS"))
"""Models with scikit-learn's interface; the others are networks."""
IMAGE_SHAPES = [(5,), (1, 32, 32, 32), (3, 64, 64)]
"""Samples of networks: a row, a volume, an image."""


def region(shape: tuple[int, int, int] = (5, 6, 7), levels: int = 6, seed: int = 0) -> Region:
    rng = np.random.default_rng(seed)
    grey = rng.integers(1, levels + 1, shape)
    image = grey + rng.uniform(-0.4, 0.4, shape)
    mask = rng.random(shape) < 0.7
    mask.flat[0] = True
    return Region(
        image, mask, mask, (2.0, 1.0, 1.5), np.where(mask, grey, 0).astype(np.uint16), levels
    )


@pytest.mark.parametrize("package", REGISTRIES)
def test_a_registry_lists_exactly_its_modules(package: str) -> None:
    folder = ROOT / package.replace(".", "/")
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert files == set(import_module(package).NAMES)


@pytest.mark.parametrize(("package", "name"), ENTRIES)
def test_options_are_frozen_and_closed(package: str, name: str) -> None:
    options = load(package, name).Options
    assert issubclass(options, BaseModel)
    assert options.model_config.get("frozen")
    assert options.model_config.get("extra") == "forbid"
    assert load(package, name).__doc__


@pytest.mark.parametrize("package", REGISTRIES)
def test_an_unknown_name_offers_the_nearest(package: str) -> None:
    known = import_module(package).NAMES[0]
    with pytest.raises(ConfigurationError, match=f"Did you mean '{known}'"):
        parse_plugin(package, {"name": f"{known}x"}, "here")


@pytest.mark.parametrize(("package", "name"), ENTRIES)
def test_an_unknown_option_is_refused(package: str, name: str) -> None:
    required = {"cohort": {"manifest": "m.csv"}}.get(name, {})
    with pytest.raises(ConfigurationError, match="there is no key 'colour'"):
        parse_plugin(package, {"name": name, "colour": 1, **required}, "here")


@pytest.mark.parametrize("name", FAMILIES)
class TestFamily:
    def test_names_codes_units_agree(self, name: str) -> None:
        family = load("radiomics.features", name)
        assert family.VERSION >= 1
        assert set(family.UNITS) == set(family.IBSI)
        coded = 4 * (name not in ON_REQUEST)  # IBSI knows no others
        assert all(len(code) == coded for code in family.IBSI.values())
        shared = {"BC2M", "GBPN", ""}  # IBSI gives one code to a volume histogram's pairs of values
        own = [code for code in family.IBSI.values() if code not in shared]
        assert len(set(own)) == len(own)
        assert all(f == f.lower() and " " not in f and "-" not in f for f in family.IBSI)

    def test_values_are_finite_floats_under_the_promised_names(self, name: str) -> None:
        family = load("radiomics.features", name)
        flat = region((1, 4, 4)) if name == "morphology_2d" else region()
        values = family.features(flat, family.Options())
        assert set(values) == set(family.IBSI)
        assert all(type(value) is float and math.isfinite(value) for value in values.values())

    @pytest.mark.parametrize("shape", [(1, 1, 1), (1, 4, 4), (3, 1, 1), (2, 2, 2)])
    def test_small_regions_give_the_same_names_without_a_warning(
        self, name: str, shape: tuple[int, int, int]
    ) -> None:
        family = load("radiomics.features", name)
        for levels in (1, 6):
            values = family.features(region(shape, levels), family.Options())
            assert set(values) == set(family.IBSI)
            assert not any(math.isinf(value) for value in values.values())

    def test_inputs_stay_as_they_are_and_runs_agree(self, name: str) -> None:
        family = load("radiomics.features", name)
        one = region((1, 4, 4)) if name == "morphology_2d" else region()
        before = one.image.copy()
        first, second = (family.features(one, family.Options()) for _ in range(2))
        assert first == second
        assert np.array_equal(one.image, before)


EXAMPLES: dict[str, dict[str, Any]] = {
    "mean": {"support": 3},
    "gaussian": {"sigma_mm": 1},
    "log": {"sigma_mm": 1.5},
    "laws": {"kernel": "L5E5S5", "pooling": "max", "energy": 2},
    "gabor": {"sigma_mm": 2, "lambda_mm": 3, "theta_step": 45},
    "wavelet": {"family": "coif1"},
    "riesz": {"order": (1, 0, 1), "level": 1},
}
"""Options of filters that need some."""


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_keeps_shape_and_input(name: str) -> None:
    module = load("radiomics.filters", name)
    options = module.Options(**EXAMPLES.get(name, {}))
    image = np.random.default_rng(0).normal(size=(14, 15, 16))
    before = image.copy()
    result = module.apply(image, (1.0, 1.0, 1.0), options)
    assert result.shape == image.shape
    assert result.dtype == np.float64
    assert np.array_equal(image, before)
    assert module.VERSION >= 1
    variants = module.variants(options) if hasattr(module, "variants") else (options,)
    prefixes = [module.column_prefix(variant) for variant in variants]
    assert len(set(prefixes)) == len(prefixes)
    assert all(prefix.replace(".", "_").isidentifier() for prefix in prefixes)
    assert min(module.reach(options, (1.0, 1.0, 1.0))) >= 0


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_looks_no_farther_than_it_says(name: str) -> None:
    module = load("radiomics.filters", name)
    options = module.Options(**EXAMPLES.get(name, {}))
    image = np.random.default_rng(0).normal(size=(31, 31, 31))
    reach = module.reach(options, (1.0, 1.0, 1.0))
    if not np.isfinite(reach).all():
        return
    image[0, 0, 0] = image[-1, -1, -1] = 9.0  # what scales by the largest value scales alike
    other = image.copy()
    outside = np.ones(image.shape, dtype=bool)
    outside[tuple(slice(max(0, 15 - int(far)), 16 + int(far)) for far in reach)] = False
    outside[0, 0, 0] = outside[-1, -1, -1] = False
    other[outside] = 1.0
    one, two = (module.apply(x, (1.0, 1.0, 1.0), options)[15, 15, 15] for x in (image, other))
    assert one == pytest.approx(two, abs=1e-9)


def outcome(task: str, x: np.ndarray) -> np.ndarray:
    """Return an outcome that the first column tells, with some noise."""
    value = x[:, 0] + 0.3 * np.random.default_rng(1).normal(size=len(x))
    if task == "survival":
        return survival.outcome(np.arange(len(x)) % 4 > 0, np.exp(-value))
    return {
        "binary": (value > 0).astype(np.int64),
        "multiclass": np.digitize(value, [-0.5, 0.5]),
        "regression": value,
    }[task]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression", "survival"])
@pytest.mark.parametrize("name", TABULAR)
def test_a_model_is_built_unfitted_and_learns_each_of_its_tasks(name: str, task: str) -> None:
    module = load("radiomics.models", name)
    assert set(module.GRID) <= set(module.Options.model_fields)
    if task not in module.TASKS:
        return
    x = np.random.default_rng(0).normal(size=(120, 5))
    y = outcome(task, x)
    kind = {"task": "regression"} if task == "regression" else {}
    options = module.Options(**(kind if "task" in module.Options.model_fields else {}))
    plan = Plan(task, times=(1.0,))
    found = []
    for _ in range(2):
        model = module.build(options, (5,), 3 if task == "multiclass" else 1)
        found.append(scores(model.fit(x, y), x, plan))
    assert np.array_equal(*found)
    ids, n = tuple(map(str, range(120))), np.zeros(120, np.int64)
    reached = headline(task)(Predictions(ids, np.arange(120), y, found[0], n), np.ones((1, 120)))
    assert reached[0] > 0.6


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression", "survival"])
@pytest.mark.parametrize("name", SELECTORS)
def test_a_selector_keeps_some_always_the_same_and_finds_signal(name: str, task: str) -> None:
    x = np.random.default_rng(0).normal(size=(120, 12))
    x[:, 4] = x[:, 0] + 1e-3 * x[:, 4]
    y = outcome(task, x)
    module = load("radiomics.selection", name)
    table = pd.DataFrame(x, columns=[f"f{i}" for i in range(12)])
    fitted = [module.build(module.Options(), task).fit(table, y) for _ in range(2)]
    assert np.array_equal(fitted[0].get_support(), fitted[1].get_support())
    kept = set(fitted[0].get_feature_names_out())
    assert kept & {"f0", "f4"}
    assert fitted[0].transform(table).shape == (120, len(kept))
    noise = module.build(module.Options(), task).fit(table[["f3"]], y)
    assert noise.get_support().tolist() == [True]


@pytest.mark.parametrize("name", [name for name in MODELS if name not in TABULAR])
@pytest.mark.parametrize("shape", IMAGE_SHAPES)
def test_a_network_takes_a_batch_or_refuses_its_samples(name: str, shape: tuple[int, ...]) -> None:
    module = load("radiomics.models", name)
    try:
        network = module.build(module.Options(), shape, 3)
    except ValueError as error:
        assert str(shape) in str(error)  # noqa: PT017
        assert len(shape) != 3
        return
    found = network(torch.zeros(2, *shape))
    assert found.shape == (2, 3)
    found.sum().backward()
    assert all(p.grad is not None for p in network.parameters())


def test_options_cannot_be_changed_after_checking() -> None:
    options = load("radiomics.models", "logistic").Options()
    with pytest.raises(ValidationError):
        options.C = 2.0
