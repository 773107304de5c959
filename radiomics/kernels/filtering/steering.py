"""Local directions by the structure tensor, and Riesz transforms turned into them [1]_.

The tensor of a voxel is the mean, weighted by a Gaussian around it, of the products of the first
order Riesz components of an image. Its eigenvectors, the largest eigenvalue's first, are the axes
of the voxel. They have no sign by themselves: the first two point to where the component along them
is not negative at the voxel, the third makes the frame right-handed (so does the second in slices).
All of this turns with the image.

References
----------
.. [1] Unser, Van De Ville, Wavelet steerability and the higher-order Riesz transform, IEEE
   Transactions on Image Processing 19 (2010) 636-652, doi:10.1109/TIP.2009.2038832.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.compiling import kernel
from radiomics.kernels.filtering.convolution import Floats, centred_line, convolve_separably
from radiomics.kernels.filtering.gaussian import gaussian_line
from radiomics.kernels.threads import side_by_side

CUTOFF = 4.0
"""Half-width of the Gaussian, in standard deviations."""
PART = 2**16
"""Voxels whose axes are found at a time."""


def component_orders(total: int, dims: int) -> list[tuple[int, ...]]:
    """Return the orders of all Riesz components of a total order.

    >>> component_orders(2, 2)
    [(0, 2), (1, 1), (2, 0)]
    """
    return [n for n in product(range(total + 1), repeat=dims) if sum(n) == total]


def local_axes(first: Sequence[Floats], sigmas: Sequence[float]) -> Floats:
    """Return the axes of each voxel.

    Parameters
    ----------
    first : (D, H, W) float64, the first-order components along z, y and x (y and x in slices)
    sigmas : of the Gaussian along z, y and x, in voxels

    Returns
    -------
    (6, D, H, W) float64, the first axis and the second by their parts along z, y and x; in slices
    (3, D, H, W), of which the first two hold the first axis along y and x

    Raises
    ------
    ValueError
        When the Gaussian is wider than the image.
    """
    dims = len(first)
    chains: list[Any] = [()] * (3 - dims)
    chains += [(centred_line(gaussian_line(sigma, CUTOFF).taps),) for sigma in sigmas[3 - dims :]]
    pairs = [(a, b) for a in range(dims) for b in range(a, dims)]
    found = np.empty((len(pairs), *first[0].shape))
    for into, (a, b) in zip(found, pairs, strict=True):
        into[:] = convolve_separably(first[a] * first[b], chains, "periodic")
    lines = [array.reshape(-1) for array in first]
    flat = found.reshape(len(pairs), -1)
    turn = _axes_in_space if dims == 3 else _axes_in_slices
    starts = range(0, flat.shape[1], PART)
    parts = [slice(start, start + PART) for start in starts]
    side_by_side([partial(turn, flat[:, part], *(line[part] for line in lines)) for part in parts])
    return found


@kernel
def _axes_in_slices(tensors: Any, along_y: Any, along_x: Any) -> None:
    """Replace yy, yx and xx by the axis of the largest eigenvalue along y and x, and 0."""
    for i in range(tensors.shape[1]):
        yy, yx, xx = tensors[0, i], tensors[1, i], tensors[2, i]
        angle = 0.5 * math.atan2(2 * yx, xx - yy)
        y, x = math.sin(angle), math.cos(angle)
        if along_y[i] * y + along_x[i] * x < 0:
            y, x = -y, -x
        tensors[0, i], tensors[1, i], tensors[2, i] = y, x, 0.0


@kernel
def _axes_in_space(tensors: Any, along_z: Any, along_y: Any, along_x: Any) -> None:
    """Replace zz, zy, zx, yy, yx and xx by the axes of the two largest eigenvalues."""
    matrix, vectors = np.empty((3, 3)), np.empty((3, 3))
    first = np.empty(3)
    for i in range(tensors.shape[1]):
        place = 0
        for a in range(3):
            first[a] = (along_z[i], along_y[i], along_x[i])[a]
            for b in range(a, 3):
                matrix[a, b] = matrix[b, a] = tensors[place, i]
                place += 1
        _diagonalise(matrix, vectors)
        one = 0
        for a in range(1, 3):
            if matrix[a, a] > matrix[one, one]:
                one = a
        two = 1 if one == 0 else 0
        for a in range(3):
            if a != one and matrix[a, a] > matrix[two, two]:
                two = a
        for axis, column in enumerate((one, two)):
            sign = 0.0
            for a in range(3):
                sign += first[a] * vectors[a, column]
            for a in range(3):
                tensors[3 * axis + a, i] = vectors[a, column] if sign >= 0 else -vectors[a, column]


@kernel
def _diagonalise(matrix: Any, vectors: Any) -> None:
    """Turn a symmetric matrix of three rows until it is diagonal, by Jacobi's rotations."""
    vectors[:] = 0.0
    for a in range(3):
        vectors[a, a] = 1.0
    for _ in range(30):
        size = abs(matrix[0, 0]) + abs(matrix[1, 1]) + abs(matrix[2, 2])
        if abs(matrix[0, 1]) + abs(matrix[0, 2]) + abs(matrix[1, 2]) <= 1e-17 * size:
            break
        for a in range(2):
            for b in range(a + 1, 3):
                if matrix[a, b] == 0.0:
                    continue
                half = (matrix[b, b] - matrix[a, a]) / (2 * matrix[a, b])
                t = 1 / (abs(half) + math.sqrt(half * half + 1))
                t = t if half >= 0 else -t
                c = 1 / math.sqrt(t * t + 1)
                s = t * c
                for k in range(3):
                    left, right = matrix[k, a], matrix[k, b]
                    matrix[k, a], matrix[k, b] = c * left - s * right, s * left + c * right
                for k in range(3):
                    left, right = matrix[a, k], matrix[b, k]
                    matrix[a, k], matrix[b, k] = c * left - s * right, s * left + c * right
                for k in range(3):
                    left, right = vectors[k, a], vectors[k, b]
                    vectors[k, a], vectors[k, b] = c * left - s * right, s * left + c * right


