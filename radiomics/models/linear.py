"""One linear layer over all inputs: linear and logistic regression by gradient descent."""

from __future__ import annotations

import math

from pydantic import BaseModel
from torch import nn


class Options(BaseModel, frozen=True, extra="forbid"):
    """Nothing to choose."""


def build(options: Options, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Return the layer for samples of any shape."""
    del options
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(input_shape), outputs))
