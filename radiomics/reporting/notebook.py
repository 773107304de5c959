"""Pictures for notebooks: a slice of an image with the outlines of masks."""

from __future__ import annotations

import html
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import NDArray

from radiomics.reporting.figures import STYLE, png
from radiomics.reporting.mosaic import (
    draw_letters,
    draw_outlines,
    greys_of,
    legend_of,
    window_of,
)
from radiomics.types import (
    ImageLike,
    MasksLike,
    Volume,
    as_mask,
    as_volume,
    check_mask,
    several_masks,
)

WINDOWS = {
    "soft_tissue": (-160.0, 240.0),
    "lung": (-1350.0, 150.0),
    "bone": (-450.0, 1050.0),
    "brain": (0.0, 80.0),
    "liver": (-45.0, 105.0),
}
"""Display windows of CT in HU: the values that are drawn black and white."""
SUV = (0.0, 7.0)
"""Display window of PET in SUV."""
WIDTH, LEAST, MOST = 5.0, 0.3, 2.0
"""Inches across a picture, and its height as a share of that."""


class Picture(Figure):
    """A figure that a notebook shows as it is, also where pyplot was never imported."""

    def _repr_png_(self) -> bytes:
        buffer = BytesIO()
        with rc_context(STYLE):
            self.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
        return buffer.getvalue()


def show(
    image: ImageLike,
    mask: ImageLike | MasksLike | None = None,
    *,
    index: int | None = None,
    axis: int = 0,
    window: str | tuple[float, float] | None = None,
) -> Figure:
    """Draw a slice of an image, with the outline of a mask or of several.

    The slice is turned as a radiologist sees it, whatever the order of its rows and columns: the
    patient's left is on the right, the back or the feet are below. Letters on the edges tell.

    Parameters
    ----------
    image : Volume, or an image of SimpleITK, nibabel or MONAI
    mask : the same on the image's grid; or several in a dict by name or in a list
    index : which slice; without, the one with the masks' largest section, or the middle one
    axis : array axis that the slice lies across: 0 for a slice as it was scanned, 1 and 2 for cuts
        through all slices
    window : values that are drawn black and white, or the name of a window of CT: ``soft_tissue``,
        ``lung``, ``bone``, ``brain``, ``liver``; without, ``soft_tissue`` for HU, 0 to 7 for SUV,
        else the 1st and the 99.5th percentile

    Returns
    -------
    matplotlib.figure.Figure
        Which a notebook shows; ``figure.savefig("slice.png")`` writes it.

    Raises
    ------
    InputError
        When a mask does not lie on the image's grid or is empty.
    ValueError
        For an unknown window, or a slice that is not there.
    """
    volume = as_volume(image)
    masks = _named(mask)
    for name, one in masks.items():
        check_mask(volume, one, f"mask {name}".strip())
    low, high = _limits(volume, window)
    arrays = [one.array for one in masks.values()]
    place = _place(volume, arrays, index, axis)
    down, right = (number for number in range(3) if number != axis)
    views = [_turned(volume, array, place, axis) for array in (volume.array, *arrays)]
    steps = volume.spacing
    tall = volume.shape[down] * steps[down] / (volume.shape[right] * steps[right])
    with rc_context(STYLE):
        size = (WIDTH, WIDTH * min(MOST, max(LEAST, tall)) + 0.4 + 0.3 * any(masks))
        figure = Picture(figsize=size, layout="constrained")
        axes = figure.subplots()
    axes.set_axis_off()
    aspect = steps[down] / steps[right]
    axes.imshow(views[0], cmap=greys_of(volume), vmin=low, vmax=high, aspect=aspect)
    draw_outlines(axes, views[1:])
    signs = [_sign(volume, number) for number in (down, right)]
    if volume.has_sides:
        along = [volume.direction[:, n] * s for n, s in zip((down, right), signs, strict=True)]
        draw_letters(axes, *along)
    unit = f" {volume.unit}" if volume.unit not in ("", "1") else ""
    title = f"{'slice' if axis == 0 else f'cut across axis {axis},'} {place}"
    axes.set_title(f"{title}; {low:.4g} to {high:.4g}{unit}", fontsize=8)
    if any(masks):
        figure.legend(
            handles=legend_of(masks),
            loc="outside lower center",
            ncols=4,
            frameon=False,
            fontsize=8,
        )
    return figure


def volume_html(volume: Volume) -> str:
    """Return a Volume as HTML: its middle slice as a picture, and what it is."""
    if volume.array.dtype == np.bool_:
        shown = Volume(volume.array.astype(np.uint8), volume.affine)
        figure = show(shown, index=_place(volume, [volume.array], None, 0), window=(0, 1))
    else:
        figure = show(volume)
    figure.set_size_inches(*(0.6 * figure.get_size_inches()))
    facts = [repr(volume), volume.describe(), *volume.history]
    text = "<br>".join(html.escape(fact) for fact in facts)
    picture = png(figure, "The middle slice")
    return f'<div>{picture}<div style="font-size: smaller">{text}</div></div>'


def _named(mask: ImageLike | MasksLike | None) -> dict[str, Volume]:
    """Return masks by name; a single one has none."""
    if mask is None:
        return {}
    several = several_masks(mask)
    if several is None:
        return {"": as_mask(mask)}
    return {str(name): as_mask(one, f"mask {name}") for name, one in several.items()}


def _limits(volume: Volume, window: str | tuple[float, float] | None) -> tuple[float, float]:
    if isinstance(window, str):
        if window not in WINDOWS:
            raise ValueError(f"a window is one of {', '.join(WINDOWS)}; given: {window!r}")
        return WINDOWS[window]
    if window is not None:
        low, high = window
        return float(low), float(high)
    return SUV if volume.unit.startswith("SUV") else window_of(volume)


def _place(volume: Volume, masks: Sequence[NDArray[np.bool_]], index: int | None, axis: int) -> int:
    """Return the slice to draw: the one asked for, with the largest section, or in the middle."""
    if axis not in (0, 1, 2):
        raise ValueError(f"an axis is 0, 1 or 2; given: {axis}")
    count = volume.shape[axis]
    if index is not None:
        if not -count <= index < count:
            raise ValueError(f"there are {count} slices; asked for number {index}")
        return index % count
    if not masks:
        return count // 2
    others = tuple(number for number in range(3) if number != axis)
    return int(np.sum([mask.sum(axis=others) for mask in masks], axis=0).argmax())


def _sign(volume: Volume, axis: int) -> int:
    """Return -1 where an axis must be turned so that it runs to the left, the back or the feet."""
    vector = volume.direction[:, axis]
    main = int(np.abs(vector).argmax())
    wanted = -1 if main == 2 else 1
    return 1 if vector[main] * wanted > 0 else -1


def _turned(volume: Volume, array: NDArray[np.generic], place: int, axis: int) -> NDArray[Any]:
    """Return a slice (H, W) of an array, its rows and columns as a radiologist sees them."""
    down, right = (number for number in range(3) if number != axis)
    picture: NDArray[Any] = np.take(array, place, axis)
    return picture[:: _sign(volume, down), :: _sign(volume, right)]
