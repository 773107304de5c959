"""PyRadiomics' discretisation: bins of fixed width aligned at zero, or a fixed number of bins."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST_LEVELS = 65_535
FEW = 4096
"""Edges up to which rounding cannot lead a guess astray by more than one."""


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


def grey_levels(
    array: NDArray[Any], mask: NDArray[np.bool_], settings: dict[str, Any]
) -> NDArray[np.uint16]:
    """Return grey levels 1, 2, ... inside the mask, 0 outside."""
    values = array[mask]
    found = np.zeros(array.shape, dtype=np.uint16)
    found[mask] = _digitise(values, bin_edges(values, settings))
    return found


def _digitise(values: NDArray[Any], edges: NDArray[Any]) -> NDArray[np.int64]:
    """Return what ``np.digitize`` returns for edges at equal distances, the last one apart.

    A guess from the distance is at most one bin off; the edges themselves decide. No search.
    """
    exact = edges.dtype == np.float64 and 3 <= len(edges) <= FEW and edges[0] < edges[1]
    if not exact or not np.isfinite(values).all():
        return np.asarray(np.digitize(values, edges))
    guess = ((values - edges[0]) * (1 / (edges[1] - edges[0]))).astype(np.int64)
    np.clip(guess, 0, len(edges) - 2, out=guess)
    guess += values >= edges[guess + 1]
    guess -= values < edges[np.minimum(guess, len(edges) - 1)]
    return np.asarray(guess + 1)
