"""Samples on a device: checked, scaled by what the training samples say, and in batches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from radiomics.training.recipe import Options
from radiomics.types import InputError, Samples


@dataclass(frozen=True)
class Scaling:
    """Means and spreads of the training samples, by column or by channel, and of their targets."""

    mean: tuple[float, ...]
    spread: tuple[float, ...]
    target_mean: float = 0.0
    target_spread: float = 1.0


def check(network: nn.Module, train: Samples, options: Options) -> None:
    """Demand samples that fit the task.

    Raises
    ------
    InputError
        Saying what is missing.
    """
    normed = any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in network.modules())
    if normed and min(len(train.ids), options.batch_size) < 2:
        rule = "batch norm needs two samples a batch"
        raise InputError("training", rule, "one", "choose a larger batch_size")
    y = np.asarray(train.y)
    if options.task == "regression":
        return
    found = np.unique(y)
    if len(found) < 2:
        rule = "a task of classes needs two of them among the training samples"
        raise InputError("training", rule, f"only {found.tolist()}", "check the targets")
    wanted = "0 and 1" if options.task == "binary" else "0, 1, 2, ..."
    upper = 1 if options.task == "binary" else math.inf
    if not all(float(v).is_integer() and 0 <= v <= upper for v in found.tolist()):
        rule = f"targets are {wanted}"
        raise InputError("training", rule, f"{found.tolist()[:8]}", "number the classes")


def fit_scaling(train: Samples, task: str) -> Scaling:
    """Return means and spreads of training samples."""
    x = np.asarray(train.x)
    over = tuple(axis for axis in range(x.ndim) if axis != 1)
    mean = x.mean(axis=over, dtype=np.float64)
    spread = x.std(axis=over, dtype=np.float64)
    spread[spread == 0] = 1.0
    target = np.asarray(train.y, dtype=np.float64) if task == "regression" else np.zeros(1)
    spread_y = float(target.std()) or 1.0
    return Scaling(tuple(mean.tolist()), tuple(spread.tolist()), float(target.mean()), spread_y)


def scaled(x: NDArray[Any], scaling: Scaling) -> Tensor:
    """Return samples as a tensor, centred and divided by their spread."""
    form = (1, -1, *(1,) * (x.ndim - 2))
    mean = torch.tensor(scaling.mean, dtype=torch.float32).reshape(form)
    spread = torch.tensor(scaling.spread, dtype=torch.float32).reshape(form)
    return (torch.from_numpy(np.array(x, dtype=np.float32)) - mean) / spread


def on_device(
    samples: Samples, scaling: Scaling, task: str, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return samples and targets as tensors on a device."""
    y = np.array(samples.y, dtype=np.float64)
    if task == "regression":
        y = (y - scaling.target_mean) / scaling.target_spread
    kind = torch.int64 if task == "multiclass" else torch.float32
    return scaled(samples.x, scaling).to(device), torch.from_numpy(y).to(kind).to(device)


def batches(count: int, size: int) -> Iterator[slice]:
    """Yield parts of equal size; a last one of a single sample joins the part before."""
    starts = list(range(0, count, size))
    if len(starts) > 1 and count - starts[-1] == 1:
        starts.pop()
    for start, stop in zip(starts, [*starts[1:], count], strict=True):
        yield slice(start, stop)
