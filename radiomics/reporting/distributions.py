"""Distributions of many features side by side: one line a feature, one bar a site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from radiomics.reporting.figures import STYLE, svg

COLOURS = ("#1f5a96", "#c8402f", "#3c8d40", "#a06cd5", "#c58b1b", "#1fb5b5", "#8a5a3c", "#555555")
RANGE = (1.0, 99.0)
"""Percentiles of all values at which a line begins and ends."""
PARTS = (5.0, 25.0, 50.0, 75.0, 95.0)


def distributions(names: Sequence[str], values: Mapping[str, NDArray[np.float64]]) -> str:
    """Draw how features are distributed at each site, as SVG.

    Each feature's line runs from the 1st to the 99th percentile of all its values, which stand at
    its ends, with their number where some are missing. A site's thin bar spans its 5th to 95th
    percentile, the thick one its quartiles, the dot is its median.

    Parameters
    ----------
    names : names of F features
    values : site to (N, F) float64; NaN where there is no value
    """
    sites = list(values)
    count = sum(map(len, values.values()))
    step = 0.8 / max(1, len(sites))
    height = 0.7 + len(names) * max(0.24, 0.11 * len(sites) + 0.08)
    with rc_context(STYLE):
        figure = Figure(figsize=(8.2, height), layout="constrained")
        axis = figure.subplots()
    bars: dict[str, list[NDArray[np.float64]]] = {site: [] for site in sites}
    for place in range(len(names)):
        pooled = np.concatenate([values[site][:, place] for site in sites])
        pooled = pooled[np.isfinite(pooled)]
        if not len(pooled):
            axis.text(1.05, len(names) - 1 - place, "no value", fontsize=8, va="center")
            continue
        low, high = np.percentile(pooled, RANGE)
        for number, site in enumerate(sites):
            found = values[site][:, place]
            top = len(names) - 1 - place + 0.4 - step * (number + 0.5)
            if np.isfinite(found).any():
                places = _percentile_places(found[np.isfinite(found)], low, high)
                bars[site].append(np.append(places, top))
        ends = f"{low:.3g} … {high:.3g}" if high > low else f"{low:.3g}"
        ends += f" (n {len(pooled)})" if len(pooled) < count else ""
        axis.text(1.05, len(names) - 1 - place, ends, fontsize=8, va="center")
        axis.axhline(len(names) - 1.5 - place, color="#e4e7eb", lw=0.6)
    for number, site in enumerate(sites):
        _draw_bars(
            axis, np.reshape(bars[site], (-1, len(PARTS) + 1)), COLOURS[number % len(COLOURS)]
        )
    axis.set_yticks(range(len(names))[::-1], names, fontsize=8)
    axis.set(xlim=(-0.04, 1.04), ylim=(-0.6, len(names) - 0.4), xticks=[])
    handles = [Line2D([], [], color=COLOURS[i % 8], lw=3, label=s) for i, s in enumerate(sites)]
    figure.legend(handles=handles, loc="outside upper left", ncols=5, frameon=False, fontsize=8)
    return svg(figure)


def _percentile_places(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """Return where one site's percentiles lie on the scale from one end to the other."""
    if high <= low:
        return np.full(len(PARTS), 0.5)
    return np.clip((np.percentile(values, PARTS) - low) / (high - low), -0.03, 1.03)


def _draw_bars(axis: Any, bars: NDArray[np.float64], colour: str) -> None:
    """Draw the bars of one site: places on the scale (N, 5) with their heights."""
    low, first, middle, third, high, top = bars.T
    axis.hlines(top, low, high, color=colour, lw=0.8)
    axis.hlines(top, first, third, color=colour, lw=2.6)
    axis.plot(middle, top, "o", color="white", mec=colour, ms=3.2, mew=0.9)
