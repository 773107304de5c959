"""torchvision's residual networks for images, with its pretrained weights if wanted."""

from __future__ import annotations

from typing import Literal

import torch
import torchvision
from pydantic import BaseModel
from torch import nn


class Options(BaseModel, frozen=True, extra="forbid"):
    """``pretrained`` takes torchvision's best weights, from its cache or the network.

    With other than three channels the first layer's weights are averaged over colours and scaled,
    so that grey images give what they gave as colour images.
    """

    depth: Literal[18, 34, 50] = 18
    pretrained: bool = False


def build(options: Options, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Return the network for images ``(C, H, W)``.

    Raises
    ------
    ValueError
        For samples of another shape.
    """
    if len(input_shape) != 3:
        raise ValueError(f"torchvision_resnet takes images (C, H, W), not samples {input_shape}")
    network: nn.Module = torchvision.models.get_model(
        f"resnet{options.depth}", weights="DEFAULT" if options.pretrained else None
    )
    first = network.conv1
    assert isinstance(first, nn.Conv2d)
    channels = input_shape[0]
    if channels != first.in_channels:
        adapted = nn.Conv2d(channels, 64, kernel_size=7, stride=2, padding=3, bias=False)
        if options.pretrained:
            grey = first.weight.detach().sum(dim=1, keepdim=True) / channels
            with torch.no_grad():
                adapted.weight.copy_(grey.expand_as(adapted.weight))
        network.conv1 = adapted
    last = network.fc
    assert isinstance(last, nn.Linear)
    network.fc = nn.Linear(last.in_features, outputs)
    return network
