"""Sampled Gaussians and their Laplacian (IBSI 2, arXiv:2006.05470)."""

from __future__ import annotations

import math

import numpy as np

from radiomics.kernels.filtering.convolution import (
    Boundary,
    Floats,
    Line,
    centred_line,
    convolve_along,
)
from radiomics.types import Spacing


def kernel_radius(sigma: float, cutoff: float) -> int:
    """Return how many voxels a kernel reaches to either side: ``floor(cutoff sigma + 1/2)``."""
    return math.floor(cutoff * sigma + 0.5)


def gaussian_line(sigma: float, cutoff: float) -> Line:
    """Return a sampled Gaussian, not renormalised; ``sigma`` in voxels."""
    k = np.arange(-kernel_radius(sigma, cutoff), kernel_radius(sigma, cutoff) + 1)
    return centred_line(np.exp(-(k**2) / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi)))


def second_derivative_line(sigma: float, cutoff: float) -> Line:
    """Return the second derivative of a sampled Gaussian; ``sigma`` in voxels."""
    k = np.arange(-kernel_radius(sigma, cutoff), kernel_radius(sigma, cutoff) + 1)
    taps = np.array(gaussian_line(sigma, cutoff).taps)
    return centred_line(-taps * (1 - k**2 / sigma**2) / sigma**2)


def laplacian(
    array: Floats, spacing: Spacing, sigma: float, cutoff: float, dims: int, boundary: Boundary
) -> Floats:
    """Return the Laplacian of Gaussian: a sum of as many separable kernels as there are axes.

    ``sigma`` is in mm. Second derivatives along all axes are per square of the same length, the
    side of a cube, or in two dimensions of a square, as large as a voxel.
    """
    free = (0, 1, 2)[3 - dims :]
    side = math.prod(spacing[axis] for axis in free) ** (1 / dims)
    sigmas = [sigma / step for step in spacing]
    weights = [(side / step) ** 2 for step in spacing]
    # over the axes so far: no derivative, and the sum of those with one
    smooth, curved = array, None
    for axis in free:
        line = gaussian_line(sigmas[axis], cutoff)
        bent = (
            convolve_along(smooth, axis, second_derivative_line(sigmas[axis], cutoff), boundary)
            * weights[axis]
        )
        curved = bent if curved is None else convolve_along(curved, axis, line, boundary) + bent
        if axis != free[-1]:
            smooth = convolve_along(smooth, axis, line, boundary)
    assert curved is not None
    return curved
