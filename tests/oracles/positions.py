"""Oracle: series in which every stored value is the number of one place in the patient."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

ORIGIN = np.array([-40.0, 12.5, 3.0])


class NumberedPlaces:
    """Places of the voxels of a series, counted slice by slice, row by row, column by column.

    ``stored`` are the numbers, of any type that holds them; a negative ``step`` lays the slices
    against the normal. ``points`` (N, 3) in LPS mm come from DICOM's equation alone (PS3.3
    C.7.6.2.1.1): the position of the slice plus rows and columns times their spacings along the
    orientation's vectors.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        orientation: Sequence[float],
        pixel_spacing: tuple[float, float],
        step: float,
        dtype: str = "u2",
    ) -> None:
        self.orientation, self.pixel_spacing = tuple(orientation), pixel_spacing
        row, column = np.array(orientation[:3]), np.array(orientation[3:])
        self.origins = ORIGIN + step * np.arange(shape[0])[:, None] * np.cross(row, column)
        rows, columns = np.indices(shape[1:]).reshape(2, -1, 1)
        plane = rows * pixel_spacing[0] * column + columns * pixel_spacing[1] * row
        points = self.origins[:, None] + plane
        self.points = points.reshape(-1, 3)
        self.stored = np.arange(len(self.points), dtype=dtype).reshape(shape)

    def mosaic(self, across: int, down: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the slices as tiles of one image, row by row, and where Siemens says that it lies.

        That is the corner of a slice of the image's size that has its centre in common with the
        first slice; empty tiles hold zeros.
        """
        count, rows, columns = self.stored.shape
        image = np.zeros((down * rows, across * columns), self.stored.dtype)
        for number, tile in enumerate(self.stored):
            top, left = number // across * rows, number % across * columns
            image[top : top + rows, left : left + columns] = tile
        row, column = np.array(self.orientation[:3]), np.array(self.orientation[3:])
        centre = self.points.reshape(count, rows, columns, 3)[0].mean(axis=(0, 1))
        half = (np.array(image.shape) - 1) / 2 * np.array(self.pixel_spacing)
        return image, centre - half[0] * column - half[1] * row

    def farthest(self, array: np.ndarray, affine: np.ndarray) -> float:
        """Return the largest distance in mm of a voxel that was read from its value's place.

        Every number must occur once; otherwise the distance is infinite.
        """
        numbers = array.ravel()
        if sorted(numbers.tolist()) != list(range(len(self.points))):
            return float("inf")
        index = np.indices(array.shape).reshape(3, -1)
        world = affine[:3, :3] @ index + affine[:3, 3:]
        return float(np.linalg.norm(world.T - self.points[numbers.astype(int)], axis=1).max())
