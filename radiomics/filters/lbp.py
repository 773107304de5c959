"""Local binary patterns in slices, the same in all rotations and "uniform" [1]_.

References
----------
.. [1] Ojala, Pietikainen, Maenpaa, IEEE Transactions on Pattern Analysis and Machine Intelligence
   24 (2002) 971-987, doi:10.1109/TPAMI.2002.1017623.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from radiomics.kernels.convolution import PADS, Boundary
from radiomics.types import Spacing

VERSION = 1

EQUAL = 1e-9
"""Share of the largest intensity by which interpolated values may differ and still be equal."""


class Options(BaseModel, frozen=True, extra="forbid"):
    """``samples`` points on a circle of ``radius`` voxels, interpolated linearly between voxels."""

    radius: float = Field(1.0, gt=0)
    samples: int = Field(8, ge=3, le=64)
    boundary: Boundary = "zero"


def column_prefix(options: Options) -> str:
    """Return how the columns of this image begin."""
    return f"lbp_{options.radius:g}_{options.samples}_2d"


def reach(options: Options, spacing: Spacing) -> Spacing:
    """Return how far the filter looks along z, y and x, in voxels."""
    del spacing
    far = math.ceil(options.radius) + 1
    return 0, far, far


def apply(array: NDArray[np.generic], spacing: Spacing, options: Options) -> NDArray[np.float64]:
    """Return how many points are at least as bright as the voxel, in patterns that change twice.

    A pattern of points around a circle that changes between brighter and darker more than twice is
    not uniform: it gets ``samples + 1``. One with a point that is NaN is NaN.
    """
    del spacing
    values = array.astype(np.float64)
    slack = EQUAL * np.max(np.abs(values), where=np.isfinite(values), initial=0)
    width = math.ceil(options.radius) + 1
    padded = np.pad(values, [(0, 0), (width, width), (width, width)], mode=PADS[options.boundary])
    first = before = None
    count, changes = np.zeros(array.shape), np.zeros(array.shape)
    broken = np.isnan(values)
    for k in range(options.samples):
        angle = 2 * math.pi * k / options.samples
        place = (-options.radius * math.sin(angle), options.radius * math.cos(angle))
        ring = _shifted(padded, place, width)
        broken |= np.isnan(ring)
        brighter = ring >= values - slack
        count += brighter
        changes += 0 if before is None else brighter != before
        first, before = (brighter if first is None else first), brighter
    changes += first != before
    patterns = np.where(changes <= 2, count, options.samples + 1.0)
    return np.where(broken, np.nan, patterns)


def _shifted(
    padded: NDArray[np.float64], place: tuple[float, float], width: int
) -> NDArray[np.float64]:
    """Return the slices as seen from ``place`` (rows, columns), by linear interpolation."""
    result: NDArray[np.float64] | None = None
    height, length = (n - 2 * width for n in padded.shape[1:])
    corners = [(math.floor(round(p, 9)), round(p, 9) - math.floor(round(p, 9))) for p in place]
    (row, down), (column, right) = corners
    for dy, wy in ((0, 1 - down), (1, down)):
        for dx, wx in ((0, 1 - right), (1, right)):
            if wy * wx == 0:
                continue
            y, x = width + row + dy, width + column + dx
            part = wy * wx * padded[:, y : y + height, x : x + length]
            result = part if result is None else result + part
    assert result is not None  # the weights sum to 1
    return result
