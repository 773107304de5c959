"""Masks kept small: the bits of the box around their voxels, whole arrays only while they are used.

A hundred organs of 512 x 512 x 300 voxels would take 8 GB as whole arrays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from radiomics.types import InputError, Volume

Box = tuple[slice, slice, slice]


def occupied_box(array: NDArray[np.bool_]) -> Box | None:
    """Return the smallest box that holds all voxels of a mask, None where it has none.

    >>> occupied_box(np.arange(24).reshape(2, 3, 4) == 6)
    (slice(0, 1, None), slice(1, 2, None), slice(2, 3, None))
    """
    by_row = np.asarray(array.any(axis=2))
    if not by_row.any():
        return None
    slices, rows = np.flatnonzero(by_row.any(axis=1)), np.flatnonzero(by_row.any(axis=0))
    inner = array[slices[0] : slices[-1] + 1, rows[0] : rows[-1] + 1]
    columns = np.flatnonzero(inner.any(axis=(0, 1)))
    first, second, third = (slice(int(n[0]), int(n[-1]) + 1) for n in (slices, rows, columns))
    return first, second, third


@dataclass(frozen=True, eq=False)
class BoxedMask:
    """A mask on a grid of some shape: where its box begins, the box's size, and its packed bits."""

    shape: tuple[int, int, int]
    start: tuple[int, int, int]
    size: tuple[int, int, int]
    bits: NDArray[np.uint8]
    notes: tuple[str, ...] = ()

    @classmethod
    def pack(
        cls,
        array: NDArray[np.bool_],
        start: tuple[int, int, int],
        shape: tuple[int, int, int],
        notes: tuple[str, ...] = (),
    ) -> BoxedMask:
        """Pack a mask.

        Parameters
        ----------
        array : bool, all voxels of the mask and any number of others around them
        start : where in the grid the array begins
        shape : (D, H, W) of the grid
        """
        box = occupied_box(array)
        if box is None:
            return cls(shape, (0, 0, 0), (0, 0, 0), np.empty(0, np.uint8), notes)
        inner = array[box]
        depth, height, width = inner.shape
        z, y, x = (first + part.start for first, part in zip(start, box, strict=True))
        return cls(shape, (z, y, x), (depth, height, width), np.packbits(inner), notes)

    def unpack(self) -> NDArray[np.bool_]:
        """Return the whole mask, (D, H, W) bool."""
        array = np.zeros(self.shape, dtype=np.bool_)
        count = self.size[0] * self.size[1] * self.size[2]
        inner = np.unpackbits(self.bits, count=count).view(np.bool_).reshape(self.size)
        ends = zip(self.start, self.size, strict=True)
        array[tuple(slice(first, first + length) for first, length in ends)] = inner
        return array


def mask_volume(mask: BoxedMask, like: Volume) -> Volume:
    """Return a whole mask on the grid of an image."""
    unit = like.length_unit
    return Volume(mask.unpack(), like.affine, "1", like.frame, mask.notes, length_unit=unit)


class Masks(Mapping[str, Volume]):
    """Masks of one file by name, in the order of the file, on the grid of one image.

    Looking one up makes its whole array, which is not kept: a hundred of them take little memory
    as long as they are used in turn.

    Attributes
    ----------
    refused : what was asked for and could not be read, name to the error that says why
    """

    def __init__(
        self, like: Volume, masks: Mapping[str, BoxedMask], refused: Mapping[str, InputError]
    ) -> None:
        # of the image its grid alone, not its voxels
        grid = np.broadcast_to(np.False_, like.shape)
        self._grid = replace(like, array=grid, history=(), verdict="")
        self._masks = dict(masks)
        self.refused: Mapping[str, InputError] = MappingProxyType(dict(refused))

    def __getitem__(self, name: str) -> Volume:
        return mask_volume(self._masks[name], self._grid)

    def __contains__(self, name: object) -> bool:
        return name in self._masks

    def __iter__(self) -> Iterator[str]:
        return iter(self._masks)

    def __len__(self) -> int:
        return len(self._masks)

    def __repr__(self) -> str:
        refused = f", refused: {', '.join(map(repr, self.refused))}" if self.refused else ""
        return f"Masks({', '.join(map(repr, self))}{refused})"

    @property
    def nbytes(self) -> int:
        """Bytes that the packed masks take."""
        return sum(mask.bits.nbytes for mask in self._masks.values())
