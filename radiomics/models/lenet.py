"""LeNet with 3 x 3 kernels: two convolutions and three linear layers [1]_.

References
----------
.. [1] LeCun, Bottou, Bengio, Haffner, Proceedings of the IEEE 86 (1998) 2278-2324,
   doi:10.1109/5.726791.
"""

from __future__ import annotations

from pydantic import BaseModel
from torch import nn

KERNEL, POOL = 3, 2


class Options(BaseModel, frozen=True, extra="forbid"):
    """Nothing to choose."""


def build(options: Options, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Return the network for images ``(C, H, W)`` of at least 10 x 10 pixels.

    Raises
    ------
    ValueError
        For samples of another shape.
    """
    del options
    if len(input_shape) != 3 or min(input_shape[1:]) < 10:
        raise ValueError(f"lenet takes images (C, H, W) from 10 x 10 on, not samples {input_shape}")
    channels, *size = input_shape
    for _ in range(2):
        size = [(side - KERNEL + 1) // POOL for side in size]
    return nn.Sequential(
        nn.Conv2d(channels, 6, KERNEL),
        nn.ReLU(),
        nn.MaxPool2d(POOL),
        nn.Conv2d(6, 16, KERNEL),
        nn.ReLU(),
        nn.MaxPool2d(POOL),
        nn.Flatten(),
        nn.Linear(16 * size[0] * size[1], 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, outputs),
    )
