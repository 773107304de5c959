"""A multi-layer perceptron."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from torch import nn

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


class Options(BaseModel, frozen=True, extra="forbid"):
    """``widths`` of the hidden layers; ``dropout`` after each of them."""

    widths: tuple[Annotated[int, Field(ge=1)], ...] = (128,)
    activation: Literal["relu", "tanh", "sigmoid"] = "relu"
    dropout: float = Field(0.0, ge=0, lt=1)


def build(options: Options, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Return the network for samples of any shape."""
    layers: list[nn.Module] = [nn.Flatten()]
    before = math.prod(input_shape)
    for width in options.widths:
        layers += [nn.Linear(before, width), ACTIVATIONS[options.activation]()]
        if options.dropout:
            layers.append(nn.Dropout(options.dropout))
        before = width
    return nn.Sequential(*layers, nn.Linear(before, outputs))
