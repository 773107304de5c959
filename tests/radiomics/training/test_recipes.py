"""Oracle: losses by hand and by lifelines' published data; streams, cards, several processes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from radiomics import InputError, models
from radiomics.datasets import temperature
from radiomics.training import Options, Scaling, Trained, fit, seeded
from radiomics.training import card as cards
from radiomics.training.augment import Augment
from radiomics.training.data import fit_scaling
from radiomics.training.gradcam import gradcam, last_convolution
from radiomics.training.recipe import cox_loss, loss_of, weights_of
from radiomics.types import Samples

ROOT = Path(__file__).resolve().parents[3]


def images(count: int = 48, classes: int = 3, kind: Any = np.float32) -> Samples:
    rng = np.random.default_rng(0)
    y = np.arange(count) % classes
    x = rng.normal(100, 10, size=(count, 1, 12, 12)) + 20 * y[:, None, None, None]
    ids = tuple(map(str, range(count)))
    return Samples(ids, np.arange(count), np.clip(x, 0, 255).astype(kind), y)


def small(outputs: int = 3, **options: Any) -> nn.Module:
    with seeded(0):
        built: nn.Module = models.build(
            "cnn",
            input_shape=(1, 12, 12),
            outputs=outputs,
            **{"channels": (4,), "hidden": (8,)} | options,
        )
    return built


def equal(one: nn.Module, two: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), two.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_the_partial_likelihood_by_hand() -> None:
    risk = torch.tensor([0.3, -0.2, 1.1, 0.0])
    outcome = torch.tensor([[5.0, 1], [3.0, 1], [3.0, 0], [8.0, 1]])
    e = np.exp([0.3, -0.2, 1.1, 0.0])
    terms = [
        np.log(e[0] + e[3]) - 0.3,
        np.log(e.sum()) + 0.2,
        np.log(e[3]) - 0.0,
    ]
    assert float(cox_loss(risk, outcome)) == pytest.approx(sum(terms) / 3, rel=1e-6)
    assert float(cox_loss(risk, outcome * torch.tensor([1.0, 0.0]))) == 0


def test_a_line_trained_on_survival_finds_the_hazard_ratio() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(400, 2))
    true = np.array([0.8, -0.5])
    time = rng.exponential(np.exp(-(x @ true)))
    limit = rng.exponential(2.0, 400)
    y = np.stack([np.minimum(time, limit) + 1e-6, time <= limit], axis=1).astype(float)
    samples = Samples(tuple(map(str, range(400))), np.arange(400), x, y, ("a", "b"))
    with seeded(0):
        line = models.build("linear", input_shape=(2,))
    options = Options(task="survival", epochs=300, batch_size=400, rate=0.05)
    trained = fit(line, samples, options=options)
    found = line.weight if isinstance(line, nn.Linear) else next(iter(line.parameters()))
    slope = found.detach().numpy().ravel() / np.array(trained.scaling.spread)
    assert np.allclose(slope, true, atol=0.15)
    assert np.corrcoef(trained.predict(x), x @ true)[0, 1] > 0.98
    with pytest.raises(InputError, match="times are above 0"):
        fit(line, Samples(samples.ids, samples.groups, x, y * 0.0, ("a", "b")), options=options)


def test_class_weights_by_hand() -> None:
    y = torch.tensor([0, 0, 0, 1])
    options = Options(task="multiclass", class_weights="balanced")
    weights = weights_of(y, options)
    assert weights is not None
    assert torch.allclose(weights, torch.tensor([4 / 6, 4 / 2]))
    output = torch.randn(4, 2, generator=torch.Generator().manual_seed(0))
    each = -output.log_softmax(1).gather(1, y[:, None])[:, 0]
    expected = float((each * weights[y]).sum() / weights[y].sum())
    assert float(loss_of(output, y, options, weights)) == pytest.approx(expected, rel=1e-6)
    with pytest.raises(InputError, match="3 weights, 2 classes"):
        weights_of(y, Options(task="multiclass", class_weights=(1, 1, 1)))


@pytest.mark.parametrize("penalty", [{"l2": 0.3}, {"l1": 0.2}])
def test_penalties_are_terms_of_the_loss(penalty: dict[str, float]) -> None:
    samples = images(12, 2)
    network, by_hand = small(2, batch_norm=False), small(2, batch_norm=False)
    options = Options(
        task="multiclass", epochs=1, batch_size=12, optimiser="sgd", rate=0.1, **penalty
    )
    trained = fit(network, samples, options=options)
    mean, spread = trained.scaling.mean[0], trained.scaling.spread[0]
    x = torch.from_numpy(((samples.x - mean) / spread).astype(np.float32))
    loss = nn.functional.cross_entropy(by_hand(x), torch.from_numpy(samples.y.copy()))
    for p in by_hand.parameters():
        if p.ndim > 1:
            loss = loss + penalty.get("l2", 0) / 2 * p.square().sum()
            loss = loss + penalty.get("l1", 0) * p.abs().sum()
    loss.backward()
    with torch.no_grad():
        for p in by_hand.parameters():
            assert p.grad is not None
            p -= 0.1 * p.grad
    for a, b in zip(network.parameters(), by_hand.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_accumulated_parts_make_the_same_step() -> None:
    common: dict[str, Any] = {"task": "multiclass", "epochs": 2, "batch_size": 16}
    whole, parts = small(batch_norm=False), small(batch_norm=False)
    fit(whole, images(), options=Options(**common))
    fit(parts, images(), options=Options(**common, accumulate=4))
    for a, b in zip(whole.parameters(), parts.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-4)


@pytest.mark.parametrize("kind", [np.float32, np.uint8])
def test_streamed_samples_give_the_same_weights(tmp_path: Path, kind: Any) -> None:
    samples = images(kind=kind)
    np.save(tmp_path / "x.npy", samples.x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    lazy = Samples(samples.ids, samples.groups, mapped, samples.y)
    held, flowing = small(), small()
    options = {"task": "multiclass", "epochs": 2, "augment": Augment(shift=1, noise=0.1)}
    one = fit(held, samples, samples, options=Options(**options))
    two = fit(flowing, lazy, lazy, options=Options(**options, stream=True))
    assert equal(held, flowing)
    assert one.history == two.history


@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.int16])
def test_scaling_is_mean_and_spread_of_each_channel(kind: Any) -> None:
    rng = np.random.default_rng(2)
    x = rng.integers(0, 255, (20, 3, 5, 6)).astype(kind)
    found = fit_scaling(
        Samples(tuple(map(str, range(20))), np.arange(20), x, np.zeros(20)), "binary"
    )
    assert found.mean == pytest.approx(x.mean((0, 2, 3), dtype=np.float64).tolist())
    assert found.spread == pytest.approx(x.std((0, 2, 3), dtype=np.float64).tolist())


def test_a_network_with_too_few_outputs_or_another_shape_is_refused() -> None:
    with pytest.raises(InputError, match="needs 3 outputs"):
        fit(small(2), images(), options=Options(task="multiclass"))
    wrong = models.build("mlp", input_shape=(7,), outputs=3)
    with pytest.raises(InputError, match=r"takes samples of shape \(1, 12, 12\)"):
        fit(wrong, images(), options=Options(task="multiclass"))


class Hungry(nn.Module):
    """A network that has memory for five samples at once."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(144, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if len(x) > 5 and self.training:
            raise torch.OutOfMemoryError("out of memory")
        result: torch.Tensor = self.layer(x.flatten(1))
        return result


