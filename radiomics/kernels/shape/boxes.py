"""The smallest box around a convex hull, and the smallest rectangle around an outline."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.compiling import kernel

Floats = NDArray[np.float64]

FLAT = 1e-11
"""Share of a shadow's area that three points in line may span by rounding errors."""


def box_measures(sides: Floats) -> tuple[float, float]:
    """Return volume and area of a box from its three sides."""
    a, b, c = (float(side) for side in sides)
    return a * b * c, 2 * (a * b + b * c + a * c)


def smallest_rectangle(corners: Floats) -> tuple[float, float]:
    """Return the sides of the smallest rectangle around a convex outline, (N, 2) in order.

    One of its sides lies on an edge of the outline; of equal areas the smaller perimeter.
    """
    edges = np.roll(corners, -1, axis=0) - corners
    lengths = np.linalg.norm(edges, axis=1)
    along = edges[lengths > 0] / lengths[lengths > 0, None]
    across = np.column_stack([-along[:, 1], along[:, 0]])
    long, wide = (np.ptp(corners @ directions.T, axis=0) for directions in (along, across))
    areas = long * wide
    ties = np.flatnonzero(areas <= areas.min() * (1 + 1e-9))
    best = ties[np.argmin((long + wide)[ties])]
    return float(long[best]), float(wide[best])


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
    shadow = _shadow_areas(np.ascontiguousarray(normals.T), areas)
    height = _heights_along(normals, np.ascontiguousarray(points[np.unique(simplices)].T))
    order = np.argsort(height * shadow)
    centre = triangles.reshape(-1, 3).mean(axis=0)
    outward = (
        crossed
        * np.where(((triangles[:, 0] - centre) * crossed).sum(axis=1) < 0, -1.0, 1.0)[:, None]
    )
    sides: Floats = _smallest_box(
        points, simplices, neighbours, outward, normals[order], height[order], shadow[order]
    )
    return sides


@kernel(fastmath=True)
def _shadow_areas(normals: Any, areas: Any) -> Any:
    """Return the area of a hull's shadow along each normal, (3, M) normals with a face's area."""
    zs, ys, xs = normals[0], normals[1], normals[2]
    shadows = np.empty(len(areas))
    for m in range(len(areas)):
        z, y, x, total = zs[m], ys[m], xs[m], 0.0
        for k in range(len(areas)):
            total += areas[k] * abs(z * zs[k] + y * ys[k] + x * xs[k])
        shadows[m] = total / 2
    return shadows


@kernel(fastmath=True)
def _heights_along(normals: Any, corners: Any) -> Any:
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


@kernel
def _smallest_box(
    points: Any,
    simplices: Any,
    neighbours: Any,
    outward: Any,
    normals: Any,
    heights: Any,
    shadows: Any,
) -> Any:
    best, smallest, sides = 1e300, np.inf, np.zeros(3)
    x, y = np.empty(3 * len(simplices)), np.empty(3 * len(simplices))
    round_x, round_y = np.empty(3 * len(x) + 3), np.empty(3 * len(x) + 3)
    ring = np.empty(len(x) + 1, dtype=np.int64)
    edge = np.empty(len(x), dtype=np.int64)
    lit = np.empty(len(simplices), dtype=np.bool_)
    order, u = np.empty(len(x), dtype=np.int64), np.zeros(3)
    at = 0
    for m in range(len(normals)):
        if heights[m] * shadows[m] > best * (1 + 1e-6):
            break
        n = normals[m]
        least = 1 if abs(n[1]) < abs(n[0]) else 0
        least = 2 if abs(n[2]) < abs(n[least]) else least
        for axis in range(3):
            u[axis] = (1.0 if axis == least else 0.0) - n[least] * n[axis]
        u /= np.sqrt(u[0] * u[0] + u[1] * u[1] + u[2] * u[2])
        w = np.array(
            [n[1] * u[2] - n[2] * u[1], n[2] * u[0] - n[0] * u[2], n[0] * u[1] - n[1] * u[0]]
        )
        at, count = _walk_silhouette(simplices, neighbours, outward, n, at, edge)
        _project(points, edge[:count], u, w, x, y)
        for k in range(count):
            ring[k] = k
        area = _ring_area(x, y, ring[:count])
        size = _smooth_ring(x, y, count, area > 0, FLAT * shadows[m], ring)
        # faces along n look away by rounding errors only: they may have a loop of their own
        if abs(_ring_area(x, y, ring[:size]) - shadows[m]) > 1e-6 * shadows[m]:
            count = _collect_silhouette(simplices, neighbours, outward, n, lit, edge)
            _project(points, edge[:count], u, w, x, y)
            _order_points(x, y, order[:count])
            size = _convex_outline(x, y, order[:count], ring)
        for k in range(size):
            for turn in range(3):
                round_x[turn * size + k], round_y[turn * size + k] = x[ring[k]], y[ring[k]]
        thrice = round_x[: 3 * size], round_y[: 3 * size]
        best, smallest = _least_rectangle(*thrice, heights[m], best, smallest, sides)
    return sides


@kernel
def _order_points(x: Any, y: Any, order: Any) -> None:
    """Order points along a direction in which no two of a grid tie: compiles sooner than a sort."""
    for k in range(len(order)):
        place, key = k, x[k] + 1e-6 * y[k]
        while place > 0 and x[order[place - 1]] + 1e-6 * y[order[place - 1]] > key:
            order[place] = order[place - 1]
            place -= 1
        order[place] = k


@kernel
def _project(points: Any, which: Any, u: Any, w: Any, x: Any, y: Any) -> None:
    for k in range(len(which)):
        v = points[which[k]]
        x[k] = v[0] * u[0] + v[1] * u[1] + v[2] * u[2]
        y[k] = v[0] * w[0] + v[1] * w[1] + v[2] * w[2]


