"""Masks of other grids, brought onto an image's: a mask is the region that its voxels cover.

A voxel of the image is inside where its centre lies in a voxel of the mask, each of which is a box
that reaches half a spacing beyond its centre to all sides, also at the end of the mask's array.
Nothing is interpolated: where the two grids share their voxels, whatever the order and direction of
the axes in which the file stores them, these are the mask's own voxels.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radiomics.io.masks.boxes import BoxedMask, occupied_box
from radiomics.types import GRID_TOLERANCE, InputError, Volume, grids_differ

ON_FACE = 1e-3
"""How near a centre may lie to a face of a mask's voxel, in voxels of the mask, to lie on it."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class StoredMask:
    """A mask on the grid of its file: ``array`` is a box of that grid that begins at ``start``.

    ``grid`` is a Volume of which the affine and the shape count, not the values: see
    :func:`empty_grid`.
    """

    array: NDArray[np.bool_]
    start: tuple[int, int, int]
    grid: Volume


def empty_grid(shape: tuple[int, ...], affine: Floats, frame: str = "") -> Volume:
    """Return a grid as a Volume that takes no memory for its voxels.

    Raises
    ------
    ValueError
        For an affine that gives voxels no places.
    """
    return Volume(np.broadcast_to(np.False_, shape), affine, "1", frame)


def mask_on_grid(
    path: Path, mask: StoredMask, like: Volume, what: str, notes: tuple[str, ...] = ()
) -> BoxedMask:
    """Bring a mask onto the grid of an image.

    A centre on a face between two voxels of the mask belongs to the one on the side to which the
    image's index grows.

    Parameters
    ----------
    what : the mask in words, for messages and notes
    notes : what is known of the mask already

    Returns
    -------
    BoxedMask
        With a note where voxels were sampled, or lie outside the image and are left out.

    Raises
    ------
    InputError
        When no voxel is left.
    """
    box = occupied_box(mask.array)
    if box is None:
        raise InputError(
            path,
            "a mask needs at least one voxel inside",
            f"{what} is empty",
            "choose another one, or export it again",
        )
    if not grids_differ(mask.grid, like):
        return BoxedMask.pack(mask.array, mask.start, like.shape, notes)
    if not like.has_position:  # nobody knows where the image is: only pixels can be the same
        if mask.grid.shape != like.shape:
            rule = "a mask of an image without a position fits it pixel by pixel"
            shapes = f"shape {mask.grid.shape}, image of shape {like.shape}"
            raise InputError(path, rule, shapes, "use the mask of this image")
        note = "the image has no position: the mask is taken pixel by pixel, as it is stored"
        return BoxedMask.pack(mask.array, mask.start, like.shape, (*notes, note))
    inner = mask.array[box]
    to_like = np.linalg.inv(like.affine) @ mask.grid.affine
    to_like[:3, 3] += to_like[:3, :3] @ [
        first + part.start for first, part in zip(mask.start, box, strict=True)
    ]
    inner, to_like = _along_axes_of(like, inner, to_like)
    lost = _count_outside(inner, to_like, like.shape)
    total = int(np.count_nonzero(inner))
    if lost == total:
        raise InputError(
            path,
            f"{what} must lie within the image",
            f"all of its {total} voxels lie outside\n          image: {like.describe()}\n"
            f"          mask:  {mask.grid.describe()}",
            "use the image on which the mask was made",
        )
    if lost:
        notes += (f"{lost} of {total} voxels of {what} lie outside the image and are left out",)
    shift = np.rint(to_like[:3, 3]).astype(int)
    if _shares_voxels(inner.shape, to_like, shift):
        return _paste(inner, shift, like.shape, notes)
    array, start = _sample(inner, to_like, like.shape)
    found = int(np.count_nonzero(array))
    size, size_here = (
        float(abs(np.linalg.det(volume.affine[:3, :3]))) for volume in (mask.grid, like)
    )
    sampled = (
        f"{what} was resampled from another grid: {total} voxels ({total * size:.6g} mm3) there, "
        f"{found} ({found * size_here:.6g} mm3) here; mask {mask.grid.describe()}; "
        f"image {like.describe()}"
    )
    if not found:
        raise InputError(
            path,
            "a mask needs at least one voxel inside",
            f"no centre of a voxel of the image lies in {what} ({total} voxels on another grid: "
            f"{mask.grid.describe()})",
            "use a finer image, or a mask made on this one",
        )
    return BoxedMask.pack(array, start, like.shape, (*notes, sampled))


def _along_axes_of(
    like: Volume, array: NDArray[np.bool_], to_like: Floats
) -> tuple[NDArray[np.bool_], Floats]:
    """Permute and flip an array so that its axes run as the image's do, as nearly as they can.

    Returns
    -------
    a view of the array, and the affine that takes its indices to those of the image
    """
    directions = to_like[:3, :3] * np.array(like.spacing)[:, None]
    directions = directions / np.linalg.norm(directions, axis=0)
    order = max(
        itertools.permutations(range(3)),
        key=lambda axes: sum(abs(directions[i, axis]) for i, axis in enumerate(axes)),
    )
    array, turned = array.transpose(order), to_like[:, [*order, 3]]
    for axis in range(3):
        if turned[axis, axis] < 0:
            array = np.flip(array, axis)
            turned[:3, 3] += turned[:3, axis] * (array.shape[axis] - 1)
            turned[:3, axis] *= -1
    return array, turned