def test_a_batch_beyond_the_memory_says_which_would_fit() -> None:
    with pytest.raises(InputError, match="batch_size to 4"):
        fit(Hungry(), images(), options=Options(task="multiclass", batch_size=32))
    fit(Hungry(), images(), options=Options(task="multiclass", batch_size=16, accumulate=4))


def test_states_are_written_at_intervals_and_at_the_end(tmp_path: Path) -> None:
    seen = []
    options = Options(task="multiclass", epochs=3, save_every=3600)
    path = tmp_path / "last.safetensors"
    fit(
        small(),
        images(),
        options=options,
        folder=tmp_path,
        progress=lambda *_: seen.append(path.exists()),
    )
    assert seen == [False, False, False]
    assert path.exists()
    again = small()
    trained = fit(again, images(), options=options, folder=tmp_path)
    assert len(trained.history) == 3


def about(outputs: int = 3) -> dict[str, Any]:
    return {"model": {"name": "cnn"}, "input_shape": [1, 12, 12], "outputs": outputs}


def test_a_card_gives_the_network_back(tmp_path: Path) -> None:
    samples = images()
    trained = fit(small(), samples, options=Options(task="multiclass", epochs=2))
    path = tmp_path / "network.safetensors"
    cards.save(trained, path, {**about(), "classes": ["a", "b", "c"]})
    back = cards.load(path, lambda card: small(card["outputs"]))
    assert equal(back.network, trained.network)
    assert np.array_equal(back.predict(samples.x), trained.predict(samples.x))
    assert back.history == trained.history
    assert json.loads(path.with_suffix(".json").read_text())["classes"] == ["a", "b", "c"]
    with pytest.raises(InputError, match=r"the network has .* of shape"):
        cards.load(path, lambda card: small(card["outputs"], channels=(5,)))
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match="whole safetensors file"):
        cards.read_card(path)
    from safetensors.torch import save_file

    save_file({"x": torch.ones(1)}, path)
    with pytest.raises(InputError, match="no card"):
        cards.read_card(path)


