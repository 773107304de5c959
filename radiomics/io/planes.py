"""What a picture may need said besides its file: how far pixels lie apart, and which channel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.types import InputError

CHANNELS = ("red", "green", "blue", "luminance")
NO_SPACING = "no spacing: lengths are in pixels"
LUMINANCE = (0.299, 0.587, 0.114)
"""Weights of red, green and blue by ITU-R BT.601."""

GivenSpacing = float | str | Sequence[float]
"""A spacing in mm: one number, or those of rows and columns, also as text with a comma."""


def parse_spacing(given: GivenSpacing | None) -> NDArray[np.float64] | None:
    """Return distances of rows and of columns in mm (2,), None where none is given.

    Raises
    ------
    InputError
        For anything else than one or two numbers above 0.

    >>> parse_spacing("0.1, 0.2")
    array([0.1, 0.2])
    """
    if given is None:
        return None
    parts = given.replace(",", " ").split() if isinstance(given, str) else np.ravel(given).tolist()
    try:
        steps = np.array([float(part) for part in parts], dtype=np.float64)
    except ValueError:
        steps = np.zeros(0)
    if steps.size not in (1, 2) or not (np.isfinite(steps) & (steps > 0)).all():
        rule = "a spacing is one number of mm above 0, or two: of rows and of columns"
        raise InputError("spacing", rule, repr(given), "such as 0.1, or 0.1,0.2")
    return np.resize(steps, 2)


def spacing_note(spacing: NDArray[np.float64]) -> str:
    """Return the note that a user gave the spacing."""
    return f"spacing given: {spacing[0]:g} x {spacing[1]:g} mm (rows, columns)"


def check_channel(channel: str | None) -> None:
    """Demand one of the channels that there are, or none.

    Raises
    ------
    InputError
        For another word.
    """
    if channel is not None and channel not in CHANNELS:
        rule = f"a channel is one of {', '.join(CHANNELS)}"
        raise InputError("channel", rule, repr(channel), "choose one of them")


def several_channels(path: Path, found: str) -> InputError:
    """Return the error that nobody said which of several numbers a pixel is meant."""
    remedy = f"choose one with channel=... or --channel: {', '.join(CHANNELS)}"
    return InputError(path, "one number a pixel is needed", found, remedy)


def one_channel(pixels: NDArray[Any], channel: str) -> NDArray[Any]:
    """Return one channel (H, W) of colours (H, W, 3 or 4), or their luminance as float32."""
    if channel == "luminance":
        return np.asarray((pixels[..., :3] @ np.array(LUMINANCE)).astype(np.float32))
    return np.ascontiguousarray(pixels[..., CHANNELS.index(channel)])
