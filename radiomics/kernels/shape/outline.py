"""The outline of a mask in one plane: marching squares as a table, and bodies around it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def outline(mask: NDArray[np.bool_], spacing: Floats) -> tuple[float, float, Floats]:
    """Return perimeter, enclosed area and vertices of the outline of a mask at level one half.

    It crosses every edge between a pixel inside and one outside in its middle. Pixels that touch
    with a corner only stay apart.

    Parameters
    ----------
    mask : (H, W) bool
    spacing : (2,) in mm

    Returns
    -------
    perimeter in mm, area in mm^2, (P, 2) indices of the vertices
    """
    padded = np.pad(mask, 1)
    a, b = padded[:-1, :-1], padded[:-1, 1:]
    c, d = padded[1:, 1:], padded[1:, :-1]
    cells = a + 2 * b + 4 * c + 8 * d
    counts = np.bincount(cells.ravel().astype(int), minlength=16)
    dy, dx = spacing
    slant = float(np.hypot(dy, dx)) / 2
    perimeter = slant * counts[[1, 2, 4, 8, 7, 11, 13, 14]].sum()
    perimeter += 2 * slant * counts[[5, 10]].sum() + dx * counts[[3, 12]].sum()
    perimeter += dy * counts[[6, 9]].sum()
    full = dy * dx
    surface = full * counts[15] + full / 2 * counts[[3, 6, 9, 12]].sum()
    surface += full / 8 * counts[[1, 2, 4, 8]].sum() + full * 7 / 8 * counts[[7, 11, 13, 14]].sum()
    surface += full / 4 * counts[[5, 10]].sum()
    upper = np.argwhere(padded[1:] != padded[:-1]) + np.array([0.5, 0])
    beside = np.argwhere(padded[:, 1:] != padded[:, :-1]) + np.array([0, 0.5])
    return float(perimeter), float(surface), np.concatenate([upper, beside])
