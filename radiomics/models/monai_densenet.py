"""MONAI's densely connected networks for slices and volumes."""

from __future__ import annotations

from typing import Literal

from monai.networks import nets
from pydantic import BaseModel
from torch import nn


class Options(BaseModel, frozen=True, extra="forbid"):
    """``depth`` is the number of layers."""

    depth: Literal[121, 169, 201] = 121


def build(options: Options, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Return the network for samples ``(C, H, W)`` or ``(C, D, H, W)``.

    Raises
    ------
    ValueError
        For samples of another shape.
    """
    if len(input_shape) not in (3, 4):
        raise ValueError(f"monai_densenet takes images or volumes, not samples {input_shape}")
    make = getattr(nets, f"densenet{options.depth}")
    dims = len(input_shape) - 1
    network: nn.Module = make(spatial_dims=dims, in_channels=input_shape[0], out_channels=outputs)
    return network
