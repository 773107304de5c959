"""Geometry of a stack of slices, from positions and orientations alone: numbers in, numbers out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EVENNESS = 0.05
"""Largest deviation of a slice from the regular grid, as a fraction of the step."""
JITTER_MM = 0.02
"""Deviation in mm that is also accepted, up to a fifth of the step: rounding in headers."""
JITTER = 1e-4
"""Differences of positions below this fraction of the largest step are of rounding, no steps."""
SAME_PLACE = 0.02
"""Slices closer than this fraction of the usual step lie at one place."""
DRIFT_PIXELS = 0.25
"""Largest sideways drift over the whole stack, in pixels; more is a tilted gantry."""


@dataclass(frozen=True)
class Defect:
    """What is wrong with a series: a ``kind`` for programs, a ``text`` for people.

    ``severity`` is ``"note"`` (nothing has to be done), ``"repairable"`` or ``"refused"``.
    """

    kind: str
    text: str
    severity: str


@dataclass(frozen=True, eq=False)
class Stack:
    """A sorted stack: ``order`` sorts the slices, ``affine`` maps ``(d, h, w, 1)`` to LPS mm.

    ``along`` (N,) are the sorted positions on the normal and ``sideways`` (N, 3) the drift from it,
    both in mm relative to the first slice. Without defects but notes the slices form a regular,
    orthogonal grid.
    """

    order: tuple[int, ...]
    affine: Floats
    along: Floats
    sideways: Floats
    defects: tuple[Defect, ...]


def stack_slices(
    positions: Floats, orientation: Floats, pixel_spacing: Floats, thickness: float | None
) -> Stack:
    """Sort slices along their common normal and measure the grid that they form.

    The step is the extent divided by the number of intervals; neither SliceThickness nor
    SpacingBetweenSlices nor InstanceNumber is believed. Only a single slice, which has no
    neighbour, takes its thickness.

    Parameters
    ----------
    positions : (N, 3), ImagePositionPatient in mm
    orientation : (6,), ImageOrientationPatient: along a row, then along a column
    pixel_spacing : (2,), PixelSpacing in mm: between rows, then between columns
    thickness : SliceThickness in mm, used for a single slice alone
    """
    row, column, defects = _slice_axes(orientation)
    normal = np.cross(row, column)
    order = np.argsort(positions @ normal, kind="stable")
    offset = positions[order] - positions[order[0]]
    along = offset @ normal
    sideways = offset - np.outer(along, normal)
    apart = distinct_places(along)
    step = thickness if thickness is not None and np.isfinite(thickness) else 0.0
    if apart.sum() > 1:
        step, uneven = _measure_step(along[apart])
        defects += _tilt_defects(along[apart], sideways[apart], float(pixel_spacing.min()))
        defects += uneven
    elif step <= 0:
        text = "a single slice without SliceThickness has no extent along its normal"
        defects.append(Defect("no_thickness", text, "refused"))
        step = 1.0
    else:
        text = f"a single slice has no neighbour: its extent is SliceThickness ({step:.4g} mm)"
        defects.append(Defect("thickness_as_step", text, "note"))
    if not apart.all():
        where = f"the first {along[~apart][0]:.3f} mm from the first slice"
        text = f"{int((~apart).sum())} duplicate slice(s), {where}"
        defects.append(Defect("duplicate_slices", text, "repairable"))
    affine = np.eye(4)
    affine[:3, 0] = normal * step
    affine[:3, 1] = column * pixel_spacing[0]
    affine[:3, 2] = row * pixel_spacing[1]
    affine[:3, 3] = positions[order[0]]
    return Stack(tuple(int(i) for i in order), affine, along, sideways, tuple(defects))


def _slice_axes(orientation: Floats) -> tuple[Floats, Floats, list[Defect]]:
    """Return unit vectors along a row and a column; say so when they are not orthogonal."""
    row, column = orientation[:3], orientation[3:]
    lengths = float(np.linalg.norm(row)), float(np.linalg.norm(column))
    skew = float(abs(row @ column))
    if max(abs(lengths[0] - 1), abs(lengths[1] - 1), skew) <= 1e-3:
        return row / lengths[0], column / lengths[1], []
    text = "ImageOrientationPatient is not a pair of orthogonal unit vectors"
    return np.eye(3)[0], np.eye(3)[1], [Defect("bad_orientation", text, "refused")]


def distinct_places(along: Floats) -> NDArray[np.bool_]:
    """Mark of sorted positions those that do not repeat the one before."""
    steps = np.diff(along)
    real = steps > max(1e-9, JITTER * float(steps.max(initial=0)))
    usual = float(np.median(steps[real])) if real.any() else np.inf
    return np.asarray(np.r_[True, steps > SAME_PLACE * usual], dtype=np.bool_)


def _measure_step(along: Floats) -> tuple[float, list[Defect]]:
    """Return the step of distinct sorted positions; name gaps, uneven steps and jitter.

    A gap of more than all that was measured is not repairable: more would be invented than seen.
    Where the positions are even but for gaps, the step is the whole extent over the number of
    intervals, so that rounded positions do not add up to a wrong place at the far end.
    """
    steps = np.diff(along)
    usual = float(np.median(steps))
    intervals = np.maximum(1, np.round(steps / usual))
    step = float((along[-1] - along[0]) / intervals.sum())
    exact = along[0] + step * np.r_[0, np.cumsum(intervals)]
    off = float(np.abs(along - exact).max())
    largest, measured = float(steps.max()), float(steps.sum() - steps.max())
    if off > max(EVENNESS * step, min(JITTER_MM, 0.2 * step)):
        text = f"uneven slice steps from {steps.min():.4g} to {steps.max():.4g} mm"
        if largest > measured:
            text = f"{text}: the largest is more than all others together ({measured:.4g} mm)"
        severity = "refused" if largest > measured else "repairable"
        return usual, [Defect("uneven_spacing", text, severity)]
    missing = int(intervals.sum()) - len(steps)
    if missing:
        first = int(np.flatnonzero(intervals > 1)[0])
        text = (
            f"{missing} missing slice(s), the first between {along[first]:.4g} and "
            f"{along[first + 1]:.4g} mm from the first slice, where the step is {step:.4g} mm"
        )
        if largest > measured or missing > len(along):
            text = f"{text}: more than what was measured ({len(along)} slices, {measured:.4g} mm)"
            return step, [Defect("missing_slices", text, "refused")]
        return step, [Defect("missing_slices", text, "repairable")]
    if off > 1e-3 * step + 1e-6:
        text = f"positions are off the regular grid by up to {off:.4g} mm"
        return step, [Defect("position_jitter", text, "note")]
    return step, []


def _tilt_defects(along: Floats, sideways: Floats, pixel: float) -> list[Defect]:
    """Measure the angle between the stack's axis and the slices' normal, from positions alone."""
    drift = np.linalg.norm(sideways, axis=1)
    if drift.max() <= DRIFT_PIXELS * pixel:
        return []
    straight = np.outer(along / along[-1], sideways[-1])
    if np.linalg.norm(sideways - straight, axis=1).max() > max(JITTER_MM, 0.1 * drift.max()):
        text = f"slices are shifted sideways by up to {drift.max():.2f} mm, not along a line"
        return [Defect("shifted_slices", text, "refused")]
    angle = float(np.degrees(np.arctan2(drift[-1], along[-1])))
    text = f"gantry tilt of {angle:.2f} degrees, measured from the positions"
    return [Defect("gantry_tilt", text, "repairable")]
