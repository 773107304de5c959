"""Separable wavelets (IBSI code 25BO), undecimated or decimated, with the taps of PyWavelets.

Undecimated, every sub-band has the image's grid: beyond level 1, the low-pass image of the level
before is convolved with kernels that have zeros between their taps. Decimated, each level keeps
every other value: voxels of a sub-band are ``2**level`` as long as the image's, and each lies in
the middle of its kernel, so that it covers whole voxels of the image.
"""

from __future__ import annotations

import math
from difflib import get_close_matches
from itertools import product
from typing import Literal

import numpy as np
import pywt
from numpy.typing import NDArray
from pydantic import BaseModel, Field, model_validator

from radiomics.kernels.filtering.convolution import (
    Boundary,
    Chain,
    Floats,
    Line,
    Pooling,
    check_fit,
    convolve_along,
    convolve_and_halve,
    convolve_and_pool,
    equal_distances,
)
from radiomics.types import Spacing

VERSION = 1


class Options(BaseModel, frozen=True, extra="forbid"):
    """``family`` is a name of PyWavelets (haar, db2, coif1, sym4, ...).

    ``band`` names low or high pass an axis, x first (``LLH``; ``LH`` in slices); without it there
    is an image for each band. ``pooling`` makes responses the same in all right-angle rotations.
    ``decimated`` sub-bands are smaller than the image, as those of PyWavelets.
    """

    family: str
    level: int = Field(1, ge=1, le=8)
    band: str | None = Field(None, pattern="^[LH]{2,3}$")
    dims: Literal[2, 3] = 3
    decimated: bool = False
    pooling: Pooling | None = None
    boundary: Boundary = "mirror"

    @model_validator(mode="after")
    def _check_names(self) -> Options:
        names = pywt.wavelist(kind="discrete")
        if self.family not in names:
            near = get_close_matches(self.family, names, n=1)
            hint = f"Did you mean '{near[0]}'?" if near else "Known: haar, db, coif, sym, ..."
            raise ValueError(f"there is no discrete wavelet '{self.family}'. {hint}")
        if self.band is not None and len(self.band) != self.dims:
            raise ValueError(f"a band names {self.dims} axes where dims is {self.dims}")
        if self.decimated and self.pooling is not None:
            raise ValueError("pooling needs responses on one grid: leave it out, or decimated")
        return self


def variants(options: Options) -> tuple[Options, ...]:
    """Return the options of each image that these options ask for."""
    if options.band is not None:
        return (options,)
    bands = ("".join(letters) for letters in product("LH", repeat=options.dims))
    return tuple(options.model_copy(update={"band": band}) for band in bands)


def column_prefix(options: Options) -> str:
    """Return how the columns of this image begin."""
    ending = f"_{options.pooling}" if options.pooling else ""
    ending += "_decimated" if options.decimated else ""
    return f"wavelet_{options.family}_level_{options.level}_{options.band}{ending}"


def reach(options: Options, spacing: Spacing) -> Spacing:
    """Return how far the filter looks along z, y and x, in voxels.

    What a decimated sub-band keeps is counted from the image's first voxel.
    """
    del spacing
    if options.decimated:
        return equal_distances(math.inf, options.dims)
    taps = int(pywt.Wavelet(options.family).dec_len)
    return equal_distances(taps * (2**options.level - 1), options.dims)


def grid(options: Options) -> tuple[Spacing, tuple[int, int, int]]:
    """Return where the response's first voxel lies along z, y and x, and the steps to the next.

    Both in voxels of the image; those of the image itself where the sub-band is not decimated.
    """
    if not options.decimated:
        return (0.0, 0.0, 0.0), (1, 1, 1)
    step = 2**options.level
    middle = _first_block(options) + (step - 1) / 2
    return equal_distances(middle, options.dims), (step if options.dims == 3 else 1, step, step)


