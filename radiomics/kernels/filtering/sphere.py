"""Points on a sphere around each voxel, and how strong a pattern on them is in each degree [1]_.

The points are the corners of an icosahedron whose faces were divided. A pattern is a function on
the sphere, 1 at points as bright as the voxel or brighter and 0 at others. Its part of one degree
of spherical harmonics keeps its size when the pattern turns.

References
----------
.. [1] Banerjee, Moelker, Niessen, van Walsum, 3D LBP-based rotationally invariant region
   description, ACCV 2012 Workshops, LNCS 7728 (2013) 26-37, doi:10.1007/978-3-642-37410-4_3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import eval_legendre

from radiomics.kernels.compiling import kernel
from radiomics.kernels.cropping import Box

Floats = NDArray[np.float64]
Order = Literal["linear", "cubic"]
SMALL = 1e-12
"""Share of the largest singular value below which a direction counts as none."""


def icosphere(subdivisions: int) -> Floats:
    """Return the corners of an icosahedron, its faces divided in four so many times.

    Returns
    -------
    (V, 3) float64 unit vectors, ``V = 10 * 4**subdivisions + 2``

    >>> len(icosphere(0)), len(icosphere(1))
    (12, 42)
    """
    golden = (1 + 5**0.5) / 2
    short, long = 1 / np.hypot(1, golden), golden / np.hypot(1, golden)
    signs = list(product((-1.0, 1.0), repeat=2))
    corners = [np.roll((s * short, t * long, 0.0), turn) for turn in range(3) for s, t in signs]
    side = 2 * short * 1.01  # of a face; other distances are longer
    faces = [
        face
        for face in combinations(range(12), 3)
        if all(np.linalg.norm(corners[a] - corners[b]) < side for a, b in combinations(face, 2))
    ]
    for _ in range(subdivisions):
        between: dict[tuple[int, int], int] = {}
        divided = []
        for a, b, c in faces:
            middles = []
            for one, two in ((a, b), (b, c), (c, a)):
                edge = (min(one, two), max(one, two))
                if edge not in between:
                    middle = corners[one] + corners[two]
                    between[edge] = len(corners)
                    corners.append(middle / np.linalg.norm(middle))
                middles.append(between[edge])
            ab, bc, ca = middles
            divided += [(a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca)]
        faces = divided
    return np.array(corners)


def degree_matrices(here: Floats, there: Floats, count: int) -> list[Floats]:
    """Return, for each degree ``n``, what of a pattern to sum squares of.

    The part of degree n of a pattern s, sampled at the same points, is ``K s`` with
    ``K[v, w] = (2n + 1) / (4 pi) P_n(here[v] . there[w])`` (addition theorem of spherical
    harmonics, P_n of Legendre). Its norm is that of ``A s`` with the A returned, which has no more
    rows than the rank of K, ``2n + 1`` at most.

    Parameters
    ----------
    here, there : (V, 3) float64 unit vectors
    count : how many degrees, from 0 on
    """
    cosines = np.clip(here @ there.T, -1, 1)
    found = []
    for n in range(count):
        kernel = (2 * n + 1) / (4 * np.pi) * eval_legendre(n, cosines)
        _, sizes, rows = np.linalg.svd(kernel)
        kept = sizes > SMALL * sizes[0]
        found.append(sizes[kept, None] * rows[kept])
    return found


@dataclass(frozen=True, eq=False)
class Taps:
    """Weights of the voxels around each of V points: those of point v from ``first[v]`` on."""

    first: NDArray[np.int64]
    shifts: NDArray[np.int64]
    weights: Floats


def point_taps(points: Floats, order: Order) -> Taps:
    """Return the weights of linear interpolation, or of cubic B-splines' coefficients.

    Parameters
    ----------
    points : (V, 3) float64 offsets from a voxel along z, y and x, in voxels
    """
    first, shifts, weights = [0], [], []
    for point in points:
        lines = [_axis_taps(float(offset), order) for offset in point]
        for parts in product(*lines):
            shifts.append([shift for shift, _ in parts])
            weights.append(math.prod(weight for _, weight in parts))
        first.append(len(weights))
    return Taps(np.array(first), np.array(shifts), np.array(weights))


def _axis_taps(offset: float, order: Order) -> list[tuple[int, float]]:
    below = int(np.floor(offset))
    t = offset - below
    if order == "linear":
        ends = [(below, 1 - t), (below + 1, t)]
    else:
        ends = [
            (below - 1, (1 - t) ** 3 / 6),
            (below, (4 - 6 * t**2 + 3 * t**3) / 6),
            (below + 1, (1 + 3 * t + 3 * t**2 - 3 * t**3) / 6),
            (below + 2, t**3 / 6),
        ]
    return [(shift, weight) for shift, weight in ends if weight]


def sample_points(padded: Floats, width: int, box: Box, around: Taps) -> Floats:
    """Return what lies at the points around each voxel of a box.

    Parameters
    ----------
    padded : (D + 2 width, H + 2 width, W + 2 width) float64: values, or the coefficients of splines
    box : which voxels, counted without the padding

    Returns
    -------
    (V, d, h, w) float64
    """
    starts = np.array([part.start + width for part in box])
    sizes = [part.stop - part.start for part in box]
    found = np.empty((len(around.first) - 1, *sizes))
    _sample_points(padded, starts, around.first, around.shifts, around.weights, found)
    return found


@kernel(fastmath={"contract"})
def _sample_points(
    padded: Any, starts: Any, first: Any, shifts: Any, weights: Any, found: Any
) -> None:
    count, depth, height, width = found.shape
    for z in range(depth):
        for point in range(count):
            for y in range(height):
                into = found[point, z, y]
                into[:] = 0.0
                for tap in range(first[point], first[point + 1]):
                    at = starts[2] + shifts[tap, 2]
                    line = padded[starts[0] + z + shifts[tap, 0], starts[1] + y + shifts[tap, 1]]
                    row, weight = line[at : at + width], weights[tap]
                    for x in range(width):
                        into[x] += weight * row[x]


def degree_norms(bright: NDArray[np.bool_], parts: Sequence[Floats]) -> Floats:
    """Return the norms of patterns' parts, ``(len(parts), N)``, for ``(N, V)`` bool patterns.

    The part of degree 0 is how many points are bright. All are rounded to 12 decimals: patterns of
    equal strength stay equal to the last bit, in whatever order a matrix product adds up.
    """
    pattern = bright.astype(np.float64)
    whole = pattern.sum(axis=1) * abs(parts[0][0, 0])
    others = [np.linalg.norm(pattern @ rows.T, axis=1) for rows in parts[1:]]
    return np.array([whole, *others]).round(12)


def kurtosis(values: NDArray[Any], of_flat: float) -> NDArray[Any]:
    """Return the excess kurtosis of each row of ``(N, V)``; that of a flat row is to be given.

    Computed in the values' own precision if they are real numbers.
    """
    means = values.mean(axis=1, keepdims=True)
    squares = (values - means) ** 2
    second, fourth = squares.mean(axis=1), (squares**2).mean(axis=1)
    flat = second <= (np.finfo(second.dtype).resolution * means[:, 0]) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(flat, of_flat, fourth / second**2 - 3))
