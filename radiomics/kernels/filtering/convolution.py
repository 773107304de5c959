"""Convolution of images along their axes, with the four ways to go on beyond their edges.

Images are arrays ``(z, y, x)``. Kernels are flipped, as convolution means it. In two dimensions the
slices are separate images. Source of all conventions: IBSI 2, arXiv:2006.05470.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import permutations, product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.compiling import kernel
from radiomics.kernels.threads import side_by_side
from radiomics.types import Spacing

Floats = NDArray[np.float64]
Boundary = Literal["zero", "nearest", "periodic", "mirror"]
Pooling = Literal["max", "mean", "min"]
PADS: dict[str, Any] = {
    "zero": "constant",
    "nearest": "edge",
    "periodic": "wrap",
    "mirror": "symmetric",
}
"""numpy's names; a mirror repeats the voxel at the edge."""
PART = 2**18
"""Voxels that are convolved at a time: parts are worked on side by side."""


@dataclass(frozen=True)
class Line:
    """A kernel along one axis: its taps, and which of them lies at the voxel itself."""

    taps: tuple[float, ...]
    centre: int

    @property
    def flipped(self) -> Line:
        """The kernel of the mirrored axis."""
        return Line(self.taps[::-1], len(self.taps) - 1 - self.centre)


Chain = tuple[Line, ...]
"""Kernels that are applied one after the other along one axis; none leaves the axis alone."""


