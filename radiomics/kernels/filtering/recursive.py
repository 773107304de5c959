"""Recursive Gaussians after Deriche, and the Laplacian made of them, as ITK computes it.

A Gaussian and its second derivative are approximated by a causal and an anticausal filter with four
terms each [1]_: time does not grow with sigma. Rounding follows ITK's filters, which keep what lies
between two axes in float32, so that responses are equal to the last bit.

References
----------
.. [1] Farneback, Westin, Improving Deriche-style recursive Gaussian filters, Journal of
   Mathematical Imaging and Vision 26 (2006) 293-299, table 2.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.compiling import kernel
from radiomics.kernels.threads import side_by_side, split_range

Floats = NDArray[np.float64]

FEWEST = 4
"""Samples that an axis needs."""
TERMS = {  # cosines and sines of the two frequencies, by order of the derivative
    0: ((1.3530, 1.8151), (-0.3531, 0.0902)),
    2: ((-1.3563, 5.2318), (0.3446, -2.2355)),
}
FREQUENCIES, DECAYS = (0.6681, 2.0787), (-1.3932, -1.3732)
WIDTH = 128
"""Lines that are filtered at a time, more where they are short."""
BLOCK = 2**15
"""Voxels of planes that are filtered in one call, where planes are small."""


def laplacian(
    image: NDArray[Any], spacing: Floats, sigma: float, box: tuple[slice, ...] = ()
) -> NDArray[np.float32]:
    """Return the Laplacian of Gaussian times sigma squared, constant beyond the edges.

    Parameters
    ----------
    image : (D, H, W) or (H, W) of numbers, at least 4 along each axis
    spacing : by axis, in mm
    sigma : mm, above 0
    box : by axis, the part that is wanted; all of it where none is given

    Returns
    -------
    the shape of the box, float32
    """
    box = box or tuple(slice(0, side) for side in image.shape)
    total = np.zeros([part.stop - part.start for part in box], dtype=np.float32)
    axes = range(image.ndim - 1, -1, -1)  # x first, as ITK counts
    for axis in axes:
        response: NDArray[Any] = image
        for along in (axis, *(other for other in axes if other != axis)):
            order = 2 if along == axis else 0
            scale = sigma**2 if along == axis else 1.0
            response = _filter_axis(
                response, along, recursive_coefficients(sigma / spacing[along], order, scale)
            )
            response = response[(slice(None),) * along + (box[along],)]  # lines along it are done
        total = (total + response * (1 / spacing[axis] ** 2)).astype(np.float32)
    return total


def recursive_coefficients(sigma: float, order: int, scale: float = 1.0) -> tuple[Floats, ...]:
    """Return what the two filters multiply by.

    Parameters
    ----------
    sigma : in samples
    order : 0 for the Gaussian, 2 for its second derivative
    scale : of the response

    Returns
    -------
    causal, recursive, anticausal : (4,) each, of samples, of earlier results, of later samples
    before, after : (4,) each, in the place of results beyond the ends, times the last sample
    """
    waves = [(np.cos(w / sigma), np.exp(decay / sigma)) for w, decay in _poles()]
    (c1, e1), (c2, e2) = waves
    back = np.array(
        [
            -2 * (e2 * c2 + e1 * c1),
            4 * c2 * c1 * e1 * e2 + e1 * e1 + e2 * e2,
            -2 * c1 * e1 * e2 * e2 - 2 * c2 * e2 * e1 * e1,
            e1 * e1 * e2 * e2,
        ]
    )
    k, j = np.arange(1, 5), np.arange(4)
    s, d, e = 1 + back.sum(), (k * back).sum(), (k * k * back).sum()
    ahead = _numerator(sigma, TERMS[0])
    if order == 0:
        ahead = ahead / (2 * ahead.sum() / s - ahead[0])
    else:  # without a response to a constant, and with the right one to a parabola
        second = _numerator(sigma, TERMS[2])
        share = -(2 * second.sum() - s * second[0]) / (2 * ahead.sum() - s * ahead[0])
        ahead = second + share * ahead
        p, q, r = ahead.sum(), (j * ahead).sum(), (j * j * ahead).sum()
        ahead = ahead / ((r * s * s - e * p * s - 2 * q * d * s + 2 * d * d * p) / s**3)
    ahead = ahead * scale
    later = np.append(ahead[1:] - back[:3] * ahead[0], -back[3] * ahead[0])
    return ahead, back, later, back * (ahead.sum() / s), back * (later.sum() / s)


def _poles() -> list[tuple[float, float]]:
    return list(zip(FREQUENCIES, DECAYS, strict=True))


def _numerator(sigma: float, terms: tuple[tuple[float, float], ...]) -> Floats:
    (a1, b1), (a2, b2) = terms
    (w1, l1), (w2, l2) = _poles()
    s1, c1, e1 = np.sin(w1 / sigma), np.cos(w1 / sigma), np.exp(l1 / sigma)
    s2, c2, e2 = np.sin(w2 / sigma), np.cos(w2 / sigma), np.exp(l2 / sigma)
    return np.array(
        [
            a1 + a2,
            e2 * (b2 * s2 - (a2 + 2 * a1) * c2) + e1 * (b1 * s1 - (a1 + 2 * a2) * c1),
            2 * e1 * e2 * ((a1 + a2) * c2 * c1 - b1 * c2 * s1 - b2 * c1 * s2)
            + a2 * e1 * e1
            + a1 * e2 * e2,
            e2 * e1 * e1 * (b2 * s2 - a2 * c2) + e1 * e2 * e2 * (b1 * s1 - a1 * c1),
        ]
    )


def _filter_axis(
    image: NDArray[Any], axis: int, factors: tuple[Floats, ...]
) -> NDArray[np.float32]:
    """Filter along one axis, in parts that fit a processor's cache."""
    result = np.empty(image.shape, dtype=np.float32)
    depth, last = image.shape[0], image.ndim - 1

    def along_first(rows: slice) -> None:
        part = image[:, rows]
        lines = part.astype(np.float64, order="C").reshape(1, depth, -1)
        result[:, rows] = _filter_lines(lines, *factors).reshape(part.shape)

    def within(planes: slice) -> None:
        part, into = image[planes], result[planes]
        if axis == last:
            part, into = part.transpose(0, 2, 1), into.transpose(0, 2, 1)
        into[:] = _filter_lines(part.astype(np.float64, order="C"), *factors)

    calls: list[Callable[[], None]]
    if axis == 0:
        lines = max(WIDTH, BLOCK // depth)
        width = max(1, lines * image.shape[1] // max(1, image[0].size))
        calls = [partial(along_first, part) for part in split_range(image.shape[1], width)]
    elif image.ndim == 2:
        result[:] = _filter_lines(image.T.astype(np.float64, order="C")[None], *factors)[0].T
        return result
    else:
        many = max(1, BLOCK // image[0].size)
        calls = [partial(within, part) for part in split_range(depth, many)]
    side_by_side(calls)
    return result


@kernel(error_model="numpy")
def _filter_lines(lines: Any, ahead: Any, back: Any, later: Any, before: Any, after: Any) -> Any:
    """Filter lines (P, N, M) along their second axis."""
    _, count, width = lines.shape
    total, last = np.empty(lines.shape, dtype=np.float32), count - 1
    past, future = np.empty((count, width)), np.empty((count, width))
    for plane in range(len(lines)):
        x = lines[plane]
        for i in range(count):
            _set_samples(past, i, x, i, max(i - 1, 0), max(i - 2, 0), max(i - 3, 0), ahead)
            if i >= FEWEST:
                _subtract_results(past, i, i - 1, i - 2, i - 3, i - 4, back)
            else:
                for k in range(FEWEST):
                    row, factor = (past[i - 1 - k], back[k]) if k < i else (x[0], before[k])
                    _subtract_row(past[i], row, factor)
        for i in range(last, -1, -1):
            one, two = min(i + 1, last), min(i + 2, last)
            _set_samples(future, i, x, one, two, min(i + 3, last), min(i + 4, last), later)
            if last - i >= FEWEST:
                _subtract_results(future, i, i + 1, i + 2, i + 3, i + 4, back)
            else:
                for k in range(FEWEST):
                    inside = i + 1 + k <= last
                    row, factor = (future[i + 1 + k], back[k]) if inside else (x[last], after[k])
                    _subtract_row(future[i], row, factor)
            for m in range(width):
                total[plane, i, m] = past[i, m] + future[i, m]
    return total


@kernel(error_model="numpy")
def _set_samples(to: Any, i: int, x: Any, a: int, b: int, c: int, d: int, by: Any) -> None:
    """Set a row of results to four rows of samples times their factors."""
    p, q, r, s = by[0], by[1], by[2], by[3]
    for m in range(to.shape[1]):
        to[i, m] = x[a, m] * p + x[b, m] * q + x[c, m] * r + x[d, m] * s


@kernel(error_model="numpy")
def _subtract_results(to: Any, i: int, a: int, b: int, c: int, d: int, by: Any) -> None:
    """Subtract four rows of results times their factors from another one."""
    p, q, r, s = by[0], by[1], by[2], by[3]
    for m in range(to.shape[1]):
        to[i, m] -= to[a, m] * p + to[b, m] * q + to[c, m] * r + to[d, m] * s


@kernel(error_model="numpy")
def _subtract_row(to: Any, row: Any, factor: float) -> None:
    """Subtract a row times a factor from another one."""
    for m in range(len(to)):
        to[m] -= row[m] * factor
