"""Samples on a device: scaled by what the training samples say, and in batches."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from radiomics.training.recipe import Options
from radiomics.types import Samples

COMPACT = 1 << 30  # bytes as float32 above which whole numbers stay what they are on the device
AHEAD = 3  # batches that are being fetched while the device works
CONSTANT = 1e-12  # share of the mean below which a spread is what rounding leaves of none
WHOLE = (torch.bool, torch.uint8, torch.int8, torch.uint16, torch.int16)
NARROW = (torch.float32, torch.float16, torch.bfloat16, *WHOLE)  # float32 holds all their numbers
INFERENCE_BATCH, INFERENCE_BYTES = 1024, 1 << 24  # samples a batch, while they are small


@dataclass(frozen=True)
class Scaling:
    """Means and spreads of the training samples, by column or by channel, and of their targets."""

    mean: tuple[float, ...]
    spread: tuple[float, ...]
    target_mean: float = 0.0
    target_spread: float = 1.0


def fit_scaling(train: Samples, task: str) -> Scaling:
    """Return means and spreads of training samples, a channel or column at a time."""
    x = train.x
    mean, spread = np.empty(x.shape[1]), np.empty(x.shape[1])
    for channel in range(x.shape[1]):
        mean[channel], spread[channel] = _moments(x[:, channel])
    target = np.asarray(train.y, dtype=np.float64) if task == "regression" else np.zeros(1)
    of_target = float(target.mean()), float(target.std())
    spreads = [_divisor(*pair) for pair in zip(mean.tolist(), spread.tolist(), strict=True)]
    return Scaling(tuple(mean.tolist()), tuple(spreads), of_target[0], _divisor(*of_target))


def _divisor(mean: float, spread: float) -> float:
    """Return what values are divided by: their spread, or 1 where they are all the same."""
    return spread if spread > CONSTANT * abs(mean) else 1.0


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
    rows = max(1, (1 << 26) // max(1, values[:1].nbytes))
    return (values[start : start + rows] for start in range(0, len(values), rows))


def scale_samples(x: NDArray[Any], scaling: Scaling) -> Tensor:
    """Return samples as a tensor, centred and divided by their spread."""
    return Scale(scaling, x.ndim, torch.device("cpu"))(torch.from_numpy(np.array(x)))


class Scale:
    """Bring a tensor to a device, centred and divided there.

    Kinds of which float32 holds not every number are centred before they become float32: a small
    spread about a large mean would be lost.
    """

    def __init__(self, scaling: Scaling, ndim: int, device: torch.device) -> None:
        form = (1, -1, *(1,) * (ndim - 2))
        self.device = device
        self.mean = torch.tensor(scaling.mean, dtype=torch.float64).reshape(form)
        self.spread = torch.tensor(scaling.spread, dtype=torch.float64).reshape(form)
        factor = 1 / self.spread.to(torch.float32)
        offset = -self.mean.to(torch.float32) * factor
        self.factor, self.offset = factor.to(device), offset.to(device)

    def levels(self) -> tuple[Tensor, Tensor]:
        """Return what 0 and 1 become, (1, C, 1, ...) each."""
        return self(torch.zeros(self.mean.shape)), self(torch.ones(self.mean.shape))

    def __call__(self, x: Tensor) -> Tensor:
        """Return samples as float32 on the device."""
        if x.dtype not in NARROW:
            wide = (x.to(torch.float64) - self.mean) / self.spread
            return wide.to(torch.float32).to(self.device)
        x = x.to(self.device, non_blocking=True).to(torch.float32)
        return torch.addcmul(self.offset, x, self.factor)


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
        self.ids = samples.ids
        x = np.array(samples.x)  # a tensor needs memory that it may write to
        self.scale = Scale(scaling, x.ndim, device)
        self.late = x.dtype.itemsize < 4 and x.size * 4 > COMPACT
        stored = torch.from_numpy(x)
        self.x = stored.to(device) if self.late else self.scale(stored)
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
        self.ids, self.x, self.device = samples.ids, samples.x, device
        self.scale = Scale(scaling, self.x.ndim, device)
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
                x = self.scale(coming.pop(0).result())
                x = x.contiguous(memory_format=self.layout)
                yield x, self.y[order[part].to(self.device)]

    def _fetch(self, index: Tensor) -> Tensor:
        """Read rows in the order in which they lie, then put them in the order asked for."""
        rows, back = np.unique(index.numpy(), return_inverse=True)
        batch = torch.from_numpy(np.asarray(self.x[rows])[back])
        return batch.pin_memory() if self.device.type == "cuda" else batch


def place_on_device(
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
    if sys.platform != "win32" and hasattr(os, "sysconf"):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return 8 << 30


def layout_of(options: Options, ndim: int) -> torch.memory_format:
    """Return how batches lie in memory: channels last on request, for images."""
    if not options.channels_last or ndim < 4:
        return torch.contiguous_format
    return torch.channels_last if ndim == 4 else torch.channels_last_3d


def batches(count: int, size: int, least: int = 2) -> list[slice]:
    """Return parts of equal size; a last one of fewer than ``least`` joins the part before."""
    starts = list(range(0, count, size))
    if len(starts) > 1 and count - starts[-1] < least:
        starts.pop()
    return [slice(a, b) for a, b in zip(starts, [*starts[1:], count], strict=True)]


def part_size(options: Options) -> int:
    """Return how many samples of a batch are computed at a time."""
    return -(-options.batch_size // options.accumulate)


def inference_batch_size(shape: Sequence[int], options: Options) -> int:
    """Return how many samples are looked at together where nothing is learnt.

    Of small samples that is 1024; of others as many as the training computes at a time, since
    what fits there fits here.

    >>> small, large = (3, 32, 32), (1, 48, 48, 48)
    >>> options = Options(task="binary", batch_size=4)
    >>> inference_batch_size(small, options), inference_batch_size(large, options)
    (1024, 4)
    """
    small = INFERENCE_BATCH * 4 * math.prod(shape) <= INFERENCE_BYTES
    return INFERENCE_BATCH if small else part_size(options)
