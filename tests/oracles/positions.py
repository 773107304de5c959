"""Oracle: places in the patient: of the voxels of a series, and of those that a mask covers."""

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


FACE = 2e-3
"""Distance from a face, in spacings, within which it is rounding that decides."""


def covered(
    mask: np.ndarray, mask_affine: np.ndarray, shape: tuple[int, int, int], affine: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return which voxels of an image a mask covers, and which of them lie on a face.

    A voxel of the mask is a box in the patient, half a spacing from its centre to all sides along
    its own axes, which are orthogonal; a voxel of the image is covered when its centre lies in any
    box.

    Parameters
    ----------
    mask : (D, H, W) bool
    mask_affine, affine : (4, 4) from (d, h, w) to LPS mm
    """
    lengths = [float(np.linalg.norm(mask_affine[:3, axis])) for axis in range(3)]
    units = [(mask_affine[:3, axis] / lengths[axis]).tolist() for axis in range(3)]
    boxes = []  # places of centres along the mask's own axes, in spacings
    for index in np.argwhere(mask).tolist():
        x, y, z = (mask_affine @ [*index, 1])[:3].tolist()
        along = ((u * x + v * y + w * z) for u, v, w in units)
        boxes.append([place / length for place, length in zip(along, lengths, strict=True)])
    inside, on_face = np.zeros(shape, bool), np.zeros(shape, bool)
    for index in np.ndindex(*shape):
        x, y, z = (affine @ [*index, 1])[:3].tolist()
        along = ((u * x + v * y + w * z) for u, v, w in units)
        a, b, c = (place / length for place, length in zip(along, lengths, strict=True))
        for d, e, f in boxes:
            if abs(a - d) > 1 or abs(b - e) > 1:
                continue
            farthest = max(abs(a - d), abs(b - e), abs(c - f))
            inside[index] |= farthest < 0.5
            on_face[index] |= abs(farthest - 0.5) < FACE
    return inside, on_face
