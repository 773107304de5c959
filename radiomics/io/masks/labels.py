"""Label images: a mask is the voxels of one value, in NIfTI, NRRD, MetaImage or a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.io.files.kinds import has_picture_suffix
from radiomics.io.files.volumes import read_volume_file
from radiomics.io.planes import OWN_PLANE
from radiomics.types import InputError, Volume, grids_differ


def read_label_names(path: Path) -> list[str]:
    """Return the values of a label image besides 0, as text."""
    if has_picture_suffix(path):
        from radiomics.io.files.pictures import read_label_picture

        values = np.unique(read_label_picture(path)).tolist()
    else:
        values = np.unique(read_volume_file(path).array).tolist()
    return [f"{value:g}" for value in values if value != 0]


def read_label(path: Path, like: Volume, label: int | None = None) -> Volume:
    """Read one label of NIfTI, NRRD or MetaImage as a mask on the grid of that file.

    Parameters
    ----------
    like : the image, whose frame of reference the mask takes over
    label : the value; not needed where there is only one besides 0

    Raises
    ------
    InputError
        Unknown label (those that exist are listed), or several and none chosen.
    """
    labels = read_volume_file(path)
    if OWN_PLANE in like.history and labels.shape == like.shape and grids_differ(labels, like):
        inside = _voxels_of(path, labels.array, label)
        note = "the image has no position: the mask is taken pixel by pixel, as it is stored"
        return Volume(inside, like.affine, "1", like.frame, (note,))
    inside, notes = _voxels_of(path, labels.array, label), labels.history
    return Volume(inside, labels.affine, "1", like.frame, tuple(f"mask: {note}" for note in notes))


def read_picture_mask(path: Path, like: Volume, label: int | None = None) -> Volume:
    """Read a picture of one channel as a mask of the only slice of an image, pixel by pixel.

    Raises
    ------
    InputError
        As :func:`read_label`; for a picture of another size, of colours, or in JPEG.
    """
    from radiomics.io.files.pictures import read_label_picture

    pixels = read_label_picture(path)[None]
    if pixels.shape != like.shape:
        _, height, width = pixels.shape
        found = f"{height} x {width}, image of shape {like.shape}"
        rule = "a picture as mask fits an image of one slice, pixel by pixel"
        raise InputError(path, rule, found, "save it in the size of the slice")
    return Volume(_voxels_of(path, pixels, label), like.affine, "1", like.frame)


def _voxels_of(path: Path, labels: NDArray[Any], label: int | None) -> NDArray[np.bool_]:
    """Mark the voxels of a label, or of the only one that there is."""
    values = np.unique(labels)
    present = [value for value in values.tolist() if value != 0]
    if label is not None:
        if label not in present:
            raise InputError(path, f"label {label} must occur", f"labels {present}", "choose one")
        return np.asarray(labels == label)
    if len(present) > 1:
        raise InputError(
            path,
            "a label is needed where there are several",
            f"{len(present)} values besides 0: {present[:10]}",
            "choose one with label=N or --label N, or take all with read_masks or --roi '*'",
        )
    return np.asarray(labels != 0)
