"""Oracle of the morphological features that need pairs of voxels or enclosing bodies.

Written only from FEATURES.md (section "Morphology") / IBSI arXiv:1612.07003, without any code of
the package under test. Points and spacings are in mm in the order (z, y, x); mesh vertices, mesh
volume and mesh area are arguments. What is 0/0, or divided by 0, is nan.

FEATURES.md names no search for the oriented minimum bounding box, so the box of least volume over
all orientations is meant here. It always has two adjacent faces that each contain an edge of the
convex hull (O'Rourke 1985): one face is turned about every hull edge in small steps and through
every position at which it is parallel to a second edge, the best step is refined, and the face
beside it is tried along every edge. This is not the (larger) box along the principal axes or the
box with one face on a face of the hull.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from scipy.spatial import ConvexHull

from tests.oracles.morphology import axis_lengths

Features = dict[str, float]
Spacing = tuple[float, float, float]
Box = tuple[float, float, list[float]]  # volume, area, sides


def points_and_values(
    image: np.ndarray, mask: np.ndarray, spacing: Spacing
) -> tuple[list[list[float]], list[float]]:
    """Centres in mm and intensities of the voxels of a mask."""
    voxels = [tuple(int(k) for k in index) for index in np.argwhere(mask)]
    points = [[k * size for k, size in zip(v, spacing, strict=True)] for v in voxels]
    return points, [float(image[v]) for v in voxels]


def weighted_sums(
    image: np.ndarray, mask: np.ndarray, spacing: Spacing
) -> tuple[int, float, float, float, float]:
    """N, sum of w, of w times products of deviations, of w times squared differences, of squares.

    The sums over pairs are over ordered pairs, with the reciprocal distance as the weight w.
    """
    points, values = points_and_values(image, mask, spacing)
    mean = math.fsum(values) / len(values)
    weights, products, differences = [], [], []
    for k, l in itertools.combinations(range(len(values)), 2):  # noqa: E741
        weight = 2 / math.dist(points[k], points[l])
        weights.append(weight)
        products.append(weight * (values[k] - mean) * (values[l] - mean))
        differences.append(weight * (values[k] - values[l]) ** 2)
    equal = min(values) == max(values)
    squares = 0.0 if equal else math.fsum((value - mean) ** 2 for value in values)
    return len(values), math.fsum(weights), math.fsum(products), math.fsum(differences), squares


def moran(image: np.ndarray, mask: np.ndarray, spacing: Spacing) -> float:
    """Moran's I index over all pairs of voxels, nan if all intensities are equal."""
    n, weights, products, _, squares = weighted_sums(image, mask, spacing)
    return n / weights * products / squares if squares > 0 else math.nan


def geary(image: np.ndarray, mask: np.ndarray, spacing: Spacing) -> float:
    """Geary's C measure over all pairs of voxels, nan if all intensities are equal."""
    n, weights, _, differences, squares = weighted_sums(image, mask, spacing)
    return (n - 1) / (2 * weights) * differences / squares if squares > 0 else math.nan


def integrated_intensity(image: np.ndarray, intensity_mask: np.ndarray, volume: float) -> float:
    """Mesh volume (of the morphological mask) times the mean over the intensity mask."""
    _, values = points_and_values(image, intensity_mask, (1.0, 1.0, 1.0))
    return volume * math.fsum(values) / len(values)


def centre_of_mass_shift(
    image: np.ndarray, intensity_mask: np.ndarray, morphological_mask: np.ndarray, spacing: Spacing
) -> float:
    """Distance (mm) of the geometric from the intensity-weighted centre, nan for a sum of 0."""
    centres, _ = points_and_values(image, morphological_mask, spacing)
    points, values = points_and_values(image, intensity_mask, spacing)
    total = math.fsum(values)
    if total == 0:
        return math.nan
    shift = []
    for axis in range(3):
        geometric = math.fsum(centre[axis] for centre in centres) / len(centres)
        weighted = math.fsum(x * r[axis] for x, r in zip(values, points, strict=True)) / total
        shift.append(geometric - weighted)
    return math.hypot(*shift)


