"""The devices of this machine that networks can be trained on."""

from __future__ import annotations

import torch


def devices() -> list[str]:
    """Return the names of the devices: graphics cards with their models, the processor last."""
    found = [f"cuda:{i} {torch.cuda.get_device_name(i)}" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]
