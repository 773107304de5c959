"""Boxes and ellipsoids around a cloud of points."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]

AFRESH = 50
"""Steps of that search after which rounding errors are cleared."""
MORE_POINTS = 8
"""Points that join the search for an enclosing ellipsoid at a time."""
SERIES = 20
"""Last term of the series for the area of an ellipsoid, by IBSI."""
TOLERANCE = 1e-5
"""Relative excess of the enclosing ellipsoid's volume at which the search ends, per dimension."""


def box_measures(sides: Floats) -> tuple[float, float]:
    """Return volume and area of a box from its three sides."""
    a, b, c = (float(side) for side in sides)
    return a * b * c, 2 * (a * b + b * c + a * c)


def ellipsoid_measures(axes: Floats) -> tuple[float, float]:
    """Return volume and area of an ellipsoid from its semi-axes, the largest first.

    The area is IBSI's series up to its 20th term, written without Legendre polynomials so that
    spheroids and spheres need no case of their own: each term, ``(a b)^v`` times a polynomial in
    ``(a^2 + b^2) / (2 a b)``, follows from the two before.
    """
    a, b, c = (float(axis) for axis in axes)
    volume = 4 / 3 * np.pi * a * b * c
    if a <= 0:
        return 0.0, 0.0
    alpha2, beta2 = 1 - (b / a) ** 2, 1 - (c / a) ** 2
    half, product = (alpha2 + beta2) / 2, alpha2 * beta2
    before, term, total = 0.0, 1.0, 0.0
    for v in range(SERIES + 1):
        total += term / (1 - 4 * v**2)
        before, term = term, ((2 * v + 1) * half * term - v * product * before) / (v + 1)
    return volume, 4 * np.pi * a * b * total


def smallest_box(
    points: Floats, simplices: NDArray[np.int32], neighbours: NDArray[np.int32]
) -> Floats:
    """Return the sides of the smallest box with a face on one of the planes of a convex hull.

    Parameters
    ----------
    points : (N, 3)
    simplices, neighbours : (M, 3), the triangles of their hull as indices of points, and the
        triangle across from each corner, as :class:`scipy.spatial.ConvexHull` gives them

    Notes
    -----
    For each face the smallest rectangle around the projected hull is found exactly: one of its
    sides lies on an edge. A box that touches the hull with edges only may be a little smaller.
    """
    triangles = points[simplices]
    crossed = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    doubled = np.linalg.norm(crossed, axis=1)
    whole = doubled > 1e-9 * doubled.max()
    faces, areas = crossed[whole] / doubled[whole, None], doubled[whole] / 2
    upright = faces * np.where(faces @ [1.0, 1e-3, 1e-6] < 0, -1.0, 1.0)[:, None]
    normals, which = np.unique(upright.round(9), axis=0, return_inverse=True)
    areas = np.bincount(which.ravel(), areas)
    # by Cauchy a hull's shadow along n has half the area of all faces times |cosine|: no box with a
    # face across n is smaller than its height times that, so most normals need no closer look
    shadow = _shadows(np.ascontiguousarray(normals.T), areas)
    height = _heights(normals, np.ascontiguousarray(points[np.unique(simplices)].T))
    order = np.argsort(height * shadow)
    centre = triangles.reshape(-1, 3).mean(axis=0)
    outward = (
        crossed
        * np.where(((triangles[:, 0] - centre) * crossed).sum(axis=1) < 0, -1.0, 1.0)[:, None]
    )
    bound = (height * shadow)[order]
    hull = (points, simplices, neighbours, outward)
    sides: Floats = _smallest_box(hull, normals[order], height[order], bound)
    return sides


@njit(nogil=True, cache=True, fastmath=True)  # type: ignore[untyped-decorator]
def _shadows(normals: Any, areas: Any) -> Any:
    """Return the area of a hull's shadow along each normal, (3, M) normals with a face's area."""
    zs, ys, xs = normals[0], normals[1], normals[2]
    shadows = np.empty(len(areas))
    for m in range(len(areas)):
        z, y, x, total = zs[m], ys[m], xs[m], 0.0
        for k in range(len(areas)):
            total += areas[k] * abs(z * zs[k] + y * ys[k] + x * xs[k])
        shadows[m] = total / 2
    return shadows


@njit(nogil=True, cache=True, fastmath=True)  # type: ignore[untyped-decorator]
def _heights(normals: Any, corners: Any) -> Any:
    """Return how far corners, (3, N), reach along each normal, (M, 3)."""
    zs, ys, xs = corners[0], corners[1], corners[2]
    heights = np.empty(len(normals))
    for m in range(len(normals)):
        z, y, x = normals[m]
        low = high = z * zs[0] + y * ys[0] + x * xs[0]
        for k in range(len(zs)):
            place = z * zs[k] + y * ys[k] + x * xs[k]
            low, high = min(low, place), max(high, place)
        heights[m] = high - low
    return heights


