"""A residual network for slices and volumes, of basic blocks [1]_.

References
----------
.. [1] He, Zhang, Ren, Sun, Deep residual learning for image recognition, arXiv:1512.03385.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field
from torch import Tensor, nn

CONVOLUTIONS: dict[int, Any] = {2: nn.Conv2d, 3: nn.Conv3d}
NORMS: dict[int, Any] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
POOLS: dict[int, Any] = {2: nn.MaxPool2d, 3: nn.MaxPool3d}
MEANS: dict[int, Any] = {2: nn.AdaptiveAvgPool2d, 3: nn.AdaptiveAvgPool3d}


class Options(BaseModel, frozen=True, extra="forbid"):
    """``blocks`` in each stage; the first has ``width`` channels, each next one twice as many.

    The ``small`` stem keeps the size of small samples, the ``large`` one divides it by four. All
    stages but the first halve the size. ``dims`` is checked against the samples if given.
    """

    dims: Literal[2, 3] | None = None
    blocks: tuple[Annotated[int, Field(ge=1)], ...] = Field((2, 2, 2, 2), min_length=1)
    width: int = Field(64, ge=1)
    stem: Literal["small", "large"] = "small"
    dropout: float = Field(0.0, ge=0, lt=1)


class Block(nn.Module):
    """Two convolutions, and the input added to what they give.

    The shortcut is the input itself; where size or channels change, a projection of it.
    """

    def __init__(self, dims: int, before: int, channels: int, stride: int) -> None:
        super().__init__()
        convolution, norm = CONVOLUTIONS[dims], NORMS[dims]
        self.body = nn.Sequential(
            convolution(before, channels, 3, stride=stride, padding=1, bias=False),
            norm(channels),
            nn.ReLU(inplace=True),
            convolution(channels, channels, 3, padding=1, bias=False),
            norm(channels),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or before != channels:
            projection = convolution(before, channels, 1, stride=stride, bias=False)
            self.shortcut = nn.Sequential(projection, norm(channels))
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output for a batch."""
        result: Tensor = self.activation(self.body(x) + self.shortcut(x))
        return result


def build(options: Options, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Return the network for samples ``(C, H, W)`` or ``(C, D, H, W)``.

    Raises
    ------
    ValueError
        For samples of another shape.
    """
    dims = len(input_shape) - 1
    if dims not in CONVOLUTIONS or options.dims not in (None, dims):
        wanted = f"(C, {'D, ' if options.dims == 3 else ''}H, W)" if options.dims else "images"
        raise ValueError(f"resnet takes samples {wanted}, not {input_shape}")
    small = options.stem == "small"
    kernel, stride = (3, 1) if small else (7, 2)
    layers: list[nn.Module] = [
        CONVOLUTIONS[dims](
            input_shape[0], options.width, kernel, stride=stride, padding=kernel // 2, bias=False
        ),
        NORMS[dims](options.width),
        nn.ReLU(inplace=True),
    ]
    if not small:
        layers.append(POOLS[dims](3, stride=2, padding=1))
    before = options.width
    for stage, count in enumerate(options.blocks):
        channels = options.width * 2**stage
        for number in range(count):
            halved = 2 if stage > 0 and number == 0 else 1
            layers.append(Block(dims, before, channels, halved))
            before = channels
    layers += [MEANS[dims](1), nn.Flatten()]
    if options.dropout:
        layers.append(nn.Dropout(options.dropout))
    network = nn.Sequential(*layers, nn.Linear(before, outputs))
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return network
