"""The mean of a cube, or of a square in each slice (IBSI code S60F)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, field_validator

from radiomics.kernels.filtering.convolution import Boundary, box_mean, check_fit, equal_distances
from radiomics.types import Spacing

VERSION = 1


class Options(BaseModel, frozen=True, extra="forbid"):
    """``support`` is the side of the cube in voxels, an odd number."""

    support: int = Field(gt=0)
    dims: Literal[2, 3] = 3
    boundary: Boundary = "mirror"

    @field_validator("support")
    @classmethod
    def _check_odd(cls, support: int) -> int:
        if support % 2 == 0:
            raise ValueError("a support is an odd number of voxels, so that it has a middle")
        return support


def column_prefix(options: Options) -> str:
    """Return how the columns of this image begin."""
    return f"mean_{options.support}_{options.dims}d"


def reach(options: Options, spacing: Spacing) -> Spacing:
    """Return how far the filter looks along z, y and x, in voxels."""
    del spacing
    return equal_distances(options.support // 2, options.dims)


def check(shape: tuple[int, int, int], spacing: Spacing, options: Options) -> None:
    """Refuse an image that the filter does not fit, with a ValueError."""
    del spacing
    check_fit([options.support] * options.dims, shape[3 - options.dims :])


def apply(array: NDArray[np.generic], spacing: Spacing, options: Options) -> NDArray[np.float64]:
    """Return the mean around each voxel."""
    del spacing
    values = array.astype(np.float64)
    return box_mean(values, options.support // 2, options.dims, options.boundary)
