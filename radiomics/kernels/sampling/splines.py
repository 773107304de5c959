"""Cubic B-splines through the samples of a volume [1]_ [2]_, evaluated as ITK evaluates them.

Every product and sum is made in ITK's order, so that values are equal to the last bit: whole
numbers are cut off there, not rounded, and one that misses by a last bit is another number. What
makes it sooner is the order of the work: coefficients are kept where they are needed only, and
what lies between the knots of x is spread out once for all rows that use it.

References
----------
.. [1] Unser, Aldroubi, Eden, B-spline signal processing: part II, IEEE Transactions on Signal
   Processing 41 (1993) 834-848, doi:10.1109/78.193221.
.. [2] Thevenaz, Blu, Unser, Interpolation revisited, IEEE Transactions on Medical Imaging 19
   (2000) 739-758, doi:10.1109/42.875199.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.compiling import kernel
from radiomics.kernels.threads import side_by_side, split_range, workers

Floats = NDArray[np.float64]

TAPS = 4
POLE = math.sqrt(3.0) - 2.0
HORIZON = math.ceil(math.log(1e-10) / math.log(-POLE))
"""Samples that the first coefficient of a long line is made from."""
WIDTH = 512
"""Lines that are filtered at a time."""


def spline_values(image: NDArray[Any], first: Floats, last: Floats, width: int) -> Floats:
    """Return a volume's spline at points on lines, 0 outside the volume.

    Parameters
    ----------
    image : (D, H, W) of numbers
    first, last : (P, Q, 3) indices (z, y, x) of the first point of each line, and of the one after
        its last
    width : points on each line

    Returns
    -------
    (P, Q, width)
    """
    found = np.zeros((*first.shape[:2], width))
    if not found.size:
        return found
    size = np.array(image.shape)
    low = np.floor(np.minimum(first, last).min(axis=(0, 1))).astype(np.int64) - TAPS
    high = np.ceil(np.maximum(first, last).max(axis=(0, 1))).astype(np.int64) + TAPS + 1
    # what is beyond an end is found mirrored, as far within as it lies beyond
    low = np.where(high >= size, np.minimum(low, 2 * size - 2 - high), low)
    high = np.where(low < 0, np.maximum(high, 1 - low), high)
    low, high = np.clip(low, 0, size - 1), np.clip(high, 1, size)
    box = tuple(slice(int(a), int(max(a + 1, b))) for a, b in zip(low, high, strict=True))
    knots = spline_coefficients(image, box)
    parts = split_range(len(found), -(-len(found) // (4 * workers())))
    side_by_side(
        [
            partial(_evaluate_lines, knots, low, size, first[part], last[part], found[part])
            for part in parts
        ]
    )
    return found


def spline_coefficients(image: NDArray[Any], box: tuple[slice, ...]) -> Floats:
    """Return the coefficients (d, h, w) inside a box of the spline through a volume (D, H, W)."""
    knots = np.empty((len(image), *(part.stop - part.start for part in box[1:])))

    def planes(part: slice) -> None:
        for number in range(part.start, part.stop):
            along_x = np.array(image[number].T, dtype=np.float64, order="C")  # never the image
            _to_coefficients(along_x)
            along_y = np.ascontiguousarray(along_x[box[2]].T)
            _to_coefficients(along_y)
            knots[number] = along_y[box[1]]

    step = -(-len(image) // (4 * workers()))
    side_by_side([partial(planes, part) for part in split_range(len(image), step)])
    along_z = knots.reshape(len(image), -1)

    def columns(part: slice) -> None:
        part_lines = np.ascontiguousarray(along_z[:, part])
        _to_coefficients(part_lines)
        along_z[:, part] = part_lines

    side_by_side([partial(columns, part) for part in split_range(along_z.shape[1], WIDTH)])
    return np.ascontiguousarray(knots[box[0]])


@kernel(error_model="numpy")
def _to_coefficients(lines: Any) -> None:
    """Turn samples (N, M) into coefficients along the first axis, in place."""
    count = len(lines)
    if count == 1:
        return
    gain = (1.0 - POLE) * (1.0 - 1.0 / POLE)
    for row in lines:
        for m in range(len(row)):
            row[m] *= gain
    _set_first_coefficient(lines, count)
    for k in range(1, count):
        _add_row(lines[k], POLE, lines[k - 1])
    factor = POLE / (POLE * POLE - 1.0)
    for m in range(lines.shape[1]):
        lines[count - 1, m] = factor * (POLE * lines[count - 2, m] + lines[count - 1, m])
    for k in range(count - 2, -1, -1):
        row, after = lines[k], lines[k + 1]
        for m in range(len(row)):
            row[m] = POLE * (after[m] - row[m])


@kernel(error_model="numpy")
def _set_first_coefficient(lines: Any, count: int) -> None:
    """Make the first causal coefficient: of what the mirrored line would have brought there."""
    power = POLE
    if count > HORIZON:
        for k in range(1, HORIZON):
            _add_row(lines[0], power, lines[k])
            power *= POLE
        return
    other = POLE ** float(count - 1)
    _add_row(lines[0], other, lines[count - 1])
    other *= other * (1.0 / POLE)
    for k in range(1, count - 1):
        _add_row(lines[0], power + other, lines[k])
        power *= POLE
        other *= 1.0 / POLE
    for m in range(lines.shape[1]):
        lines[0, m] /= 1.0 - power * power


@kernel(error_model="numpy")
def _add_row(to: Any, factor: float, row: Any) -> None:
    for m in range(len(to)):
        to[m] += factor * row[m]


@kernel(error_model="numpy")
def _evaluate_lines(knots: Any, low: Any, size: Any, first: Any, last: Any, found: Any) -> None:
    """Evaluate lines; what four planes have at the points of x is kept while lines agree there."""
    width = found.shape[2]
    at, by = np.empty((3, width), dtype=np.int64), np.empty((3, TAPS, width))
    inside = np.empty((3, width), dtype=np.bool_)
    line_seen, moved = np.full((3, 2), np.nan), False
    common = np.full(width, -(2**40))
    spread = np.empty((TAPS, knots.shape[1], TAPS, width))
    held = np.full((TAPS, knots.shape[1]), -1)
    pairs = np.empty((TAPS, TAPS, width))
    ys, zs = np.empty(TAPS, np.int64), np.empty(TAPS, np.int64)
    for p in range(len(found)):
        for q in range(found.shape[1]):
            for axis in range(3):
                start, step = first[p, q, axis], last[p, q, axis] - first[p, q, axis]
                if start != line_seen[axis, 0] or step != line_seen[axis, 1]:
                    line_seen[axis, 0], line_seen[axis, 1] = start, step
                    _place_points(start, step, size[axis], at[axis], by[axis], inside[axis])
                    moved |= axis == 2
            out, some = found[p, q], False
            for x in range(width):
                some |= inside[0, x] & inside[1, x] & inside[2, x]
            if not some:
                continue
            if _any_differ(at[0]) or _any_differ(at[1]):
                _evaluate_points(knots, low, size, at, by, out)
            else:
                if moved and (at[2] != common).any():
                    common[:] = at[2]
                    held[:] = -1
                moved = False
                for k in range(TAPS):
                    ys[k] = _mirrored_index(at[1, 0] + k, size[1]) - low[1]
                    zs[k] = _mirrored_index(at[0, 0] + k, size[0]) - low[0]
                _look_up_knots(knots, low, size, common, zs, ys, held, spread)
                _sum_knots(spread, zs, ys, by, pairs, out)
            for x in range(width):
                if not (inside[0, x] & inside[1, x] & inside[2, x]):
                    out[x] = 0.0


@kernel(error_model="numpy")
def _place_points(start: float, step: float, size: int, at: Any, by: Any, inside: Any) -> None:
    """Find the first knot of each point on a line along one axis, and the weights of the four."""
    width = len(at)
    for x in range(1 if step == 0.0 else width):
        point = start + (x / float(width)) * step
        knot = math.floor(np.float32(point))  # single precision here, as there
        w = point - knot
        last = (1.0 / 6.0) * w * w * w
        one = (1.0 / 6.0) + 0.5 * w * (w - 1.0) - last
        three = w + one - 2.0 * last
        by[0, x], by[2, x], by[3, x] = one, three, last
        by[1, x] = 1.0 - one - three - last
        at[x] = knot - 1
        inside[x] = -0.5 <= point < size - 0.5
    if step == 0.0:
        at[:], inside[:] = at[0], inside[0]
        for k in range(TAPS):
            by[k, :] = by[k, 0]


@kernel(error_model="numpy")
def _any_differ(at: Any) -> bool:
    found = False
    for x in range(1, len(at)):
        found |= at[x] != at[0]
    return found


@kernel(error_model="numpy")
def _mirrored_index(index: int, size: int) -> int:
    if size == 1:
        return 0
    index = abs(index)
    if index >= size:
        index = abs(2 * (size - 1) - index)  # below 0 where an axis has two samples: ITK errs there
    return min(index, size - 1)  # further away: of points outside


@kernel(error_model="numpy")
def _look_up_knots(
    knots: Any, low: Any, size: Any, common: Any, zs: Any, ys: Any, held: Any, spread: Any
) -> None:
    """Look rows of knots up at the points of x, unless that was done for an earlier line."""
    bottom, beyond = low[2], low[2] + knots.shape[2]
    for z in zs:
        for y in ys:
            slot = z % TAPS
            if held[slot, y] == z:
                continue
            held[slot, y] = z
            for k in range(TAPS):
                for x in range(len(common)):
                    index = _mirrored_index(common[x] + k, size[2])
                    index = min(max(index, bottom), beyond - 1)
                    spread[slot, y, k, x] = knots[z, y, index - bottom]


@kernel(error_model="numpy")
def _sum_knots(spread: Any, zs: Any, ys: Any, by: Any, pairs: Any, out: Any) -> None:
    """Sum the 64 knots of each point, x fastest."""
    for j in range(TAPS):
        for i in range(TAPS):
            for x in range(len(out)):
                pairs[j, i, x] = by[2, i, x] * by[1, j, x]
    out[:] = 0.0
    for k in range(TAPS):
        for j in range(TAPS):
            _accumulate(pairs[j], by[0, k], spread[zs[k] % TAPS, ys[j]], out)


@kernel(error_model="numpy")
def _accumulate(pairs: Any, third: Any, rows: Any, to: Any) -> None:
    for x in range(len(to)):
        total = to[x] + (pairs[0, x] * third[x]) * rows[0, x]
        total += (pairs[1, x] * third[x]) * rows[1, x]
        total += (pairs[2, x] * third[x]) * rows[2, x]
        to[x] = total + (pairs[3, x] * third[x]) * rows[3, x]


@kernel(error_model="numpy")
def _evaluate_points(knots: Any, low: Any, size: Any, at: Any, by: Any, out: Any) -> None:
    """Evaluate a line whose points lie between different rows of knots."""
    last = np.array(knots.shape) - 1
    for x in range(len(out)):
        total = 0.0
        for k in range(TAPS):
            z = min(max(_mirrored_index(at[0, x] + k, size[0]) - low[0], 0), last[0])
            for j in range(TAPS):
                y = min(max(_mirrored_index(at[1, x] + j, size[1]) - low[1], 0), last[1])
                for i in range(TAPS):
                    column = min(max(_mirrored_index(at[2, x] + i, size[2]) - low[2], 0), last[2])
                    weight = (by[2, i, x] * by[1, j, x]) * by[0, k, x]
                    total += weight * knots[z, y, column]
        out[x] = total