@pytest.mark.parametrize("dims", [2, 3])
def test_heat_lies_where_the_evidence_is(dims: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(0, 0.3, size=(64, 1, *(16,) * dims)).astype(np.float32)
    y = np.arange(64) % 2
    corner = (slice(2, 6),) * dims
    for number in np.flatnonzero(y):
        x[(number, 0, *corner)] += 2
    samples = Samples(tuple(map(str, range(64))), np.arange(64), x, y)
    with seeded(0):
        network = models.build("resnet", input_shape=x.shape[1:], outputs=2, blocks=(1,), width=8)
    trained = fit(network, samples, options=Options(task="multiclass", epochs=15, rate=0.01))
    heat = gradcam(trained, x[1:9:2], np.ones(4, dtype=int))
    assert heat.shape == (4, *x.shape[2:])
    assert heat.min() >= 0
    assert heat.max() == pytest.approx(1)
    inside = heat[(slice(None), *corner)].mean()
    assert inside > 3 * (heat.sum() - heat[(slice(None), *corner)].sum()) / (
        heat.size - 4 * 4**dims
    )
    line = Trained(nn.Linear(3, 1), Scaling((0.0,), (1.0,)), [], Options(task="binary"))
    assert last_convolution(line.network) is None
    with pytest.raises(ValueError, match="convolutions"):
        gradcam(line, x, y)


def test_three_ways_down_end_at_least_squares() -> None:
    source = temperature.open(temperature.Options())
    x, y = source.x[:, 0], source.y
    scaled = (x - x.mean()) / x.std()
    slope, offset = np.polyfit(scaled, y, 1)
    w, b = 0.0, 0.0  # by a gradient written by hand
    parameters = torch.zeros(2, dtype=torch.float64, requires_grad=True)  # by autograd
    optimised = torch.zeros(2, dtype=torch.float64, requires_grad=True)  # by torch.optim
    optimiser = torch.optim.SGD([optimised], lr=0.01)
    t, target = torch.from_numpy(scaled), torch.from_numpy(y.copy())
    for _ in range(2000):
        away = w * scaled + b - y
        w, b = w - 0.01 * 2 * (away * scaled).mean(), b - 0.01 * 2 * away.mean()
        ((parameters[0] * t + parameters[1] - target) ** 2).mean().backward()
        with torch.no_grad():
            assert parameters.grad is not None
            parameters -= 0.01 * parameters.grad
            parameters.grad = None
        optimiser.zero_grad()
        ((optimised[0] * t + optimised[1] - target) ** 2).mean().backward()
        optimiser.step()
    found = [(w, b), parameters.tolist(), optimised.tolist()]
    assert np.allclose(found, [(slope, offset)] * 3, atol=1e-3)
    with seeded(0):
        line = models.build("linear", input_shape=(1,))
    options = Options(
        task="regression", epochs=2000, batch_size=11, optimiser="sgd", rate=0.01, save_every=60
    )
    trained = fit(line, source, options=options)
    assert np.allclose(trained.predict(source.x), slope * scaled + offset, atol=1e-3)
