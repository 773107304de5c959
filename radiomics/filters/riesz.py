"""Riesz transforms of Simoncelli's wavelet or of the Laplacian of Gaussian (IBSI code AYRS).

Steered by the structure tensor they say how the image changes along its own local directions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, model_validator

from radiomics.kernels.filtering.convolution import PADS, Boundary, check_fit
from radiomics.kernels.filtering.gaussian import kernel_radius, laplacian
from radiomics.kernels.filtering.sharing import Key, Shared
from radiomics.kernels.filtering.spectra import (
    Precision,
    Spectrum,
    apply_spectrum,
    check_level,
    half_transform,
    riesz_spectrum,
    simoncelli_spectrum,
    spectrum_product,
)
from radiomics.kernels.filtering.steering import (
    CUTOFF,
    add_component,
    component_orders,
    local_axes,
    steering_terms,
)
from radiomics.types import Spacing

VERSION = 1


class Options(BaseModel, frozen=True, extra="forbid"):
    """``order`` is along x, y and z (x and y in slices); of ``sigma_mm`` and ``level`` give one.

    With ``sigma_mm`` the transform is that of the Laplacian of Gaussian, with ``level`` that of
    Simoncelli's wavelet. The image goes on by ``boundary`` for ``padding`` voxels; if not given,
    those that the Laplacian looks at, none for Simoncelli's wavelet.

    With ``tensor_sigma_mm``, the width of the structure tensor's Gaussian, each voxel has axes of
    its own: ``order`` is along that of the largest change, then along the next. ``precision`` is
    that of the Fourier transforms: float32 takes less time and about half the memory.
    """

    order: tuple[int, ...] = Field(min_length=2, max_length=3)
    sigma_mm: float | None = Field(None, gt=0)
    cutoff: float = Field(4.0, gt=0)
    level: int | None = Field(None, ge=1, le=8)
    tensor_sigma_mm: float | None = Field(None, gt=0)
    padding: int | None = Field(None, ge=0)
    boundary: Boundary = "mirror"
    precision: Precision = "float64"

    @model_validator(mode="after")
    def _check_options(self) -> Options:
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
    sigma = options.tensor_sigma_mm
    steered = "" if sigma is None else f"_steered_{sigma:g}mm"
    if options.level is not None:
        return f"riesz_{order}_simoncelli_level_{options.level}{steered}"
    return f"riesz_{order}_log_{options.sigma_mm:g}mm{steered}"


def reach(options: Options, spacing: Spacing) -> Spacing:
    """Return how far the filter looks along z, y and x, in voxels."""
    del spacing
    return 0 if options.dims == 2 else math.inf, math.inf, math.inf


def shared(options: Options, spacing: Spacing) -> tuple[Key, ...]:
    """Return the keys of what other filters of the same image may need, too."""
    wide = _padding(options, spacing)
    sigma = None if options.sigma_mm is None else (options.sigma_mm, options.cutoff)
    edges = () if not wide and sigma is None else (wide, options.boundary)
    key = ("transform", options.dims, options.precision, sigma, *edges)
    if options.tensor_sigma_mm is None:
        return (key,)
    return key, ("axes", options.tensor_sigma_mm, options.level, *key)


def _padding(options: Options, spacing: Spacing) -> int:
    if options.padding is not None or options.sigma_mm is None:
        return options.padding or 0
    sigmas = [options.sigma_mm / step for step in spacing]
    return kernel_radius(max(sigmas[3 - options.dims :]), options.cutoff)


def check(shape: tuple[int, int, int], spacing: Spacing, options: Options) -> None:
    """Refuse an image that the filter does not fit, with a ValueError."""
    across, wide = 3 - options.dims, 2 * _padding(options, spacing)
    sides = [side + wide for side in list(shape)[across:]]
    steps = list(spacing)[across:]
    if options.level is not None:
        check_level(options.level, sides)
    for sigma, cutoff in ((options.sigma_mm, options.cutoff), (options.tensor_sigma_mm, CUTOFF)):
        if sigma is not None:
            check_fit([2 * kernel_radius(sigma / step, cutoff) + 1 for step in steps], sides)


def apply(
    array: NDArray[np.generic],
    spacing: Spacing,
    options: Options,
    common: Shared | None = None,
) -> NDArray[np.float64]:
    """Return the response of one order; ``common`` holds what filters of this image share."""
    common, dims = common or Shared(), options.dims
    key, *keys = shared(options, spacing)
    wide = _padding(options, spacing)
    widths = [(0, 0)] * (3 - dims) + [(wide, wide)] * dims
    long = array.shape[2] + 2 * wide

    def start() -> NDArray[Any]:
        kind = options.precision if options.sigma_mm is None else "float64"
        values = np.pad(array.astype(kind), widths, mode=PADS[options.boundary])
        if options.sigma_mm is not None:
            rest = (options.sigma_mm, options.cutoff, dims, options.boundary)
            values = laplacian(values, spacing, *rest)
        return half_transform(values, dims, options.precision)

    transformed, last = common.once(key, start)
    if not keys:
        spectrum = _spectrum(options, options.order[::-1])  # along z, y, x
        response = apply_spectrum(transformed, spectrum, long, dims, last)
    else:
        response = _steered_response(
            transformed, long, spacing, options, partial(common.once, keys[0])
        )
    inner = tuple(slice(low, low + n) for (low, _), n in zip(widths, array.shape, strict=True))
    return np.ascontiguousarray(response[inner], dtype=np.float64)


def _spectrum(options: Options, order: Sequence[int]) -> Spectrum:
    if options.level is None:
        return riesz_spectrum(order)
    return spectrum_product(simoncelli_spectrum(options.level), riesz_spectrum(order))


def _steered_response(
    transformed: NDArray[Any],
    long: int,
    spacing: Spacing,
    options: Options,
    once: Callable[[Callable[[], Any]], tuple[Any, bool]],
) -> NDArray[np.float64]:
    """Return the response along the axes of each voxel, a sum over all components."""
    dims = options.dims
    sigmas = [(options.tensor_sigma_mm or 0) / step for step in spacing]

    def component(order: Sequence[int]) -> NDArray[np.float64]:
        response = apply_spectrum(transformed, _spectrum(options, order), long, dims)
        return np.asarray(response, dtype=np.float64)

    firsts = np.eye(dims, dtype=int).tolist()
    axes, _ = once(lambda: local_axes([component(order) for order in firsts], sigmas))
    total = np.zeros(axes.shape[1:])
    for order in component_orders(sum(options.order), dims):
        add_component(total, component(order), axes, *steering_terms(options.order, order))
    return total
