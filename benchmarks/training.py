"""Time an epoch of our loop against that of the usual tutorial: same network, same batches.

The tutorial's loop turns each sample into a tensor and normalises it in a ``DataLoader``, and asks
for the loss as a number at every step. Both loops run in turn, each on a network of its own.

    python -m benchmarks.training DATA [REPEATS]
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from radiomics import models, training
from radiomics.datasets import cifar10, fashion_mnist, mnist
from radiomics.pipelines.provenance import installed
from radiomics.types import Samples

TASKS: dict[str, dict[str, Any]] = {
    "mnist_mlp": {
        "source": (mnist, "mnist", {}),
        "model": ("mlp", {"widths": (128, 400)}),
        "recipe": {"optimiser": "adam", "rate": 1e-3, "batch_size": 32},
    },
    "fashion_mnist_cnn": {
        "source": (fashion_mnist, "fashion_mnist", {}),
        "model": (
            "cnn",
            {
                "channels": (6, 12),
                "kernel": 5,
                "padding": "none",
                "batch_norm": False,
                "hidden": (120, 60),
            },
        ),
        "recipe": {"optimiser": "adam", "rate": 1e-2, "batch_size": 100},
    },
    "cifar_birds_cnn": {
        "source": (cifar10, "cifar10_jpg", {"classes": ("airplane", "bird")}),
        "model": ("cnn", {"channels": (16, 8), "activation": "tanh", "hidden": (32,)}),
        "recipe": {"optimiser": "sgd", "rate": 1e-2, "batch_size": 64, "l2": 1e-3},
    },
}


class Pictures(Dataset[Any]):
    """Samples as a tutorial reads them: a picture, its transforms, a label."""

    def __init__(self, samples: Samples) -> None:
        channels = samples.x.shape[1]
        arrays = [x[0] if channels == 1 else x.transpose(1, 2, 0) for x in samples.x]
        self.pictures = [Image.fromarray(array) for array in arrays]
        self.labels = samples.y.tolist()
        normalise = transforms.Normalize((0.5,) * channels, (0.5,) * channels)
        self.transform = transforms.Compose([transforms.ToTensor(), normalise])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Any:
        return self.transform(self.pictures[index]), self.labels[index]


def tutorial(
    network: nn.Module, samples: Samples, recipe: dict[str, Any], device: torch.device
) -> Callable[[], None]:
    """Return a function that trains one epoch in the tutorial's way."""
    loader = DataLoader(Pictures(samples), batch_size=recipe["batch_size"], shuffle=True)
    kind = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[recipe["optimiser"]]
    optimiser, criterion = kind(network.parameters(), lr=recipe["rate"]), nn.CrossEntropyLoss()

    def epoch() -> None:
        total = 0.0
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            loss = criterion(network(x), y)
            if "l2" in recipe:
                loss = loss + recipe["l2"] * sum(p.pow(2.0).sum() for p in network.parameters())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.item()

    return epoch


def ours(network: nn.Module, samples: Samples, recipe: dict[str, Any]) -> Callable[[], float]:
    """Return a function that gives the seconds of the second of two epochs of ours."""
    options = training.Options(task="multiclass", epochs=2, **recipe)

    def epoch() -> float:
        ends: list[float] = []
        training.fit(
            network, samples, options=options, progress=lambda *_: ends.append(time.perf_counter())
        )
        return ends[1] - ends[0]

    return epoch


def measure(name: str, data: Path, repeats: int) -> dict[str, Any]:
    """Return the times of an epoch in seconds, both ways in turn, and their ratio."""
    task = TASKS[name]
    module, folder, chosen = task["source"]
    everything = module.open(module.Options(root=data / folder, **chosen))
    samples = everything.take((everything.split == "train").nonzero()[0])
    device = training.choose_device("auto")
    kind, options = task["model"]
    built = [
        models.build(
            kind,
            input_shape=samples.x.shape[1:],
            outputs=len(samples.classes),
            **options,
        ).to(device)
        for _ in range(2)
    ]
    theirs = tutorial(built[0], samples, task["recipe"], device)
    own = ours(built[1], samples, task["recipe"])
    times: dict[str, list[float]] = {"tutorial": [], "ours": []}
    for _ in range(repeats):
        start = time.perf_counter()
        theirs()
        times["tutorial"].append(time.perf_counter() - start)
        times["ours"].append(own())
    middle = {key: statistics.median(values) for key, values in times.items()}
    spread = {key: [min(values), max(values)] for key, values in times.items()}
    return {"median": middle, "range": spread, "ratio": middle["ours"] / middle["tutorial"]}


def main() -> None:
    data, repeats = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3
    found = {name: measure(name, data, repeats) for name in TASKS}
    device = str(training.choose_device("auto"))
    about = {"n": repeats, "device": device, "threads": torch.get_num_threads()}
    print(json.dumps({"tasks": found, "about": about, "versions": installed()}, indent=1))


if __name__ == "__main__":
    main()
