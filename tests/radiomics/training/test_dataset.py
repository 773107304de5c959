"""Mechanics: samples as a torch Dataset, batched by a DataLoader."""

from __future__ import annotations

import numpy as np
import torch
from torch.utils.data import DataLoader

from radiomics.evaluation import survival
from radiomics.training import dataset
from radiomics.types import Samples


def samples(y: np.ndarray) -> Samples:
    x = np.arange(5 * 8, dtype=np.uint8).reshape(5, 1, 2, 2, 2)
    return Samples(tuple("abcde"), np.arange(5), x, y)


def test_a_loader_batches_samples() -> None:
    loader = DataLoader(dataset(samples(np.array([0, 1, 1, 0, 1]))), batch_size=2)
    batches = list(loader)
    assert [tuple(x.shape) for x, _ in batches] == [
        (2, 1, 2, 2, 2),
        (2, 1, 2, 2, 2),
        (1, 1, 2, 2, 2),
    ]
    x, y = (torch.cat(parts) for parts in zip(*batches, strict=True))
    assert x.dtype == torch.float32
    assert torch.equal(x.flatten(), torch.arange(40.0))
    assert y.tolist() == [0, 1, 1, 0, 1]
    assert y.dtype == torch.int64


def test_targets_keep_their_kind() -> None:
    assert next(iter(dataset(samples(np.linspace(0, 1, 5)))))[1].dtype == torch.float32  # type: ignore[call-overload]
    outcome = survival.outcome(np.array([1, 0, 1, 0, 1]), np.arange(1.0, 6.0))
    _, target = dataset(samples(outcome))[3]
    assert target.tolist() == [4.0, 0.0]
