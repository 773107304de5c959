"""Make regions for tests of families."""

from __future__ import annotations

import numpy as np

from radiomics.preprocessing.discretise import fixed_bin_number
from radiomics.types import Region


def region(
    image: np.ndarray,
    kept: np.ndarray,
    mask: np.ndarray | None = None,
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0),
    bins: int = 8,
) -> Region:
    """Return a region whose levels are ``bins`` bins of its intensities."""
    levels = np.zeros(image.shape, np.uint16)
    levels[kept] = fixed_bin_number(image[kept].astype(float), bins)
    return Region(image.astype(float), kept, kept if mask is None else mask, spacing, levels, bins)


def of_levels(levels: np.ndarray, mask: np.ndarray | None = None) -> Region:
    """Return a region whose intensities are its levels, 0 outside."""
    kept = levels > 0
    whole = kept if mask is None else mask
    n_levels = int(levels.max())
    return Region(
        levels.astype(float), kept, whole, (1.0, 1.0, 1.0), levels.astype(np.uint16), n_levels
    )
