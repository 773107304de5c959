"""Separable wavelets, undecimated (IBSI code 25BO): every sub-band has the image's grid.

Taps are those of PyWavelets. Beyond level 1, the low-pass image of the level before is convolved
with kernels that have zeros between their taps.
"""

from __future__ import annotations

from difflib import get_close_matches
from itertools import product
from typing import Literal

import numpy as np
import pywt
from numpy.typing import NDArray
from pydantic import BaseModel, Field, model_validator

from radiomics.kernels.convolution import Boundary, Chain, Line, Pooling, along, around, pooled
from radiomics.types import Spacing

VERSION = 1


class Options(BaseModel, frozen=True, extra="forbid"):
    """``family`` is a name of PyWavelets (haar, db2, coif1, sym4, ...).

    ``band`` names low or high pass an axis, x first (``LLH``; ``LH`` in slices); without it there
    is an image for each band. ``pooling`` makes responses the same in all right-angle rotations.
    """

    family: str
    level: int = Field(1, ge=1, le=8)
    band: str | None = Field(None, pattern="^[LH]{2,3}$")
    dims: Literal[2, 3] = 3
    pooling: Pooling | None = None
    boundary: Boundary = "mirror"

    @model_validator(mode="after")
    def _known(self) -> Options:
        known = pywt.wavelist(kind="discrete")
        if self.family not in known:
            near = get_close_matches(self.family, known, n=1)
            hint = f"Did you mean '{near[0]}'?" if near else "Known: haar, db, coif, sym, ..."
            raise ValueError(f"there is no discrete wavelet '{self.family}'. {hint}")
        if self.band is not None and len(self.band) != self.dims:
            raise ValueError(f"a band names {self.dims} axes where dims is {self.dims}")
        return self


def variants(options: Options) -> tuple[Options, ...]:
    """Return the options of each image that these options ask for."""
    if options.band is not None:
        return (options,)
    bands = ("".join(letters) for letters in product("LH", repeat=options.dims))
    return tuple(options.model_copy(update={"band": band}) for band in bands)


def column_prefix(options: Options) -> str:
    """Return how the columns of this image begin."""
    pooling = f"_{options.pooling}" if options.pooling else ""
    return f"wavelet_{options.family}_level_{options.level}_{options.band}{pooling}"


def reach(options: Options, spacing: Spacing) -> Spacing:
    """Return how far the filter looks along z, y and x, in voxels."""
    del spacing
    taps = int(pywt.Wavelet(options.family).dec_len)
    return around(taps * (2**options.level - 1), options.dims)


def apply(array: NDArray[np.generic], spacing: Spacing, options: Options) -> NDArray[np.float64]:
    """Return one sub-band, the first if there is none named."""
    return apply_each(array, spacing, variants(options)[:1])[0]


def apply_each(
    array: NDArray[np.generic], spacing: Spacing, wanted: tuple[Options, ...]
) -> list[NDArray[np.float64]]:
    """Return several sub-bands of one wavelet; those that begin alike share the work."""
    del spacing
    values, found = array.astype(np.float64), []
    known: dict[str, NDArray[np.float64]] = {"": values}
    for options in wanted:
        band = str(options.band)
        if options.pooling is not None:
            chains: list[Chain] = [()] * (3 - options.dims)
            chains += [_chain(options, letter) for letter in reversed(band)]
            found.append(pooled(values, chains, options.dims, options.boundary, options.pooling))
            continue
        for count in range(1, len(band) + 1):  # x first
            part = band[:count]
            if part not in known:
                response = known[part[:-1]]
                for line in _chain(options, part[-1]):
                    response = along(response, 3 - count, line, options.boundary)
                known[part] = response
        found.append(known[band])
    return found


def _chain(options: Options, letter: str) -> Chain:
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
