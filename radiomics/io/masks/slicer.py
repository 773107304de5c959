"""3D Slicer's segmentations (``.seg.nrrd``): named segments in the layers of one label image."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk

from radiomics.io.files.itk import affine_of
from radiomics.io.files.kinds import volume_of_file
from radiomics.io.masks.boxes import BoxedMask
from radiomics.io.masks.choice import Entry, with_names
from radiomics.io.masks.grids import StoredMask, empty_grid, mask_on_grid
from radiomics.io.masks.labels import Labels, find_labels
from radiomics.types import InputError, Volume

WANTED = re.compile(r"Segment[0-9]+_(ID|Name|Layer|LabelValue)")
"""Keys of the header that say what a segment is."""
DENSEST = 1032
"""Bytes that one byte of a packed file stands for at most."""


@dataclass(frozen=True)
class Segment:
    """One segment: its name, the layer that holds it, and its value there."""

    name: str
    layer: int
    value: int


def read_segments(path: Path) -> list[Segment]:
    """Return the segments that a file names.

    Raises
    ------
    InputError
        When the file cannot be read or names none.
    """
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        keys = [key for key in reader.GetMetaDataKeys() if WANTED.fullmatch(key)]
        metadata = {key: reader.GetMetaData(key) for key in keys}
        numbers = sorted(
            int(m[1]) for key in metadata if (m := re.fullmatch(r"Segment(\d+)_ID", key))
        )
        layers = reader.GetNumberOfComponents()
        segments = [_parse_segment(metadata, number, layers) for number in numbers]
    except (RuntimeError, ValueError) as error:
        found = str(error).strip().splitlines()[-1]
        raise InputError(
            path, "a Slicer segmentation must be readable", found, "save it again"
        ) from None
    needed = math.prod(reader.GetSize()) * layers
    if needed > DENSEST * path.stat().st_size:  # before memory is taken
        rule, found = "the voxels must be complete", f"a file too short for {needed} voxels"
        raise InputError(path, rule, found, "save it again")
    if not segments:
        rule, found = "a .seg.nrrd file names its segments", "no Segment0_ID in its header"
        raise InputError(path, rule, found, "save it again, or rename it to .nrrd")
    return segments


def _parse_segment(metadata: Mapping[str, str], number: int, layers: int) -> Segment:
    """Read one segment; versions before 4.11 name no layer: each segment has one of its own."""
    name = metadata.get(f"Segment{number}_Name") or metadata[f"Segment{number}_ID"]
    layer = int(metadata.get(f"Segment{number}_Layer", number if layers > 1 else 0))
    if not 0 <= layer < layers:
        raise ValueError(f"segment {name!r} lies in layer {layer}, of {layers}")
    return Segment(name, layer, int(metadata.get(f"Segment{number}_LabelValue", 1)))


@dataclass(frozen=True, eq=False)
class SlicerFile:
    """A segmentation of Slicer that was opened: its segments are its masks, numbered from 1."""

    path: Path
    segments: tuple[Segment, ...]
    layers: tuple[Labels, ...]
    grid: Volume
    entries: tuple[Entry, ...]
    kind: str = "a Slicer segmentation"
    option: str = "segment"

    def read(self, entry: Entry, like: Volume) -> BoxedMask:
        """Read one segment onto the grid of an image; Slicer may have cut the file to its box."""
        segment = self.segments[int(entry.number) - 1]
        labels = self.layers[segment.layer]
        if segment.value not in labels.values:
            rule = "a mask needs at least one voxel inside"
            found = f"segment {entry.name!r} has no voxel"
            raise InputError(self.path, rule, found, "choose another one")
        array, start = labels.voxels_of(segment.value)
        stored = StoredMask(array, start, self.grid)
        return mask_on_grid(self.path, stored, like, f"segment {entry.name!r}")


def open_slicer(path: Path) -> SlicerFile:
    """Open a segmentation of Slicer.

    Raises
    ------
    InputError
        When it cannot be read, or names no segments.
    """
    segments = read_segments(path)
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        found = str(error).strip().splitlines()[-1]
        remedy = "check that the file is complete"
        raise InputError(path, "a Slicer segmentation must be readable", found, remedy) from None
    shape = tuple(image.GetSize()[::-1])
    if len(shape) != 3 or "complex" in image.GetPixelIDTypeAsString():
        rule = "a Slicer segmentation has whole numbers in three dimensions, and layers"
        found = f"{len(shape)} dimensions of {image.GetPixelIDTypeAsString()}"
        raise InputError(path, rule, found, "save it again")
    array, affine = sitk.GetArrayFromImage(image), affine_of(image)
    del image  # its memory is needed
    layers = [array] if array.ndim == 3 else [array[..., n] for n in range(array.shape[-1])]
    found_labels = tuple(find_labels(path, layer) for layer in layers)
    volume_of_file(path, layers[0], affine, "1")  # refuses a header without a grid
    grid = empty_grid(shape, affine)
    entries = [
        Entry(
            number,
            segment.name,
            "" if segment.value in found_labels[segment.layer].values else "no voxel",
        )
        for number, segment in enumerate(segments, start=1)
    ]
    return SlicerFile(path, tuple(segments), found_labels, grid, with_names(entries))
