"""Mechanics: what cannot be trained is refused in words; closed form: scaling of hard columns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn

from radiomics import InputError, models
from radiomics.training import Options, fit, seeded
from radiomics.training.data import fit_scaling, scale_samples
from radiomics.training.recipe import rate_factor
from tests.radiomics.training.test_recipes import images, small
from tests.radiomics.training.test_training import rows

RECIPE: dict[str, Any] = {"task": "multiclass", "epochs": 3, "device": "cpu"}


@pytest.mark.parametrize("where", ["training", "validation samples"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_inputs_that_are_not_finite_are_named(where: str, value: float) -> None:
    train = validation = images()
    x = train.x.copy()
    x[37, 0, 2, 2] = x[5, 0, 0, 0] = value
    bad = replace(train, x=x)
    if where == "training":
        train = bad
    else:
        validation = bad
    with pytest.raises(InputError, match=rf"{where}: [^:]*finite\n.*in samples 5, 37\n"):
        fit(small(), train, validation, options=Options(**RECIPE))


def test_targets_that_are_not_finite_are_named() -> None:
    x = np.random.default_rng(0).normal(size=(30, 2))
    y = x[:, 0].copy()
    y[7] = np.nan
    line = models.build("linear", input_shape=(2,))
    with pytest.raises(InputError, match="in samples s7\n"):
        fit(line, rows(x, y), options=Options(task="regression"))
    with pytest.raises(InputError, match="one target for each sample"):
        fit(line, rows(x, x), options=Options(task="regression"))


class Blind(nn.Module):
    """A network that has no answer to one sample when it is only looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(144, 3)

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.layer(x.flatten(1))
        if not self.training and len(x) > 20:
            answer = answer + torch.where(torch.arange(len(x)) == 20, torch.inf, 0.0)[:, None]
        return answer


def test_a_validation_loss_that_is_not_finite_is_told() -> None:
    network = Blind()
    before = network.layer.weight.detach().clone()
    with pytest.raises(InputError, match=r"loss of validation samples .*\n.*samples 20\n"):
        fit(network, images(), images(), options=Options(**RECIPE))
    assert torch.equal(network.layer.weight, before)


def test_validation_samples_are_like_those_to_train_on() -> None:
    train, options = images(), Options(**RECIPE)
    with pytest.raises(InputError, match=r"of shape \(1, 12, 11\)"):
        fit(small(), train, replace(train, x=train.x[..., 1:]), options=options)
    with pytest.raises(InputError, match="0 to 2"):
        fit(small(), train, replace(train, y=train.y + 1), options=options)
    with pytest.raises(InputError, match="validation samples: targets are 0, 1, 2"):
        fit(small(), train, replace(train, y=train.y - 1), options=options)
    with pytest.raises(InputError, match="there are samples to train on"):
        fit(small(batch_norm=False), train.take(np.arange(0)), options=options)
    with pytest.raises(InputError, match=r"evaluation\.validation"):
        fit(small(), train, options=Options(patience=2, **RECIPE))


@pytest.mark.parametrize("weights", ["balanced", (1.0, 2.0, 3.0)])
def test_a_class_may_be_missing_among_the_training_samples(weights: Any) -> None:
    some = images().take(np.flatnonzero(images().y < 2))
    trained = fit(small(), some, images(), options=Options(class_weights=weights, **RECIPE))
    assert np.isfinite(trained.history[-1]["validation_loss"])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"task": "survival", "accumulate": 2}, "at risk stand in one part"),
        ({"task": "survival", "batch_size": 1}, "compared with others at risk"),
        ({"schedule": "one_cycle", "warm_up": 3}, "one_cycle has its own"),
        ({"epochs": 10, "warm_up": 10}, "epochs left at the full rate"),
    ],
)
def test_recipes_that_say_one_thing_and_do_another_are_refused(
    wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        Options(**{"task": "binary"} | wrong)


@given(st.integers(1, 40), st.data())
@settings(max_examples=60, deadline=None)
def test_no_schedule_goes_beyond_the_rate_nor_misses_it(epochs: int, data: st.DataObject) -> None:
    schedule = data.draw(st.sampled_from(["constant", "step", "cosine", "one_cycle"]))
    warm_up = 0 if schedule == "one_cycle" else data.draw(st.integers(0, epochs - 1))
    options = Options(task="binary", epochs=epochs, schedule=schedule, warm_up=warm_up)
    factors = [rate_factor(options, epoch) for epoch in np.linspace(0, epochs, 200 * epochs + 1)]
    assert max(factors) == pytest.approx(1, abs=0.02)
    assert 0 <= min(factors) <= max(factors) <= 1.001  # the top of one_cycle


@pytest.mark.parametrize("task", ["regression", "binary"])
@pytest.mark.parametrize("count", [7, 13, 59])
def test_a_constant_column_stays_what_it_is(task: str, count: int) -> None:
    x = np.full((count, 3), [0.1, 1e9 / 3, 0.0])
    scaling = fit_scaling(rows(x, np.full(count, 3.3)), task)
    assert scaling.spread == (1.0, 1.0, 1.0)
    assert scaling.target_spread == 1.0
    assert np.abs(scale_samples(x, scaling).numpy()).max() < 1e-6


@pytest.mark.parametrize("kind", [np.float64, np.int64])
@pytest.mark.parametrize("stream", [False, True])
def test_a_small_spread_about_a_large_mean_is_learnt(kind: Any, stream: bool) -> None:
    away = np.random.default_rng(0).normal(size=(60, 1)) * (1 if kind is np.float64 else 10)
    x = (away + 1_000_000_000).astype(kind)
    y = (x[:, 0] - 1_000_000_000).astype(float)
    with seeded(0):
        line = models.build("linear", input_shape=(1,))
    options = Options(
        task="regression", epochs=100, rate=0.05, batch_size=60, stream=stream, device="cpu"
    )
    trained = fit(line, rows(x, y), options=options)
    assert np.corrcoef(trained.predict(x), y)[0, 1] > 0.999
