"""Figures of networks and of what they see: grids of samples, confusion, curves, heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter
from numpy.typing import NDArray

from radiomics.reporting.figures import BLUE, GREY, RED, STYLE, png, roc_points, svg

COLOURS = 10


def picture(sample: NDArray[Any]) -> NDArray[np.float64]:
    """Return a sample (C, H, W), or the middle slice of one (C, D, H, W), as grey or RGB, 0 to 1.

    >>> picture(np.arange(8).reshape(1, 2, 2, 2))[..., 0].tolist()
    [0.0, 0.6666666666666666]
    """
    if sample.ndim == 4:
        sample = sample[:, sample.shape[1] // 2]
    shown = sample[:3] if len(sample) >= 3 else sample[:1]
    low, high = (0.0, 255.0) if sample.dtype == np.uint8 else (shown.min(), shown.max())
    values = np.clip((shown.astype(np.float64) - low) / ((high - low) or 1.0), 0, 1)
    return values.transpose(1, 2, 0) if len(shown) == 3 else values[0]


def grid(
    samples: Sequence[NDArray[Any]],
    titles: Sequence[str],
    heat: Sequence[NDArray[np.float64]] | None = None,
    alt: str = "Samples",
) -> str:
    """Draw samples three in a row with their titles, heat maps (H, W) or (D, H, W) laid on them."""
    columns = 3
    rows = -(-len(samples) // columns)
    with rc_context(STYLE):
        figure = Figure(figsize=(1.75 * columns, 1.95 * rows), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    for number, (axis, sample, title) in enumerate(zip(axes, samples, titles, strict=False)):
        axis.imshow(picture(sample), cmap="gray", vmin=0, vmax=1)
        if heat is not None:
            here = heat[number]
            flat = here[here.shape[0] // 2] if here.ndim == 3 else here
            axis.imshow(flat, cmap="inferno", alpha=0.5 * flat, vmin=0, vmax=1)
        axis.set_title(title, fontsize=7.5)
    return png(figure, alt)


def confusion(table: NDArray[np.int64], classes: Sequence[str]) -> str:
    """Draw a confusion matrix: true classes down, predicted ones across, shares of each row."""
    share = table / np.maximum(1, table.sum(axis=1, keepdims=True))
    side = 1.7 + 0.42 * len(classes)
    with rc_context(STYLE):
        figure = Figure(figsize=(side, side), layout="constrained")
        axis = figure.subplots()
    axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(table):
        colour = "white" if share[row, column] > 0.5 else "black"
        axis.text(column, row, str(count), ha="center", va="center", fontsize=7, color=colour)
    place = np.arange(len(classes))
    axis.set_xticks(place, classes, rotation=45, ha="right", fontsize=8)
    axis.set_yticks(place, classes, fontsize=8)
    axis.set(xlabel="Predicted", ylabel="True")
    return svg(figure)


def curves(histories: Sequence[Sequence[dict[str, float]]]) -> str:
    """Draw loss by epoch, and accuracy where there is one; a thin line a fold, means bold."""
    keys = [k for k in histories[0][0] if k not in ("epoch", "rate")]
    panels = [k for k in ("loss", "accuracy") if any(key.endswith(k) for key in keys)]
    with rc_context(STYLE):
        figure = Figure(figsize=(4.0 * len(panels), 3.1), layout="constrained")
        axes = figure.subplots(1, len(panels), squeeze=False).ravel()
    for axis, panel in zip(axes, panels, strict=True):
        for key in [k for k in keys if k.endswith(panel)]:
            held = key.startswith("validation")
            colour, label = (RED, "kept aside") if held else (BLUE, "training")
            rows = [[row[key] for row in history] for history in histories]
            for row in rows if len(rows) > 1 else []:
                axis.plot(np.arange(1, len(row) + 1), row, color=colour, lw=0.6, alpha=0.4)
            shortest = min(map(len, rows))
            mean = np.mean([row[:shortest] for row in rows], axis=0)
            marker = "o" if shortest < 3 else None
            axis.plot(np.arange(1, shortest + 1), mean, color=colour, label=label, marker=marker)
        axis.set(xlabel="Epoch", ylabel=panel.capitalize())
        if panel == "loss" and min(line.get_ydata().min() for line in axis.lines) > 0:
            axis.set_yscale("log")
            low, high = axis.get_ylim()
            if high < 10 * low:  # no power of ten to name, or one
                axis.yaxis.set_major_formatter(ScalarFormatter())
                axis.yaxis.set_minor_formatter(ScalarFormatter())
        axis.legend(frameon=False, fontsize=7.5)
    return svg(figure)


def class_roc(
    y: NDArray[Any], score: NDArray[np.float64], classes: Sequence[str], title: str = ""
) -> str:
    """Draw the ROC curve of each class against the rest."""
    from matplotlib import colormaps

    with rc_context(STYLE):
        figure = Figure(figsize=(5.2, 3.9), layout="constrained")
        axis = figure.subplots()
    colours = colormaps["tab10"]
    for k, name in enumerate(classes):
        x, sensitivity = roc_points((y == k).astype(int), score[:, k])
        area = float(np.trapezoid(sensitivity, x))
        axis.plot(x, sensitivity, color=colours(k % COLOURS), lw=1.2, label=f"{name}: {area:.4f}")
    axis.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls=":")
    axis.set(xlabel="1 - specificity", ylabel="Sensitivity", xlim=(0, 1), ylim=(0, 1.01))
    axis.legend(loc="lower right", frameon=False, fontsize=7.5, title="AUC against the rest")
    axis.set_title(title, fontsize=9, loc="left")
    return svg(figure)


def agreement(y: NDArray[Any], score: NDArray[np.float64], title: str = "") -> str:
    """Draw predicted against true values, with the line on which they agree."""
    with rc_context(STYLE):
        figure = Figure(figsize=(4.2, 3.9), layout="constrained")
        axis = figure.subplots()
    ends = [min(y.min(), score.min()), max(y.max(), score.max())]
    axis.plot(ends, ends, color=GREY, lw=0.8, ls=":")
    axis.scatter(y, score, s=18, color=BLUE)
    axis.set(xlabel="True value", ylabel="Predicted value")
    axis.set_title(title, fontsize=9, loc="left")
    return svg(figure)
