"""Axis orders of a Volume, with the geometry following."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from radiomics.types import Volume


def permute(volume: Volume, order: str) -> Volume:
    """Permute the array axes; the affine's columns follow, so every voxel stays where it is.

    Parameters
    ----------
    volume : (D, H, W)
    order : a permutation of ``"DHW"``: the axes of the result, named after those of ``volume``.
        ``"DWH"`` exchanges rows and columns.

    Raises
    ------
    ValueError
        When ``order`` is not such a permutation.

    >>> v = Volume(np.zeros((2, 3, 4)), np.diag([1.0, 2.0, 3.0, 1.0]))
    >>> permute(v, "DWH").shape
    (2, 4, 3)
    """
    letters = order.upper()
    if sorted(letters) != sorted("DHW"):
        raise ValueError(f"an axis order is a permutation of 'DHW'; given: {order!r}")
    axes = ["DHW".index(letter) for letter in letters]
    return replace(volume, array=volume.array.transpose(axes), affine=volume.affine[:, [*axes, 3]])


def inverse_order(order: str) -> str:
    """Return the order that undoes ``permute(volume, order)``.

    >>> inverse_order("WDH")
    'HWD'
    """
    return "".join("DHW"[order.upper().index(letter)] for letter in "DHW")


def flip(volume: Volume, axis: str) -> Volume:
    """Reverse one array axis (``"D"``, ``"H"`` or ``"W"``); every voxel stays where it is."""
    index = "DHW".index(axis.upper())
    affine = np.array(volume.affine)
    affine[:3, 3] += affine[:3, index] * (volume.shape[index] - 1)
    affine[:3, index] *= -1
    return replace(volume, array=np.flip(volume.array, index), affine=affine)
