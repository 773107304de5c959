"""Oracle: training against least squares, closed forms, and its own uninterrupted runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from radiomics import InputError, models
from radiomics.training import Options, choose_device, fit
from radiomics.training.data import batches
from radiomics.training.recipe import loss_of, rate_factor
from radiomics.types import Samples
from tests.waiting import wait_until

CELSIUS = np.array([0.5, 14, 15, 28, 11, 8, 3, -4, 6, 13, 21])
READING = np.array([35.7, 55.9, 58.2, 81.9, 56.3, 48.9, 33.9, 21.8, 48.4, 60.4, 68.4])
ROOT = Path(__file__).resolve().parents[3]


def rows(x: np.ndarray, y: np.ndarray) -> Samples:
    ids = tuple(f"s{i}" for i in range(len(x)))
    return Samples(ids, np.arange(len(x)), x, y, tuple(f"f{i}" for i in range(x.shape[1])))


def images(count: int = 64, classes: int = 2, seed: int = 0) -> Samples:
    """Return small images whose brightness tells the class."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % classes
    x = rng.normal(size=(count, 1, 12, 12)) + y[:, None, None, None]
    return Samples(tuple(map(str, range(count))), np.arange(count), x.astype(np.float32), y)


def network(seed: int = 0, **options: Any) -> nn.Module:
    torch.manual_seed(seed)
    chosen = {"channels": (4,), "hidden": (8,), "dropout": 0.2} | options
    built: nn.Module = models.build("cnn", input_shape=(1, 12, 12), outputs=2, **chosen)
    return built


def weights(module: nn.Module) -> list[torch.Tensor]:
    return [value.clone() for value in module.state_dict().values()]


def equal(one: nn.Module, two: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(weights(one), weights(two), strict=True))


@pytest.mark.parametrize("optimiser", ["sgd", "adam", "adamw"])
def test_a_line_is_that_of_least_squares(optimiser: str) -> None:
    torch.manual_seed(0)
    line = models.build("linear", input_shape=(1,))
    options = Options(
        task="regression", epochs=2000, batch_size=11, optimiser=optimiser, rate=0.01, device="cpu"
    )
    trained = fit(line, rows(READING[:, None], CELSIUS), options=options)
    slope, offset = np.polyfit(READING, CELSIUS, 1)
    expected = slope * READING + offset
    assert np.abs(trained.predict(READING[:, None]) - expected).max() < 1e-3 * np.ptp(expected)


def test_a_tanh_network_fits_better_than_the_line() -> None:
    torch.manual_seed(0)
    curve = models.build("mlp", input_shape=(1,), widths=(13,), activation="tanh")
    options = Options(task="regression", epochs=3000, batch_size=11, rate=1e-2, device="cpu")
    trained = fit(curve, rows(READING[:, None], CELSIUS), options=options)
    line = np.polyval(np.polyfit(READING, CELSIUS, 1), READING)
    errors = [np.mean((p - CELSIUS) ** 2) for p in (trained.predict(READING[:, None]), line)]
    assert errors[0] < errors[1]
    assert len(trained.history) == 3000


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_classes_are_learnt(precision: str) -> None:
    options = Options(
        task="multiclass",
        epochs=8,
        batch_size=16,
        rate=1e-2,
        device="cpu",
        precision=precision,
        l1=1e-5,
        l2=1e-4,
        clip=5.0,
        label_smoothing=0.05,
        schedule="one_cycle",
        channels_last=True,
    )
    trained = fit(network(), images(), images(seed=1), options=options)
    held = images(seed=2)
    assert (trained.predict(held.x).argmax(axis=1) == held.y).mean() > 0.95
    assert trained.predict(held.x).sum(axis=1) == pytest.approx(1, abs=1e-6)
    assert {"epoch", "loss", "rate", "validation_loss", "validation_accuracy"} == set(
        trained.history[0]
    )


