"""One level of an undecimated wavelet transform, periodic, as PyWavelets computes it [1]_.

Products are summed in PyWavelets' order and precision, so that responses are equal to the last bit;
what is not wanted is not computed.

References
----------
.. [1] Lee et al., PyWavelets: a Python package for wavelet analysis, Journal of Open Source
   Software 4 (2019) 1237, doi:10.21105/joss.01237.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.compiling import kernel
from radiomics.kernels.threads import side_by_side

Box = tuple[slice, ...]


def sub_bands(
    image: NDArray[Any], filters: NDArray[Any], axes: Sequence[int], box: Box
) -> dict[str, NDArray[Any]]:
    """Return the responses to a low-pass and a high-pass filter along each of some axes.

    Parameters
    ----------
    image : float32 or float64; its sides along ``axes`` are not shorter than the filters
    filters : (2, F) low and high pass, F even, of the precision of the image
    axes : in the order in which they are filtered
    box : by axis, the part that is wanted

    Returns
    -------
    the box of each response; names have ``a`` or ``d`` for each of the axes, in their order
    """
    kept = tuple(slice(None) if axis in axes else part for axis, part in enumerate(box))
    found = {"": image[kept]}
    for axis in axes:
        ends = box[axis].start, box[axis].stop
        calls = [
            partial(_low_and_high, response, filters, axis, *ends) for response in found.values()
        ]
        names = [name + letter for name in found for letter in "ad"]
        found = dict(zip(names, [one for pair in side_by_side(calls) for one in pair], strict=True))
    return found


def _low_and_high(
    image: NDArray[Any], filters: NDArray[Any], axis: int, start: int, stop: int
) -> list[NDArray[Any]]:
    """Return both responses between two places on an axis."""
    before, side = int(np.prod(image.shape[:axis])), image.shape[axis]
    shape = (*image.shape[:axis], stop - start, *image.shape[axis + 1 :])
    last = axis == image.ndim - 1  # turned, so that lines lie side by side
    lines = image.reshape(before, side).T[None] if last else image.reshape(before, side, -1)
    found = _filter_lines(np.ascontiguousarray(lines), filters, start, stop)
    return [(part[0].T if last else part).reshape(shape) for part in found]


@kernel(error_model="numpy")
def _filter_lines(lines: Any, filters: Any, start: int, stop: int) -> Any:
    """Filter lines (P, N, M) along their second axis: (2, P, n, M)."""
    planes, count, width = lines.shape
    taps = filters.shape[1]
    found = np.zeros((2, planes, stop - start, width), dtype=lines.dtype)
    for plane in range(planes):
        for place in range(start, stop):
            middle = place + taps // 2
            beyond = middle - count  # taps up to this one see what lies beyond the end
            for step in range(taps):
                tap = beyond - step if step <= beyond else step  # these are summed backwards
                source = lines[plane, (middle - tap) % count]
                for kind in range(2):
                    _add_row(source, filters[kind, tap], found[kind, plane, place - start])
    return found


@kernel(error_model="numpy")
def _add_row(row: Any, factor: Any, to: Any) -> None:
    for m in range(len(row)):
        to[m] += factor * row[m]
