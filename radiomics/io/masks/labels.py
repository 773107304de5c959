"""Label images: a mask is the voxels of one value, in NIfTI, NRRD, MetaImage or a picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.io.files.volumes import read_volume_file
from radiomics.io.masks.boxes import Box, BoxedMask
from radiomics.io.masks.choice import Entry, with_names
from radiomics.io.masks.grids import StoredMask, empty_grid, mask_on_grid
from radiomics.types import InputError, Volume

MOST_LABELS = 5000
"""Values of a file from which it is no label image; the finest atlases have some thousand."""
NARROW = 2**16
"""Range of whole numbers that are counted; wider ones are sorted."""


@dataclass(frozen=True, eq=False)
class Labels:
    """The values of a label image besides 0, and where in it each of them occurs.

    ``codes`` numbers the ``values`` from 1, voxel by voxel; 0 is the background.
    """

    values: NDArray[Any]
    codes: NDArray[Any]
    boxes: tuple[Box, ...]

    def voxels_of(self, value: float) -> tuple[NDArray[np.bool_], tuple[int, int, int]]:
        """Return the voxels of a value in the box around them, and where that begins."""
        (place,) = np.flatnonzero(self.values == value)
        box = self.boxes[place]
        return self.codes[box] == place + 1, (box[0].start, box[1].start, box[2].start)


def find_labels(path: Path, array: NDArray[Any]) -> Labels:
    """Find all labels of an image (D, H, W) in one pass.

    Raises
    ------
    InputError
        For an image that is none of labels: too many values, or such that are no numbers.
    """
    from scipy.ndimage import find_objects

    values = np.empty(0, array.dtype)
    for section in array:
        values = np.union1d(values, _distinct(section))
        if len(values) > MOST_LABELS:
            break
    if len(values) > MOST_LABELS or not np.isfinite(values).all():
        found = "values that are no numbers"
        if len(values) > MOST_LABELS:
            found = f"more than {MOST_LABELS} values, as of an image"
        raise InputError(
            path,
            "a mask file holds labels: one value for each region, and 0 outside",
            found,
            "give the mask; the image is read with read_image",
        )
    values = values[values != 0]
    kind = np.uint8 if len(values) < 2**8 else np.uint16
    codes = np.zeros(array.shape, kind)
    if len(values) == 1:
        codes = (array != 0).view(np.uint8)
    else:
        for section, into in zip(array, codes, strict=True):
            inside = section != 0
            into[inside] = np.searchsorted(values, section[inside]) + 1
    boxes = find_objects(codes, len(values))
    return Labels(values, codes, tuple(boxes))


def _distinct(section: NDArray[Any]) -> NDArray[Any]:
    """Return the distinct values of an array, sorted; whole numbers of a narrow range are quick."""
    if section.dtype == np.bool_:
        return np.unique(section)
    low, high = section.min(), section.max()
    if not np.isfinite([low, high]).all() or float(high) - float(low) >= NARROW:
        return np.unique(section)
    counted = section.ravel()
    if section.dtype.kind == "f":
        if not float(low).is_integer() or not np.array_equal(np.rint(counted), counted):
            return np.unique(section)
        counted = (counted - low).astype(np.int32)
    else:
        counted = counted.astype(np.int64) - int(low)
    return (np.flatnonzero(np.bincount(counted)) + int(low)).astype(section.dtype)


@dataclass(frozen=True, eq=False)
class LabelFile:
    """A label image that was opened: its labels are its masks."""

    path: Path
    labels: Labels
    grid: Volume
    notes: tuple[str, ...]
    entries: tuple[Entry, ...]
    kind: str = "a label image"
    option: str = "label"

    def read(self, entry: Entry, like: Volume) -> BoxedMask:
        """Read one label onto the grid of an image."""
        array, start = self.labels.voxels_of(entry.number)
        stored = StoredMask(array, start, self.grid)
        return mask_on_grid(self.path, stored, like, f"label {entry.label}", self.notes)


def open_labels(path: Path) -> LabelFile:
    """Open NIfTI, NRRD or MetaImage as a label image.

    Raises
    ------
    InputError
        When it cannot be read, or holds no labels.
    """
    volume = read_volume_file(path)
    labels = find_labels(path, volume.array)
    grid = empty_grid(volume.shape, volume.affine)
    notes = tuple(f"mask: {note}" for note in volume.history)
    return LabelFile(path, labels, grid, notes, _entries_of(labels))


def open_picture_mask(path: Path, like: Volume) -> LabelFile:
    """Open a picture of one channel as masks of the only slice of an image, pixel by pixel.

    Raises
    ------
    InputError
        As :func:`open_labels`; for a picture of another size, of colours, or in JPEG.
    """
    from radiomics.io.files.pictures import read_label_picture

    pixels = read_label_picture(path)[None]
    if pixels.shape != like.shape:
        _, height, width = pixels.shape
        found = f"{height} x {width}, image of shape {like.shape}"
        rule = "a picture as mask fits an image of one slice, pixel by pixel"
        raise InputError(path, rule, found, "save it in the size of the slice")
    labels = find_labels(path, pixels)
    grid = empty_grid(like.shape, like.affine)
    return LabelFile(path, labels, grid, (), _entries_of(labels), "a picture as mask")


def _entries_of(labels: Labels) -> tuple[Entry, ...]:
    numbers = labels.values.tolist()
    return with_names(
        [Entry(n, str(int(n)) if float(n).is_integer() else f"{n:g}") for n in numbers]
    )
