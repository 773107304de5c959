"""The recipe of a training: its options, learning rates, losses and optimisers."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from pydantic import BaseModel, Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from radiomics.types import InputError

Rate = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]


class Options(BaseModel, frozen=True, extra="forbid"):
    """How a network is trained.

    ``rate`` is the largest learning rate; ``warm_up`` epochs lead up to it. ``l1`` and ``l2`` are
    terms of the loss (sums of absolute weights, and of half their squares), ``decay`` is decoupled
    decay and needs ``adamw``. ``clip`` limits the norm of gradients. With ``patience``, training
    ends after so many epochs without a smaller validation loss. ``device`` ``auto`` is CUDA, then
    Apple's, then the processor.
    """

    task: Literal["regression", "binary", "multiclass"]
    epochs: Annotated[int, Field(ge=1)] = 10
    batch_size: Annotated[int, Field(ge=1)] = 32
    optimiser: Literal["sgd", "adam", "adamw"] = "adam"
    rate: Rate = 1e-3
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    schedule: Literal["constant", "step", "cosine", "one_cycle"] = "constant"
    warm_up: Annotated[int, Field(ge=0)] = 0
    l1: Weight = 0.0
    l2: Weight = 0.0
    decay: Weight = 0.0
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    clip: Rate | None = None
    patience: Annotated[int, Field(ge=1)] | None = None
    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    channels_last: bool = False
    compile: bool = False
    seed: int = 0

    @model_validator(mode="after")
    def _all_used(self) -> Options:
        if self.decay and self.optimiser != "adamw":
            raise ValueError(
                "decay is decoupled and needs the optimiser adamw; l2 is the other way"
            )
        if self.momentum and self.optimiser != "sgd":
            raise ValueError("momentum needs the optimiser sgd")
        if self.label_smoothing and self.task == "regression":
            raise ValueError("a regression has no labels to smooth")
        return self


def choose_device(name: str) -> torch.device:
    """Return the device of a name; ``auto`` takes the best there is.

    Raises
    ------
    InputError
        When a device was demanded that is not there.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next((kind for kind, found in there.items() if found), "cpu")
    if not there.get(name, True):
        raise InputError("device", f"{name} was demanded", "none is there", "use device: auto")
    return torch.device(name)


def rate_factor(options: Options, epoch: float) -> float:
    """Return the share of the largest learning rate at a moment, in epochs."""
    if epoch < options.warm_up:
        return (epoch + 1e-3) / options.warm_up
    done = (epoch - options.warm_up) / max(1, options.epochs - options.warm_up)
    if options.schedule == "step":
        return 0.1 ** int(3 * done)
    if options.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * done))
    if options.schedule == "one_cycle":
        peak = 0.3
        return done / peak + 1e-3 if done < peak else (1 - done) / (1 - peak) + 1e-3
    return 1.0


def loss_of(output: Tensor, y: Tensor, options: Options) -> Tensor:
    """Return the loss of a batch."""
    output = output.float()
    if options.task == "multiclass":
        return functional.cross_entropy(output, y, label_smoothing=options.label_smoothing)
    if options.task == "binary":
        smooth = y * (1 - options.label_smoothing) + options.label_smoothing / 2
        return functional.binary_cross_entropy_with_logits(output[:, 0], smooth)
    return functional.mse_loss(output[:, 0], y)


def optimiser_of(
    network: nn.Module, options: Options, device: torch.device
) -> torch.optim.Optimizer:
    """Return the optimiser of a recipe."""
    parameters = list(network.parameters())
    fused = device.type in ("cuda", "cpu")
    if options.optimiser == "sgd":
        nesterov = options.momentum > 0
        return torch.optim.SGD(
            parameters, options.rate, options.momentum, nesterov=nesterov, fused=fused
        )
    if options.optimiser == "adam":
        return torch.optim.Adam(parameters, options.rate, fused=fused)
    return torch.optim.AdamW(parameters, options.rate, weight_decay=options.decay, fused=fused)
