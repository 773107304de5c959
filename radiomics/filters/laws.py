"""Laws' kernels and their energy (IBSI code JTXT)."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, model_validator

from radiomics.kernels.filtering.convolution import (
    Boundary,
    Chain,
    Pooling,
    box_mean,
    centred_line,
    check_fit,
    convolve_and_pool,
    convolve_separably,
    equal_distances,
)
from radiomics.types import Spacing

VERSION = 1

KERNELS = {
    "L3": (1, 2, 1),
    "E3": (-1, 0, 1),
    "S3": (-1, 2, -1),
    "L5": (1, 4, 6, 4, 1),
    "E5": (-1, -2, 0, 2, 1),
    "S5": (-1, 0, 2, 0, -1),
    "W5": (-1, 2, 0, -2, 1),
    "R5": (1, -4, 6, -4, 1),
}
"""Level, edge, spot, wave and ripple; each is divided by its Euclidean norm."""


class Options(BaseModel, frozen=True, extra="forbid"):
    """``kernel`` names one kernel an axis, x first: ``L5E5S5`` in space, ``L5E5`` in slices.

    ``pooling`` makes the response the same in all right-angle rotations. ``energy`` is the distance
    in voxels over which absolute responses are averaged, 0 for the response itself.
    """

    kernel: str
    pooling: Pooling | None = None
    energy: int = Field(0, ge=0)
    boundary: Boundary = "mirror"

    @model_validator(mode="after")
    def _check_names(self) -> Options:
        parts = re.findall("..", self.kernel)
        if "".join(parts) != self.kernel or len(parts) not in (2, 3):
            raise ValueError("kernel names two or three of " + ", ".join(KERNELS))
        for part in parts:
            if part not in KERNELS:
                raise ValueError(f"there is no Laws kernel '{part}'. Known: {', '.join(KERNELS)}")
        return self

    @property
    def dims(self) -> Literal[2, 3]:
        """3 for a name of three kernels, 2 for slices."""
        return 3 if len(self.kernel) == 6 else 2


def column_prefix(options: Options) -> str:
    """Return how the columns of this image begin."""
    energy = f"_energy_{options.energy}" if options.energy else ""
    return f"laws_{options.kernel}" + (f"_{options.pooling}" if options.pooling else "") + energy


def reach(options: Options, spacing: Spacing) -> Spacing:
    """Return how far the filter looks along z, y and x, in voxels."""
    del spacing
    return equal_distances(2 + options.energy, options.dims)


def check(shape: tuple[int, int, int], spacing: Spacing, options: Options) -> None:
    """Refuse an image that the filter does not fit, with a ValueError."""
    del spacing
    widest = max(2 * options.energy + 1, *(int(n) for n in re.findall(r"\d", options.kernel)))
    check_fit([widest] * options.dims, shape[3 - options.dims :])


def apply(array: NDArray[np.generic], spacing: Spacing, options: Options) -> NDArray[np.float64]:
    """Return the response, or its energy."""
    del spacing
    chains: list[Chain] = [()] * (3 - options.dims)
    for part in reversed(re.findall("..", options.kernel)):  # z first
        taps = np.array(KERNELS[part], dtype=np.float64)
        chains.append((centred_line(taps / np.linalg.norm(taps)),))
    values = array.astype(np.float64)
    if options.pooling is None:
        response = convolve_separably(values, chains, options.boundary)
    else:
        response = convolve_and_pool(
            values, chains, options.dims, options.boundary, options.pooling
        )
    if not options.energy:
        return response
    return box_mean(np.abs(response), options.energy, options.dims, options.boundary)
