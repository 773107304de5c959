"""A convolutional network for slices and volumes: convolutions with pooling, then linear layers."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, field_validator
from torch import nn

Positive = Annotated[int, Field(ge=1)]
CONVOLUTIONS: dict[int, Any] = {2: nn.Conv2d, 3: nn.Conv3d}
NORMS: dict[int, Any] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
POOLS: dict[int, Any] = {2: nn.MaxPool2d, 3: nn.MaxPool3d}
ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh}


class Options(BaseModel, frozen=True, extra="forbid"):
    """``channels`` of each convolution, ``hidden`` widths of the linear layers behind them.

    Each convolution is followed by batch norm if wanted, activation, and pooling over ``pool``
    voxels along each axis. ``padding`` keeps the size for ``same``, else it shrinks by one less
    than the ``kernel``. ``dims`` is checked against the samples if given.
    """

    dims: Literal[2, 3] | None = None
    channels: tuple[Positive, ...] = Field((16, 32), min_length=1)
    kernel: Positive = 3
    padding: Literal["same", "none"] = "same"
    pool: Positive = 2
    batch_norm: bool = True
    activation: Literal["relu", "tanh"] = "relu"
    hidden: tuple[Positive, ...] = (32,)
    dropout: float = Field(0.0, ge=0, lt=1)

    @field_validator("kernel")
    @classmethod
    def _check_odd(cls, kernel: int) -> int:
        if kernel % 2 == 0:
            raise ValueError("a kernel has an odd number of voxels, so that it has a middle")
        return kernel


def build(options: Options, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Return the network for samples ``(C, H, W)`` or ``(C, D, H, W)``.

    Raises
    ------
    ValueError
        For samples of another shape, and where pooling leaves nothing of them.
    """
    dims = len(input_shape) - 1
    if dims not in CONVOLUTIONS or options.dims not in (None, dims):
        wanted = f"(C, {'D, ' if options.dims == 3 else ''}H, W)" if options.dims else "images"
        raise ValueError(f"cnn takes samples {wanted}, not {input_shape}")
    before, *size = input_shape
    layers: list[nn.Module] = []
    padding = options.kernel // 2 if options.padding == "same" else 0
    for number, channels in enumerate(options.channels, start=1):
        layers.append(CONVOLUTIONS[dims](before, channels, options.kernel, padding=padding))
        if options.batch_norm:
            layers.append(NORMS[dims](channels))
        layers += [ACTIVATIONS[options.activation](), POOLS[dims](options.pool)]
        size = [(side - options.kernel + 2 * padding + 1) // options.pool for side in size]
        if min(size) < 1:
            raise ValueError(
                f"convolution {number} and its pooling leave nothing of samples {input_shape}; "
                "choose fewer channels, a smaller kernel or larger samples"
            )
        before = channels
    layers.append(nn.Flatten())
    before *= math.prod(size)
    for width in options.hidden:
        layers += [nn.Linear(before, width), ACTIVATIONS[options.activation]()]
        if options.dropout:
            layers.append(nn.Dropout(options.dropout))
        before = width
    return nn.Sequential(*layers, nn.Linear(before, outputs))
