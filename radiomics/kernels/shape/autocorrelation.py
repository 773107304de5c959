"""Sums over all pairs of voxels, weighted by their distance, by Fourier transform."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from radiomics.kernels.threads import side_by_side

Floats = NDArray[np.float64]
PART = 2**16
"""Values of a spectrum that one thread makes at a time: that bounds the memory."""


def distance_sums(z: Floats, mask: NDArray[np.bool_], spacing: tuple[float, ...]) -> Floats:
    r"""Return three sums over ordered pairs of different voxels inside, weighted by 1 / distance.

    With :math:`w_{kl} = 1 / |r_k - r_l|` these are :math:`\sum w_{kl}`, :math:`\sum w_{kl} z_k z_l`
    and :math:`\sum w_{kl} z_k^2`. By Parseval's theorem each is a product of spectra, exact but for
    rounding, in :math:`O(N \log N)`. Spectra are made and summed plane by plane; the one of the
    weights, which are even along each axis, is a cosine transform of an eighth of them.

    Parameters
    ----------
    z : (D, H, W), 0 outside the mask; best with a mean of 0 and a spread of 1
    mask : (D, H, W) bool
    spacing : distances of voxel centres along the axes
    """
    shape = [2 * fft.next_fast_len(n, real=True) for n in mask.shape]  # pairs meet no second time
    weights = _weight_spectrum(shape, spacing)
    along_w = side_by_side(
        [
            lambda: fft.rfft(mask.astype(np.float64), shape[2]),
            lambda: fft.rfft(z, shape[2]),
            lambda: fft.rfft(z * z, shape[2]),
        ]
    )
    planes = [np.moveaxis(one, 2, 0) for one in along_w]  # (W', D, H)
    many = max(1, PART // (shape[0] * shape[1]))
    sums = np.zeros((-(-len(planes[0]) // many), 3))

    def add(number: int) -> None:
        part = slice(number * many, (number + 1) * many)
        inside, values, squares = (_plane_spectra(one[part], shape) for one in planes)
        weight = (
            weights[part]
            .take(_mirrored_frequencies(shape[0]), axis=1)
            .take(_mirrored_frequencies(shape[1]), axis=2)
        )
        weighted = weight * inside
        sums[number, 0] = _sum_of_products(inside, weighted)
        sums[number, 1] = _sum_of_products(values, weight * values)
        sums[number, 2] = _sum_of_products(squares, weighted)

    side_by_side([partial(add, number) for number in range(len(sums))])
    return np.asarray(sums.sum(axis=0) / float(np.prod(shape)))


def _sum_of_products(one: NDArray[np.complex128], two: NDArray[np.complex128]) -> float:
    """Return the real part of the sum of products with the conjugate.

    Not by BLAS: how it adds depends on how many threads it has at the moment.
    """
    return float((one.view(np.float64) * two.view(np.float64)).sum())


def _weight_spectrum(shape: list[int], spacing: tuple[float, ...]) -> Floats:
    """Return the spectrum (W', D', H') of 1 / distance where no frequency is negative.

    Frequencies along W count twice where a real spectrum leaves their negatives out.
    """
    lines = [(np.arange(n // 2 + 1) * step) ** 2 for n, step in zip(shape, spacing, strict=True)]
    squared = lines[2][:, None, None] + lines[0][:, None] + lines[1]
    squared[0, 0, 0] = np.inf  # a voxel is no pair with itself
    weights: Floats = fft.dctn(1 / np.sqrt(squared), type=1, overwrite_x=True)
    weights[1:-1] *= 2.0
    return weights


def _mirrored_frequencies(count: int) -> NDArray[np.int64]:
    """Return for each frequency of an axis the one of the same size that is not negative."""
    k = np.arange(count)
    return np.minimum(k, count - k)


def _plane_spectra(planes: NDArray[np.complex128], shape: list[int]) -> NDArray[np.complex128]:
    """Transform planes (P, D, H) along both axes, zeros added behind each."""
    along_h = fft.fft(planes, shape[1], axis=2)
    return np.asarray(fft.fft(along_h, shape[0], axis=1, overwrite_x=True))
