"""Filters that are defined by their spectrum: Simoncelli's wavelets and Riesz transforms.

Responses are the real part of what the filter gives: real transforms suffice when the filter's
spectrum is replaced by its part that is symmetric on the grid of the Fourier transform.
Source of all conventions: IBSI 2, arXiv:2006.05470.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from radiomics.kernels.threads import side_by_side, workers

Floats = NDArray[np.float64]
Precision = Literal["float64", "float32"]
"""Of the numbers that Fourier transforms compute with."""
PART = 2**16
"""Values of a spectrum that are made at a time: that bounds the memory."""


@dataclass(frozen=True)
class Spectrum:
    """A filter's spectrum: a factor, real or imaginary, and real values.

    ``values`` takes angular frequencies along z, y and x (y and x), to be broadcast.
    """

    factor: complex
    values: Callable[[Sequence[Floats]], Floats]


def angular_frequencies(count: int) -> Floats:
    """Return IBSI's angular frequencies of an axis: from -pi to pi, both included, zero first."""
    if count == 1:
        return np.zeros(1)
    return np.fft.ifftshift(np.pi * (2 * np.arange(count) / (count - 1) - 1))


def _transform_frequencies(shape: Sequence[int]) -> tuple[list[Floats], list[Floats]]:
    """Return the frequencies of a real transform along each axis, and those opposite to them."""
    plus, minus = [], []
    for place, count in enumerate(shape):
        w = angular_frequencies(count)
        opposite = w[-np.arange(count) % count]
        if place == len(shape) - 1:  # the half that a real transform keeps
            w, opposite = w[: count // 2 + 1], opposite[: count // 2 + 1]
        form = [1] * len(shape)
        form[place] = len(w)
        plus.append(w.reshape(form))
        minus.append(opposite.reshape(form))
    return plus, minus


def half_transform(
    array: NDArray[np.generic], dims: int, precision: Precision = "float64"
) -> NDArray[Any]:
    """Return the half of an image's Fourier transform that the other follows from.

    Parameters
    ----------
    array : (D, H, W) numbers

    Returns
    -------
    (D, H, W // 2 + 1) complex128, or complex64 for float32, of each slice where dims is 2
    """
    values = array.astype(precision, copy=False)
    return np.asarray(fft.rfftn(values, axes=(0, 1, 2)[3 - dims :], workers=workers()))


def apply_spectrum(
    transformed: NDArray[Any], spectrum: Spectrum, width: int, dims: int, overwrite: bool = False
) -> NDArray[Any]:
    """Return the real part of an image filtered by a spectrum, periodic, slice by slice in 2D.

    Parameters
    ----------
    transformed : what :func:`half_transform` gives; ``overwrite`` says that nobody else needs it
    width : how long the image's rows are

    Returns
    -------
    (D, H, W) float64, or float32 for a transform of complex64
    """
    over = (0, 1, 2)[3 - dims :]
    shape = [*transformed.shape[3 - dims : 2], width]
    plus, minus = _transform_frequencies(shape)
    real = spectrum.factor.imag == 0
    result = transformed if overwrite else np.empty_like(transformed)
    many = max(1, PART // max(1, transformed[0].size))

    def multiply(start: int) -> None:
        part = slice(start, start + many)
        cut = part if dims == 3 else slice(None)  # slices share one spectrum
        near, opposite = ([grid[0][cut], *grid[1:]] for grid in (plus, minus))
        one, other = spectrum.values(near), spectrum.values(opposite)
        symmetric = one + other if real else one - other  # with the conjugate of the opposite
        symmetric *= (spectrum.factor.real if real else spectrum.factor.imag) / 2
        symmetric = symmetric.astype(result.real.dtype, copy=False)
        np.multiply(transformed[part], symmetric, out=result[part])
        if not real:
            result[part] *= 1j

    side_by_side([partial(multiply, start) for start in range(0, len(transformed), many)])
    count = workers()
    return np.asarray(fft.irfftn(result, shape, axes=over, overwrite_x=True, workers=count))


def check_level(level: int, shape: Sequence[int]) -> None:
    """Demand that the band of a level of Simoncelli's wavelet holds a frequency of an image.

    Raises
    ------
    ValueError
        When all waves of that band are longer than the image.
    """
    if 2**level >= max(shape) - 1:
        raise ValueError(
            f"level {level} is too deep for an image of {' x '.join(map(str, shape))} voxels: its "
            f"waves are longer than {2**level} voxels; choose a lower level"
        )


def simoncelli_spectrum(level: int) -> Spectrum:
    """Return the band-pass filter of a level of Simoncelli's wavelet, 1 for the finest."""

    def values(w: Sequence[Floats]) -> Floats:
        square = 4.0 ** (level - 1) * _squared_lengths(w)
        inside = (square > (np.pi / 4) ** 2) & (square <= np.pi**2)
        phase = np.log2(np.where(inside, square, 1.0) * (2 / np.pi) ** 2)
        return np.where(inside, np.cos(np.pi / 4 * phase), 0.0)

    return Spectrum(1.0 + 0j, values)


def riesz_spectrum(order: Sequence[int]) -> Spectrum:
    """Return the Riesz transform of an order along z, y and x (y and x in two dimensions)."""
    total = sum(order)
    ways = math.factorial(total) / math.prod(math.factorial(part) for part in order)

    def values(w: Sequence[Floats]) -> Floats:
        square = _squared_lengths(w)
        length = (1 / np.sqrt(np.where(square > 0, square, 1.0))) ** total
        used = [axis**part for axis, part in zip(w, order, strict=True) if part]
        return math.prod(used, start=length)

    return Spectrum((-1j) ** total * math.sqrt(ways), values)


def _squared_lengths(w: Sequence[Floats]) -> Floats:
    return sum((axis**2 for axis in w), start=np.zeros(1))


def spectrum_product(*spectra: Spectrum) -> Spectrum:
    """Return the filter that applies several, one after the other."""
    factor = math.prod((spectrum.factor for spectrum in spectra), start=1.0 + 0j)
    return Spectrum(factor, lambda w: reduce(np.multiply, (s.values(w) for s in spectra)))
