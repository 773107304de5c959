"""Filters that are defined by their spectrum: Simoncelli's wavelets and Riesz transforms.

Responses are the real part of what the filter gives: real transforms suffice when the filter's
spectrum is replaced by its part that is symmetric on the grid of the Fourier transform.
Source of all conventions: IBSI 2, arXiv:2006.05470.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Complex = NDArray[np.complex128]
Floats = NDArray[np.float64]
Spectrum = Callable[[Sequence[Floats]], NDArray[Any]]
"""From angular frequencies along z, y and x, to be broadcast, to the filter's spectrum."""


def frequencies(count: int) -> Floats:
    """Return IBSI's angular frequencies of an axis: from -pi to pi, both included, zero first."""
    if count == 1:
        return np.zeros(1)
    return np.fft.ifftshift(np.pi * (2 * np.arange(count) / (count - 1) - 1))


def respond(array: Floats, spectrum: Spectrum, dims: int) -> Floats:
    """Return the real part of an image filtered by a spectrum, periodic, slice by slice in 2D.

    Parameters
    ----------
    array : (D, H, W) float64
    """
    over = (0, 1, 2)[3 - dims :]
    shape = [array.shape[axis] for axis in over]
    plus, minus = [], []
    for place, count in enumerate(shape):
        w = frequencies(count)
        opposite = w[-np.arange(count) % count]
        if place == dims - 1:  # the half that a real transform keeps
            w, opposite = w[: count // 2 + 1], opposite[: count // 2 + 1]
        form = [1] * dims
        form[place] = len(w)
        plus.append(w.reshape(form))
        minus.append(opposite.reshape(form))
    symmetric = (spectrum(plus) + np.conj(spectrum(minus))) / 2
    transform = fft.rfftn(array, axes=over, workers=-1)
    transform *= symmetric
    return np.asarray(fft.irfftn(transform, shape, axes=over, workers=-1))


def simoncelli(level: int) -> Spectrum:
    """Return the band-pass filter of a level of Simoncelli's wavelet, 1 for the finest."""

    def spectrum(w: Sequence[Floats]) -> Floats:
        radius = 2.0 ** (level - 1) * np.sqrt(sum(axis**2 for axis in w))
        inside = (radius > np.pi / 4) & (radius <= np.pi)
        phase = np.log2(2 * np.where(inside, radius, 1.0) / np.pi)
        return np.where(inside, np.cos(np.pi / 2 * phase), 0.0)

    return spectrum


def riesz(order: Sequence[int]) -> Spectrum:
    """Return the Riesz transform of an order along z, y and x (y and x in two dimensions)."""
    total = sum(order)
    factor = (-1j) ** total * math.sqrt(
        math.factorial(total) / math.prod(math.factorial(part) for part in order)
    )

    def spectrum(w: Sequence[Floats]) -> Complex:
        radius = np.sqrt(sum(axis**2 for axis in w))
        powers = math.prod(
            (axis**part for axis, part in zip(w, order, strict=True)), start=np.ones(1)
        )
        return np.asarray(factor * powers / np.where(radius > 0, radius, 1.0) ** total)

    return spectrum


def product(*spectra: Spectrum) -> Spectrum:
    """Return the filter that applies several, one after the other."""
    return lambda w: math.prod((spectrum(w) for spectrum in spectra[1:]), start=spectra[0](w))
