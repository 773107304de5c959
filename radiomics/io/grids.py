"""An image on the grid of another one, such as a dose on that of the CT it was computed for."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from radiomics.types import InputError, Volume, grids_differ

COVERED = 0.5
"""How far beyond the outermost voxel centres an image reaches: half a voxel."""
ROUNDING = 1e-6


def on_grid(path: Path, volume: Volume, like: Volume) -> Volume:
    """Interpolate an image linearly at the voxel centres of another.

    Where the other reaches beyond the image nothing was measured: NaN there.

    Parameters
    ----------
    path : what an error names

    Returns
    -------
    Volume
        float32 or float64, on the grid of ``like``, with notes of what was done.

    Raises
    ------
    InputError
        When the two lie in different frames of reference, or apart.
    """
    from scipy.ndimage import affine_transform

    if volume.frame and like.frame and volume.frame != like.frame:
        raise InputError(
            path,
            "two images on one grid must share one frame of reference",
            f"FrameOfReferenceUID {volume.frame}, and {like.frame} in the other",
            "use the image to which it belongs, or register the two first",
        )
    if "px" in (volume.length_unit, like.length_unit):
        rule, found = "an image is brought onto a grid in mm", "lengths in pixels"
        raise InputError(path, rule, found, "give its spacing")
    if not grids_differ(volume, like):
        return volume
    back = np.linalg.inv(volume.affine) @ like.affine
    values = volume.array if volume.array.dtype.kind == "f" else volume.array.astype(np.float64)
    result = affine_transform(
        values, back[:3, :3], back[:3, 3], like.shape, order=1, mode="nearest", output=values.dtype
    )
    outside = 0
    rows, columns = (np.arange(n) for n in like.shape[1:])
    for depth in range(like.shape[0]):  # slice by slice: three numbers a voxel are many
        beyond = np.zeros(like.shape[1:], dtype=np.bool_)
        for axis, count in enumerate(volume.shape):
            d, h, w, start = back[axis]
            place = (start + d * depth) + (h * rows)[:, None] + (w * columns)[None]
            reach = COVERED + ROUNDING
            beyond |= (place < -reach) | (place > count - 1 + reach)
        result[depth][beyond] = np.nan
        outside += int(beyond.sum())
    if outside == result.size:
        found = f"{volume.describe()}\n          other: {like.describe()}"
        raise InputError(
            path, "an image and the grid it is brought onto overlap", found, "check both"
        )
    notes = [f"interpolated linearly onto another grid, from {volume.describe()}"]
    if outside:
        notes.append(f"{outside} of {result.size} voxels lie beyond the image: NaN")
    history = (*volume.history, *notes)
    frame = volume.frame or like.frame
    return Volume(result, like.affine, volume.unit, frame, history, volume.verdict)
