"""Simoncelli's wavelet, not separable and the same in all directions (IBSI code PRT7).

Filtered in the Fourier domain: the image goes on periodically, and every voxel counts for all.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from radiomics.kernels.filtering.sharing import Key, Shared
from radiomics.kernels.filtering.spectra import (
    Precision,
    apply_spectrum,
    check_level,
    half_transform,
    simoncelli_spectrum,
)
from radiomics.types import Spacing

VERSION = 1


class Options(BaseModel, frozen=True, extra="forbid"):
    """``level`` 1 holds the finest details.

    ``precision`` is that of the Fourier transforms: float32 takes less time and about half the
    memory.
    """

    level: int = Field(1, ge=1, le=8)
    dims: Literal[2, 3] = 3
    precision: Precision = "float64"


def column_prefix(options: Options) -> str:
    """Return how the columns of this image begin."""
    return f"simoncelli_level_{options.level}_{options.dims}d"


def reach(options: Options, spacing: Spacing) -> Spacing:
    """Return how far the filter looks along z, y and x, in voxels."""
    del spacing
    return 0 if options.dims == 2 else math.inf, math.inf, math.inf


def shared(options: Options, spacing: Spacing) -> tuple[Key, ...]:
    """Return the keys of what other filters of the same image may need, too."""
    del spacing
    return (("transform", options.dims, options.precision, None),)


def check(shape: tuple[int, int, int], spacing: Spacing, options: Options) -> None:
    """Refuse an image that the filter does not fit, with a ValueError."""
    del spacing
    check_level(options.level, shape[3 - options.dims :])


def apply(
    array: NDArray[np.generic],
    spacing: Spacing,
    options: Options,
    common: Shared | None = None,
) -> NDArray[np.float64]:
    """Return the band-pass response; ``common`` holds what filters of this image share."""
    (key,), dims = shared(options, spacing), options.dims
    common = common or Shared()
    transformed, last = common.once(key, partial(half_transform, array, dims, options.precision))
    response = apply_spectrum(
        transformed, simoncelli_spectrum(options.level), array.shape[2], dims, last
    )
    return np.asarray(response, dtype=np.float64)
