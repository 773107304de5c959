"""Ellipsoids around a cloud of points, and their measures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.compiling import kernel

Floats = NDArray[np.float64]

AFRESH = 50
"""Steps of that search after which rounding errors are cleared."""
MORE_POINTS = 8
"""Points that join the search for an enclosing ellipsoid at a time."""
ROUNDS = 1000
"""Times that points may join, and that the search goes on; a dozen is usual."""
RIDGE = 1e-9
"""Share of the diagonal that keeps that step defined where several weights do as well."""
SERIES = 20
"""Last term of the series for the area of an ellipsoid, by IBSI."""
TOLERANCE = 1e-7
"""Relative excess of the enclosing ellipsoid's volume at which the search ends, per dimension."""


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


def enclosing_ellipsoid(vertices: Floats) -> Floats:
    """Return the semi-axes, largest first, of the smallest ellipsoid (or ellipse) around points.

    Khachiyan's ascent with steps away from points that do not matter (Todd and Yildirim, 2007),
    until the volume is within some 1e-7 of the smallest, then scaled to hold all points.

    Parameters
    ----------
    vertices : (N, 3), not all in one plane; or (N, 2), not all in line
    """
    centre, scale = vertices.mean(axis=0), float(np.abs(vertices).max() or 1.0)
    q = np.column_stack([(vertices - centre) / scale, np.ones(len(vertices))])
    spread = np.linalg.cholesky(q.T @ q / len(q))
    q = np.ascontiguousarray(np.linalg.solve(spread, q.T).T)  # well conditioned
    chosen = np.array(sorted(set(_far_pairs(q[:, :-1]))))
    # few points touch it: the search is among those and the farthest others
    for _ in range(ROUNDS):
        weights = _khachiyan(q[chosen])
        chosen, weights = chosen[weights > 0], weights[weights > 0]
        moment = q[chosen].T @ (q[chosen] * weights[:, None])
        far = (q @ np.linalg.inv(moment) * q).sum(axis=1)
        beyond = np.flatnonzero(far > q.shape[1] * (1 + 2 * TOLERANCE))
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


def _khachiyan(q: Floats) -> Floats:
    """Return weights of points (N, K + 1) whose moment matrix bounds the smallest ellipsoid.

    Each step moves weight to the farthest point or from the nearest one; inverse and distances
    follow by the rule of Sherman and Morrison. Now and then all weights move at once, and both are
    computed afresh.
    """
    weights = np.full(len(q), 1 / len(q))
    for _ in range(ROUNDS):
        _newton_step(q, weights)
        inverse = np.linalg.inv(q.T @ (q * weights[:, None]))
        far = ((q @ inverse) * q).sum(axis=1)
        if not _take_steps(q, weights, far, inverse, TOLERANCE, AFRESH):
            break
    return weights


def _newton_step(q: Floats, weights: Floats) -> None:
    """Take one step of Newton's method in the weights above 0, as far as none falls below."""
    held = np.flatnonzero(weights > 0)
    points, now = q[held], weights[held]
    moment = points.T @ (points * now[:, None])
    products = points @ np.linalg.inv(moment) @ points.T
    count = len(held)
    system, gain = np.ones((count + 1, count + 1)), np.zeros(count + 1)
    gain[:count] = products.diagonal()
    system[:count, :count] = products * products + np.diag(RIDGE * gain[:count] ** 2)
    system[count, count] = 0.0
    change = np.linalg.solve(system, gain)[:count]
    falling = np.flatnonzero(now + change < 0)
    if len(falling):
        reach = -now[falling] / change[falling]
        change *= reach.min()
        change[falling[reach.argmin()]] = -now[falling[reach.argmin()]]
    moved = np.maximum(now + change, 0.0)
    moved /= moved.sum()
    if np.linalg.det(points.T @ (points * moved[:, None])) > np.linalg.det(moment):
        weights[held] = moved


@kernel
def _take_steps(q: Any, weights: Any, far: Any, inverse: Any, tolerance: float, most: int) -> int:
    """Take steps until the bound is within the tolerance, ``most`` at most; return how many."""
    size = q.shape[1]
    for step in range(most):
        farthest, nearest = _extremes(far, weights)
        above, below = far[farthest] / size - 1, 1 - far[nearest] / size
        if max(above, below) <= tolerance:
            return step
        _move_weight(q, farthest if above >= below else nearest, weights, far, inverse)
    return most


@kernel
def _extremes(far: Any, weights: Any) -> Any:
    """Return the farthest point and the nearest one that has weight."""
    farthest, nearest = 0, -1
    for k in range(len(far)):
        if far[k] > far[farthest]:
            farthest = k
        if weights[k] > 0 and (nearest < 0 or far[k] < far[nearest]):
            nearest = k
    return farthest, nearest


@kernel
def _move_weight(q: Any, k: int, weights: Any, far: Any, inverse: Any) -> None:
    """Move weight to or from one point, as far as the volume grows; keep distances and inverse."""
    size, distance = q.shape[1], far[k]
    change = -weights[k] / (1 - weights[k])
    if distance > 1:
        change = max((distance - size) / (size * (distance - 1)), change)
    weights *= 1 - change
    weights[k] = max(weights[k] + change, 0.0)
    v = np.zeros(size)
    for i in range(size):
        for j in range(size):
            v[i] += inverse[i, j] * q[k, j]
    share = change / (1 - change + change * distance)
    for n in range(len(q)):
        along = 0.0
        for i in range(size):
            along += q[n, i] * v[i]
        far[n] = (far[n] - share * along * along) / (1 - change)
    for i in range(size):
        for j in range(size):
            inverse[i, j] = (inverse[i, j] - share * v[i] * v[j]) / (1 - change)


def _far_pairs(points: Floats) -> list[int]:
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
