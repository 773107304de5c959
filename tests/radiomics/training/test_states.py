"""Mechanics: a state is that of one run: its weights, its samples, its scaler, its epochs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

from radiomics import InputError, models
from radiomics.training import Options, fit
from radiomics.training.state import fingerprint
from radiomics.types import Samples
from tests.radiomics.training.test_training import equal, images, network, rows

RECIPE: dict[str, Any] = {"task": "multiclass", "device": "cpu"}


def test_fewer_epochs_than_the_state_has_are_refused(tmp_path: Path) -> None:
    fit(network(), images(), options=Options(epochs=3, **RECIPE), folder=tmp_path)
    with pytest.raises(InputError, match=r"a run of 2 epochs .*\n.*a state after 3 epochs"):
        fit(network(), images(), options=Options(epochs=2, **RECIPE), folder=tmp_path)


@pytest.mark.parametrize("change", ["weights", "validation", "dropped", "added"])
def test_what_changes_the_result_makes_another_run(tmp_path: Path, change: str) -> None:
    held = images(20, seed=1)
    first: Samples | None = None if change == "added" else held
    second: Samples | None = held
    if change == "validation":
        second = replace(held, x=held.x + 1)
    elif change == "dropped":
        second = None
    seed = 9 if change == "weights" else 0
    fit(network(), images(), first, options=Options(epochs=1, **RECIPE), folder=tmp_path)
    later = Options(epochs=2, **RECIPE)
    with pytest.raises(InputError, match="its own state only"):
        fit(network(seed=seed), images(), second, options=later, folder=tmp_path)


def test_memory_maps_are_the_samples_they_hold(tmp_path: Path) -> None:
    samples, options = images(), Options(**RECIPE)
    np.save(tmp_path / "x.npy", samples.x)
    mapped = replace(samples, x=np.load(tmp_path / "x.npy", mmap_mode="r"))
    backwards = replace(samples, x=samples.x[::-1][::-1].copy(order="F"))
    prints = {fingerprint(network(), (s, None), options) for s in (samples, mapped, backwards)}
    assert len(prints) == 1
    assert fingerprint(network(), (None, samples), options) not in prints


def test_a_run_in_half_precision_goes_on_bit_for_bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 40))
    x[::7] *= 40  # the scaler meets infinite gradients, and backs off
    y = np.where(np.arange(64) % 5, 1.0, 300.0) * x[:, 0]
    recipe: dict[str, Any] = {"task": "regression", "optimiser": "sgd", "device": "cpu"}
    options = Options(epochs=6, batch_size=16, precision="float16", **recipe)

    def built() -> torch.nn.Module:
        torch.manual_seed(0)
        made: torch.nn.Module = models.build("mlp", input_shape=(40,))
        return made

    def stop(_: str, done: int, __: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    straight, cut, again = built(), built(), built()
    fit(straight, rows(x, y), options=options)
    with pytest.raises(KeyboardInterrupt):
        fit(cut, rows(x, y), options=options, folder=tmp_path, progress=stop)
    with safe_open(tmp_path / "last.safetensors", "pt") as stored:
        assert '"scale": 65536.0' not in stored.metadata()["scaler"]
    fit(again, rows(x, y), options=options, folder=tmp_path)
    assert equal(straight, again)


def test_what_stops_a_run_loses_no_whole_epoch(tmp_path: Path) -> None:
    options = Options(epochs=5, save_every=600, **RECIPE)

    def stop(_: str, done: int, __: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(network(), images(), options=options, folder=tmp_path, progress=stop)
    seen: list[int] = []
    again, straight = network(), network()
    fit(
        again, images(), options=options, folder=tmp_path,
        progress=lambda _, done, __: seen.append(done),
    )  # fmt: skip
    assert seen == [4, 5]
    fit(straight, images(), options=options)
    assert equal(again, straight)
