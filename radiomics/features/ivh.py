r"""Intensity-volume histogram, IVH (IBSI family P88C): 7 features [1]_.

For the levels :math:`i` of a range :math:`[l, h]`, :math:`\nu_i` is the share of voxels with at
least that intensity and :math:`\gamma_i = (i - l) / (h - l)` its share of the range.

References
----------
.. [1] Zwanenburg et al., Image biomarker standardisation initiative, arXiv:1612.07003, section 3.5.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, model_validator

from radiomics.preprocessing.discretise import fixed_bin_number, fixed_bin_size
from radiomics.types import Region

VERSION = 1

IBSI = {
    "volume_fraction_at_10_intensity": "BC2M",
    "volume_fraction_at_90_intensity": "BC2M",
    "intensity_at_10_volume": "GBPN",
    "intensity_at_90_volume": "GBPN",
    "difference_in_volume_fraction_between_10_and_90_intensity": "DDTU",
    "difference_in_intensity_between_10_and_90_volume": "CNV2",
    "area_under_ivh_curve": "9CMM",
}
UNITS = {name: "{unit}" if "intensity_" in name[:31] else "1" for name in IBSI} | {
    "volume_fraction_at_10_intensity": "1",
    "volume_fraction_at_90_intensity": "1",
    "difference_in_volume_fraction_between_10_and_90_intensity": "1",
    "difference_in_intensity_between_10_and_90_volume": "{unit}",
}
MOST_LEVELS = 10_000_000


class Options(BaseModel, frozen=True, extra="forbid"):
    """Where the levels lie.

    ``calibrated``: steps of ``bin_width`` (1 when absent) through the range, values unchanged.
    ``fixed_bin_size``: intensities become the centres of bins of ``bin_width``.
    ``fixed_bin_number``: they become bin numbers, 1 to ``bins`` (1000 when absent). ``levels``: the
    grey levels of the other families.

    The range is that of the re-segmentation, else that of the region.
    """

    method: Literal["calibrated", "fixed_bin_size", "fixed_bin_number", "levels"] = (
        "fixed_bin_number"
    )
    bin_width: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    bins: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _check_keys(self) -> Options:
        if self.method == "fixed_bin_size" and self.bin_width is None:
            raise ValueError("fixed_bin_size needs 'bin_width'")
        if self.bins is not None and self.method != "fixed_bin_number":
            raise ValueError(f"{self.method} takes no 'bins'")
        if self.bin_width is not None and self.method in ("fixed_bin_number", "levels"):
            raise ValueError(f"{self.method} takes no 'bin_width'")
        return self


def features(region: Region, options: Options) -> dict[str, float]:
    """Compute the features of the intensity-volume histogram.

    Where more than a tenth of the volume lies at the top level, the intensity at 10% volume is NaN.
    A single level has an area of 0 and NaN for the rest.
    """
    values, low, step, count = _values_and_levels(region, options)
    return dict(
        zip(IBSI, volume_histogram_features(np.sort(values), low, step, count), strict=True)
    )


def _values_and_levels(
    region: Region, options: Options
) -> tuple[NDArray[np.float64], float, float, int]:
    """Return the values and the levels: the lowest, their distance, their number."""
    x = region.intensities
    if options.method == "levels":
        return region.levels[region.intensity_mask].astype(float), 1.0, 1.0, region.n_levels
    if options.method == "fixed_bin_number":
        bins = options.bins or 1000
        return fixed_bin_number(x, bins).astype(float), 1.0, 1.0, bins
    limits = region.limits or (None, None)
    low = float(x.min()) if limits[0] is None else limits[0]
    high = float(x.max()) if limits[1] is None else limits[1]
    width = options.bin_width or 1.0
    if options.method == "calibrated":
        return x, low, width, int(np.floor((high - low) / width + 1e-9)) + 1
    bins = max(int(np.round((high - low) / width)), 1)
    numbers = np.minimum(fixed_bin_size(x, width, low), bins)
    return low + (numbers - 0.5) * width, low + 0.5 * width, width, bins


def volume_histogram_features(
    values: NDArray[np.float64], low: float, step: float, count: int
) -> list[float]:
    """Compute the seven features for sorted values and evenly spaced levels.

    Raises
    ------
    ValueError
        When there would be more than ten million levels.
    """
    if count > MOST_LEVELS:
        raise ValueError(f"an intensity-volume histogram of {count} levels; choose wider steps")
    nothing = float("nan")
    if count < 2:
        return [*[nothing] * 6, 0.0]
    levels = low + step * np.arange(count)
    below = np.searchsorted(values, levels - 1e-9 * step, side="left")
    share = 1 - below / values.size
    gamma = np.arange(count) / (count - 1)
    at_10, at_90 = (float(share[np.argmax(gamma >= g - 1e-12)]) for g in (0.1, 0.9))
    rare = [np.flatnonzero(share <= fraction + 1e-12) for fraction in (0.1, 0.9)]
    low_volume, high_volume = (float(levels[r[0]]) if len(r) else nothing for r in rare)
    area = float((share[1:] + share[:-1]).sum()) / 2 / (count - 1)
    return [
        at_10,
        at_90,
        low_volume,
        high_volume,
        at_10 - at_90,
        low_volume - high_volume,
        area,
    ]
