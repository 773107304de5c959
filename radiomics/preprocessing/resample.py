"""Resampling onto the IBSI grid: the centres of the old and the new grid coincide [1]_.

Interpolation on an axis-aligned grid is separable: one axis after the other. Only the part of the
grid that is asked for is computed, from the part of the image that it depends on.

References
----------
.. [1] Zwanenburg et al., Image biomarker standardisation initiative, arXiv:1612.07003, section 2.4.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache, partial
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from radiomics.kernels.sampling.lines import Axis, interpolate_along, tridiagonal_factors
from radiomics.kernels.threads import side_by_side, split_range
from radiomics.types import InputError, Spacing, Volume

Floats = NDArray[np.float64]
Order = Literal["nearest", "linear", "cubic"]
Box = tuple[slice, slice, slice]
Length = Annotated[float, Field(gt=0, allow_inf_nan=False)]

TRACE = 28
"""Samples beyond which one has a share below 1e-16 in a coefficient: 0.268 of the one before."""
PART = 2**17
"""Voxels that are worked on at a time, 1 MiB."""
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
    axes, spans = [], []
    for count, old, new, part in zip(volume.shape, volume.spacing, spacing, box, strict=True):
        size, start, step = new_axis(count, old, new)
        positions = start + step * np.arange(size, dtype=np.float64)[part]
        axis, span = _axis_weights(positions, count, order)
        axes.append(axis)
        spans.append(span)
    array = volume.array[tuple(spans)]
    result = _interpolate(array, axes)
    if not (math.isfinite(result.min()) and math.isfinite(result.max())):
        result = _interpolate_around_broken(array, axes)
    affine[:3, 3] += affine[:3, :3] @ [part.start for part in box]
    return replace(volume, array=result, affine=affine)


def _interpolate(array: NDArray[Any], axes: list[Axis]) -> Floats:
    """Interpolate along each axis in turn; along the slices last where their number grows."""
    if len(axes[0].taps) <= array.shape[0]:
        return _interpolate_planes(_interpolate_slices(array, axes[0]), axes)
    return _interpolate_slices(_interpolate_planes(array, axes), axes[0])


def _interpolate_slices(array: NDArray[Any], axis: Axis) -> Floats:
    depth, height, width = array.shape
    result = np.empty((len(axis.taps), height, width))

    def interpolate(rows: slice) -> None:
        result[:, rows] = interpolate_along(array[:, rows].astype(np.float64, order="C"), axis)

    side_by_side([partial(interpolate, rows) for rows in _parts(height, depth * width)])
    return result


def _interpolate_planes(array: NDArray[Any], axes: list[Axis]) -> Floats:
    depth, height, width = array.shape
    result = np.empty((depth, len(axes[1].taps), len(axes[2].taps)))

    def interpolate(planes: slice) -> None:
        for index in range(planes.start, planes.stop):
            plane = interpolate_along(array[index].astype(np.float64, order="C"), axes[1])  # (h, W)
            result[index] = interpolate_along(np.ascontiguousarray(plane.T), axes[2]).T

    side_by_side([partial(interpolate, planes) for planes in _parts(depth, height * width)])
    return result


def _parts(count: int, size: int) -> list[slice]:
    """Divide ``count`` rows or planes of ``size`` voxels into parts of about ``PART`` voxels."""
    return split_range(count, max(1, PART // max(1, size)))


def _interpolate_around_broken(array: NDArray[Any], axes: list[Axis]) -> Floats:
    """Interpolate with broken voxels replaced, then break what they reach by more than a trace."""
    broken = ~np.isfinite(array)
    usual = float(array[~broken].mean(dtype=np.float64)) if not broken.all() else 0.0
    result = _interpolate(np.where(broken, usual, array), axes)
    reach = broken.astype(np.float64)
    for number, axis in enumerate(axes):
        matrix = np.abs(interpolate_along(np.eye(array.shape[number]), axis))
        reach = np.moveaxis(np.tensordot(matrix, reach, axes=(1, number)), 0, number)
    result[reach > REACH] = np.nan
    return result


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


def _axis_weights(positions: Floats, count: int, order: Order) -> tuple[Axis, slice]:
    """Return how N samples become values at M positions, and which of the samples it takes."""
    positions = np.clip(positions, 0, count - 1)
    none = np.empty(0)
    if order == "nearest":
        taps = np.floor(positions + 0.5).astype(np.int64)[:, None]
        low, high = int(taps.min()), int(taps.max()) + 1
        return Axis(taps - low, np.ones(taps.shape), none, none, none), slice(low, high)
    base: NDArray[np.int64] = np.floor(positions).astype(np.int64)
    t = positions - base
    if order == "linear" or count == 1:
        taps = np.column_stack([base, np.minimum(base + 1, count - 1)])
        low, high = int(taps.min()), int(taps.max()) + 1
        return Axis(taps - low, np.column_stack([1 - t, t]), none, none, none), slice(low, high)
    basis = (
        (1 - t) ** 3 / 6,
        (3 * t**3 - 6 * t**2 + 4) / 6,
        (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6,
        t**3 / 6,
    )
    taps = np.column_stack([_mirrored_indices(base + offset, count) for offset in (-1, 0, 1, 2)])
    low = max(0, int(taps.min()) - TRACE)
    high = min(count, int(taps.max()) + 1 + TRACE)
    return Axis(taps - low, np.column_stack(basis), *_spline_factors(high - low)), slice(low, high)


@lru_cache(maxsize=64)
def _spline_factors(count: int) -> tuple[Floats, Floats, Floats]:
    """Factor the system that turns samples into coefficients of a cubic B-spline.

    Samples are the coefficients seen through the basis at whole positions, 1/6, 4/6 and 1/6, with
    the first and the last one's neighbours reflected.
    """
    below, diagonal, above = np.full(count, 1 / 6), np.full(count, 4 / 6), np.full(count, 1 / 6)
    above[0] = below[-1] = 2 / 6
    return tridiagonal_factors(below, diagonal, above)


def _mirrored_indices(index: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Reflect indices at the first and the last voxel, which are not repeated."""
    inside = np.abs(index)
    return np.asarray(np.minimum(inside, 2 * (count - 1) - inside), dtype=np.intp)