def check(shape: tuple[int, int, int], spacing: Spacing, options: Options) -> None:
    """Refuse an image that the filter does not fit, with a ValueError."""
    del spacing
    taps, sides = int(pywt.Wavelet(options.family).dec_len), shape[3 - options.dims :]
    if not options.decimated:
        check_fit([taps * 2 ** (options.level - 1)] * options.dims, sides)
        return
    left = min(sides)
    for level in range(1, options.level + 1):
        if taps > left:
            raise ValueError(
                f"a kernel of {taps} voxels does not fit the {left} that the levels before level "
                f"{level} leave of an axis; choose a lower level, a shorter wavelet, or dims: 2"
            )
        left = (left + taps - 1) // 2


def apply(array: NDArray[np.generic], spacing: Spacing, options: Options) -> NDArray[np.float64]:
    """Return one sub-band, the first if there is none named."""
    return apply_each(array, spacing, variants(options)[:1])[0]


def apply_each(
    array: NDArray[np.generic], spacing: Spacing, wanted: tuple[Options, ...]
) -> list[NDArray[np.float64]]:
    """Return several sub-bands of one wavelet; those that begin alike share the work."""
    del spacing
    values, found = array.astype(np.float64), []
    if wanted[0].decimated:
        return _decimated_bands(values, wanted)
    responses: dict[str, NDArray[np.float64]] = {"": values}
    for options in wanted:
        band = str(options.band)
        if options.pooling is not None:
            chains: list[Chain] = [()] * (3 - options.dims)
            chains += [_chain_of_levels(options, letter) for letter in reversed(band)]
            found.append(
                convolve_and_pool(values, chains, options.dims, options.boundary, options.pooling)
            )
            continue
        for count in range(1, len(band) + 1):  # x first
            part = band[:count]
            if part not in responses:
                response = responses[part[:-1]]
                for line in _chain_of_levels(options, part[-1]):
                    response = convolve_along(response, 3 - count, line, options.boundary)
                responses[part] = response
        found.append(responses[band])
    return found


def _first_block(options: Options) -> int:
    """Return the first image voxel that the sub-band's first voxel covers; it may lie outside."""
    step: int = 2**options.level
    taps = int(pywt.Wavelet(options.family).dec_len)
    return (1 - taps // 2) * (step - 1) + step * _dropped_count(options)


def _dropped_count(options: Options) -> int:
    """Return how many values before the first that covers a voxel of the image are left out."""
    step: int = 2**options.level
    taps = int(pywt.Wavelet(options.family).dec_len)
    return math.ceil((taps // 2 - 2) * (step - 1) / step)


def _decimated_bands(values: Floats, wanted: tuple[Options, ...]) -> list[Floats]:
    """Return decimated sub-bands, without the values that cover no voxel of the image."""
    options = wanted[0]
    wavelet, boundary = pywt.Wavelet(options.family), options.boundary
    axes = range(2, 2 - options.dims, -1)  # x first
    low = values
    for _ in range(options.level - 1):
        for axis in axes:
            low = convolve_and_halve(low, axis, wavelet.dec_lo, boundary)
    first, step = _first_block(options), 2**options.level
    kept = [slice(None)] * 3
    for axis in axes:
        count = -(-(values.shape[axis] - first) // step)
        kept[axis] = slice(_dropped_count(options), _dropped_count(options) + count)
    responses, found = {"": low}, []
    for variant in wanted:
        band = str(variant.band)
        for axis, count in zip(axes, range(1, len(band) + 1), strict=True):
            part = band[:count]
            if part not in responses:
                taps = wavelet.dec_hi if part[-1] == "H" else wavelet.dec_lo
                responses[part] = convolve_and_halve(responses[part[:-1]], axis, taps, boundary)
        found.append(np.ascontiguousarray(responses[band][tuple(kept)]))
    return found


def _chain_of_levels(options: Options, letter: str) -> Chain:
    """Return the kernels of all levels along one axis."""
    wavelet = pywt.Wavelet(options.family)
    chain = []
    for level in range(options.level):
        last = level == options.level - 1
        taps = wavelet.dec_hi if last and letter == "H" else wavelet.dec_lo
        spread = np.zeros(len(taps) * 2**level)
        spread[:: 2**level] = taps
        chain.append(Line(tuple(spread.tolist()), len(spread) // 2))
    return tuple(chain)
