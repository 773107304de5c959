"""Label images: a mask is the voxels of one value, in NIfTI, NRRD, MetaImage or PNG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.io.files.volumes import read_volume_file
from radiomics.types import InputError, Volume


def read_label_names(path: Path) -> list[str]:
    """Return the values of a label image besides 0, as text."""
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
    return Volume(_voxels_of(path, labels.array, label), labels.affine, "1", like.frame)


def read_png_mask(path: Path, like: Volume, label: int | None = None) -> Volume:
    """Read a PNG of one channel as a mask of the only slice of an image.

    Raises
    ------
    InputError
        As :func:`read_label`; for a picture of another size, or of several channels.
    """
    from radiomics.io.files.images_2d import read_image2d

    pixels = read_image2d(path)
    if pixels.shape != like.shape:
        channels, height, width = pixels.shape
        found = f"{channels} channel(s) of {height} x {width}, image of shape {like.shape}"
        rule = "a PNG mask has one channel and fits an image of one slice, pixel by pixel"
        raise InputError(path, rule, found, "save it as a grey image of the size of the slice")
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
