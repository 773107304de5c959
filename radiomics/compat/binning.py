"""PyRadiomics' discretisation: bins of fixed width aligned at zero, or a fixed number of bins."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST_LEVELS = 65_535


def bin_edges(values: NDArray[Any], settings: dict[str, Any]) -> NDArray[Any]:
    """Return the edges of bins for the intensities of a region.

    The first edge of bins of ``binWidth`` (25) is the multiple of it at or below the minimum; with
    ``binCount`` the range is divided, and the maximum belongs to the last bin.

    Raises
    ------
    ValueError
        For a width or number that gives no bins, or more levels than can be counted.
    """
    count = settings.get("binCount")
    if count is not None:
        edges = np.histogram(values, count)[1]
        edges[-1] += 1
        return np.asarray(edges)
    width = settings.get("binWidth", 25)
    if not width > 0:
        raise ValueError(f"binWidth must be above 0, not {width}")
    low, high = values.min(), values.max()
    wanted = (float(high) - float(low)) / width
    if not wanted < LARGEST_LEVELS:
        raise ValueError(
            f"binWidth {width} makes {wanted:.0f} bins of intensities {low:g} to {high:g}: choose "
            f"one of about {(float(high) - float(low)) / 64:.3g} (64 bins)"
        )
    edges = np.arange(low - low % width, high + 2 * width, width)
    return np.array([edges[0] - 0.5, edges[0] + 0.5]) if len(edges) == 1 else edges


def levels(
    array: NDArray[Any], mask: NDArray[np.bool_], settings: dict[str, Any]
) -> NDArray[np.uint16]:
    """Return grey levels 1, 2, ... inside the mask, 0 outside."""
    values = array[mask]
    found = np.zeros(array.shape, dtype=np.uint16)
    found[mask] = np.digitize(values, bin_edges(values, settings))
    return found
