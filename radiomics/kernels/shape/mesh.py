"""Marching cubes as a table: surface area and enclosed volume of each of the 256 cell patterns.

The surface of a binary mask at level one half crosses every cell edge between an inside and an
outside voxel centre in its middle. So the piece of surface in a cell depends on the cell's pattern
alone, and area and volume of the whole mesh are sums over counted patterns.

The pieces are those of Lorensen and Cline [1]_ in the numbering of Bourke [2]_. Only patterns in
which the last corner lies outside are listed; they keep inside corners on a face's diagonal apart.
Every other pattern is turned by a symmetry of the cube until its last corner lies outside, which
makes the surface watertight (exchanging inside and outside instead would leave holes), and the
results of all such symmetries are averaged, so that no axis and no direction is preferred: flips
and right-angle rotations of a mask change neither area nor volume.

References
----------
.. [1] Lorensen, Cline, Marching cubes: a high resolution 3D surface construction algorithm,
   SIGGRAPH 1987.
.. [2] Bourke, Polygonising a scalar field, 1994.
"""

from __future__ import annotations

from functools import cache, lru_cache
from itertools import permutations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.compiling import kernel
from radiomics.types import Spacing

Floats = NDArray[np.float64]

# Corners (x, y, z) and edges (pairs of corners) of a cell in Bourke's numbering.
CORNERS = np.array(
    [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1)]
)
EDGES = np.array(
    [
        *((0, 1), (1, 2), (2, 3), (3, 0)),
        *((4, 5), (5, 6), (6, 7), (7, 4)),
        *((corner, corner + 4) for corner in range(4)),
    ]
)
# Triangles of patterns 0 to 127 (bit k: corner k inside) as edges, three digits a triangle, "-" for
# none; digits a and b are edges 10 and 11. Seen from outside the corners run clockwise in x, y, z.
TRIANGLES = """
    - 083 019 183981 12a 08312a 92a029 2832a8a98 3b2 0b28b0 19023b 1b219b98b 3a1ba3 0a108a8ba
    3903b9ba9 98aa8b 478 430734 019847 419471731 12a847 34730412a 92a902847 2a9297273794
    8473b2 b47b24204 90184723b 47b94b9b2921 3a13ba784 1ba14b1047b4 47890b9bab03 47b4b99ba 954
    954083 054150 854835315 12a954 30812a495 52a542402 2a5325354348 95423b 0b208b495
    05401523b 21525828b485 a3ba13954 4950818a18ba 54050b5bab03 54858aa8b 978579 930953573
    078017157 153357 978957a12 a12950530573 802825857a52 2a5253357 7957893b2 95797292027b
    23b018178157 b21b17715 958857a13a3b 5705097b010aba0 ba0b03a50807570 ba57b5 a65 0835a6
    9015a6 1831985a6 165261 165126308 965906026 598582526328 23ba65 b08b20a65 01923b5a6
    5a61929b298b 63b653513 08b0b50515b6 3b6036065059 65969bb98 5a6478 43047365a 1905a6847
    a65197173794 612651478 125526304347 847905065026 739794329596269 3b2784a65 5a647242027b
    01947823b5a6 9219b294b7b45a6 8473b53515b6 51b5b610b7b404b 059065036b63847 65969b4797b9
    a4964a 4a649a083 a01a60640 83181686461a 149124264 308129249264 024426 832824426 a49a64b23
    08228b49a4a6 3b201606461a 64161a48121b8b1 964936913b63 8b1810b61914641 3b6360064 648b68
    7a678a89a 0730a709a67a a671a7178180 a67a71173 126168189867 269291679093739 780706602
    732672 23ba68a89867 20727b09767a9a7 1801781a767a23b b21b17a61671 896867916b63136 091b67
    7807063b0b60 7b6
""".split()
FACE_FRACTION = (0.0, 1 / 8, 1 / 2, 7 / 8, 1.0)
"""Inside part of a face with 0 to 4 inside corners; two on a diagonal have 2/8."""


