"""The regular grid on which the frames of a segmentation lie, from the places that they state.

Frames may be left out and come in any order; what a file says of the distance of its slices is
often absent, and sometimes wrong. Positions are believed first, then SpacingBetweenSlices, then the
slices of the image if the frames lie on them, then SliceThickness.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radiomics.types import Volume

OFF_GRID = 0.1
"""Largest distance of a frame from a regular grid, in voxels."""
NOTED = 0.01
"""Distance of a frame from a regular grid from which it is noted, in voxels."""
SAME_PLACE = 0.01
"""Distance along the normal below which two frames lie in one place, in pixels."""
EQUAL = 0.02
"""How far two statements on one distance may differ, and a gap from a multiple of the smallest."""
PARALLEL = 0.9999
"""Cosine from which the image's slices are parallel to the frames."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Slices:
    """Frames on a grid: ``index`` (N,) is each frame's slice, ``affine`` takes indices to LPS."""

    index: NDArray[np.int64]
    affine: Floats
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """A distance of slices in mm, and how many of them lie between neighbouring planes.

    ``off`` is how far planes lie from where that puts them, in slices.
    """

    length: float
    counts: tuple[int, ...]
    notes: tuple[str, ...] = ()
    off: float = 0.0


def arrange_slices(
    position: Floats,
    orientation: Floats,
    pixel_spacing: Floats,
    between: float,
    thickness: float,
    like: Volume,
    what: str,
) -> Slices:
    """Place frames on a regular grid.

    Parameters
    ----------
    position : (N, 3) ImagePositionPatient of each frame
    orientation : (6,) ImageOrientationPatient of all of them
    pixel_spacing : (2,) distances of rows and of columns in mm
    between, thickness : SpacingBetweenSlices and SliceThickness in mm, NaN where absent
    like : the image onto which the frames shall be brought
    what : the mask in words, for notes

    Raises
    ------
    ValueError
        When they lie on no regular grid, or nothing says how thick their slices are.
    """
    row, column = orientation[:3], orientation[3:]
    normal = np.cross(row, column)
    along = position @ normal
    order = np.argsort(along, kind="stable")
    apart = np.diff(along[order]) > SAME_PLACE * float(pixel_spacing.min())
    rank = np.empty(len(along), np.int64)
    rank[order] = np.concatenate([[0], np.cumsum(apart)])
    planes = along[order][np.concatenate([[True], apart])]
    image = _image_step(like, normal, position)
    if len(planes) == 1:
        step = _step_of_one(between, thickness, image, what)
    else:
        step = _step_of_several(np.diff(planes), between, thickness, image, what)
    index = np.concatenate([[0], np.cumsum(step.counts, dtype=np.int64)])[rank]
    ends = order[0], order[-1]
    advance = normal * step.length
    if len(planes) > 1:  # where slices are shifted against each other, voxels are slanted
        advance = (position[ends[1]] - position[ends[0]]) / (index[ends[1]] - index[ends[0]])
    affine = np.eye(4)
    affine[:3, 0] = advance
    affine[:3, 1], affine[:3, 2] = column * pixel_spacing[0], row * pixel_spacing[1]
    affine[:3, 3] = position[ends[0]]
    expected = affine[:3, 3] + index[:, None] * advance
    off = np.abs((position - expected) @ np.linalg.inv(affine[:3, :3]).T).max()
    if off > OFF_GRID:
        raise ValueError(f"frames lie up to {off:.2g} voxels off a regular grid")
    notes = step.notes
    if off > NOTED:
        notes += (f"frames of {what} lie up to {off:.2g} voxels off a regular grid",)
    return Slices(index, affine, notes)


def _image_step(like: Volume, normal: Floats, position: Floats) -> float:
    """Return the distance of the image's slices if the frames lie on them, else NaN."""
    cosines = np.abs(normal @ like.direction)
    axis = int(cosines.argmax())
    place = position @ np.linalg.inv(like.affine)[axis, :3] + np.linalg.inv(like.affine)[axis, 3]
    on_slices = np.abs(place - np.rint(place)).max() <= OFF_GRID
    return like.spacing[axis] if cosines[axis] >= PARALLEL and on_slices else float("nan")


def _step_of_one(between: float, thickness: float, image: float, what: str) -> Step:
    if between > 0:
        return Step(between, ())
    if image > 0:
        return Step(image, ())
    if thickness > 0:
        note = f"the slice of {what} is taken to be as thick as SliceThickness says: {thickness:g}"
        return Step(thickness, (), (f"{note} mm",))
    raise ValueError("one slice, and neither SpacingBetweenSlices nor SliceThickness")


def _step_of_several(
    gaps: Floats, between: float, thickness: float, image: float, what: str
) -> Step:
    """Choose the distance of slices of which the gaps between planes are whole multiples."""
    stated, of_image = _fitting(gaps, between), _fitting(gaps, image)
    smallest = _fitting(gaps, float(gaps.min()))
    if smallest and max(smallest.counts) > 1 and smallest.off > EQUAL:
        smallest = None  # some fraction nearly fits any gaps
    agreed = of_image if of_image and min(of_image.counts) == 1 else None  # by positions, image
    if stated and (min(stated.counts) == 1 or not agreed):
        return stated
    contradicted = (
        f"SpacingBetweenSlices of {what} is {between:g} mm, its frames lie {gaps.min():g} mm "
        "apart: positions are believed"
    )
    notes: tuple[str, ...] = (contradicted,) if between > 0 and not stated else ()
    if agreed:
        return Step(agreed.length, agreed.counts, notes)
    if of_image and not (smallest and _equal(smallest.length, thickness)):
        assumed = f"the slices of {what} are taken to lie {image:g} mm apart, as in the image: "
        notes += (assumed + "no two neighbours have frames, and the file does not say",)
        return Step(of_image.length, of_image.counts, notes)
    if smallest:
        return Step(smallest.length, smallest.counts, notes)
    raise ValueError(
        f"frames lie unevenly, from {gaps.min():.6g} to {gaps.max():.6g} mm apart, "
        "which are multiples of no distance of slices that the file or the image gives"
    )


def _fitting(gaps: Floats, base: float) -> Step | None:
    """Return the mean step of which all gaps are multiples, if there is one near ``base``."""
    if not base > 0:
        return None
    counts = np.rint(gaps / base).astype(np.int64)
    if (counts < 1).any():
        return None
    length = float(gaps.sum() / counts.sum())
    off = float(np.abs(gaps - counts * length).max()) / length
    return Step(length, tuple(counts.tolist()), (), off) if off <= OFF_GRID else None


def _equal(a: float, b: float) -> bool:
    return abs(a - b) <= EQUAL * b
