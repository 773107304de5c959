"""Local binary patterns in slices [1]_.

References
----------
.. [1] Ojala, Pietikainen, Maenpaa, IEEE Transactions on Pattern Analysis and Machine Intelligence
   24 (2002) 971-987, doi:10.1109/TPAMI.2002.1017623.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, model_validator

from radiomics.kernels.filtering.convolution import PADS, Boundary
from radiomics.types import Spacing

VERSION = 2

BITS = 52
"""Points whose bits a float64 holds."""

DIGITS = 5
"""Decimals of a point's place in voxels, as scikit-image and with it PyRadiomics have them."""
EQUAL = 1e-9
"""Share of the largest intensity by which interpolated values may differ and still be equal."""


class Options(BaseModel, frozen=True, extra="forbid"):
    """``samples`` points on a circle of ``radius`` voxels, interpolated linearly between voxels.

    ``method``: ``uniform`` is the same in all rotations, and puts patterns that change more than
    twice together; ``default`` gives the points' bits as one number, ``ror`` the smallest number
    to which they can be turned, both of at most 52 points; ``var`` the variance of the points.
    """

    radius: float = Field(1.0, gt=0)
    samples: int = Field(8, ge=3, le=64)
    boundary: Boundary = "zero"
    method: Literal["uniform", "default", "ror", "var"] = "uniform"

    @property
    def dims(self) -> int:
        """The circle lies in an axial slice."""
        return 2

    @model_validator(mode="after")
    def _check_samples(self) -> Options:
        if self.method in ("default", "ror") and self.samples > BITS:
            raise ValueError(f"method {self.method} takes at most {BITS} samples: one bit each")
        return self


def column_prefix(options: Options) -> str:
    """Return how the columns of this image begin."""
    method = "" if options.method == "uniform" else f"_{options.method}"
    return f"lbp_{options.radius:g}_{options.samples}_2d{method}"


def reach(options: Options, spacing: Spacing) -> Spacing:
    """Return how far the filter looks along z, y and x, in voxels."""
    del spacing
    far = math.ceil(options.radius) + 1
    return 0, far, far


def apply(array: NDArray[np.generic], spacing: Spacing, options: Options) -> NDArray[np.float64]:
    """Return the pattern of the points that are at least as bright as the voxel.

    ``uniform``: how many they are; a pattern that changes between brighter and darker more than
    twice around the circle gets ``samples + 1``. One with a point that is NaN is NaN.
    """
    del spacing
    values = array.astype(np.float64)
    slack = EQUAL * np.max(np.abs(values), where=np.isfinite(values), initial=0)
    width = math.ceil(options.radius) + 1
    padded = np.pad(values, [(0, 0), (width, width), (width, width)], mode=PADS[options.boundary])
    rings = []
    broken = np.isnan(values)
    for k in range(options.samples):
        angle = 2 * math.pi * k / options.samples
        place = (-options.radius * math.sin(angle), options.radius * math.cos(angle))
        ring = _shifted_slices(padded, place, width)
        broken |= np.isnan(ring)
        rings.append(ring if options.method == "var" else ring >= values - slack)
    return np.where(broken, np.nan, PATTERNS[options.method](rings))


def _uniform_pattern(brighter: list[NDArray[Any]]) -> NDArray[np.float64]:
    count, changes = np.zeros(brighter[0].shape), np.zeros(brighter[0].shape)
    for before, now in zip([brighter[-1], *brighter], brighter, strict=False):
        count += now
        changes += before != now
    return np.where(changes <= 2, count, len(brighter) + 1.0)


def _pattern_number(brighter: list[NDArray[Any]]) -> NDArray[np.float64]:
    number = np.zeros(brighter[0].shape)
    for bit, now in enumerate(brighter):
        number += now * 2.0**bit
    return number


def _smallest_number(brighter: list[NDArray[Any]]) -> NDArray[np.float64]:
    """Return the smallest number by turning: one step moves the lowest bit to the top."""
    number = smallest = _pattern_number(brighter)
    for now in brighter[:-1]:
        number = (number - now) / 2 + now * 2.0 ** (len(brighter) - 1)
        smallest = np.minimum(smallest, number)
    return smallest


def _variance_of_points(rings: list[NDArray[Any]]) -> NDArray[np.float64]:
    mean = sum(rings) / len(rings)
    total = np.zeros(rings[0].shape)
    for ring in rings:
        total += (ring - mean) ** 2
    return total / len(rings)


PATTERNS = {
    "uniform": _uniform_pattern,
    "default": _pattern_number,
    "ror": _smallest_number,
    "var": _variance_of_points,
}


def _shifted_slices(
    padded: NDArray[np.float64], place: tuple[float, float], width: int
) -> NDArray[np.float64]:
    """Return the slices as seen from ``place`` (rows, columns), by linear interpolation."""
    result: NDArray[np.float64] | None = None
    height, length = (n - 2 * width for n in padded.shape[1:])
    rounded = [round(p, DIGITS) for p in place]
    corners = [(math.floor(p), p - math.floor(p)) for p in rounded]
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
