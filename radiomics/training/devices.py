"""The devices of this machine that networks can be trained on."""

from __future__ import annotations

import torch

from radiomics.types import InputError


def devices() -> list[str]:
    """Return the names of the devices: graphics cards with their models, the processor last."""
    found = [f"cuda:{i} {torch.cuda.get_device_name(i)}" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]


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
