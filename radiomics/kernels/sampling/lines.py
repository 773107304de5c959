"""Interpolation along the first axis of an array, all lines at once.

A line's samples turn into coefficients of a spline by solving one tridiagonal system for all lines
of an axis, and each result takes one to four of them. Rows of the array are contiguous, so that
the processor works on many lines at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.compiling import kernel

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """How samples become results along one axis.

    ``taps`` (M, T) are the places of the coefficients that a result is made of, ``shares`` (M, T)
    their weights. ``lower``, ``upper`` and ``inverse``, (N,) each, are the factors of the system
    that the coefficients solve, empty where samples are used as they are.
    """

    taps: NDArray[np.int64]
    shares: Floats
    lower: Floats
    upper: Floats
    inverse: Floats


def tridiagonal_factors(
    below: Floats, diagonal: Floats, above: Floats
) -> tuple[Floats, Floats, Floats]:
    """Factor a tridiagonal system, (N,) each, without exchange of rows.

    Returns
    -------
    lower, upper, inverse : (N,) such that ``y[i] = x[i] - lower[i] y[i - 1]`` and then
        ``c[i] = (y[i] - upper[i] c[i + 1]) inverse[i]`` solve it
    """
    lower, pivots = np.zeros(len(diagonal)), np.array(diagonal)
    for i in range(1, len(diagonal)):
        lower[i] = below[i] / pivots[i - 1]
        pivots[i] -= lower[i] * above[i - 1]
    return lower, np.array(above), 1 / pivots


def interpolate_along(values: Floats, axis: Axis) -> Floats:
    """Interpolate along the first axis; ``values`` (N, ...) is overwritten.

    Returns
    -------
    (M, ...) float64
    """
    lines = values.reshape(len(values), -1)
    found: Floats = _interpolate_lines(
        lines, axis.taps, axis.shares, axis.lower, axis.upper, axis.inverse
    )
    return found.reshape(len(axis.taps), *values.shape[1:])


@kernel(error_model="numpy")
def _interpolate_lines(
    lines: Any, taps: Any, shares: Any, lower: Any, upper: Any, inverse: Any
) -> Any:
    count, width = lines.shape
    if len(lower):
        for i in range(1, count):
            factor, row, before = lower[i], lines[i], lines[i - 1]
            for k in range(width):
                row[k] -= factor * before[k]
        row, factor = lines[count - 1], inverse[count - 1]
        for k in range(width):
            row[k] *= factor
        for i in range(count - 2, -1, -1):
            row, after, share, factor = lines[i], lines[i + 1], upper[i], inverse[i]
            for k in range(width):
                row[k] = (row[k] - share * after[k]) * factor
    found = np.zeros((len(taps), width))
    for m in range(len(taps)):
        for t in range(taps.shape[1]):
            row, share = lines[taps[m, t]], shares[m, t]
            if share != 0:
                for k in range(width):
                    found[m, k] += share * row[k]
    return found
