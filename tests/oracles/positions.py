"""Oracle: series in which every stored value is the number of one place in the patient."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

ORIGIN = np.array([-40.0, 12.5, 3.0])


class NumberedPlaces:
    """Places of the voxels of a series, counted slice by slice, row by row, column by column.

    ``points`` (N, 3) in LPS mm come from DICOM's equation alone (PS3.3 C.7.6.2.1.1): the position
    of the slice plus rows and columns times their spacings along the orientation's vectors.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        orientation: Sequence[float],
        pixel_spacing: tuple[float, float],
        step: float,
    ) -> None:
        row, column = np.array(orientation[:3]), np.array(orientation[3:])
        self.origins = ORIGIN + step * np.arange(shape[0])[:, None] * np.cross(row, column)
        rows, columns = np.indices(shape[1:]).reshape(2, -1, 1)
        plane = rows * pixel_spacing[0] * column + columns * pixel_spacing[1] * row
        points = self.origins[:, None] + plane
        self.points = points.reshape(-1, 3)
        self.stored = np.arange(len(self.points), dtype=np.uint16).reshape(shape)

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
