"""Volumes a second through a 3D ResNet-18: our loop beside MONAI's Dataset, DataLoader and Adam.

    python -m benchmarks.training_3d [REPEATS] [SIDE] [VOLUMES]

64 volumes of 96 x 96 x 96 in batches of 8 unless told otherwise, flipped at random, two classes;
both loops in turn, each on a network of its own, an epoch each that is timed after one that is not.
On a GPU both use mixed precision, and the share of the device's matrix rate is that of the
network's operations in what the device reaches for large products; the time without a kernel on
the device is told too, from a profile of one epoch.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from monai.data import DataLoader, Dataset
from monai.networks.nets import resnet18
from monai.transforms import Compose, EnsureTyped, RandFlipd
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.training import ours
from radiomics import models, training
from radiomics.pipelines.provenance import installed
from radiomics.types import Samples

BATCH = 8
PRODUCT = 8192
"""Side of the matrices by which a GPU's rate is measured."""


def volumes(count: int, side: int) -> Samples:
    """Return noise in two classes, one of them brighter in the middle."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(count, 1, side, side, side)).astype(np.float32)
    y = np.arange(count) % 2
    middle = slice(side // 3, 2 * side // 3)
    x[y == 1, :, middle, middle, middle] += 1
    names = tuple(f"v{number}" for number in range(count))
    return Samples(names, np.array(names), x, y, classes=("0", "1"))


def monai_loop(samples: Samples, device: torch.device) -> Callable[[], float]:
    """Return a function that gives the seconds of an epoch of MONAI's usual loop."""
    keys, axes = ["image"], range(3)
    flips = [RandFlipd(keys=keys, prob=0.5, spatial_axis=axis) for axis in axes]
    transform = Compose([EnsureTyped(keys=keys), *flips])
    pairs = zip(samples.x, samples.y.tolist(), strict=True)
    items = [{"image": np.array(x), "label": y} for x, y in pairs]
    loader = DataLoader(Dataset(items, transform), batch_size=BATCH, shuffle=True)
    network = resnet18(spatial_dims=3, n_input_channels=1, num_classes=2).to(device)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    criterion = torch.nn.CrossEntropyLoss()
    on_gpu = device.type == "cuda"
    scaler = torch.amp.GradScaler(device.type, enabled=on_gpu)

    def epoch() -> float:
        network.train()
        start = time.perf_counter()
        for batch in loader:
            x, y = batch["image"].to(device), batch["label"].to(device)
            optimiser.zero_grad()
            with torch.autocast(device.type, enabled=on_gpu):
                loss = criterion(network(x), y)
            scaler.scale(loss).backward()
            scaler.step(optimiser)
            scaler.update()
            loss.item()
        return time.perf_counter() - start

    return epoch


def our_loop(samples: Samples, device: torch.device) -> Callable[[], float]:
    """Return a function that gives the seconds of the second of two epochs of ours."""
    shape = samples.x.shape[1:]
    network = models.build("monai_resnet", input_shape=shape, outputs=2, depth=18).to(device)
    recipe = {
        "batch_size": BATCH,
        "optimiser": "adam",
        "rate": 1e-3,
        "precision": "float16" if device.type == "cuda" else "float32",
        "augment": {"flip": [1, 2, 3]},
    }
    return ours(network, samples, recipe)


def operations(side: int) -> int:
    """Return the floating-point operations of training with one volume, forth and back."""
    network = resnet18(spatial_dims=3, n_input_channels=1, num_classes=2)
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(2, 1, side, side, side)).sum().backward()
    return int(counter.get_total_flops()) // 2


def matrix_rate(device: torch.device) -> float:
    """Return the operations a second that the device reaches for large products in float16."""
    a = torch.randn(PRODUCT, PRODUCT, device=device, dtype=torch.float16)
    for _ in range(3):
        a @ a
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(20):
        a @ a
    torch.cuda.synchronize()
    return 20 * 2 * PRODUCT**3 / (time.perf_counter() - start)


def idle_share(epoch: Callable[[], float]) -> float:
    """Return the share of an epoch in which no kernel runs on the GPU."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA]) as told:
        epoch()
    spans = sorted(
        (event.time_range.start, event.time_range.end)
        for event in told.events()
        if event.device_type == torch.autograd.DeviceType.CUDA
    )
    busy, reached = 0.0, spans[0][0]
    for start, end in spans:
        busy += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return 1 - busy / (reached - spans[0][0])


def main() -> None:
    given = [int(word) for word in sys.argv[1:]]
    repeats, side, count = (*given, *(3, 96, 64)[len(given) :])
    device = training.choose_device("auto")
    samples = volumes(count, side)
    loops = {"MONAI": monai_loop(samples, device), "ours": our_loop(samples, device)}
    times: dict[str, list[float]] = {name: [] for name in loops}
    for run in range(repeats + 1):  # the first warms up
        for name, epoch in loops.items():
            seconds = epoch()
            if run:
                times[name].append(seconds)
    middle = {name: statistics.median(values) for name, values in times.items()}
    told: dict[str, Any] = {
        "seconds": middle,
        "range": {name: [min(values), max(values)] for name, values in times.items()},
        "volumes a second": {name: count / value for name, value in middle.items()},
        "ratio": middle["MONAI"] / middle["ours"],
        "n": repeats,
        "volumes": [count, side],
        "device": str(device),
    }
    if device.type == "cuda":
        needed = operations(side) * count / middle["ours"]
        told["share of the matrix rate"] = needed / matrix_rate(device)
        told["idle"] = idle_share(loops["ours"])
    print(json.dumps(told | {"versions": installed()}, indent=1))


if __name__ == "__main__":
    main()