def test_binary_tasks_give_probabilities() -> None:
    torch.manual_seed(0)
    one = models.build("cnn", input_shape=(1, 12, 12), channels=(4,), hidden=(8,))
    options = Options(task="binary", epochs=8, batch_size=16, rate=1e-2, device="cpu")
    held = images(seed=2)
    scores = fit(one, images(), options=options).predict(held.x)
    assert scores.shape == (64,)
    assert scores[held.y == 1].min() > 0.5 > scores[held.y == 0].max()


def test_the_same_seed_gives_the_same_weights() -> None:
    one, two, other = network(), network(), network()
    for module, seed in ((one, 0), (two, 0), (other, 1)):
        fit(module, images(), options=Options(task="multiclass", epochs=2, seed=seed, device="cpu"))
    assert equal(one, two)
    assert not equal(one, other)


@pytest.mark.parametrize("optimiser", ["sgd", "adam", "adamw"])
def test_an_interrupted_run_ends_with_the_same_weights(tmp_path: Path, optimiser: str) -> None:
    recipe: dict[str, Any] = {"task": "multiclass", "optimiser": optimiser, "device": "cpu"}
    recipe["momentum"] = 0.9 if optimiser == "sgd" else 0.0
    straight, first, second = network(), network(), network()
    fit(straight, images(), images(seed=1), options=Options(epochs=5, **recipe))
    fit(first, images(), images(seed=1), options=Options(epochs=2, **recipe), folder=tmp_path)
    done = fit(
        second, images(), images(seed=1), options=Options(epochs=5, **recipe), folder=tmp_path
    )
    assert equal(straight, second)
    assert [row["epoch"] for row in done.history] == [1, 2, 3, 4, 5]


def test_a_killed_run_goes_on(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path;"
        "from tests.radiomics.training.test_training import *;"
        "fit(network(), images(), options=Options(task='multiclass', epochs=6, device='cpu'),"
        "folder=Path(sys.argv[1]), progress=lambda *a: time.sleep(3600))"
    )
    child = subprocess.Popen([sys.executable, "-c", code, tmp_path], cwd=ROOT)
    wait_until((tmp_path / "last.safetensors").exists, child)
    child.kill()
    child.wait()
    options = Options(task="multiclass", epochs=6, device="cpu")
    done: list[int] = []
    resumed, straight = network(), network()
    fit(
        resumed,
        images(),
        options=options,
        folder=tmp_path,
        progress=lambda *state: done.append(state[1]),
    )
    fit(straight, images(), options=options)
    assert 1 < done[0] <= 6
    assert equal(resumed, straight)


def test_a_state_of_another_run_or_a_broken_one_is_refused(tmp_path: Path) -> None:
    options = Options(task="multiclass", epochs=1, device="cpu")
    fit(network(), images(), options=options, folder=tmp_path)
    for module, samples, other in (
        (network(channels=(5,)), images(), options),
        (network(), images(seed=3), options),
        (network(), images(), Options(task="multiclass", epochs=1, rate=0.1, device="cpu")),
    ):
        with pytest.raises(InputError, match="its own state only"):
            fit(module, samples, options=other, folder=tmp_path)
    path = tmp_path / "last.safetensors"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(InputError, match="must be whole"):
        fit(network(), images(), options=options, folder=tmp_path)


def test_training_stops_early_and_keeps_the_best() -> None:
    rng = np.random.default_rng(0)
    noise = images(), images(seed=1)
    shuffled = Samples(noise[0].ids, noise[0].groups, noise[0].x, rng.permutation(noise[0].y))
    options = Options(task="multiclass", epochs=60, rate=3e-2, patience=3, device="cpu")
    module = network(dropout=0.0)
    trained = fit(module, shuffled, noise[1], options=options)
    losses = [row["validation_loss"] for row in trained.history]
    assert len(losses) < 60
    assert len(losses) - 1 - int(np.argmin(losses)) == 3
    output = torch.from_numpy(np.log(trained.predict(noise[1].x)))
    found = nn.functional.nll_loss(output, torch.tensor(noise[1].y))
    assert float(found) == pytest.approx(min(losses), abs=1e-5)


