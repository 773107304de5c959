"""Figures as inline SVG (curves) or PNG (images): nothing in them depends on the clock."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import NDArray

from radiomics.evaluation.calibration import wilson_interval
from radiomics.evaluation.decisions import DecisionCurve
from radiomics.evaluation.survival import kaplan_meier
from radiomics.types import Case, Predictions

STYLE: dict[Any, Any] = {
    "svg.hashsalt": "radiomics",
    "svg.fonttype": "path",
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
BLUE, RED, GREY = "#1f5a96", "#c8402f", "#8a8a8a"


def roc(named: dict[str, Predictions], estimates: dict[str, str]) -> str:
    """Draw ROC curves of pooled out-of-fold predictions; the legend holds the estimates."""
    figure, axis = _square()
    axis.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls=":")
    for (name, predictions), colour in zip(named.items(), _colours(len(named)), strict=True):
        x, y = roc_points(predictions.y_true, predictions.y_score)
        axis.plot(x, y, color=colour, lw=1.6, label=f"{name}: AUC {estimates[name]}")
    axis.set(xlabel="1 - specificity", ylabel="Sensitivity", xlim=(0, 1), ylim=(0, 1.01))
    _legend(figure, axis, 1)
    return svg(figure)


def roc_points(y: NDArray[Any], score: NDArray[np.float64]) -> tuple[Any, Any]:
    """Return false and true positive rates at each distinct score, from (0, 0) to (1, 1)."""
    order = np.argsort(-score, kind="stable")
    ends = np.flatnonzero(np.r_[np.diff(score[order]) != 0, True])
    true, false = np.cumsum(y[order] == 1)[ends], np.cumsum(y[order] == 0)[ends]
    return np.r_[0, false / max(1, false[-1])], np.r_[0, true / max(1, true[-1])]


def calibration(named: dict[str, Predictions], bins: int = 5) -> str:
    """Draw observed against predicted frequency in bins of equal count, and the score histogram."""
    figure, axis = _square()
    axis.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls=":", label="perfect")
    for (name, predictions), colour in zip(named.items(), _colours(len(named)), strict=True):
        order = np.argsort(predictions.y_score, kind="stable")
        parts = [part for part in np.array_split(order, bins) if len(part)]
        x = [float(predictions.y_score[part].mean()) for part in parts]
        y = [float(predictions.y_true[part].mean()) for part in parts]
        low, high = np.array([wilson_interval(p, len(q)) for p, q in zip(y, parts, strict=True)]).T
        axis.errorbar(
            x,
            y,
            yerr=np.maximum([y - low, high - y], 0),
            color=colour,
            lw=1.4,
            marker="o",
            ms=4,
            capsize=2,
            label=name,
        )
        heights, edges = np.histogram(predictions.y_score, bins=20, range=(0, 1))
        scaled = 0.12 * heights / heights.max()
        axis.bar(edges[:-1], scaled, width=0.05, align="edge", color=colour, alpha=0.2)
    axis.set(xlabel="Predicted probability", ylabel="Observed frequency")
    axis.set(xlim=(0, 1), ylim=(0, 1.01))
    _legend(figure, axis, 2)
    return svg(figure)


def decision(named: dict[str, DecisionCurve]) -> str:
    """Draw net benefit against the threshold probability, with treating all and treating none."""
    figure, axis = _square()
    first = next(iter(named.values()))
    axis.plot(first.thresholds, first.everyone, color=GREY, lw=1.0, ls="--", label="treat all")
    axis.axhline(0, color=GREY, lw=0.8, ls=":", label="treat none")
    for (name, curve), colour in zip(named.items(), _colours(len(named)), strict=True):
        axis.plot(curve.thresholds, curve.model, color=colour, lw=1.6, label=name)
        axis.fill_between(curve.thresholds, curve.low, curve.high, color=colour, alpha=0.12, lw=0)
    top = max(float(curve.high.max()) for curve in named.values())
    axis.set(xlabel="Threshold probability", ylabel="Net benefit", xlim=(0, 1))
    axis.set_ylim(-0.25 * top, 1.05 * top)
    _legend(figure, axis, 2)
    return svg(figure)


def survival_curves(named: dict[str, NDArray[Any]], title: str = "") -> str:
    """Draw Kaplan and Meier's estimate of each named group of outcomes."""
    figure, axis = _square()
    for (name, y), colour in zip(named.items(), _colours(len(named)), strict=True):
        times, alive = kaplan_meier(y)
        label = f"{name} ({len(y)})"
        axis.step(np.r_[0, times], np.r_[1, alive], where="post", color=colour, label=label)
    axis.set(xlabel="Time", ylabel="Share without event", ylim=(0, 1.02), xlim=(0, None))
    axis.set_title(title, fontsize=9, loc="left")
    axis.legend(loc="upper right", frameon=False, fontsize=7.5)
    return svg(figure)


