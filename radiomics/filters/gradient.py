"""The magnitude of the gradient, per mm, from central differences; edges are repeated."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from radiomics.types import Spacing

VERSION = 1


class Options(BaseModel, frozen=True, extra="forbid"):
    """Nothing to choose."""


def column_prefix(options: Options) -> str:
    """Return how the columns of this image begin."""
    del options
    return "gradient"


def reach(options: Options, spacing: Spacing) -> Spacing:
    """Return how far the filter looks along z, y and x, in voxels."""
    del options, spacing
    return 1, 1, 1


def apply(array: NDArray[np.generic], spacing: Spacing, options: Options) -> NDArray[np.float64]:
    """Return the length of the gradient."""
    del options
    padded = np.pad(array.astype(np.float64), 1, mode="edge")
    total = np.zeros(array.shape)
    for axis, step in enumerate(spacing):
        inner = [slice(1, -1)] * 3
        inner[axis] = slice(2, None)
        ahead = padded[tuple(inner)]
        inner[axis] = slice(None, -2)
        total += ((ahead - padded[tuple(inner)]) / (2 * step)) ** 2
    return np.sqrt(total)