def cell_counts(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count the 256 patterns of inside and outside in 2 x 2 x 2 neighbourhoods.

    The mask is surrounded by outside. Bit ``4 dz + 2 dy + dx`` of a pattern belongs to the corner
    ``(dz, dy, dx)`` of the cell.

    Parameters
    ----------
    mask : (D, H, W) bool

    Returns
    -------
    (256,) int64, which sums to ``(D + 1) (H + 1) (W + 1)``
    """
    counts: NDArray[np.int64] = _cell_counts(np.pad(mask, 1).view(np.uint8))
    return counts


@kernel
def _cell_counts(padded: Any) -> Any:
    depth, height, width = padded.shape
    counts = np.zeros(256, dtype=np.int64)
    for z in range(depth - 1):
        for y in range(height - 1):
            # bits 0, 2, 4, 6 hold the low-x corners; stepping along x shifts the high ones down
            low = (
                padded[z, y, 0]
                | padded[z, y + 1, 0] << 2
                | padded[z + 1, y, 0] << 4
                | padded[z + 1, y + 1, 0] << 6
            )
            for x in range(1, width):
                high = (
                    padded[z, y, x]
                    | padded[z, y + 1, x] << 2
                    | padded[z + 1, y, x] << 4
                    | padded[z + 1, y + 1, x] << 6
                )
                counts[low | high << 1] += 1
                low = high
    return counts


@lru_cache(maxsize=64)  # the scans of a cohort have few spacings
def cell_measures(spacing: Spacing) -> tuple[Floats, Floats]:
    """Return area and enclosed volume of each cell pattern.

    Bit ``4 dz + 2 dy + dx`` of a pattern belongs to corner ``(dz, dy, dx)``, as in
    :func:`cell_counts`.

    Parameters
    ----------
    spacing : (dz, dy, dx) in mm

    Returns
    -------
    (256,) areas in mm^2, (256,) volumes in mm^3
    """
    patterns, triangles, weights, caps = _weighted_triangles()
    a, b, c = np.moveaxis(triangles * spacing, 1, 0)  # (T, 3) each
    areas = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    cones = np.einsum("ti,ti->t", a, np.cross(b, c)) / 6
    volumes = np.bincount(patterns, cones * weights, 256) + caps * float(np.prod(spacing)) / 3
    summed = np.asarray(np.bincount(patterns, areas * weights, 256), np.float64)
    summed.flags.writeable = volumes.flags.writeable = False
    return summed, volumes


@cache
def _weighted_triangles() -> tuple[NDArray[np.intp], Floats, Floats, Floats]:
    """Return pattern, corners (z, y, x) and weight of all triangles, and the caps per pattern."""
    middles = CORNERS[EDGES].mean(axis=1)  # (12, 3)
    listed = [np.array([int(digit, 12) for digit in word.strip("-")], int) for word in TRIANGLES]
    bits = CORNERS @ (1, 2, 4)
    patterns, triangles = [], []
    for axes, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        turned = (CORNERS[:, axes] - 0.5) * signs + 0.5
        moved = (middles[:, axes] - 0.5) * signs + 0.5
        handed = int(np.linalg.det(np.eye(3)[list(axes)] * signs))
        target = turned.astype(int) @ (1, 2, 4)  # corner k of the listed pattern goes to this bit
        for number, edges in enumerate(listed):
            pattern = sum(1 << int(target[k]) for k in range(8) if number >> k & 1)
            corners = moved[edges].reshape(-1, 3, 3)[:, ::handed, ::-1]
            patterns.append(np.full(len(corners), pattern))
            triangles.append(corners)
    ways = np.zeros(256)
    for pattern in range(255):
        ways[pattern] = sum(6 for k in range(8) if not pattern >> int(bits[k]) & 1)
    number_of = np.concatenate(patterns)
    caps = np.array([_cap_area(pattern) for pattern in range(256)])
    return number_of.astype(np.intp), np.concatenate(triangles), 1 / ways[number_of], caps


def _cap_area(pattern: int) -> float:
    """Return the inside part of the faces at x = 1, y = 1 and z = 1, in faces.

    They close a cell's piece of surface; those through the origin add nothing to a volume that is
    measured in cones from there.
    """
    inside = [bool(pattern >> bit & 1) for bit in range(8)]
    total = 0.0
    for stride in (1, 2, 4):
        face = [inside[bit] for bit in range(8) if bit & stride]
        diagonal = sum(face) == 2 and face[0] == face[3]
        total += 1 / 4 if diagonal else FACE_FRACTION[sum(face)]
    return total