@njit(nogil=True, cache=True, fastmath=True)  # type: ignore[untyped-decorator]
def largest_distance(points: Any) -> float:
    """Return the largest distance between two points, (3, N), in O(N^2) without a table."""
    zs, ys, xs = points[0], points[1], points[2]
    largest = 0.0
    for m in range(len(zs)):
        z, y, x = zs[m], ys[m], xs[m]
        for k in range(m):
            dz, dy, dx = z - zs[k], y - ys[k], x - xs[k]
            largest = max(largest, dz * dz + dy * dy + dx * dx)
    return float(np.sqrt(largest))


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _smallest_box(hull: Any, normals: Any, heights: Any, bound: Any) -> Any:
    points, simplices, neighbours, outward = hull
    best, smallest, sides = 1e300, np.inf, np.zeros(3)
    x, y = np.empty(len(points)), np.empty(len(points))
    ring = np.empty(2 * len(points) + 2, dtype=np.int64)
    edge = np.empty(len(points), dtype=np.int64)
    seen = np.full(len(points), -1, dtype=np.int64)
    lit = np.empty(len(simplices), dtype=np.bool_)
    for m in range(len(normals)):
        if bound[m] > best * (1 + 1e-6):
            break
        n = normals[m]
        least = np.argmin(np.abs(n))
        u = np.zeros(3)
        u[least] = 1.0
        u -= n[least] * n
        u /= np.sqrt((u * u).sum())
        w = np.array(
            [n[1] * u[2] - n[2] * u[1], n[2] * u[0] - n[0] * u[2], n[0] * u[1] - n[1] * u[0]]
        )
        tall = heights[m]
        count = _silhouette(simplices, neighbours, outward, n, m, lit, seen, edge)
        for k in range(count):
            v = points[edge[k]]
            x[k] = v[0] * u[0] + v[1] * u[1] + v[2] * u[2]
            y[k] = v[0] * w[0] + v[1] * w[1] + v[2] * w[2]
        # a direction in which no two points of a grid tie
        order = np.argsort(x[:count] + 1e-6 * y[:count])
        size = _outline(x, y, order, ring)
        best, smallest = _least_rectangle(x, y, ring[:size], tall, best, smallest, sides)
    return sides


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _least_rectangle(
    x: Any, y: Any, ring: Any, tall: float, best: float, smallest: float, sides: Any
) -> Any:
    """Try a box on each edge of an outline; keep its sides where it is smaller than the best."""
    size = len(ring)
    for k in range(size):
        here, there = ring[k], ring[(k + 1) % size]
        dx, dy = x[there] - x[here], y[there] - y[here]
        length = np.sqrt(dx * dx + dy * dy)
        if length < 1e-12:
            continue
        dx, dy = dx / length, dy / length
        left, right, far = np.inf, -np.inf, 0.0
        for j in range(size):
            px, py = x[ring[j]] - x[here], y[ring[j]] - y[here]
            along = px * dx + py * dy
            left, right = min(left, along), max(right, along)
            far = max(far, abs(py * dx - px * dy))
        wide = right - left
        volume, area = tall * wide * far, tall * wide + tall * far + wide * far
        equal = abs(volume - best) <= 1e-9 * best  # then the one with the smaller surface
        if volume < best * (1 - 1e-9) or (equal and area < smallest):
            best, smallest = volume, area
            sides[0], sides[1], sides[2] = tall, wide, far
    return best, smallest


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _silhouette(
    simplices: Any, neighbours: Any, outward: Any, n: Any, mark: int, lit: Any, seen: Any, edge: Any
) -> int:
    """Put the points between a face that looks along n and one that does not into ``edge``."""
    for f in range(len(simplices)):
        o = outward[f]
        lit[f] = o[0] * n[0] + o[1] * n[1] + o[2] * n[2] > 0
    count = 0
    for f in range(len(simplices)):
        for c in range(3):
            if lit[f] and not lit[neighbours[f, c]]:
                for d in range(3):
                    p = simplices[f, d]
                    if d != c and seen[p] != mark:
                        seen[p] = mark
                        edge[count] = p
                        count += 1
    return count


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _outline(x: Any, y: Any, order: Any, ring: Any) -> int:
    """Put the convex outline of points into ``ring``, return its size (monotone chains)."""
    size = 0
    for half in range(2):
        start = size
        for k in range(len(order)):
            p = order[k] if half == 0 else order[len(order) - 1 - k]
            while size - start >= 2:
                a, b = ring[size - 2], ring[size - 1]
                turn = (x[b] - x[a]) * (y[p] - y[a]) - (y[b] - y[a]) * (x[p] - x[a])
                if turn > 0:
                    break
                size -= 1
            ring[size] = p
            size += 1
        size -= 1  # the last point begins the other half
    return size