def _corners(shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the indices (8, 3) of the voxels at the corners of an array."""
    return np.asarray(np.array(list(np.ndindex(2, 2, 2))) * (np.array(shape) - 1), dtype=np.int64)


def _count_outside(array: NDArray[np.bool_], to_like: Floats, shape: tuple[int, ...]) -> int:
    """Count the voxels of a mask whose centres lie outside the image."""
    low, high = -0.5 - ON_FACE, np.array(shape) - 0.5 + ON_FACE
    ends = _corners(array.shape) @ to_like[:3, :3].T + to_like[:3, 3]
    axes = np.flatnonzero((ends < low).any(axis=0) | (ends > high).any(axis=0))
    if not len(axes):
        return 0
    rows, columns = np.arange(array.shape[1])[:, None], np.arange(array.shape[2])
    count = 0
    for number, section in enumerate(array):
        beyond = np.zeros(section.shape, np.bool_)
        for axis in axes:
            z, y, x, start = to_like[axis]
            place = (z * number + start) + y * rows + x * columns
            beyond |= (place < low) | (place > high[axis])
        count += int(np.count_nonzero(section & beyond))
    return count


def _shares_voxels(shape: tuple[int, ...], to_like: Floats, shift: NDArray[np.int64]) -> bool:
    """Tell whether the voxels of an array are voxels of the image, a whole shift apart."""
    corners = _corners(shape)
    apart = corners @ to_like[:3, :3].T + to_like[:3, 3] - corners - shift
    ends = np.array(shape) > 1  # an axis of one voxel has its length still to be compared
    lengths = np.abs(np.diag(to_like)[:3] - 1)[~ends]
    return bool(np.abs(apart).max() <= GRID_TOLERANCE and (lengths <= GRID_TOLERANCE).all())


def _paste(
    array: NDArray[np.bool_],
    shift: NDArray[np.int64],
    shape: tuple[int, int, int],
    notes: tuple[str, ...],
) -> BoxedMask:
    """Put an array at its place in the image, without what lies outside."""
    low = np.maximum(-shift, 0)
    high = np.minimum(np.array(shape) - shift, array.shape)
    kept = array[tuple(map(slice, low, high))]
    z, y, x = (int(n) for n in low + shift)
    return BoxedMask.pack(kept, (z, y, x), shape, notes)


def _sample(
    array: NDArray[np.bool_], to_like: Floats, shape: tuple[int, int, int]
) -> tuple[NDArray[np.bool_], tuple[int, int, int]]:
    """Mark the voxels of the image whose centres lie in voxels of a mask.

    Returns
    -------
    a box of the image, and where it begins
    """
    ends = np.array(list(itertools.product(*((-0.5, n - 0.5) for n in array.shape))))
    reach = ends @ to_like[:3, :3].T + to_like[:3, 3]
    low = np.maximum(np.floor(reach.min(axis=0)), 0).astype(int)
    high = np.minimum(np.ceil(reach.max(axis=0)) + 1, shape).astype(int)
    start = (int(low[0]), int(low[1]), int(low[2]))
    if (high <= low).any():
        return np.zeros((1, 1, 1), np.bool_), (0, 0, 0)
    to_mask = np.linalg.inv(to_like)
    linear = to_mask[:3, :3]
    slanted = np.abs(linear - np.diag(np.diag(linear))) @ np.array(shape)
    if slanted.max() <= ON_FACE:  # axes run alike: each has its own list of voxels
        lists, inside = [], []
        for axis, count in enumerate(array.shape):
            place = np.arange(low[axis], high[axis]) * linear[axis, axis] + to_mask[axis, 3]
            index = np.floor(place + 0.5 + ON_FACE).astype(int)
            inside.append((index >= 0) & (index < count))
            lists.append(np.clip(index, 0, count - 1))
        sampled = array[np.ix_(*lists)]
        return sampled & inside[0][:, None, None] & inside[1][:, None] & inside[2], start
    sampled = np.zeros(tuple(high - low), np.bool_)
    rows, columns = np.arange(low[1], high[1])[:, None], np.arange(low[2], high[2])
    in_plane = [linear[axis, 1] * rows + linear[axis, 2] * columns for axis in range(3)]
    for number in range(sampled.shape[0]):  # a slice at a time, whatever the size
        index, within = [], np.ones(sampled.shape[1:], np.bool_)
        for axis, count in enumerate(array.shape):
            offset = linear[axis, 0] * (low[0] + number) + to_mask[axis, 3] + 0.5 + ON_FACE
            here = np.floor(in_plane[axis] + offset).astype(int)
            within &= (here >= 0) & (here < count)
            index.append(here)
        z, y, x = (one[within] for one in index)
        sampled[number][within] = array[z, y, x]
    return sampled, start
