"""Normalisation of intensities: window, z-score, min-max, percentile."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, model_validator

from radiomics.types import InputError

Floats = NDArray[np.float64]


class Options(BaseModel, frozen=True, extra="forbid"):
    """How to normalise.

    ``window``: ``lower`` to ``upper`` (in the image's unit) becomes 0 to 1, clipped;
    ``percentile``: the same between two percentiles; ``min_max``: the extremes become 0 and 1;
    ``z_score``: mean 0, standard deviation 1. ``inside`` says over which voxels the statistics
    are taken; the whole image is transformed either way.
    """

    method: Literal["window", "z_score", "min_max", "percentile"]
    inside: Literal["image", "mask"] = "image"
    lower: float | None = None
    upper: float | None = None

    @model_validator(mode="after")
    def _check_limits(self) -> Options:
        if self.method in ("z_score", "min_max"):
            if (self.lower, self.upper) != (None, None):
                raise ValueError(f"method {self.method} takes no 'lower' and 'upper'")
            return self
        if self.lower is None or self.upper is None or self.lower >= self.upper:
            raise ValueError(f"method {self.method} needs 'lower' below 'upper'")
        if self.method == "percentile" and not 0 <= self.lower < self.upper <= 100:
            raise ValueError("percentiles run from 0 to 100")
        return self


def normalise(
    image: NDArray[np.generic], mask: NDArray[np.bool_] | None, options: Options
) -> Floats:
    """Normalise intensities.

    Parameters
    ----------
    image : array of any shape
    mask : bool of the same shape, needed for ``inside="mask"``

    Raises
    ------
    InputError
        When the voxels that give the statistics are all equal (nothing to scale by) or not finite.
    ValueError
        When there is no mask where one is needed.
    """
    values = image.astype(np.float64)
    if options.inside == "mask" and mask is None:
        raise ValueError("normalisation inside the mask needs a mask")
    sample = values[mask] if options.inside == "mask" and mask is not None else values
    if options.method == "z_score":
        centred: Floats = values - sample.mean()
        return centred / _check_scale(float(sample.std()), options)
    low, high = _limits(sample, options)
    scaled: Floats = (values - low) / _check_scale(high - low, options)
    return scaled if options.method == "min_max" else np.clip(scaled, 0, 1)


def _limits(sample: Floats, options: Options) -> tuple[float, float]:
    if options.method == "min_max":
        return float(sample.min()), float(sample.max())
    if options.lower is None or options.upper is None:
        raise ValueError(f"method {options.method} needs 'lower' and 'upper'")
    if options.method == "percentile":
        low, high = np.percentile(sample, [options.lower, options.upper])
        return float(low), float(high)
    return options.lower, options.upper


def _check_scale(scale: float, options: Options) -> float:
    if not scale > 0 or not np.isfinite(scale):
        found = "NaN or infinite ones" if not np.isfinite(scale) else "all of them equal"
        raise InputError(
            "normalise",
            f"method {options.method} needs finite, different intensities in the {options.inside}",
            found,
            "choose another method, or statistics inside the mask",
        )
    return scale
