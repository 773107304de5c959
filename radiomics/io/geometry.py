"""Geometry of a stack of slices, from positions and orientations alone: numbers in, numbers out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EVENNESS = 0.05
"""Largest deviation of a slice from the regular grid, as a fraction of the step."""
JITTER_MM = 0.02
"""Deviation in mm that is always accepted: rounding of positions in headers."""
DRIFT_PIXELS = 0.25
"""Largest sideways drift over the whole stack, in pixels; more is a tilted gantry."""


@dataclass(frozen=True, eq=False)
class Stack:
    """A sorted stack: ``order`` sorts the slices, ``affine`` maps ``(d, h, w, 1)`` to LPS mm.

    ``defects`` is empty when the slices form a regular, orthogonal grid.
    """

    order: tuple[int, ...]
    affine: Floats
    defects: tuple[str, ...]


def stack_slices(
    positions: Floats, orientation: Floats, pixel_spacing: Floats, thickness: float | None
) -> Stack:
    """Sort slices along their common normal and measure the grid that they form.

    The step is the median distance of neighbours along the normal; neither SliceThickness nor
    SpacingBetweenSlices nor InstanceNumber is believed. Only a single slice, which has no
    neighbour, takes its thickness.

    Parameters
    ----------
    positions : (N, 3), ImagePositionPatient in mm
    orientation : (6,), ImageOrientationPatient: along a row, then along a column
    pixel_spacing : (2,), PixelSpacing in mm: between rows, then between columns
    thickness : SliceThickness in mm, used for a single slice alone
    """
    defects: list[str] = []
    row, column = orientation[:3], orientation[3:]
    lengths = float(np.linalg.norm(row)), float(np.linalg.norm(column))
    skew = float(abs(row @ column))
    if max(abs(lengths[0] - 1), abs(lengths[1] - 1), skew) > 1e-3:
        defects.append("ImageOrientationPatient is not a pair of orthogonal unit vectors")
        lengths = max(lengths[0], 1e-9), max(lengths[1], 1e-9)
    row, column = row / lengths[0], column / lengths[1]
    normal = np.cross(row, column)
    along = positions @ normal
    order = np.argsort(along, kind="stable")
    steps = np.diff(along[order])
    if len(positions) == 1:
        step = float(thickness or 0)
        if step <= 0:
            defects.append("a single slice without SliceThickness has no extent along its normal")
            step = 1.0
    else:
        distinct = steps[steps > max(1e-3, 1e-3 * np.median(steps))]
        step = float(np.median(distinct)) if len(distinct) else 1.0
        defects += _uneven(along[order], step)
        defects += _tilted(positions[order], normal, float(pixel_spacing.min()))
    affine = np.eye(4)
    affine[:3, 0] = normal * step
    affine[:3, 1] = column * pixel_spacing[0]
    affine[:3, 2] = row * pixel_spacing[1]
    affine[:3, 3] = positions[order[0]]
    if np.isclose(np.linalg.det(affine), 0):
        affine[:3, :3] = np.eye(3)
    return Stack(tuple(int(i) for i in order), affine, tuple(defects))


def _uneven(along: Floats, step: float) -> list[str]:
    """Name duplicates, gaps and uneven steps of sorted positions along the normal."""
    steps = np.diff(along)
    duplicate = steps <= max(1e-3, 1e-3 * step)
    if duplicate.any():
        at = along[:-1][duplicate][0]
        return [
            f"{int(duplicate.sum())} duplicate slice(s), the first at {at:.3f} mm on the normal"
        ]
    exact = np.linspace(along[0], along[-1], len(along))
    if np.abs(along - exact).max() <= max(JITTER_MM, EVENNESS * step):
        return []
    ratio = steps / step
    gaps = ratio > 1.5
    if gaps.any() and np.abs(ratio - np.round(ratio)).max() < 0.2:
        missing = int(np.round(ratio[gaps] - 1).sum())
        first = int(np.flatnonzero(gaps)[0])
        return [
            f"{missing} missing slice(s), the first between {along[first]:.3f} and "
            f"{along[first + 1]:.3f} mm on the normal, where the step is {step:.3f} mm"
        ]
    return [f"uneven slice steps from {steps.min():.3f} to {steps.max():.3f} mm"]


def _tilted(positions: Floats, normal: Floats, pixel: float) -> list[str]:
    """Measure the angle between the stack's axis and the slices' normal, from positions alone."""
    travel = positions[-1] - positions[0]
    along = float(travel @ normal)
    sideways = positions - positions[0] - np.outer((positions - positions[0]) @ normal, normal)
    drift = float(np.linalg.norm(sideways, axis=1).max())
    if drift <= DRIFT_PIXELS * pixel:
        return []
    end = float(np.linalg.norm(sideways[-1]))
    angle = np.degrees(np.arctan2(end, abs(along)))
    if end < 0.9 * drift:
        return [f"slices are shifted sideways by up to {drift:.2f} mm"]
    return [f"gantry tilt of {angle:.2f} degrees, measured from the positions"]
