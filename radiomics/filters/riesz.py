"""Riesz transforms of Simoncelli's wavelet or of the Laplacian of Gaussian (IBSI code AYRS)."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, model_validator

from radiomics.kernels.convolution import PADS, Boundary
from radiomics.kernels.gaussian import laplacian, radius
from radiomics.kernels.spectra import product, respond, riesz, simoncelli
from radiomics.types import Spacing

VERSION = 1


class Options(BaseModel, frozen=True, extra="forbid"):
    """``order`` is along x, y and z (x and y in slices); of ``sigma_mm`` and ``level`` give one.

    With ``sigma_mm`` the transform is that of the Laplacian of Gaussian, with ``level`` that of
    Simoncelli's wavelet. The image goes on by ``boundary`` for ``padding`` voxels; if not given,
    those that the Laplacian looks at, none for Simoncelli's wavelet.
    """

    order: tuple[int, ...] = Field(min_length=2, max_length=3)
    sigma_mm: float | None = Field(None, gt=0)
    cutoff: float = Field(4.0, gt=0)
    level: int | None = Field(None, ge=1, le=8)
    padding: int | None = Field(None, ge=0)
    boundary: Boundary = "mirror"

    @model_validator(mode="after")
    def _complete(self) -> Options:
        if (self.sigma_mm is None) == (self.level is None):
            raise ValueError("give either sigma_mm (of the Laplacian of Gaussian) or level")
        if min(self.order) < 0 or not sum(self.order):
            raise ValueError("an order is a whole number for each axis, not negative, not all 0")
        return self

    @property
    def dims(self) -> Literal[2, 3]:
        """3 for an order of three numbers, 2 for slices."""
        return 3 if len(self.order) == 3 else 2


def column_prefix(options: Options) -> str:
    """Return how the columns of this image begin."""
    order = "".join(map(str, options.order))
    if options.level is not None:
        return f"riesz_{order}_simoncelli_level_{options.level}"
    return f"riesz_{order}_log_{options.sigma_mm:g}mm"


def reach(options: Options, spacing: Spacing) -> Spacing:
    """Return how far the filter looks along z, y and x, in voxels."""
    del spacing
    return 0 if options.dims == 2 else math.inf, math.inf, math.inf


def apply(array: NDArray[np.generic], spacing: Spacing, options: Options) -> NDArray[np.float64]:
    """Return the response of one order."""
    values, dims = array.astype(np.float64), options.dims
    order = options.order[::-1]  # along z, y, x
    sigmas = [(options.sigma_mm or 0) / step for step in spacing]
    reached = radius(max(sigmas[3 - dims :]), options.cutoff) if options.sigma_mm else 0
    width = reached if options.padding is None else options.padding
    widths = [(0, 0)] * (3 - dims) + [(width, width)] * dims
    values = np.pad(values, widths, mode=PADS[options.boundary])
    if options.level is not None:
        response = respond(values, product(simoncelli(options.level), riesz(order)), dims)
    else:
        rest = (options.sigma_mm or 0.0, options.cutoff, dims, options.boundary)
        response = respond(laplacian(values, spacing, *rest), riesz(order), dims)
    inner = tuple(slice(low, low + n) for (low, _), n in zip(widths, array.shape, strict=True))
    return np.ascontiguousarray(response[inner])
