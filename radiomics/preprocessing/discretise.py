"""Discretisation of intensities into grey levels 1, 2, 3, ... (IBSI section 2.7)."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, model_validator

Floats = NDArray[np.float64]
Levels = NDArray[np.int64]

MOST_LEVELS = 2**16 - 1


class Options(BaseModel, frozen=True, extra="forbid"):
    """Fixed bin size with ``bin_width`` (and ``lower``), or fixed bin number with ``bins``.

    ``none``: the intensities are levels already, whole numbers from 1. Without ``lower`` the first
    bin begins at the lower end of the re-segmentation, else at the smallest intensity.
    """

    method: Literal["fixed_bin_size", "fixed_bin_number", "none"]
    bin_width: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    lower: float | None = None
    bins: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _check_keys(self) -> Options:
        if self.method == "none":
            if (self.bin_width, self.lower, self.bins) != (None, None, None):
                raise ValueError("none takes no 'bin_width', 'lower' or 'bins'")
            return self
        size = self.method == "fixed_bin_size"
        if size and (self.bin_width is None or self.bins is not None):
            raise ValueError("fixed_bin_size needs 'bin_width' and takes no 'bins'")
        if not size and (self.bins is None or self.bin_width is not None or self.lower is not None):
            raise ValueError("fixed_bin_number needs 'bins' and takes no 'bin_width' or 'lower'")
        return self


def fixed_bin_size(values: Floats, width: float, lower: float | None = None) -> Levels:
    r"""Put intensities into bins of equal width: ``floor((x - lower) / width) + 1``.

    Parameters
    ----------
    values : intensities of any shape
    width : bin width in the unit of the values, above 0
    lower : lower edge of bin 1; the smallest value when absent

    Raises
    ------
    ValueError
        When a value lies below ``lower``: it would get level 0 or less.

    >>> fixed_bin_size(np.array([-500.0, -475.0, 0.0]), 25, -500)
    array([ 1,  2, 21])
    """
    start = float(values.min()) if lower is None else lower
    if lower is not None and values.min() < start:
        raise ValueError(
            f"intensity {values.min():g} lies below the lower bound {start:g} of the first bin; "
            "re-segment to the same lower bound, or lower it"
        )
    levels = values - start  # in place from here on: new memory costs more than the arithmetic
    levels /= width
    np.floor(levels, out=levels)
    levels += 1
    return levels.astype(np.int64)


def fixed_bin_number(values: Floats, bins: int) -> Levels:
    """Divide the range into ``bins`` bins of equal width; the maximum falls in the last.

    >>> fixed_bin_number(np.array([0.0, 1.0, 2.0, 3.0]), 2)
    array([1, 1, 2, 2])
    """
    low, high = float(values.min()), float(values.max())
    if high == low:
        return np.ones(values.shape, dtype=np.int64)
    levels = np.floor(bins * (values - low) / (high - low)).astype(np.int64) + 1
    return np.minimum(levels, bins)


def discretise(values: Floats, options: Options, limit: float | None = None) -> tuple[Levels, int]:
    """Discretise the intensities of a region; return the levels and the number of levels.

    The number of levels is the number of bins for a fixed bin number, else the highest level.

    Parameters
    ----------
    limit : lower end of the re-segmentation, where there was one

    Raises
    ------
    ValueError
        When a value lies below the first bin, is no level, or there would be over 65,535 levels.
    """
    levels, count = _assign_levels(values, options, limit)
    if count > MOST_LEVELS:
        size = f"one co-occurrence matrix of {count} levels takes {count**2 * 8 / 2**30:.0f} GiB"
        raise ValueError(f"at most {MOST_LEVELS} grey levels ({size}); choose wider bins")
    return levels, count


def _assign_levels(values: Floats, options: Options, limit: float | None) -> tuple[Levels, int]:
    if options.method == "none":
        levels = values.astype(np.int64)
        if values.min() < 1 or not np.array_equal(levels, values):
            found = f"{values.min():g} to {values.max():g}"
            raise ValueError(f"without discretisation levels are whole numbers from 1, not {found}")
        return levels, int(levels.max())
    if options.method == "fixed_bin_number" and options.bins is not None:
        return fixed_bin_number(values, options.bins), options.bins
    if options.bin_width is None:
        raise ValueError("fixed_bin_size needs 'bin_width'")
    lower = limit if options.lower is None else options.lower
    levels = fixed_bin_size(values, options.bin_width, lower)
    return levels, int(levels.max())
