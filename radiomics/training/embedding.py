"""What a trained network makes of samples before its last layer: columns for other models."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from radiomics.training import Trained
from radiomics.training.data import inference_batch_size, scale_samples

LARGEST = 256  # samples at a time


def embed(trained: Trained, x: NDArray[Any]) -> NDArray[np.float64]:
    """Return the values that the last linear layer of a network is given.

    Parameters
    ----------
    x : (N, ...) samples in the units that the network was trained on

    Returns
    -------
    (N, E), E being the inputs of that layer

    Raises
    ------
    ValueError
        For a network without a linear layer, or with one that works on more than rows.
    """
    network = trained.network
    layers = [module for module in network.modules() if isinstance(module, nn.Linear)]
    if not layers:
        raise ValueError("an embedding is what the last linear layer sees: this network has none")
    kept: list[Tensor] = []
    hook = layers[-1].register_forward_pre_hook(lambda _, given: kept.append(given[0].detach()))
    device = next(network.parameters()).device
    size = min(LARGEST, inference_batch_size(x.shape[1:], trained.options))
    network.eval()
    try:
        with torch.no_grad():
            for start in range(0, len(x), size):
                part = np.asarray(x[start : start + size])
                network(scale_samples(part, trained.scaling).to(device))
    finally:
        hook.remove()
    found = torch.cat(kept).float().cpu().numpy()
    if found.ndim != 2:
        raise ValueError(f"an embedding is a row a sample, not of shape {found.shape[1:]}")
    return np.asarray(found, dtype=np.float64)
