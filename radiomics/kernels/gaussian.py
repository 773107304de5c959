"""Sampled Gaussians and their Laplacian (IBSI 2, arXiv:2006.05470)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from radiomics.kernels.convolution import Boundary, Floats, Line, along, odd


def radius(sigma: float, cutoff: float) -> int:
    """Return how many voxels a kernel reaches to either side: ``floor(cutoff sigma + 1/2)``."""
    return math.floor(cutoff * sigma + 0.5)


def gaussian(sigma: float, cutoff: float) -> Line:
    """Return a sampled Gaussian, not renormalised; ``sigma`` in voxels."""
    k = np.arange(-radius(sigma, cutoff), radius(sigma, cutoff) + 1)
    return odd(np.exp(-(k**2) / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi)))


def curvature(sigma: float, cutoff: float) -> Line:
    """Return the second derivative of a sampled Gaussian; ``sigma`` in voxels."""
    k = np.arange(-radius(sigma, cutoff), radius(sigma, cutoff) + 1)
    taps = np.array(gaussian(sigma, cutoff).taps)
    return odd(-taps * (1 - k**2 / sigma**2) / sigma**2)


def laplacian(
    array: Floats,
    sigmas: Sequence[float],
    weights: Sequence[float],
    cutoff: float,
    dims: int,
    boundary: Boundary,
) -> Floats:
    """Return the Laplacian of Gaussian: a sum of as many separable kernels as there are axes.

    Parameters
    ----------
    sigmas : along z, y and x, in voxels
    weights : of the second derivatives along z, y and x
    """
    free = (0, 1, 2)[3 - dims :]
    smooth, curved = (
        array,
        None,
    )  # over the axes so far: no derivative, and the sum of those with one
    for axis in free:
        line = gaussian(sigmas[axis], cutoff)
        bent = along(smooth, axis, curvature(sigmas[axis], cutoff), boundary) * weights[axis]
        curved = bent if curved is None else along(curved, axis, line, boundary) + bent
        if axis != free[-1]:
            smooth = along(smooth, axis, line, boundary)
    assert curved is not None
    return curved