def test_a_loss_that_is_not_finite_names_the_samples_and_keeps_the_weights() -> None:
    broken = images()
    x = broken.x.copy()
    x[7] = np.nan
    scaled = Samples(broken.ids, broken.groups, np.where(np.isnan(x), 1e30, x), broken.y)
    module = network(batch_norm=False)
    before = weights(module)
    huge = Samples(scaled.ids, scaled.groups, scaled.x.astype(np.float64) * 1e8, scaled.y)
    with pytest.raises(InputError, match=r"epoch 1, step \d+, samples .*"):
        fit(
            module,
            huge,
            options=Options(task="multiclass", optimiser="sgd", rate=1e30, epochs=3, device="cpu"),
        )
    assert all(torch.equal(a, b) for a, b in zip(before, weights(module), strict=True))


@pytest.mark.parametrize(
    ("y", "task", "message"),
    [
        (np.zeros(64), "multiclass", "two of them among the training samples"),
        (np.arange(64) % 2 + 1, "binary", "targets are 0 and 1"),
        (np.arange(64) % 2 - 0.5, "multiclass", "targets are 0, 1, 2"),
    ],
)
def test_targets_that_do_not_fit_are_refused(y: np.ndarray, task: str, message: str) -> None:
    samples = images()
    wrong = Samples(samples.ids, samples.groups, samples.x, y)
    with pytest.raises(InputError, match=message):
        fit(network(), wrong, options=Options(task=task, device="cpu"))


def test_patience_needs_validation_samples() -> None:
    with pytest.raises(InputError, match="validation samples"):
        fit(network(), images(), options=Options(task="multiclass", patience=2, device="cpu"))


def test_batch_norm_refuses_batches_of_one() -> None:
    with pytest.raises(InputError, match="two samples a batch"):
        fit(network(), images(), options=Options(task="multiclass", batch_size=1, device="cpu"))


def test_no_batch_has_a_single_sample() -> None:
    for count, size in ((65, 32), (64, 32), (33, 32), (7, 3), (5, 9)):
        parts = [range(count)[part] for part in batches(count, size)]
        assert [i for part in parts for i in part] == list(range(count))
        assert min(map(len, parts)) > 1


def test_a_device_that_is_not_there_is_told() -> None:
    assert choose_device("cpu").type == "cpu"
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="cuda was demanded"):
            choose_device("cuda")


def test_learning_rates() -> None:
    def factor(epoch: float, **options: Any) -> float:
        return rate_factor(Options(task="binary", epochs=10, **options), epoch)

    assert factor(3) == 1
    assert factor(2.5, warm_up=5) == pytest.approx(0.5, abs=1e-3)
    assert factor(5, schedule="cosine") == pytest.approx(0.5)
    assert [factor(e, schedule="step") for e in (0, 4, 9)] == pytest.approx([1, 0.1, 0.01])
    assert factor(3, schedule="one_cycle") == pytest.approx(1, abs=2e-3)
    assert factor(9.9, schedule="one_cycle") < 0.02


def test_label_smoothing_by_hand() -> None:
    options = Options(task="binary", label_smoothing=0.2)
    output, y = torch.tensor([[2.0], [-1.0]]), torch.tensor([1.0, 0.0])
    p = 1 / (1 + np.exp(-np.array([2.0, -1.0])))
    target = np.array([0.9, 0.1])
    expected = -(target * np.log(p) + (1 - target) * np.log(1 - p)).mean()
    assert float(loss_of(output, y, options)) == pytest.approx(expected)


def test_wrong_options_are_refused() -> None:
    for wrong in (
        {"epochs": 0},
        {"rate": 0},
        {"optimizer": "adam"},
        {"decay": 0.1},
        {"momentum": 0.9},
    ):
        with pytest.raises(ValidationError):
            Options(task="binary", **wrong)