def enclosing_ellipsoid(vertices: Floats) -> Floats:
    """Return the semi-axes, largest first, of the smallest ellipsoid around points.

    Khachiyan's ascent with steps away from points that do not matter (Todd and Yildirim, 2007),
    until the volume is within some 1e-5 of the smallest, then scaled to hold all points.

    Parameters
    ----------
    vertices : (N, 3), not all in one plane
    """
    centre, scale = vertices.mean(axis=0), float(np.abs(vertices).max() or 1.0)
    q = np.column_stack([(vertices - centre) / scale, np.ones(len(vertices))])
    spread = np.linalg.cholesky(q.T @ q / len(q))
    q = np.ascontiguousarray(np.linalg.solve(spread, q.T).T)  # well conditioned
    chosen = np.array(sorted(set(_spread(q[:, :-1]))))
    while True:  # few points touch the ellipsoid: the search is among those and the farthest others
        weights = _khachiyan(q[chosen], TOLERANCE)
        chosen, weights = chosen[weights > 0], weights[weights > 0]
        moment = q[chosen].T @ (q[chosen] * weights[:, None])
        far = (q @ np.linalg.inv(moment) * q).sum(axis=1)
        beyond = np.flatnonzero(far > 4 * (1 + 2 * TOLERANCE))
        if not len(np.setdiff1d(beyond, chosen)):
            break
        farthest = beyond[np.argsort(-far[beyond], kind="stable")[:MORE_POINTS]]
        chosen = np.union1d(chosen, farthest)
    points = (vertices - centre) / scale
    middle = weights @ points[chosen]
    shape = (points[chosen] - middle).T @ ((points[chosen] - middle) * weights[:, None])
    inverse = np.linalg.inv(shape)
    reach = float(np.einsum("ni,ij,nj->n", points - middle, inverse, points - middle).max())
    return np.asarray(np.sqrt(np.linalg.eigvalsh(shape)[::-1] * reach) * scale, dtype=np.float64)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _khachiyan(q: Any, tolerance: float) -> Any:
    """Return weights of points (N, 4) whose moment matrix bounds the smallest ellipsoid.

    Each step moves weight to the farthest point or from the nearest one; inverse and distances
    follow by the rule of Sherman and Morrison, and are computed afresh now and then.
    """
    count, size = q.shape
    weights = np.full(count, 1.0 / count)
    far = np.empty(count)
    inverse = np.empty((size, size))
    v = np.empty(size)
    since = AFRESH
    for _ in range(100_000):
        if since >= AFRESH:
            inverse[...] = np.linalg.inv(q.T @ (q * weights.reshape(-1, 1)))
            for k in range(count):
                far[k] = 0.0
                for i in range(size):
                    for j in range(size):
                        far[k] += q[k, i] * inverse[i, j] * q[k, j]
            since = 0
        farthest, nearest = 0, -1
        for k in range(count):
            if far[k] > far[farthest]:
                farthest = k
            if weights[k] > 0 and (nearest < 0 or far[k] < far[nearest]):
                nearest = k
        above, below = far[farthest] / size - 1, 1 - far[nearest] / size
        if max(above, below) <= tolerance:
            if since == 0:
                break
            since = AFRESH
            continue
        k = farthest if above >= below else nearest
        distance = far[k]
        limit = -weights[k] / (1 - weights[k])
        change = limit
        if distance > 1:
            change = max((distance - size) / (size * (distance - 1)), limit)
        weights *= 1 - change
        weights[k] = max(weights[k] + change, 0.0)
        for i in range(size):
            v[i] = 0.0
            for j in range(size):
                v[i] += inverse[i, j] * q[k, j]
        share = change / (1 - change + change * distance)
        for n in range(count):
            along = 0.0
            for i in range(size):
                along += q[n, i] * v[i]
            far[n] = (far[n] - share * along * along) / (1 - change)
        for i in range(size):
            for j in range(size):
                inverse[i, j] = (inverse[i, j] - share * v[i] * v[j]) / (1 - change)
        since += 1
    return weights


def _spread(points: Floats) -> list[int]:
    """Return pairs of far points along directions that are orthogonal to the pairs before."""
    chosen: list[int] = []
    direction = np.eye(points.shape[1])[0]
    across: list[Floats] = []
    for _ in range(points.shape[1]):
        along = points @ direction
        low, high = int(np.argmin(along)), int(np.argmax(along))
        chosen += [low, high]
        across.append(points[high] - points[low])
        direction = np.linalg.svd(np.array(across))[2][-1]
    return chosen
