"""Squared intensities, scaled: the largest keeps its value."""

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
    return "square"


def reach(options: Options, spacing: Spacing) -> Spacing:
    """Return how far the filter looks along z, y and x, in voxels."""
    del options, spacing
    return 0, 0, 0


def apply(array: NDArray[np.generic], spacing: Spacing, options: Options) -> NDArray[np.float64]:
    """Return ``x^2 / max|x|``."""
    del spacing, options
    values = array.astype(np.float64)
    return values**2 / (np.abs(values).max() or 1.0)
