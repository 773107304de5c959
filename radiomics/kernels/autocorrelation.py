"""Sums over all pairs of voxels, weighted by their distance, by Fourier transform."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Floats = NDArray[np.float64]


def distance_sums(z: Floats, mask: NDArray[np.bool_], spacing: tuple[float, ...]) -> Floats:
    r"""Return three sums over ordered pairs of different voxels inside, weighted by 1 / distance.

    With :math:`w_{kl} = 1 / |r_k - r_l|` these are :math:`\sum w_{kl}`, :math:`\sum w_{kl} z_k z_l`
    and :math:`\sum w_{kl} z_k^2`. By Parseval's theorem each is a product of spectra, exact but for
    rounding, in :math:`O(N \log N)`.

    Parameters
    ----------
    z : (D, H, W), 0 outside the mask; best with a mean of 0 and a spread of 1
    mask : (D, H, W) bool
    spacing : distances of voxel centres along the axes
    """
    shape = [fft.next_fast_len(2 * n - 1, real=True) for n in mask.shape]
    lines = [
        (np.minimum(np.arange(n), n - np.arange(n)) * step) ** 2
        for n, step in zip(shape, spacing, strict=True)
    ]
    squared = lines[0][:, None, None] + lines[1][:, None] + lines[2]
    squared[0, 0, 0] = np.inf  # a voxel is no pair with itself
    weights = fft.rfftn(1 / np.sqrt(squared), workers=-1).real
    counted = np.full(weights.shape[2], 2.0)  # the half that a real spectrum leaves out
    counted[0] = 1.0
    if shape[2] % 2 == 0:
        counted[-1] = 1.0
    weights *= counted
    inside = fft.rfftn(mask.astype(np.float64), shape, workers=-1)
    values = fft.rfftn(z, shape, workers=-1)
    squares = fft.rfftn(z * z, shape, workers=-1)
    size = float(np.prod(shape))
    sums = [
        np.vdot(inside, weights * inside).real,
        np.vdot(values, weights * values).real,
        np.vdot(squares, weights * inside).real,
    ]
    return np.array(sums) / size
