"""The recipe of a training: its options, learning rates, losses and optimisers."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from pydantic import BaseModel, Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from radiomics.training.augment import Augment
from radiomics.types import InputError

Rate = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]
Task = Literal["regression", "binary", "multiclass", "survival"]


class Options(BaseModel, frozen=True, extra="forbid"):
    """How a network is trained.

    ``rate`` is the largest learning rate; ``warm_up`` epochs lead up to it (``one_cycle`` has its
    own way up, over three tenths of the epochs). ``l1`` and ``l2`` are
    terms of the loss (sums of absolute weights, and of half their squares), ``decay`` is decoupled
    decay and needs ``adamw``. ``clip`` limits the norm of gradients; ``accumulate`` parts of a
    batch are computed one after the other. ``class_weights`` weigh the loss of each class, or are
    ``balanced``; a multiclass loss is divided by the weights of its batch, a binary one by their
    number. With ``patience``, training ends after so many epochs without a smaller validation
    loss. ``device`` ``auto`` is CUDA, then Apple's, then the processor. ``stream`` leaves samples
    where they lie and brings batches to the device while it works; absent, that is done for samples
    that would fill more than a quarter of its memory. ``save_every`` seconds, at the end of an
    epoch, the state is written; ``tensorboard`` writes events beside it. With ``test_time_flips``
    predictions are means over a sample and its reflections along the axes of ``augment.flip``.
    """

    task: Task
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
    class_weights: Literal["balanced"] | tuple[Rate, ...] | None = None
    clip: Rate | None = None
    accumulate: Annotated[int, Field(ge=1)] = 1
    patience: Annotated[int, Field(ge=1)] | None = None
    augment: Augment = Augment()
    test_time_flips: bool = False
    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    channels_last: bool = False
    compile: bool = False
    stream: bool | None = None
    save_every: Annotated[float, Field(ge=0)] = 0.0
    tensorboard: bool = False
    seed: int = 0

    @model_validator(mode="after")
    def _all_used(self) -> Options:
        if self.decay and self.optimiser != "adamw":
            raise ValueError(
                "decay is decoupled and needs the optimiser adamw; l2 is the other way"
            )
        if self.momentum and self.optimiser != "sgd":
            raise ValueError("momentum needs the optimiser sgd")
        classes = self.task in ("binary", "multiclass")
        if self.label_smoothing and not classes:
            raise ValueError(f"a {self.task} has no labels to smooth")
        if self.class_weights is not None and not classes:
            raise ValueError(f"a {self.task} has no classes to weigh")
        if self.test_time_flips and not self.augment.flip:
            raise ValueError("test_time_flips needs the axes of augment: flip")
        if self.accumulate > self.batch_size:
            raise ValueError("accumulate: a batch has no more parts than samples")
        self._check_survival()
        self._check_warm_up()
        return self

    def _check_survival(self) -> None:
        if self.task != "survival":
            return
        if self.accumulate > 1:
            raise ValueError("accumulate: in survival the samples at risk stand in one part")
        if self.batch_size < 2:
            raise ValueError("batch_size: in survival a sample is compared with others at risk")

    def _check_warm_up(self) -> None:
        if self.warm_up and self.schedule == "one_cycle":
            raise ValueError("warm_up: one_cycle has its own; leave warm_up out")
        if self.warm_up >= self.epochs:
            raise ValueError("warm_up: there are epochs left at the full rate")


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
        peak = 0.3  # both ends, and so the top, lie a thousandth higher: no step is nothing
        return (done / peak if done < peak else (1 - done) / (1 - peak)) + 1e-3
    return 1.0


def weights_of(y: Tensor, options: Options, classes: int = 0) -> Tensor | None:
    """Return the weight of each class: as given, or inverse to how often it occurs in ``y`` (N,).

    Parameters
    ----------
    classes : how many there are at least, where ``y`` may lack the last ones

    Raises
    ------
    InputError
        When the weights given are not one for each class.
    """
    if options.class_weights is None:
        return None
    counts = torch.bincount(y.long(), minlength=classes)
    if options.class_weights == "balanced":
        return (len(y) / (len(counts) * counts.clamp(min=1))).float()
    if len(options.class_weights) != len(counts):
        found = f"{len(options.class_weights)} weights, {len(counts)} classes"
        raise InputError("class_weights", "one weight for each class", found, "correct the list")
    return torch.tensor(options.class_weights, device=y.device)


def shares_of(y: Tensor, options: Options, weights: Tensor | None) -> Tensor:
    """Return what each sample (N,) counts in the mean of :func:`loss_of`, on the processor.

    A loss of classes with weights is divided by the sum of the weights; all others by the number.
    """
    if options.task != "multiclass" or weights is None:
        return torch.ones(len(y), dtype=torch.float64)
    return weights[y].cpu().to(torch.float64)


def loss_of(output: Tensor, y: Tensor, options: Options, weights: Tensor | None = None) -> Tensor:
    """Return the loss of a batch.

    Parameters
    ----------
    output : (B, K), or (B, 1) where the task has one number for each sample
    y : (B,); for survival (B, 2): time, and 1 where the event was seen, 0 where it was not
    weights : (K,) of the classes; of 0 and 1 for a binary task
    """
    output = output.float()
    if options.task == "multiclass":
        smooth = options.label_smoothing
        return functional.cross_entropy(output, y, weights, label_smoothing=smooth)
    if options.task == "binary":
        smoothed = y * (1 - options.label_smoothing) + options.label_smoothing / 2
        each = None if weights is None else torch.where(y > 0.5, weights[1], weights[0])
        return functional.binary_cross_entropy_with_logits(output[:, 0], smoothed, each)
    if options.task == "survival":
        return cox_loss(output[:, 0], y)
    return functional.mse_loss(output[:, 0], y)


def cox_loss(risk: Tensor, outcome: Tensor) -> Tensor:
    r"""Return the negative partial log-likelihood for each event, ties as Breslow has them [1]_.

    .. math:: -\frac{1}{E} \sum_{i: e_i = 1} \Big(r_i - \log \sum_{j: t_j \ge t_i} e^{r_j}\Big)

    Parameters
    ----------
    risk : (B,) log hazards
    outcome : (B, 2) time, and 1 for an event; a batch without one has a loss of 0

    References
    ----------
    .. [1] Breslow, Biometrics 30 (1974) 89-99, doi:10.2307/2529620.
    """
    time, event = outcome[:, 0], outcome[:, 1]
    at_risk = time[None, :] >= time[:, None]  # (B, B)
    total = torch.where(at_risk, risk[None, :], -torch.inf).logsumexp(dim=1)  # (B,)
    return ((total - risk) * event).sum() / event.sum().clamp(min=1)


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