def add_component(
    total: Floats, component: Floats, axes: Floats, powers: NDArray[np.int64], factors: Floats
) -> None:
    """Add to a steered response what one component contributes.

    Parameters
    ----------
    total, component : (D, H, W) float64
    axes : what :func:`local_axes` gives
    powers, factors : of the component, from :func:`steering_terms`
    """
    lines = total.reshape(-1), component.reshape(-1), axes.reshape(len(axes), -1)
    calls = []
    for start in range(0, lines[0].size, PART):
        part = slice(start, start + PART)
        given = (lines[0][part], lines[1][part], lines[2][:, part])
        calls.append(partial(_add_component, *given, powers, factors))
    side_by_side(calls)


@kernel
def _add_component(total: Any, component: Any, axes: Any, powers: Any, factors: Any) -> None:
    dims = powers.shape[1]
    frame = np.empty((dims, dims))
    for i in range(len(total)):
        for a in range(dims):
            frame[0, a] = axes[a, i]
        if dims == 2:  # y and x of an axis a quarter turn on
            frame[1, 0], frame[1, 1] = frame[0, 1], -frame[0, 0]
        else:
            for a in range(3):
                frame[1, a] = axes[3 + a, i]
            for a in range(3):  # along z, y and x: the order turns the sign of the product
                b, c = (a + 1) % 3, (a + 2) % 3
                frame[2, a] = frame[0, c] * frame[1, b] - frame[0, b] * frame[1, c]
        weight = 0.0
        for term in range(len(factors)):
            value = factors[term]
            for axis in range(dims):
                for a in range(dims):
                    for _ in range(powers[term, axis, a]):
                        value *= frame[axis, a]
            weight += value
        total[i] += weight * component[i]


def steering_terms(
    order: Sequence[int], component: Sequence[int]
) -> tuple[NDArray[np.int64], Floats]:
    """Return how a component enters the response of an order along a voxel's axes.

    With ``e[i]`` the axes and ``(e[i] . w)**order[i]`` multiplied out, the factor of the component
    is a sum over all matrices ``m`` of powers with rows that add up to ``order`` and columns to
    ``component``: ``sqrt(prod(component!) / prod(order!)) prod(order!) / prod(m!)`` times the
    product of ``e[i][a]**m[i, a]``.

    Returns
    -------
    (T, dims, dims) int64 powers and (T,) float64 factors
    """
    scale = math.sqrt(_factorial_product(component) * _factorial_product(order))
    found = list(_tables(list(order), list(component)))
    factors = [
        scale / _factorial_product([power for row in table for power in row]) for table in found
    ]
    return np.array(found, dtype=np.int64), np.array(factors)


def _factorial_product(numbers: Sequence[int]) -> int:
    return math.prod(math.factorial(number) for number in numbers)


def _tables(rows: list[int], columns: list[int]) -> Iterator[list[tuple[int, ...]]]:
    """Yield tables of whole numbers with these sums of rows and columns."""
    if not rows:
        yield []
        return
    for first in component_orders(rows[0], len(columns)):
        rest = [column - part for column, part in zip(columns, first, strict=True)]
        if min(rest) >= 0:
            for others in _tables(rows[1:], rest):
                yield [first, *others]