@kernel
def _ring_area(x: Any, y: Any, ring: Any) -> float:
    """Return the area inside a ring of points, negative where it runs clockwise."""
    total = 0.0
    for k in range(len(ring)):
        a, b = ring[k], ring[k + 1 if k + 1 < len(ring) else 0]
        total += x[a] * y[b] - x[b] * y[a]
    return total / 2


@kernel(inline="always")
def _looks_along(outward: Any, f: int, n: Any) -> bool:
    return bool(outward[f, 0] * n[0] + outward[f, 1] * n[1] + outward[f, 2] * n[2] > 0)


@kernel
def _walk_silhouette(
    simplices: Any, neighbours: Any, outward: Any, n: Any, at: int, edge: Any
) -> Any:
    """Put the points between faces that look along n and others into ``edge``, going round once.

    Returns a face of the way, to begin with next time, and the number of points.
    """
    f, c = _first_border_face(neighbours, outward, n, at)
    if c < 0:
        return at, 0
    first_face, first_corner = f, c
    behind, ahead = simplices[f, (c + 1) % 3], simplices[f, (c + 2) % 3]
    for count in range(len(edge)):
        edge[count] = behind
        while True:  # around the point ahead, over faces that look along n
            d, third = _third_corner(simplices, f, behind, ahead)
            g = neighbours[f, d]
            if not _looks_along(outward, g, n):
                break
            behind, f = third, g
        behind, ahead, c = ahead, third, d
        if f == first_face and c == first_corner:
            return f, count + 1
    return at, 0


@kernel
def _first_border_face(neighbours: Any, outward: Any, n: Any, at: int) -> Any:
    """Find a face that looks along n and its corner across from one that does not, -1 if none."""
    for step in range(len(neighbours)):
        f = at + step if at + step < len(neighbours) else at + step - len(neighbours)
        if _looks_along(outward, f, n):
            for c in range(3):
                if not _looks_along(outward, neighbours[f, c], n):
                    return f, c
    return at, -1


@kernel(inline="always")
def _third_corner(simplices: Any, f: int, behind: int, ahead: int) -> Any:
    """Return the place of one point in a face, and the third point of it."""
    a, b, c = simplices[f, 0], simplices[f, 1], simplices[f, 2]
    d = 0 if a == behind else 1 if b == behind else 2
    return d, a + b + c - behind - ahead


@kernel
def _collect_silhouette(
    simplices: Any, neighbours: Any, outward: Any, n: Any, lit: Any, edge: Any
) -> int:
    """Put the points between a face that looks along n and one that does not into ``edge``."""
    for f in range(len(simplices)):
        lit[f] = _looks_along(outward, f, n)
    count = 0
    for f in range(len(simplices)):
        for c in range(3):
            if lit[f] and not lit[neighbours[f, c]]:
                edge[count] = simplices[f, (c + 1) % 3]
                edge[count + 1] = simplices[f, (c + 2) % 3]
                count += 2
    return count


@kernel
def _least_rectangle(x: Any, y: Any, tall: float, best: float, smallest: float, sides: Any) -> Any:
    """Try a box on each edge of an outline; keep its sides where it is smaller than the best.

    ``x`` and ``y`` hold the outline's points three times, counterclockwise. The points that touch
    the box's other sides only move on as the edge does (rotating calipers).
    """
    size = len(x) // 3
    right = left = far = 0
    for k in range(size):
        dx, dy = x[k + 1] - x[k], y[k + 1] - y[k]
        square = dx * dx + dy * dy
        if square < 1e-24:
            continue
        right = max(right, k)
        while (x[right + 1] - x[right]) * dx + (y[right + 1] - y[right]) * dy > 0:
            right += 1
        far = max(far, right)
        while (y[far + 1] - y[far]) * dx - (x[far + 1] - x[far]) * dy > 0:
            far += 1
        left = max(left, far)
        while (x[left + 1] - x[left]) * dx + (y[left + 1] - y[left]) * dy < 0:
            left += 1
        wide = (x[right] - x[left]) * dx + (y[right] - y[left]) * dy
        deep = (y[far] - y[k]) * dx - (x[far] - x[k]) * dy
        volume = tall * wide * deep / square
        if volume > best * (1 + 1e-9):
            continue
        wide, deep = wide / np.sqrt(square), deep / np.sqrt(square)
        area = tall * wide + tall * deep + wide * deep
        # of equal ones the one with the smaller surface
        if volume < best * (1 - 1e-9) or area < smallest:
            best, smallest = volume, area
            sides[0], sides[1], sides[2] = tall, wide, deep
    return best, smallest


@kernel
def _smooth_ring(x: Any, y: Any, count: int, rising: bool, flat: float, ring: Any) -> int:
    """Put the corners of an outline into ``ring``, counterclockwise, and return their number.

    An outline goes to and fro along faces seen from the side: what turns by less than ``flat``,
    twice an area, is no corner. ``rising`` tells that it runs counterclockwise.
    """
    first = 0
    for k in range(count):  # a direction in which no two points of a grid tie
        if x[k] + 1e-6 * y[k] < x[first] + 1e-6 * y[first]:
            first = k
    size = 0
    for step in range(count + 1):  # the first one again, to look at the last one's turn
        p = first + step if rising else first - step + count
        p = p if p < count else p - count
        while size >= 2:
            a, b = ring[size - 2], ring[size - 1]
            if (x[b] - x[a]) * (y[p] - y[a]) - (y[b] - y[a]) * (x[p] - x[a]) > flat:
                break
            size -= 1
        ring[size] = p
        size += 1
    return max(size - 1, 0)


@kernel
def _convex_outline(x: Any, y: Any, order: Any, ring: Any) -> int:
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
