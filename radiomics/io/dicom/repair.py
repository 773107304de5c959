"""Repairs of a series, only on request: what was done is noted, for the record of every value."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.io.dicom.geometry import Stack, distinct_places
from radiomics.types import InputError

REPAIRS = {
    "missing": "missing_slices",
    "duplicates": "duplicate_slices",
    "tilt": "gantry_tilt",
    "spacing": "uneven_spacing",
    "unreadable": "unreadable_files",
}

Floats = NDArray[np.float64]


def chosen_repairs(repair: str) -> set[str]:
    """Return the defect kinds that may be repaired: ``"refuse"``, ``"all"``, or names with commas.

    Raises
    ------
    InputError
        For an unknown name; those that exist are listed.
    """
    if repair == "refuse":
        return set()
    names = set(REPAIRS) if repair == "all" else {name.strip() for name in repair.split(",")}
    unknown = sorted(names - set(REPAIRS))
    if unknown:
        choices = f"refuse, all, {', '.join(REPAIRS)}"
        raise InputError("repair", f"repair is one of {choices}", ", ".join(unknown), "choose one")
    return {REPAIRS[name] for name in names}


def distinct_slices(stack: Stack) -> NDArray[np.intp]:
    """Return the indices of the slices without those that repeat a place."""
    return np.flatnonzero(distinct_places(stack.along))


def even_positions(along: Floats, step: float) -> Floats:
    """Return regular positions ``step`` mm apart, from the first of sorted ones within the last."""
    count = int(float(along[-1] - along[0]) / step + 0.01) + 1  # never beyond the last slice
    return np.asarray(along[0] + step * np.arange(max(count, 2)), dtype=np.float64)


def interpolate_slices(volume: NDArray[Any], along: Floats, wanted: Floats) -> Floats:
    """Interpolate slices linearly at other positions along the normal; beyond the ends they stay.

    Parameters
    ----------
    volume : (N, H, W), along : (N,) sorted positions in mm, wanted : (M,) positions in mm
    """
    place = np.interp(wanted, along, np.arange(len(along), dtype=np.float64))
    low = np.clip(np.floor(place).astype(np.intp), 0, len(along) - 2)
    share = (place - low)[:, None, None]
    return np.asarray(volume[low] * (1 - share) + volume[low + 1] * share, dtype=np.float64)


def straighten_slices(
    volume: NDArray[Any], drift: Floats, spacing: tuple[float, float]
) -> tuple[Floats, tuple[int, int]]:
    """Shift tilted slices back over each other by linear interpolation, on a larger matrix.

    Parameters
    ----------
    volume : (N, H, W)
    drift : (N, 2), shift of each slice along columns and rows in mm, relative to the first
    spacing : (dy, dx) in mm

    Returns
    -------
    (N, H', W') float64, filled with the smallest value outside, and how many rows and columns the
    new matrix begins before the first slice's
    """
    from scipy.ndimage import shift

    pixels = drift / np.array(spacing)
    before = np.maximum(0, np.ceil(-pixels.min(axis=0) - 1e-6)).astype(int)
    after = np.maximum(0, np.ceil(pixels.max(axis=0) - 1e-6)).astype(int)
    size = np.array(volume.shape[1:]) + before + after
    fill = float(volume.min())
    result = np.full((len(volume), *size), fill)
    width = tuple((int(b), int(a)) for b, a in zip(before, after, strict=True))
    grid = [np.arange(n) - b for n, b in zip(size, before, strict=True)]
    for index, offset in enumerate(pixels):
        padded = np.pad(volume[index].astype(np.float64), width, mode="edge")
        moved = shift(padded, offset, order=1, mode="nearest")
        seen = [
            (line - move >= -1e-6) & (line - move <= count - 1 + 1e-6)
            for line, move, count in zip(grid, offset, volume.shape[1:], strict=True)
        ]
        result[index] = np.where(seen[0][:, None] & seen[1], moved, fill)
    return result, (int(before[0]), int(before[1]))
