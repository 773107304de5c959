"""Mechanics: batches that memory bounds, and what is said where it ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from radiomics import InputError
from radiomics.training import Options, Trained, fit
from radiomics.training.data import Scaling, batches
from radiomics.training.embedding import embed
from radiomics.training.plan import plan_steps
from radiomics.types import Samples
from tests.radiomics.training.test_recipes import images

RECIPE: dict[str, Any] = {"task": "multiclass", "epochs": 1, "device": "cpu"}
CPU = "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."


class Bounded(nn.Module):
    """A network that has memory for so many samples, to learn from and to look at."""

    def __init__(self, learnt: int = 99, seen: int = 2000, error: Exception | None = None) -> None:
        super().__init__()
        self.norm, self.layer = nn.BatchNorm1d(144), nn.Linear(144, 3)
        self.most, self.error = (seen, learnt), error or torch.OutOfMemoryError("out of memory")
        self.sizes: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.sizes.append(len(x))
        x = self.norm(x.flatten(1)[:, :144])
        if len(x) > self.most[self.training]:
            raise self.error
        result: Tensor = self.layer(x)
        return result


@pytest.mark.parametrize("error", [None, RuntimeError(CPU), MemoryError()])
@pytest.mark.parametrize(("fits", "message"), [(5, "batch_size to 4"), (1, "not even two")])
def test_what_fits_is_told_and_nothing_is_changed(
    error: Exception | None, fits: int, message: str
) -> None:
    network = Bounded(fits, error=error)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with pytest.raises(InputError, match=message):
        fit(network, images(), options=Options(batch_size=32, **RECIPE))
    for key, value in network.state_dict().items():
        assert torch.equal(before[key], value), key


def test_other_errors_pass_as_they_are() -> None:
    with pytest.raises(RuntimeError, match="another"):
        fit(Bounded(5, error=RuntimeError("another")), images(), options=Options(**RECIPE))


def test_samples_that_are_only_looked_at_may_not_fit_either() -> None:
    with pytest.raises(InputError, match="48 samples that are only looked at"):
        fit(Bounded(seen=12), images(), images(), options=Options(**RECIPE))


def volumes(count: int = 7) -> Samples:
    x = np.random.default_rng(0).normal(size=(count, 1, 20, 20, 20)).astype(np.float32)
    return Samples(tuple(map(str, range(count))), np.arange(count), x, np.arange(count) % 3)


def test_large_samples_are_looked_at_in_batches_of_the_training() -> None:
    network = Bounded()
    options = Options(batch_size=4, accumulate=2, **RECIPE)
    trained = fit(network, volumes(), volumes(), options=options)
    trained.predict(volumes().x)
    embed(trained, volumes().x)
    assert max(network.sizes) == 3  # a last one of its own joins the part before
    network.sizes.clear()
    small = Trained(network, Scaling((0.0,), (1.0,)), [], options)
    small.predict(images(300).x)
    assert network.sizes == [300]
    network.most = (100, 100)
    with pytest.raises(InputError, match="smaller batch_size"):
        small.predict(images(300).x)
    assert len(small.predict(images(300).x, batch_size=99)) == 300


@pytest.mark.parametrize(
    ("count", "batch", "parts"), [(19, 8, 3), (17, 8, 4), (9, 8, 4), (5, 9, 3)]
)
def test_no_part_of_a_batch_has_a_single_sample(count: int, batch: int, parts: int) -> None:
    options = Options(batch_size=batch, accumulate=parts, **RECIPE)
    order, shares = torch.arange(count), torch.ones(count, dtype=torch.float64)
    mine, steps = plan_steps(order, shares, options, 2)
    assert torch.equal(mine, order)
    assert [step.batch for step in steps] == batches(count, batch)
    for step in steps:
        assert min(part.samples.stop - part.samples.start for part in step.parts) > 1
        assert sum(part.weight for part in step.parts) == pytest.approx(1)


def test_class_weights_count_in_the_whole_batch() -> None:
    recipe = RECIPE | {
        "class_weights": (1, 2, 9),
        "batch_size": 16,
        "optimiser": "sgd",
        "rate": 0.1,
    }
    found = []
    for accumulate in (1, 4):
        torch.manual_seed(0)
        line = nn.Sequential(nn.Flatten(), nn.Linear(144, 3))
        fit(line, images(), options=Options(accumulate=accumulate, **recipe))
        found.append(line[1].weight.detach())
    assert torch.allclose(found[0], found[1], atol=1e-5)