def centred_line(taps: Sequence[float] | Floats) -> Line:
    """Return a kernel around its middle tap."""
    return Line(tuple(float(tap) for tap in taps), len(taps) // 2)


def pad(array: Floats, before: int, after: int, axis: int, boundary: Boundary) -> Floats:
    """Go on beyond the edges of one axis."""
    widths = [(0, 0)] * array.ndim
    widths[axis] = (before, after)
    return np.pad(array, widths, mode=PADS[boundary])


def check_fit(widths: Sequence[int], shape: Sequence[int]) -> None:
    """Demand that kernels fit an image.

    Parameters
    ----------
    widths, shape : of the widest kernel and of the image along some axes, in voxels

    Raises
    ------
    ValueError
        When a kernel is wider than the image.
    """
    for size, count in zip(widths, shape, strict=True):
        if size > count:
            raise ValueError(
                f"a kernel of {size} voxels does not fit an axis of {count}; choose a smaller "
                "kernel (width, sigma or level), or dims: 2 for slices"
            )


def convolve_along(array: Floats, axis: int, line: Line, boundary: Boundary) -> Floats:
    """Convolve along one axis: ``out[i] = sum over m of taps[m] in[i - m + centre]``.

    Parameters
    ----------
    array : (D, H, W) float64

    Raises
    ------
    ValueError
        When the kernel is wider than the image.
    """
    size, count = len(line.taps), array.shape[axis]
    check_fit([size], [count])
    taps, ends = np.array(line.taps[::-1]), (size - 1 - line.centre, line.centre)
    across = 1 if axis == 0 else 0
    many = max(1, PART * array.shape[across] // max(1, array.size))
    if many >= array.shape[across]:
        return _convolve_part(array, axis, taps, ends, boundary)
    result = np.empty(array.shape)

    def convolve(start: int) -> None:
        part = (slice(None),) * across + (slice(start, start + many),)
        result[part] = _convolve_part(array[part], axis, taps, ends, boundary)

    side_by_side([partial(convolve, start) for start in range(0, array.shape[across], many)])
    return result


def _convolve_part(
    array: Floats, axis: int, taps: Floats, ends: tuple[int, int], boundary: Boundary
) -> Floats:
    padded = pad(array, *ends, axis, boundary)
    before = int(np.prod(array.shape[:axis]))
    after = int(np.prod(array.shape[axis + 1 :]))
    blocks = np.ascontiguousarray(padded).reshape(before, padded.shape[axis], after)
    return np.asarray(_correlate_middle(blocks, taps).reshape(array.shape))


def convolve_and_halve(
    array: Floats, axis: int, taps: Sequence[float], boundary: Boundary
) -> Floats:
    """Convolve along one axis and keep every other value.

    ``out[k] = sum over m of taps[m] in[2 k + 1 - m]`` for all k at which a tap meets the image
    whatever lies beyond it: ``(n + len(taps) - 1) // 2`` values, as PyWavelets has them.
    """
    size, count = len(taps), array.shape[axis]
    padded = np.moveaxis(pad(array, size - 1, size - 1, axis, boundary), axis, 0)
    kept = (count + size - 1) // 2
    total = np.zeros((kept, *padded.shape[1:]))
    for m, tap in enumerate(taps):
        total += tap * padded[size - m : size - m + 2 * kept - 1 : 2]
    return np.moveaxis(total, 0, axis)


@kernel(fastmath={"contract"})
def _correlate_middle(blocks: Any, taps: Any) -> Any:
    """Correlate the middle one of three axes."""
    many, padded, wide = blocks.shape
    size, count = len(taps), padded - len(taps) + 1
    result = np.empty((many, count, wide))
    for block in range(many):
        if wide == 1:
            row, into = blocks[block, :, 0], result[block, :, 0]
            for x in range(count):
                into[x] = taps[0] * row[x]
            for tap in range(1, size):
                shifted = row[tap : tap + count]
                for x in range(count):
                    into[x] += taps[tap] * shifted[x]
            continue
        for at in range(count):
            into = result[block, at]
            first = blocks[block, at]
            for x in range(wide):
                into[x] = taps[0] * first[x]
            for tap in range(1, size):
                beside = blocks[block, at + tap]
                for x in range(wide):
                    into[x] += taps[tap] * beside[x]
    return result


def convolve_separably(array: Floats, chains: Sequence[Chain], boundary: Boundary) -> Floats:
    """Convolve along each axis with its chain, one for each of z, y and x."""
    for axis, chain in enumerate(chains):
        for line in chain:
            array = convolve_along(array, axis, line, boundary)
    return array


def rotations(dims: int) -> Iterator[tuple[tuple[int, ...], tuple[bool, ...]]]:
    """Yield the right-angle rotations, 24 in space and 4 in a slice, as axes and their flips.

    Axis ``i`` of the rotated kernel is axis ``order[i]`` of the kernel, mirrored by ``flips[i]``.

    >>> len(list(rotations(3))), len(list(rotations(2)))
    (24, 4)
    """
    free = (0, 1, 2)[3 - dims :]
    for order in permutations(free):
        swaps = sum(a > b for i, a in enumerate(order) for b in order[i + 1 :])
        for flips in product((False, True), repeat=dims):
            if (swaps + sum(flips)) % 2 == 0:
                fixed = 3 - dims
                yield (*range(fixed), *order), (False,) * fixed + flips


def convolve_and_pool(
    array: Floats, chains: Sequence[Chain], dims: int, boundary: Boundary, pooling: Pooling
) -> Floats:
    """Convolve with a separable kernel in all its right-angle rotations, and pool the responses.

    Rotations that give the same kernel are computed once, and those that begin alike share the
    work along their first axes.
    """
    counts: dict[tuple[Chain, ...], int] = {}
    for order, flips in rotations(dims):
        turned = tuple(
            tuple(line.flipped if flip else line for line in chains[axis])
            for axis, flip in zip(order, flips, strict=True)
        )
        counts[turned] = counts.get(turned, 0) + 1
    total: Floats | None = None
    for response, count in _rotated_responses(array, list(counts.items()), 0, boundary):
        if total is None:
            total = response * count if pooling == "mean" else response.copy()
        elif pooling == "mean":
            total += response * count
        else:
            (np.maximum if pooling == "max" else np.minimum)(total, response, out=total)
    assert total is not None  # there is always the kernel itself
    return total / sum(counts.values()) if pooling == "mean" else total


def _rotated_responses(
    array: Floats, wanted: list[tuple[tuple[Chain, ...], int]], axis: int, boundary: Boundary
) -> Iterator[tuple[Floats, int]]:
    if axis == len(wanted[0][0]):
        yield array, sum(count for _, count in wanted)
        return
    for chain in dict.fromkeys(chains[axis] for chains, _ in wanted):
        part = array
        for line in chain:
            part = convolve_along(part, axis, line, boundary)
        begun = [item for item in wanted if item[0][axis] == chain]
        yield from _rotated_responses(part, begun, axis + 1, boundary)


def box_mean(array: Floats, radius: int, dims: int, boundary: Boundary) -> Floats:
    """Return the mean over ``2 radius + 1`` voxels along each axis."""
    size = 2 * radius + 1
    line = centred_line([1 / size] * size)
    return convolve_separably(array, chain_of_each_axis((line,), dims), boundary)


def equal_distances(reach: float, dims: int) -> Spacing:
    """Return the same distance along each axis; none across slices in two dimensions."""
    return reach if dims == 3 else 0, reach, reach


def chain_of_each_axis(chain: Chain, dims: int) -> list[Chain]:
    """Return the same chain for each axis; none across slices in two dimensions."""
    return [() if axis < 3 - dims else chain for axis in range(3)]