def weights(names: Sequence[str], values: NDArray[np.float64]) -> str:
    """Draw the weights of features: one bar a feature, with the spread over folds (F, K)."""
    with rc_context(STYLE):
        figure = Figure(figsize=(6.4, 0.6 + 0.24 * len(names)), layout="constrained")
        axis = figure.subplots()
    mean, spread = values.mean(axis=1), values.std(axis=1)
    colours = [BLUE if m > 0 else RED for m in mean]
    position = np.arange(len(names))[::-1]
    axis.barh(position, mean, xerr=spread, color=colours, height=0.7, error_kw={"lw": 0.8})
    axis.set_yticks(position, names, fontsize=8)
    axis.axvline(0, color=GREY, lw=0.8)
    axis.set_xlabel("Weight (mean and SD over folds)")
    return svg(figure)


def gallery(
    cases: Sequence[Case], titles: Sequence[str], window: tuple[float, float] | None = None
) -> str:
    """Draw the slice with the largest section of each case, the mask's outline drawn on it.

    Without a ``window`` the grey scale runs from the 1st to the 99th percentile of each slice.
    """
    columns = min(4, len(cases))
    rows = -(-len(cases) // columns)
    with rc_context(STYLE):
        figure = Figure(figsize=(2.2 * columns, 2.4 * rows), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, case, title in zip(axes, cases, titles, strict=False):
        if case.mask is None:
            raise ValueError(f"case {case.id}: a gallery needs masks")
        index = int(case.mask.array.sum(axis=(1, 2)).argmax())
        picture, mask = case.image.array[index], case.mask.array[index]
        low, high = window or np.percentile(picture, [1, 99])
        _, dy, dx = case.image.spacing
        axis.imshow(picture, cmap="gray", vmin=low, vmax=high, aspect=dy / dx)
        if 0 < mask.mean() < 1:
            axis.contour(mask, levels=[0.5], colors=[RED], linewidths=1.0)
        axis.set_title(title, fontsize=7.5)
    return png(figure, "Slices of cases with the outline of the mask")


def _square() -> tuple[Figure, Any]:
    with rc_context(STYLE):
        figure = Figure(figsize=(4.2, 4.3), layout="constrained")
        return figure, figure.subplots()


def _legend(figure: Figure, axis: Any, columns: int) -> None:
    """Put the legend above the axes, where it hides no curve."""
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside upper left", ncols=columns, frameon=False, fontsize=7.5
    )


def _colours(count: int) -> list[str]:
    return [(BLUE, RED, "#3c8d40", "#a06cd5", "#c58b1b")[i % 5] for i in range(count)]


def svg(figure: Figure) -> str:
    """Return a figure as an SVG element."""
    buffer = BytesIO()
    with rc_context(STYLE):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue().decode("utf-8")
    return text[text.index("<svg") :]


def png(figure: Figure, alt: str) -> str:
    """Return a figure as an img element that holds its pixels."""
    buffer = BytesIO()
    with rc_context(STYLE):
        figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f'<img alt="{alt}" src="data:image/png;base64,{data}">'
