"""Resampling onto the IBSI grid: the centres of the old and the new grid coincide [1]_.

Interpolation on an axis-aligned grid is separable, and along one axis it is a matrix. So each axis
is one small matrix, built once, and a volume is three matrix products. Only the part of the grid
that is asked for is computed, from the part of the image that it depends on.

References
----------
.. [1] Zwanenburg et al., Image biomarker standardisation initiative, arXiv:1612.07003, section 2.4.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from radiomics.types import InputError, Spacing, Volume

Floats = NDArray[np.float64]
Order = Literal["nearest", "linear", "cubic"]
Box = tuple[slice, slice, slice]
Length = Annotated[float, Field(gt=0, allow_inf_nan=False)]

NEGLIGIBLE = 1e-15
"""Weights below this do not reach the last bit of a float64 sum."""
REACH = 1e-4
"""Weight from which a NaN or infinite voxel makes a result NaN; splines reach far, but little."""
LARGEST = 2**29
"""Voxels of a part of the new grid from which memory is not taken: 4 GiB."""
MASK_THRESHOLD = 0.5 - 1e-6
"""Ties of exactly one half are common (3 mm to 2 mm); rounding noise must not decide them."""


class Options(BaseModel, frozen=True, extra="forbid"):
    """``spacing``: new (z, y, x) spacing in mm, null keeps an axis; ``order`` of interpolation."""

    spacing: tuple[Length | None, Length | None, Length | None]
    order: Order = "cubic"
    round_intensities: bool = False


def new_axis(count: int, old: float, new: float) -> tuple[int, float, float]:
    """Return size, first position and step (in old voxels) of an axis of the new grid.

    The size is ``ceil(count * old / new)``, and both grids share their centre.

    >>> new_axis(8, 3.0, 1.5)
    (16, -0.25, 0.5)
    """
    size = max(1, math.ceil(count * old / new - 1e-6))
    step = new / old
    return size, 0.5 * (count - 1 - step * (size - 1)), step


def target_spacing(spacing: Spacing, wanted: tuple[float | None, ...]) -> Spacing:
    """Replace each missing entry of the wanted spacing by the present one."""
    dz, dy, dx = (old if new is None else new for old, new in zip(spacing, wanted, strict=True))
    return float(dz), float(dy), float(dx)


def new_grid(volume: Volume, spacing: Spacing) -> tuple[tuple[int, int, int], Floats]:
    """Return shape and affine of the resampled grid."""
    axes = [new_axis(*args) for args in zip(volume.shape, volume.spacing, spacing, strict=True)]
    shape = (axes[0][0], axes[1][0], axes[2][0])
    affine = np.array(volume.affine)
    affine[:3, 3] += affine[:3, :3] @ [start for _, start, _ in axes]
    affine[:3, :3] = volume.direction * spacing
    return shape, affine


def resample(volume: Volume, spacing: Spacing, order: Order, box: Box | None = None) -> Volume:
    """Resample a volume onto the centre-aligned grid of another spacing.

    Positions beyond the outermost voxel centres take the edge value. Where NaN or infinite voxels
    carry weight, the result is NaN.

    Parameters
    ----------
    volume : (D, H, W) of numbers
    spacing : (dz, dy, dx) in mm
    order : ``"nearest"``, ``"linear"``, or ``"cubic"`` (interpolating cubic B-spline, prefiltered)
    box : slices of the new grid: only that part is computed

    Returns
    -------
    Volume
        float64, on the new grid or the box of it.
    """
    shape, affine = new_grid(volume, spacing)
    box = box or (slice(0, shape[0]), slice(0, shape[1]), slice(0, shape[2]))
    wanted = math.prod(part.stop - part.start for part in box)
    if wanted > LARGEST:
        raise InputError(
            "resample",
            f"at most {LARGEST} voxels (4 GiB) around the mask",
            f"{wanted} voxels at a spacing of {spacing} mm",
            "choose a coarser spacing",
        )
    matrices, spans = [], []
    for count, old, new, part in zip(volume.shape, volume.spacing, spacing, box, strict=True):
        size, start, step = new_axis(count, old, new)
        positions = start + step * np.arange(size, dtype=np.float64)[part]
        matrix = _weights(positions, count, order)
        used = np.flatnonzero(np.abs(matrix).max(axis=0) > NEGLIGIBLE)
        span = slice(int(used[0]), int(used[-1]) + 1)
        matrices.append(matrix[:, span])
        spans.append(span)
    array = volume.array[tuple(spans)].astype(np.float64)
    result = _product(matrices, array)
    broken = ~np.isfinite(array)
    if broken.any():  # 0 times NaN is NaN: what a broken voxel hardly reaches is found apart
        usual = float(array[~broken].mean()) if not broken.all() else 0.0
        reach = _product([np.abs(m) for m in matrices], broken.astype(np.float64))
        result = _product(matrices, np.where(broken, usual, array))
        result[reach > REACH] = np.nan
    affine[:3, 3] += affine[:3, :3] @ [part.start for part in box]
    return replace(volume, array=result, affine=affine)


def _product(matrices: list[Floats], array: Floats) -> Floats:
    """Apply one matrix along each axis."""
    along_d, along_h, along_w = matrices
    array = along_h @ (array @ along_w.T)  # (d, H, W)
    return np.ascontiguousarray(np.tensordot(along_d, array, axes=1))  # (D, H, W)


def resample_mask(mask: Volume, spacing: Spacing, box: Box | None = None) -> Volume:
    """Resample a mask by linear interpolation; a voxel is inside from one half on."""
    soft = resample(mask, spacing, "linear", box)
    return Volume(soft.array >= MASK_THRESHOLD, soft.affine, "1", mask.frame)


def box_on_new_grid(
    box: Box,
    volume: Volume,
    spacing: Spacing,
    margin_mm: Spacing,
    edges: tuple[bool, bool, bool] = (False, False, False),
) -> Box:
    """Return the part of the new grid that covers a box of the old one and a margin in mm.

    An infinite margin gives the whole axis; where ``edges`` asks for it, so does one that reaches
    an edge: what filters find beyond an edge may come from the other one.
    """
    parts = []
    steps = zip(volume.spacing, spacing, margin_mm, strict=True)
    for part, count, (old, new, wanted), edge in zip(box, volume.shape, steps, edges, strict=True):
        size, start, step = new_axis(count, old, new)
        if math.isinf(wanted):
            parts.append(slice(0, size))
            continue
        margin = wanted / new + 1
        low = math.floor((part.start - 1 - start) / step - margin)
        high = math.ceil((part.stop - start) / step + margin)
        if edge and (low < 0 or high + 1 > size):
            low, high = 0, size - 1
        parts.append(slice(max(0, low), min(size, high + 1)))
    return parts[0], parts[1], parts[2]


def _weights(positions: Floats, count: int, order: Order) -> Floats:
    """Return the (M, N) matrix that interpolates N samples at M positions."""
    positions = np.clip(positions, 0, count - 1)
    rows = np.arange(len(positions))
    matrix = np.zeros((len(positions), count))
    if order == "nearest":
        matrix[rows, np.floor(positions + 0.5).astype(np.intp)] = 1
        return matrix
    base: NDArray[np.intp] = np.floor(positions).astype(np.intp)
    t = positions - base
    if order == "linear" or count == 1:
        np.add.at(matrix, (rows, base), 1 - t)
        np.add.at(matrix, (rows, np.minimum(base + 1, count - 1)), t)
        return matrix
    basis = (
        (1 - t) ** 3 / 6,
        (3 * t**3 - 6 * t**2 + 4) / 6,
        (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6,
        t**3 / 6,
    )
    for offset, weight in zip((-1, 0, 1, 2), basis, strict=True):
        np.add.at(matrix, (rows, _mirror(base + offset, count)), weight)
    # the samples are the spline's coefficients seen through its basis at whole positions
    samples = np.zeros((count, count))
    whole = np.arange(count)
    for offset, share in ((-1, 1 / 6), (0, 4 / 6), (1, 1 / 6)):
        np.add.at(samples, (whole, _mirror(whole + offset, count)), share)
    return np.asarray(np.linalg.solve(samples.T, matrix.T).T, dtype=np.float64)


def _mirror(index: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Reflect indices at the first and the last voxel, which are not repeated."""
    inside = np.abs(index)
    return np.asarray(np.minimum(inside, 2 * (count - 1) - inside), dtype=np.intp)
