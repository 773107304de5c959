"""What a model must learn: tables that tell the outcome, or a batch of images."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.evaluation import survival
from radiomics.evaluation.measures import Task, headline
from radiomics.evaluation.tuning import Plan, scores
from radiomics.testing.options import check_options
from radiomics.types import Predictions

TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression", "survival")
SHAPES = ((5,), (1, 32, 32, 32), (3, 64, 64))
"""Samples of networks: a row, a volume, an image."""
GOOD = 0.6
"""What a model must reach in what it was trained on, where the first column tells the outcome."""


def outcome(task: str, x: NDArray[np.float64]) -> NDArray[Any]:
    """Return an outcome that the first column tells, with some noise."""
    value = x[:, 0] + 0.3 * np.random.default_rng(1).normal(size=len(x))
    if task == "survival":
        return survival.outcome(np.arange(len(x)) % 4 > 0, np.exp(-value))
    found: dict[str, NDArray[Any]] = {
        "binary": (value > 0).astype(np.int64),
        "multiclass": np.digitize(value, [-0.5, 0.5]),
        "regression": value,
    }
    return found[task]


def check_model(
    module: ModuleType, *, shapes: Sequence[tuple[int, ...]] = SHAPES, **options: Any
) -> None:
    """Check that a model keeps the contract of ``radiomics.models``.

    One with ``TASKS`` is a model of tables with scikit-learn's interface, any other a network.

    Parameters
    ----------
    shapes : of samples that a network is tried with; it takes them, or refuses them by a ValueError
        that names the shape, and takes one at least
    options : those that the model cannot do without

    Raises
    ------
    AssertionError
        Saying what is wrong: a task that is not learnt, two fits that differ, a network whose
        output is not (N, outputs), or a parameter that no gradient reaches.
    """
    checked = check_options("radiomics.models", module, **options)
    if hasattr(module, "TASKS"):
        _check_grid(module)
        for task in module.TASKS:
            known = task in TASKS
            assert known, f"{module.__name__}: a task is one of {', '.join(TASKS)}, not {task!r}"
            _check_learning(module, task, options)
        return
    taken = [_takes(module, checked, shape) for shape in shapes]
    assert any(taken), f"{module.__name__} takes samples of none of the shapes {list(shapes)}"


def _check_grid(module: ModuleType) -> None:
    grid = getattr(module, "GRID", {})
    unknown = set(grid) - set(module.Options.model_fields)
    text = f"{module.__name__}: GRID names no options: {', '.join(sorted(unknown))}"
    assert not unknown, text


def _check_learning(module: ModuleType, task: Task, options: dict[str, Any]) -> None:
    name = module.__name__
    x = np.random.default_rng(0).normal(size=(120, 5))
    y = outcome(task, x)
    kind = {"task": "regression"} if task == "regression" else {}
    given = kind if "task" in module.Options.model_fields else {}
    checked = module.Options(**{**given, **options})
    plan = Plan(task, times=(1.0,))
    outputs = 3 if task == "multiclass" else 1
    one, two = (scores(module.build(checked, (5,), outputs).fit(x, y), x, plan) for _ in range(2))
    assert np.array_equal(one, two), f"{name}: two fits to the same {task} samples differ"
    ids, fold = tuple(map(str, range(120))), np.zeros(120, np.int64)
    predicted = Predictions(ids, np.arange(120), y, one, fold)
    reached = float(headline(task)(predicted, np.ones((1, 120)))[0])
    text = (
        f"{name}: {task}: it reaches {reached:.2f} in samples whose first column tells the outcome"
    )
    assert reached > GOOD, text


def _takes(module: ModuleType, options: Any, shape: tuple[int, ...]) -> bool:
    """Check a network on a batch of two samples; tell whether it takes them."""
    import torch

    name = module.__name__
    try:
        network = module.build(options, shape, 3)
    except ValueError as error:
        if str(shape) in str(error):
            return False
        text = f"{name} refuses samples of shape {shape} without naming it: {error}"
        raise AssertionError(text) from error
    output = network(torch.zeros(2, *shape))
    text = f"{name}: 2 samples and 3 outputs give {tuple(output.shape)}, not (2, 3)"
    assert output.shape == (2, 3), text
    output.sum().backward()
    without = [key for key, value in network.named_parameters() if value.grad is None]
    assert not without, f"{name}: no gradient reaches {', '.join(without[:5])}"
    return True
