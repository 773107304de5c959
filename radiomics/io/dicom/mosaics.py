r"""Mosaics: many slices side by side in one frame, and where each of them lies.

Siemens writes the slices of one volume as tiles of a square, row by row. ImagePositionPatient is
that of a slice as large as the whole mosaic about the centre of the first; the first tile's corner
lies half the difference further in:

.. math:: x_0 = p + \tfrac{C - c}{2} \Delta_c\, r + \tfrac{R - n}{2} \Delta_r\, s

with R x C pixels of the mosaic, n x c of a tile, and the vectors r along rows and s along columns.
The slices follow along the normal of the private CSA header, SpacingBetweenSlices apart. United
Imaging (VFRAME) leaves out empty rows of tiles, and gives each slice's position in a private
sequence.

References
----------
.. [1] nibabel, "DICOM Mosaic": https://nipy.org/nibabel/dicom/dicom_mosaic.html
.. [2] nibabel, "Siemens format DICOM with CSA header": https://nipy.org/nibabel/dicom/siemens_csa.html
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from radiomics.io.dicom.headers import Header
from radiomics.io.dicom.opening import read_dataset
from radiomics.types import InputError

Floats = NDArray[np.float64]

CSA = (0x0029, "SIEMENS CSA HEADER", 0x10)
GRID = (0x0065, "Image Private Header", 0x51)
MANY_TAGS = 1000
"""Entries of a CSA header, or items of one, from which it is not believed."""
WHOLE = "export it with the manufacturer's private elements, or as one file a slice"


@dataclass(frozen=True)
class Tile:
    """A slice's rectangle within a mosaic, in pixels."""

    top: int
    left: int
    rows: int
    columns: int

    def cut(self, image: NDArray[Any]) -> NDArray[Any]:
        """Return the ``(rows, columns)`` of the slice out of the whole mosaic."""
        return image[self.top : self.top + self.rows, self.left : self.left + self.columns]


@dataclass(frozen=True, eq=False)
class TiledPlane:
    """The plane of a mosaic as its header has it, in DICOM's order and units."""

    position: Floats
    orientation: Floats
    pixel_spacing: Floats


def is_mosaic(header: Header) -> bool:
    """Tell whether a frame holds several slices: by ImageType, or by private elements alone."""
    kinds = header.text("ImageType").upper().split("\\")
    counts = ("MosaicImages", "CSAMosaicImages", "GridImages")
    return "MOSAIC" in kinds or "VFRAME" in kinds or any(header.integer(c) > 1 for c in counts)


def tile_positions(header: Header, plane: TiledPlane) -> tuple[list[Tile], Floats]:
    """Return the tiles of a mosaic and the positions (N, 3) of their slices in mm.

    Raises
    ------
    ValueError
        When the header does not tell each slice's place exactly.
    """
    try:
        data = read_dataset(header.path)
        grid = _private_value(data, *GRID)
        places = _grid_positions(grid) if grid else None
        csa = csa_values(_private_value(data, *CSA) or b"") if places is None else {}
    except (InputError, struct.error, AttributeError, TypeError, NotImplementedError) as error:
        raise ValueError(f"a mosaic whose private header is broken ({error}): {WHOLE}") from None
    if places is not None:
        across = math.ceil(math.sqrt(len(places)))
        return _tiles(header, len(places), across, math.ceil(len(places) / across)), places
    return _siemens_positions(header, plane, csa)


