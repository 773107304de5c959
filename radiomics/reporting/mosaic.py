"""Mosaics of a volume's slices with the outlines of masks: to see what was read."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from radiomics.types import Volume

SLICES, COLUMNS = 20, 5
TILE, LINE, NARROWEST = 2.2, 0.2, 5.0
"""Inches: the width of a slice's place, the height of the line above it, the least width."""
SOFT_TISSUE = (-160.0, 240.0)
"""Display window of CT in HU."""
COLOURS = ("#e8453c", "#2fa84f", "#2f7de1", "#e6a817", "#a25ad6", "#1fb5b5", "#e667a8", "#8a8a3c")


def mosaic(image: Volume, masks: Mapping[str, Volume], title: str) -> bytes:
    """Draw up to 20 slices as PNG, in true proportions, with each mask's outline in a colour.

    The slices are spread evenly over the masks with some room around, or over the whole volume.
    Letters on the edges tell where they point: Left, Right, Anterior, Posterior, Head, Foot; there
    are none where the file does not say.

    Parameters
    ----------
    image : (D, H, W)
    masks : name to bool Volume on the grid of the image; looked up one at a time, and twice
    """
    chosen = chosen_slices(image.shape[0], (mask.array for mask in masks.values()))
    sections = [np.packbits(mask.array[chosen], axis=-1) for mask in masks.values()]
    rows = -(-len(chosen) // COLUMNS)
    columns = min(COLUMNS, len(chosen))
    _, height, width = image.shape
    _, dy, dx = image.spacing
    tall = TILE * min(3.0, max(0.4, height * dy / (width * dx)))
    wide = max(TILE * columns, NARROWEST)
    lines = [part for line in title.splitlines() for part in textwrap.wrap(line, int(16 * wide))]
    head, foot = 0.1 + 0.16 * len(lines), 0.1 + 0.16 * -(-len(masks) // 4)
    whole = head + rows * (tall + LINE) + foot
    left = (wide - TILE * columns) / 2
    low, high = window_of(image)
    # every place is known: letting matplotlib find a layout would take longer than drawing
    with rc_context({"font.size": 8.0}):
        figure = Figure(figsize=(wide, whole))
        figure.text(0.5, 1 - 0.06 / whole, "\n".join(lines), fontsize=9, ha="center", va="top")
        for number, index in enumerate(chosen):
            row, column = divmod(number, columns)
            bottom = whole - head - (row + 1) * (tall + LINE)
            axis = figure.add_axes(
                (
                    (left + TILE * column + 0.03) / wide,
                    bottom / whole,
                    (TILE - 0.06) / wide,
                    tall / whole,
                ),
                xticks=(),
                yticks=(),
                frame_on=False,
            )
            picture = image.array[index]
            axis.imshow(picture, cmap=greys_of(image), vmin=low, vmax=high, aspect=dy / dx)
            bits = [np.unpackbits(packed[number], axis=-1, count=width) for packed in sections]
            draw_outlines(axis, [one.view(np.bool_) for one in bits])
            if image.has_sides:
                draw_letters(axis, image.direction[:, 1], image.direction[:, 2])
            x, y = (left + TILE * (column + 0.5)) / wide, (bottom + tall + 0.03) / whole
            figure.text(x, y, f"slice {index}", fontsize=7, ha="center", va="bottom")
        if masks:
            figure.legend(handles=legend_of(masks), loc="lower center", ncols=4, frameon=False)
        buffer = BytesIO()
        figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()


def chosen_slices(depth: int, masks: Iterable[NDArray[np.bool_]]) -> list[int]:
    """Return the slices to show: those of the masks and a margin around, thinned out evenly.

    >>> chosen_slices(3, [])
    [0, 1, 2]
    """
    first, last = 0, depth - 1
    occupied = np.zeros(depth, np.bool_)
    for mask in masks:
        occupied |= mask.any(axis=(1, 2))
    if occupied.any():
        inside = np.flatnonzero(occupied)
        margin = max(1, len(inside) // 8)
        first, last = max(0, int(inside[0]) - margin), min(last, int(inside[-1]) + margin)
    count = min(SLICES, last - first + 1)
    return sorted({int(i) for i in np.rint(np.linspace(first, last, count))})


def window_of(image: Volume) -> tuple[float, float]:
    """Return the values that are drawn black and white: soft tissue of CT, else percentiles."""
    if image.unit == "HU":
        return SOFT_TISSUE
    values = image.array[:: max(1, image.shape[0] // 16)]
    if values.dtype.kind == "f":  # NaN outside the field of view tells nothing of the rest
        values = values[np.isfinite(values)]
    low, high = np.percentile(values, [1, 99.5]) if values.size else (0.0, 1.0)
    return float(low), float(max(high, low + 1e-9))


def greys_of(image: Volume) -> str:
    """Return the grey scale that an image is drawn in: PET dark on white, as it is read."""
    return "gray_r" if image.unit.startswith("SUV") or image.unit in ("BQML", "CNTS") else "gray"


def legend_of(names: Iterable[str]) -> list[Line2D]:
    """Return a line for each mask in its colour, for a legend."""
    return [
        Line2D([], [], color=COLOURS[i % len(COLOURS)], label=name) for i, name in enumerate(names)
    ]


def draw_outlines(axis: Any, masks: list[NDArray[np.bool_]]) -> None:
    """Draw the outlines of masks (H, W) of one slice, each in its colour."""
    for number, mask in enumerate(masks):
        if mask.any():
            padded = np.pad(mask, 1).astype(float)
            height, width = padded.shape
            axis.contour(
                np.arange(width) - 1,
                np.arange(height) - 1,
                padded,
                levels=[0.5],
                colors=[COLOURS[number % len(COLOURS)]],
                linewidths=0.9,
            )


def draw_letters(axis: Any, down: NDArray[np.float64], right: NDArray[np.float64]) -> None:
    """Write on the left and the upper edge to which side of the patient they lie.

    ``down`` and ``right`` are the unit vectors in LPS along which rows and columns follow.
    """
    for vector, place in ((-right, (0.02, 0.5)), (-down, (0.5, 0.98))):
        main = int(np.abs(vector).argmax())
        letter = ("LPH" if vector[main] > 0 else "RAF")[main]
        across = "left" if place[0] < 0.1 else "center"
        along = "center" if place[0] < 0.1 else "top"
        axis.text(
            *place,
            letter,
            transform=axis.transAxes,
            color="#ffb000",
            fontsize=7,
            ha=across,
            va=along,
        )
