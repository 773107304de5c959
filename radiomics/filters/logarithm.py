"""Logarithms with the intensities' signs, scaled: the largest keeps its value."""

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
    return "logarithm"


def reach(options: Options, spacing: Spacing) -> Spacing:
    """Return how far the filter looks along z, y and x, in voxels."""
    del options, spacing
    return 0, 0, 0


def apply(array: NDArray[np.generic], spacing: Spacing, options: Options) -> NDArray[np.float64]:
    """Return ``c sign(x) log(|x| + 1)``, ``c = max|x| / log(max|x| + 1)``."""
    del spacing, options
    values = array.astype(np.float64)
    largest = float(np.abs(values).max())
    factor = largest / np.log1p(largest) if largest else 1.0
    return np.asarray(factor * np.sign(values) * np.log1p(np.abs(values)))