def _siemens_positions(
    header: Header, plane: TiledPlane, csa: dict[str, list[str]]
) -> tuple[list[Tile], Floats]:
    if not csa:
        raise ValueError(f"a mosaic without the CSA header (0029,1010) of its slices: {WHOLE}")
    count = int(_csa_numbers(csa, "NumberOfImagesInMosaic", 1)[0])
    stated = header.integer("MosaicImages")
    if count < 1 or (stated and stated != count):
        raise ValueError(f"a mosaic of {count} or {stated} slices: {WHOLE}")
    across = math.ceil(math.sqrt(count))
    tiles = _tiles(header, count, across, across)
    spacing = header.numbers("SpacingBetweenSlices")
    usable = (plane.position.size, plane.orientation.size, plane.pixel_spacing.size) == (3, 6, 2)
    if spacing.size != 1 or not spacing[0] > 0 or not usable:
        needed = "SpacingBetweenSlices, ImagePositionPatient, ImageOrientationPatient, PixelSpacing"
        raise ValueError(f"a mosaic without usable values of {needed}: {WHOLE}")
    row, column = plane.orientation[:3], plane.orientation[3:]
    normal, told = np.cross(row, column), _csa_numbers(csa, "SliceNormalVector", 3)
    if abs(abs(float(normal @ told)) - 1) > 1e-3:
        raise ValueError(f"a mosaic whose two headers disagree about its slices' normal: {WHOLE}")
    shift = (header.integer("Rows") - tiles[0].rows) / 2 * plane.pixel_spacing[0] * column
    shift += (header.integer("Columns") - tiles[0].columns) / 2 * plane.pixel_spacing[1] * row
    steps = spacing[0] * np.arange(count)[:, None] * np.sign(normal @ told) * normal
    return tiles, np.asarray(plane.position + shift + steps, dtype=np.float64)


def _tiles(header: Header, count: int, across: int, down: int) -> list[Tile]:
    """Return the rectangles of so many slices, row by row."""
    rows, columns = header.integer("Rows"), header.integer("Columns")
    if columns % across or rows % down:
        raise ValueError(f"a mosaic of {count} slices that do not divide {rows} x {columns} pixels")
    height, width = rows // down, columns // across
    places = [divmod(number, across) for number in range(count)]
    return [Tile(top * height, left * width, height, width) for top, left in places]


def _grid_positions(items: Any) -> Floats:
    """Return the positions of the slices that United Imaging's sequence lists."""
    found = [[float(x) for x in item.get("ImagePositionPatient") or ()] for item in items]
    places = np.array(found, dtype=np.float64) if {len(p) for p in found} == {3} else None
    if places is None or not np.isfinite(places).all():
        raise ValueError(f"a mosaic without the position of each slice: {WHOLE}")
    return places


def _private_value(data: Dataset, group: int, creator: str, element: int) -> Any:
    """Return a private element's value, None where there is none."""
    for block in range(0x10, 0x100):
        if (group, block) in data and str(data[group, block].value).strip(" \0") == creator:
            tag = (group, block << 8 | element)
            return data[tag].value if tag in data else None
    return None


def _csa_numbers(csa: dict[str, list[str]], name: str, count: int) -> Floats:
    found = csa.get(name, [])
    try:
        numbers = np.array([float(text) for text in found], dtype=np.float64)
    except ValueError:
        numbers = np.empty(0)
    if numbers.size != count or not np.isfinite(numbers).all():
        raise ValueError(f"a mosaic whose CSA header (0029,1010) has no {name}: {WHOLE}")
    return numbers


def csa_values(content: bytes) -> dict[str, list[str]]:
    """Return the entries of Siemens' CSA image header, of its first or second version, as text.

    Raises
    ------
    struct.error
        When it ends early.
    """
    if len(content) < 8:
        return {}
    second = content[:4] == b"SV10"
    at = 8 if second else 0
    (tags,) = struct.unpack_from("<I", content, at)
    at += 8
    values: dict[str, list[str]] = {}
    first_items = 0
    for number in range(tags if tags <= MANY_TAGS else 0):
        name, _, _, _, items, _ = struct.unpack_from("<64si4s3i", content, at)
        at += 84
        first_items = items if number == 0 else first_items
        texts = []
        for _ in range(min(items, MANY_TAGS)):
            sizes = struct.unpack_from("<4i", content, at)
            at += 16
            length = sizes[1] if second else sizes[0] - first_items
            if length < 0 or at + length > len(content):
                break
            texts.append(_csa_text(content[at : at + length]))
            at += length + -length % 4
        values[_csa_text(name)] = [text for text in texts if text]
    return values


def _csa_text(raw: bytes) -> str:
    return raw.split(b"\0")[0].decode("latin-1").strip()
