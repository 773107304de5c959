"""3D Slicer's segmentations (``.seg.nrrd``): named segments in the layers of one label image."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import SimpleITK as sitk
from numpy.typing import NDArray

from radiomics.io.files.itk import affine_of
from radiomics.io.files.kinds import volume_of_file
from radiomics.io.masks.grids import mask_on_grid
from radiomics.io.masks.segments import choose_segment
from radiomics.types import InputError, Volume


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
        metadata = {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}
        numbers = sorted(
            int(m[1]) for key in metadata if (m := re.fullmatch(r"Segment(\d+)_ID", key))
        )
        segments = [_parse_segment(metadata, number) for number in numbers]
    except (RuntimeError, ValueError) as error:
        found = str(error).strip().splitlines()[-1]
        raise InputError(
            path, "a Slicer segmentation must be readable", found, "save it again"
        ) from None
    if not segments:
        rule, found = "a .seg.nrrd file names its segments", "no Segment0_ID in its header"
        raise InputError(path, rule, found, "save it again, or rename it to .nrrd")
    return segments


def _parse_segment(metadata: dict[str, str], number: int) -> Segment:
    name = metadata.get(f"Segment{number}_Name") or metadata[f"Segment{number}_ID"]
    layer = int(metadata.get(f"Segment{number}_Layer", 0))
    return Segment(name, layer, int(metadata.get(f"Segment{number}_LabelValue", 1)))


def read_slicer_segment(path: Path, like: Volume, segment: int | str | None = None) -> Volume:
    """Read one segment onto the grid of an image; Slicer may have cut the file to its segments.

    Parameters
    ----------
    segment : number (from 1) or name; not needed where there is only one

    Raises
    ------
    InputError
        Unknown segment (those that exist are listed), or one that reaches beyond the image.
    """
    segments = dict(enumerate(read_segments(path), start=1))
    number, name = choose_segment(path, {n: s.name for n, s in segments.items()}, segment)
    image = sitk.ReadImage(str(path))
    chosen = segments[number]
    layers: NDArray[Any] = sitk.GetArrayFromImage(image)
    layer = layers[..., chosen.layer] if image.GetNumberOfComponentsPerPixel() > 1 else layers
    grid = volume_of_file(path, layer == chosen.value, affine_of(image), "1")
    source = replace(grid, frame=like.frame)
    array, history = mask_on_grid(path, source, like, f"segment {name!r}")
    return Volume(array, like.affine, "1", like.frame, history)
