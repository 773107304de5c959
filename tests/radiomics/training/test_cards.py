"""Mechanics: a file of weights that is not what its card says is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from radiomics import InputError, models
from radiomics.training import Options, fit
from radiomics.training import card as cards
from tests.radiomics.training.test_recipes import images

SHAPE = (1, 12, 12)


def build(**options: Any) -> nn.Module:
    made: nn.Module = models.build("mlp", input_shape=SHAPE, outputs=3, **options)
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    options = Options(task="multiclass", epochs=1, device="cpu")
    trained = fit(build(), images(), options=options)
    place = tmp_path / "network.safetensors"
    cards.save(trained, place, {"model": {"name": "mlp"}, "input_shape": SHAPE, "outputs": 3})
    return place


def test_a_changed_byte_is_noticed(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="SHA-256"):
        cards.load(path, lambda _: build())


def test_weights_in_another_precision_are_noticed(path: Path) -> None:
    with safe_open(path, "pt") as stored:
        about = stored.metadata()
    save_file({key: value.half() for key, value in load_file(path).items()}, path, about)
    with pytest.raises(InputError, match="SHA-256"):
        cards.load(path, lambda _: build())


def test_other_layers_with_the_same_shapes_are_refused(path: Path) -> None:
    cards.load(path, lambda _: build())
    with pytest.raises(InputError, match=r"layer 3 .* ReLU\n.*Tanh"):
        cards.load(path, lambda _: build(activation="tanh"))


@pytest.mark.parametrize(("text", "message"), [("[1,2", "is JSON"), ("[1]", "another text")])
def test_a_card_that_is_none_is_refused(path: Path, text: str, message: str) -> None:
    save_file({"x": torch.ones(1)}, path, {"card": text})
    with pytest.raises(InputError, match=message):
        cards.read_card(path)


def test_batch_norm_of_several_processes_is_batch_norm() -> None:
    alone = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    together = nn.SyncBatchNorm.convert_sync_batchnorm(alone)  # type: ignore[no-untyped-call]
    assert cards.layers(together) == ["Sequential", "Conv2d", "BatchNorm"]
    assert json.loads(json.dumps(cards.layers(together))) == cards.layers(alone)
