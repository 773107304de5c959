"""Smoothing by a Gaussian."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from radiomics.kernels.filtering.convolution import (
    Boundary,
    centred_line,
    check_fit,
    convolve_separably,
)
from radiomics.kernels.filtering.gaussian import gaussian_line, kernel_radius
from radiomics.types import Spacing

VERSION = 1


class Options(BaseModel, frozen=True, extra="forbid"):
    """The kernel is sampled, cut off at ``cutoff`` sigma, and its sum is 1."""

    sigma_mm: float = Field(gt=0)
    cutoff: float = Field(4.0, gt=0)
    dims: Literal[2, 3] = 3
    boundary: Boundary = "mirror"


def column_prefix(options: Options) -> str:
    """Return how the columns of this image begin."""
    return f"gaussian_{options.sigma_mm:g}mm_{options.dims}d"


def reach(options: Options, spacing: Spacing) -> Spacing:
    """Return how far the filter looks along z, y and x, in voxels."""
    z, y, x = (kernel_radius(options.sigma_mm / step, options.cutoff) for step in spacing)
    return z if options.dims == 3 else 0, y, x


def check(shape: tuple[int, int, int], spacing: Spacing, options: Options) -> None:
    """Refuse an image that the filter does not fit, with a ValueError."""
    check_fit([2 * int(far) + 1 for far in reach(options, spacing)], shape)


def apply(array: NDArray[np.generic], spacing: Spacing, options: Options) -> NDArray[np.float64]:
    """Return the smoothed image."""
    chains = []
    for axis, step in enumerate(spacing):
        taps = np.array(gaussian_line(options.sigma_mm / step, options.cutoff).taps)
        chains.append(() if axis < 3 - options.dims else (centred_line(taps / taps.sum()),))
    return convolve_separably(array.astype(np.float64), chains, options.boundary)
