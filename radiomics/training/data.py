"""Samples on a device: checked, scaled by what the training samples say, and in batches."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from radiomics.training.recipe import Options
from radiomics.types import InputError, Samples

COMPACT = 1 << 30  # bytes as float32 above which whole numbers stay what they are on the device
AHEAD = 3  # batches that are being fetched while the device works


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
    if normed and min(len(train.ids), options.batch_size // options.accumulate) < 2:
        rule = "batch norm needs two samples a batch"
        raise InputError("training", rule, "one", "choose a larger batch_size")
    y = np.asarray(train.y)
    if options.task == "regression":
        return
    if options.task == "survival":
        _check_survival(y)
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


def _check_survival(y: NDArray[Any]) -> None:
    if y.ndim != 2 or y.shape[1] != 2 or not np.isin(y[:, 1], (0, 1)).all():
        rule = "targets are (N, 2): a time, and 1 for an event or 0 for none"
        raise InputError("training", rule, f"shape {y.shape}", "give both columns")
    if not (np.isfinite(y[:, 0]) & (y[:, 0] > 0)).all() or not y[:, 1].any():
        rule = "times are above 0 and there is an event"
        found = f"times from {y[:, 0].min():g}, {int(y[:, 1].sum())} events"
        raise InputError("training", rule, found, "correct the targets")


def check_outputs(network: nn.Module, train: Samples, options: Options) -> None:
    """Demand a network that takes the samples and has an output for each class.

    Raises
    ------
    InputError
        Before an epoch is spent on it.
    """
    wanted = int(np.max(train.y)) + 1 if options.task == "multiclass" else 1
    device = next(network.parameters()).device
    mode = network.training
    network.eval()
    try:
        with torch.no_grad():
            shape = tuple(network(torch.zeros(1, *train.x.shape[1:], device=device)).shape)
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        rule = f"the network takes samples of shape {train.x.shape[1:]}"
        raise InputError("training", rule, reason, "build it for that input_shape") from None
    finally:
        network.train(mode)
    if len(shape) != 2 or shape[1] < wanted or (wanted == 1 and shape[1] != 1):
        rule = f"a {options.task} task needs {wanted} outputs for each sample"
        raise InputError("training", rule, f"shape {shape[1:]}", f"build it with {wanted} outputs")


def fit_scaling(train: Samples, task: str) -> Scaling:
    """Return means and spreads of training samples, a channel or column at a time."""
    x = train.x
    mean, spread = np.empty(x.shape[1]), np.empty(x.shape[1])
    for channel in range(x.shape[1]):
        mean[channel], spread[channel] = _moments(x[:, channel])
    spread[spread == 0] = 1.0
    target = np.asarray(train.y, dtype=np.float64) if task == "regression" else np.zeros(1)
    spread_y = float(target.std()) or 1.0
    return Scaling(tuple(mean.tolist()), tuple(spread.tolist()), float(target.mean()), spread_y)


def _moments(values: NDArray[Any]) -> tuple[float, float]:
    """Return mean and standard deviation, in parts: a memory map need not fit in memory."""
    if values.dtype == np.uint8:
        counts = np.zeros(256, dtype=np.int64)
        for part in parts_of(values):
            counts += np.bincount(part.ravel(), minlength=256)
        grey, share = np.arange(256.0), counts / counts.sum()
        mean = float(share @ grey)
        return mean, math.sqrt(float(share @ (grey - mean) ** 2))
    count = values.size
    mean = sum(float(part.sum(dtype=np.float64)) for part in parts_of(values)) / count
    square = sum(float(((part - mean) ** 2).sum(dtype=np.float64)) for part in parts_of(values))
    return mean, math.sqrt(square / count)


def parts_of(values: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield rows of an array, some 64 MB at a time."""
    rows = max(1, (1 << 26) // max(1, values[0].nbytes))
    return (values[start : start + rows] for start in range(0, len(values), rows))


def scaled(x: NDArray[Any], scaling: Scaling) -> Tensor:
    """Return samples as a tensor, centred and divided by their spread."""
    return _Scale(scaling, x.ndim, torch.device("cpu"))(torch.from_numpy(np.array(x)))


class _Scale:
    """Centre and divide a tensor on a device."""

    def __init__(self, scaling: Scaling, ndim: int, device: torch.device) -> None:
        form = (1, -1, *(1,) * (ndim - 2))
        mean = torch.tensor(scaling.mean, dtype=torch.float32).reshape(form)
        factor = 1 / torch.tensor(scaling.spread, dtype=torch.float32).reshape(form)
        self.factor, self.offset = factor.to(device), (-mean * factor).to(device)

    def __call__(self, x: Tensor) -> Tensor:
        return torch.addcmul(self.offset, x.to(torch.float32), self.factor)


def targets(samples: Samples, scaling: Scaling, task: str, device: torch.device) -> Tensor:
    """Return targets as a tensor on a device; of a regression, in units of their spread."""
    y = np.array(samples.y, dtype=np.float64)
    if task == "regression":
        y = (y - scaling.target_mean) / scaling.target_spread
    return torch.from_numpy(y).to(torch.int64 if task == "multiclass" else torch.float32).to(device)


class Resident:
    """Samples that lie on the device as one tensor; a batch is one gather."""

    def __init__(
        self, samples: Samples, scaling: Scaling, options: Options, device: torch.device
    ) -> None:
        x = np.array(samples.x)  # a tensor needs memory that it may write to
        self.scale = _Scale(scaling, x.ndim, device)
        self.late = x.dtype.itemsize < 4 and x.size * 4 > COMPACT
        stored = torch.from_numpy(x).to(device)
        self.x = stored if self.late else self.scale(stored)
        self.y = targets(samples, scaling, options.task, device)
        self.layout = layout_of(options, x.ndim)

    def batches(self, order: Tensor, parts: Sequence[slice]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the samples of each part of an order."""
        order = order.to(self.x.device)
        for part in parts:
            index = order[part]
            x = self.x.index_select(0, index)
            x = self.scale(x) if self.late else x
            yield x.contiguous(memory_format=self.layout), self.y.index_select(0, index)


class Streamed:
    """Samples that stay where they are; threads fetch and pin batches ahead of the device."""

    def __init__(
        self, samples: Samples, scaling: Scaling, options: Options, device: torch.device
    ) -> None:
        self.x, self.device = samples.x, device
        self.scale = _Scale(scaling, self.x.ndim, device)
        self.y = targets(samples, scaling, options.task, device)
        self.layout = layout_of(options, self.x.ndim)

    def batches(self, order: Tensor, parts: Sequence[slice]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the samples of each part of an order."""
        with ThreadPoolExecutor(min(AHEAD, os.cpu_count() or 1)) as pool:
            coming: list[Future[Tensor]] = []
            queue = iter(parts)
            for part in parts:
                while len(coming) < AHEAD and (following := next(queue, None)) is not None:
                    coming.append(pool.submit(self._fetch, order[following]))
                x = coming.pop(0).result().to(self.device, non_blocking=True)
                x = self.scale(x).contiguous(memory_format=self.layout)
                yield x, self.y[order[part].to(self.device)]

    def _fetch(self, index: Tensor) -> Tensor:
        """Read rows in the order in which they lie, then put them in the order asked for."""
        rows, back = np.unique(index.numpy(), return_inverse=True)
        batch = torch.from_numpy(np.asarray(self.x[rows])[back])
        return batch.pin_memory() if self.device.type == "cuda" else batch


def on_device(
    samples: Samples, scaling: Scaling, options: Options, device: torch.device
) -> Resident | Streamed:
    """Return samples on a device, or, where they would crowd it, in a stream to it."""
    stream = options.stream
    if stream is None:
        stream = samples.x.size * min(4, samples.x.dtype.itemsize) > _memory(device) / 4
    return (Streamed if stream else Resident)(samples, scaling, options, device)


def _memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return 8 << 30


def layout_of(options: Options, ndim: int) -> torch.memory_format:
    """Return how batches lie in memory: channels last on request, for images."""
    if not options.channels_last or ndim < 4:
        return torch.contiguous_format
    return torch.channels_last if ndim == 4 else torch.channels_last_3d


def batches(count: int, size: int) -> list[slice]:
    """Return parts of equal size; a last one of a single sample joins the part before."""
    starts = list(range(0, count, size))
    if len(starts) > 1 and count - starts[-1] == 1:
        starts.pop()
    return [slice(a, b) for a, b in zip(starts, [*starts[1:], count], strict=True)]
