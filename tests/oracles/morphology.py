"""Oracle of morphological features (IBSI family HCUG).

Written only from the formulas of FEATURES.md / IBSI arXiv:1612.07003, without any code of the
package under test and without a marching cubes table. Voxels are indexed [z][y][x]; the centre
of voxel (0, 0, 0) lies at 0 mm, points and spacings are in the order (z, y, x).

The surface is made per cell of 2 x 2 x 2 voxel centres: on each of the 6 cell faces every run of
inside corners is cut off by one directed segment between the midpoints of the two grid edges
where the run begins and ends (two diagonal inside corners are two runs, so they stay apart). The
segments of a cell chain to closed loops around the inside corners, with outward normals. A loop
is filled by a fan of triangles around its centroid, so the area of a non-planar loop differs
from that of a table-based triangulation; where all loops are planar the result is exact.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import numpy as np

Grid = Iterable[Iterable[Iterable[float]]]
Index = tuple[int, int, int]
Point = tuple[float, float, float]

CORNERS: list[Index] = [(z, y, x) for z in (0, 1) for y in (0, 1) for x in (0, 1)]


def grid_values(grid: Grid) -> dict[Index, float]:
    """All values of nested lists or of an array by (z, y, x) index."""
    return {
        (z, y, x): float(value)
        for z, plane in enumerate(grid)
        for y, row in enumerate(plane)
        for x, value in enumerate(row)
    }


def inside_voxels(mask: Grid) -> set[Index]:
    """Collect the voxel indices of a mask; any other index is outside (unlimited padding)."""
    return {index for index, value in grid_values(mask).items() if value}


def add(first: Index, second: Index) -> Index:
    """Sum of two index vectors."""
    return (first[0] + second[0], first[1] + second[1], first[2] + second[2])


def in_mm(index: Index, spacing: Point, divisor: int = 1) -> Point:
    """Position in mm of an index vector given in units of 1 / divisor voxel."""
    z, y, x = (step * size / divisor for step, size in zip(index, spacing, strict=True))
    return (z, y, x)


def cell_faces() -> list[list[Index]]:
    """List the corners of the 6 faces of a cell, anticlockwise as seen from outside it."""
    faces = []
    for axis, side in itertools.product(range(3), (0, 1)):
        cycle = []
        for first, second in ((0, 0), (1, 0), (1, 1), (0, 1)):
            corner = [side, side, side]
            corner[(axis + 1) % 3], corner[(axis + 2) % 3] = first, second
            cycle.append((corner[0], corner[1], corner[2]))
        faces.append(cycle if side == 1 else cycle[::-1])
    return faces


FACES = cell_faces()


def face_segments(corners: list[Index], inside: set[Index]) -> list[tuple[Index, Index]]:
    """Segments (in half voxels) that cut off each run of inside corners of one face cycle."""
    segments = []
    for start in range(4):
        if corners[start] not in inside or corners[start - 1] in inside:
            continue
        last = start
        while corners[(last + 1) % 4] in inside:
            last += 1
        entry = add(corners[start - 1], corners[start])
        leave = add(corners[last % 4], corners[(last + 1) % 4])
        segments.append((entry, leave))
    return segments


def cell_loops(origin: Index, inside: set[Index]) -> list[list[Index]]:
    """Chain the segments of one cell to closed loops, in half voxels."""
    follower: dict[Index, Index] = {}
    for face in FACES:
        corners = [add(origin, corner) for corner in face]
        for start, end in face_segments(corners, inside):
            assert start not in follower, "a grid edge may start only one segment of a cell"
            follower[start] = end
    found = []
    while follower:
        first = next(iter(follower))
        loop = [first]
        following = follower.pop(first)
        while following != first:
            loop.append(following)
            following = follower.pop(following)
        found.append(loop)
    return found


def loops(mask: Grid, spacing: Point) -> list[list[Point]]:
    """All loops of the surface of a mask as points in mm, with outward normals."""
    inside = inside_voxels(mask)
    cells = {add(voxel, (-z, -y, -x)) for voxel in inside for z, y, x in CORNERS}
    return [
        [in_mm(point, spacing, divisor=2) for point in loop]
        for cell in sorted(cells)
        for loop in cell_loops(cell, inside)
    ]


def cross(first: Point, second: Point) -> Point:
    """Vector product."""
    return (
        first[1] * second[2] - first[2] * second[1],
        first[2] * second[0] - first[0] * second[2],
        first[0] * second[1] - first[1] * second[0],
    )


def dot(first: Point, second: Point) -> float:
    """Scalar product."""
    return first[0] * second[0] + first[1] * second[1] + first[2] * second[2]


def minus(first: Point, second: Point) -> Point:
    """Difference of two points."""
    return (first[0] - second[0], first[1] - second[1], first[2] - second[2])


def mean_point(points: list[Point]) -> Point:
    """Arithmetic mean of points."""
    z, y, x = (math.fsum(values) / len(points) for values in zip(*points, strict=True))
    return (z, y, x)


def fan(loop: list[Point]) -> list[tuple[Point, Point, Point]]:
    """Triangles from the centroid of a loop to each of its sides."""
    centroid = mean_point(loop)
    return [(centroid, *side) for side in zip(loop, loop[1:] + loop[:1], strict=True)]


def surface(mask: Grid, spacing: Point) -> tuple[float, float]:
    """Area (mm^2) and volume (mm^3) of the surface of a mask; the volume is signed tetrahedra."""
    triangles = [triangle for loop in loops(mask, spacing) for triangle in fan(loop)]
    area = math.fsum(math.hypot(*cross(minus(b, a), minus(c, a))) for a, b, c in triangles) / 2
    volume = math.fsum(dot(a, cross(b, c)) for a, b, c in triangles) / 6
    return area, volume


def maximum_diameter(mask: Grid, spacing: Point) -> float:
    """Largest distance between any two vertices of the surface, nan for an empty mask."""
    vertices = {point for loop in loops(mask, spacing) for point in loop}
    pairs = itertools.combinations(vertices, 2)
    return max((math.dist(first, second) for first, second in pairs), default=math.nan)


def covariance(points: list[Point]) -> list[list[float]]:
    """Covariance matrix with divisor n - 1; all 0 for a single point."""
    centre = mean_point(points)
    offsets = [minus(point, centre) for point in points]
    divisor = max(len(points) - 1, 1)
    return [
        [math.fsum(offset[i] * offset[j] for offset in offsets) / divisor for j in range(3)]
        for i in range(3)
    ]


def axis_lengths(mask: Grid, spacing: Point) -> dict[str, float]:
    """Axis lengths (mm), elongation and flatness from the voxel centres of a non-empty mask."""
    centres = [in_mm(voxel, spacing) for voxel in sorted(inside_voxels(mask))]
    eigenvalues = sorted(float(value) for value in np.linalg.eigvalsh(covariance(centres)))
    least, minor, major = (4 * math.sqrt(max(value, 0.0)) for value in eigenvalues)
    return {
        "major_axis_length": major,
        "minor_axis_length": minor,
        "least_axis_length": least,
        "elongation": minor / major if major > 0 else math.nan,
        "flatness": least / major if major > 0 else math.nan,
    }


def centre_of_mass_shift(
    image: Grid, intensity_mask: Grid, morphological_mask: Grid, spacing: Point
) -> float:
    """Distance (mm) of the geometric from the intensity-weighted centre, nan for a sum of 0."""
    values = grid_values(image)
    voxels = sorted(inside_voxels(intensity_mask))
    total = math.fsum(values[voxel] for voxel in voxels)
    if total == 0:
        return math.nan
    weighted = [
        math.fsum(values[voxel] * voxel[axis] * spacing[axis] for voxel in voxels) / total
        for axis in range(3)
    ]
    centres = [in_mm(voxel, spacing) for voxel in sorted(inside_voxels(morphological_mask))]
    return math.dist(mean_point(centres), weighted)


def from_volume_and_area(volume: float, area: float) -> dict[str, float]:
    """Features that follow from mesh volume and area, both above 0."""
    sphere_area = (36 * math.pi * volume**2) ** (1 / 3)
    return {
        "surface_to_volume_ratio": area / volume,
        "compactness_1": volume / (math.sqrt(math.pi) * area**1.5),
        "compactness_2": 36 * math.pi * volume**2 / area**3,
        "spherical_disproportion": area / sphere_area,
        "sphericity": sphere_area / area,
        "asphericity": (area**3 / (36 * math.pi * volume**2)) ** (1 / 3) - 1,
    }