def densities(body: str, mesh: tuple[float, float], enclosing: tuple[float, float]) -> Features:
    """Mesh volume and area divided by those of an enclosing body, nan where that is 0."""
    volume, area = (m / e if e > 0 else math.nan for m, e in zip(mesh, enclosing, strict=True))
    return {f"volume_density_{body}": volume, f"area_density_{body}": area}


def box_of(sides: list[float]) -> Box:
    """Volume, area and sides of a box."""
    a, b, c = sides
    return a * b * c, 2 * (a * b + b * c + c * a), sides


def axis_aligned_box(vertices: np.ndarray, volume: float, area: float) -> Features:
    """Densities of the mesh in the axis-aligned bounding box of its vertices."""
    box = box_of([float(max(column) - min(column)) for column in vertices.T])
    return densities("axis_aligned_bounding_box", (volume, area), box[:2])


def hull_edges(vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices of the convex hull and the different directions of its edges."""
    hull = ConvexHull(vertices)
    directions = {}
    for simplex in hull.simplices:
        for first, second in itertools.combinations(vertices[simplex], 2):
            edge = (second - first) / np.linalg.norm(second - first)
            key = tuple(np.round(edge, 9) + 0.0)
            directions[max(key, tuple(-k for k in key))] = edge
    return vertices[hull.vertices], np.array(list(directions.values()))


def smallest_box_on(normal: np.ndarray, points: np.ndarray, edges: np.ndarray) -> Box:
    """Smallest box of which one face has this normal and another is parallel to one of the edges.

    Of boxes with the same volume this is the one with the smaller area.
    """
    along = edges - np.outer(edges @ normal, normal)
    lengths = np.linalg.norm(along, axis=1)
    along = along[lengths > 1e-6] / lengths[lengths > 1e-6, None]
    across = np.cross(normal, along)
    height = float(np.ptp(points @ normal))
    sides = zip(np.ptp(points @ along.T, axis=0), np.ptp(points @ across.T, axis=0), strict=True)
    return smaller([box_of([height, float(a), float(b)]) for a, b in sides])


def smaller(boxes: list[Box]) -> Box:
    """Box of least volume; of several (to 9 digits) the one of least area."""
    least = min(box[0] for box in boxes)
    return min((box for box in boxes if box[0] <= least * (1 + 1e-9)), key=lambda box: box[1])


def smallest_box(vertices: np.ndarray, steps: int = 90) -> Box:
    """Box of least volume around points, to about 1e-6 (see the module)."""
    points, edges = hull_edges(np.asarray(vertices, float))
    boxes = []
    for edge in edges:
        first = np.linalg.svd(edge[None])[2][1]  # any unit vector across the edge
        second = np.cross(edge, first)

        def turned(angle: float, u: np.ndarray = first, v: np.ndarray = second) -> Box:
            return smallest_box_on(math.cos(angle) * u + math.sin(angle) * v, points, edges)

        angles = [k * math.pi / steps for k in range(steps)]
        for other in edges:
            normal = np.cross(edge, other)
            if np.linalg.norm(normal) > 1e-6:
                angles.append(math.atan2(float(normal @ second), float(normal @ first)) % math.pi)
        tried = {angle: turned(angle) for angle in angles}
        best = min(tried, key=lambda angle: tried[angle][0])
        low, high = best - math.pi / steps, best + math.pi / steps
        for _ in range(40):  # ternary search
            left, right = low + (high - low) / 3, high - (high - low) / 3
            low, high = (low, right) if turned(left)[0] < turned(right)[0] else (left, high)
        boxes += [*tried.values(), turned((low + high) / 2)]
    return smaller(boxes)


def oriented_box(vertices: np.ndarray, volume: float, area: float, steps: int = 90) -> Features:
    """Densities of the mesh in the oriented bounding box of least volume of its vertices."""
    box = smallest_box(vertices, steps)
    return densities("oriented_minimum_bounding_box", (volume, area), box[:2])


def ellipsoid(semi_axes: list[float]) -> tuple[float, float]:
    """Volume and area of an ellipsoid, the area by the series of FEATURES.md up to degree 20.

    Each term (alpha beta)^v P_v is made as a polynomial of alpha^2 and beta^2 (by the recurrence of
    the Legendre polynomials), which is also the limit where alpha * beta is 0. Not the geometric
    area: that has 1 - c^2 / b^2 in the place of 1 - b^2 / a^2 and misses the reference values.
    """
    c, b, a = sorted(semi_axes)
    if a == 0:
        return 0.0, 0.0
    alpha2, beta2 = 1 - (b / a) ** 2, 1 - (c / a) ** 2
    before, term = 1.0, (alpha2 + beta2) / 2
    series = [1.0]
    for v in range(1, 21):
        series.append(term / (1 - 4 * v**2))
        following = (2 * v + 1) * (alpha2 + beta2) / 2 * term - v * alpha2 * beta2 * before
        before, term = term, following / (v + 1)
    return 4 / 3 * math.pi * a * b * c, 4 * math.pi * a * b * math.fsum(series)


def enclosing_ellipsoid(
    morphological_mask: np.ndarray, spacing: Spacing, volume: float, area: float
) -> Features:
    """Densities of the mesh in the ellipsoid with the principal semi-axes of the voxel centres.

    A semi-axis below 1e-6 of the major one is a rounded 0 (the centres lie in a plane or line).
    """
    lengths = axis_lengths(morphological_mask, spacing)
    axes = [lengths[f"{name}_axis_length"] / 2 for name in ("major", "minor", "least")]
    axes = [axis if axis > 1e-6 * axes[0] else 0.0 for axis in axes]
    return densities("approximate_enclosing_ellipsoid", (volume, area), ellipsoid(axes))


def smallest_ellipsoid(vertices: np.ndarray, tolerance: float = 1e-7) -> list[float]:
    """Semi-axes of the minimum volume enclosing ellipsoid, by Khachiyan with away steps.

    The steps end when every Mahalanobis term is within the relative tolerance of its optimum, and
    the ellipsoid is then scaled to enclose all points: its volume is between 1 and
    (1 + tolerance)^1.5 times the least one.
    """
    points = np.asarray(vertices, float)
    points = points[ConvexHull(points).vertices]
    n = len(points)
    lifted = np.column_stack([points, np.ones(n)])
    weights = np.full(n, 1 / n)
    while True:
        terms = np.einsum(
            "ij,ij->i", lifted @ np.linalg.inv(lifted.T @ (weights[:, None] * lifted)), lifted
        )
        far = int(np.argmax(terms))
        near = min(np.flatnonzero(weights > 0), key=lambda k: terms[k])
        if max(terms[far] / 4 - 1, 1 - terms[near] / 4) <= tolerance:
            break
        if terms[far] / 4 - 1 >= 1 - terms[near] / 4:
            k, step = far, (terms[far] - 4) / (4 * (terms[far] - 1))
        else:
            k, all_of_it = near, -weights[near] / (1 - weights[near])
            drop = terms[near] <= 1
            step = all_of_it if drop else max(all_of_it, (terms[k] - 4) / (4 * (terms[k] - 1)))
        weights = (1 - step) * weights
        weights[k] = max(weights[k] + step, 0.0)
    offsets = points - weights @ points
    shape = offsets.T @ (weights[:, None] * offsets)
    scale = max(float(offset @ np.linalg.solve(shape, offset)) for offset in offsets)
    return [math.sqrt(value * scale) for value in np.linalg.eigvalsh(shape)]


def minimum_ellipsoid(
    vertices: np.ndarray, volume: float, area: float, tolerance: float = 1e-7
) -> Features:
    """Densities of the mesh in the minimum volume enclosing ellipsoid of its vertices."""
    axes = smallest_ellipsoid(vertices, tolerance)
    body = "minimum_volume_enclosing_ellipsoid"
    return densities(body, (volume, area), ellipsoid(axes))


def convex_hull(vertices: np.ndarray, volume: float, area: float) -> Features:
    """Densities of the mesh in the convex hull of its vertices."""
    hull = ConvexHull(np.asarray(vertices, float))
    return densities("convex_hull", (volume, area), (float(hull.volume), float(hull.area)))
