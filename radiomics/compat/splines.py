"""Resampling of SimpleITK images by cubic B-splines, to SimpleITK's values, but sooner."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from radiomics.kernels.sampling.splines import spline_values

Floats = NDArray[np.float64]

TYPES = {
    sitk.sitkUInt8: np.uint8,
    sitk.sitkInt8: np.int8,
    sitk.sitkUInt16: np.uint16,
    sitk.sitkInt16: np.int16,
    sitk.sitkUInt32: np.uint32,
    sitk.sitkInt32: np.int32,
    sitk.sitkFloat32: np.float32,
    sitk.sitkFloat64: np.float64,
}


def resample_image(image: Any, grid: Any) -> Any:
    """Return what a ``sitk.ResampleImageFilter`` without transform makes of an image.

    Cubic splines through volumes are evaluated here, with the same values to the last bit; whatever
    else was chosen is left to the filter.
    """
    spline = grid.GetInterpolator() == sitk.sitkBSpline and image.GetDimension() == 3
    if not spline or image.GetPixelID() not in TYPES:
        return grid.Execute(image)
    array = sitk.GetArrayViewFromImage(image)
    values = spline_values(array, *_line_ends(image, grid), grid.GetSize()[0])
    if array.dtype.kind in "iu":  # cut off, as there
        ends = np.iinfo(array.dtype)
        np.clip(values, ends.min, ends.max, out=values)
    made = sitk.GetImageFromArray(values.astype(array.dtype))
    made.SetSpacing(grid.GetOutputSpacing())
    made.SetDirection(grid.GetOutputDirection())
    made.SetOrigin(grid.GetOutputOrigin())
    return made


def _line_ends(image: Any, grid: Any) -> tuple[Floats, Floats]:
    """Return where lines along x begin in the image, and where the point after their last lies.

    Both (D, H, 3), continuous indices (z, y, x); points between are spread evenly, in ITK as here.
    """
    wide, high, deep = grid.GetSize()
    there, _ = _index_matrices(grid.GetOutputSpacing(), grid.GetOutputDirection())
    _, back = _index_matrices(image.GetSpacing(), image.GetDirection())
    z, y = np.mgrid[:deep, :high].astype(np.float64)
    found = []
    for x in (0.0, float(wide)):
        offsets = []
        for axis in range(3):
            point = grid.GetOutputOrigin()[axis] + there[axis, 0] * x
            point = point + there[axis, 1] * y + there[axis, 2] * z
            offsets.append(point - image.GetOrigin()[axis])
        a, b, c = offsets
        places = [row[0] * a + row[1] * b + row[2] * c for row in back]
        found.append(np.stack(places[::-1], axis=-1))
    return found[0], found[1]


def _index_matrices(spacing: Any, direction: Any) -> tuple[Floats, Floats]:
    """Return ITK's matrices from indices to points and back, to the last bit: (3, 3) each."""
    one = sitk.Image([1, 1, 1], sitk.sitkUInt8)
    one.SetSpacing(spacing)
    one.SetDirection(direction)
    units = np.eye(3, dtype=int).tolist()
    there = [one.TransformIndexToPhysicalPoint(unit) for unit in units]
    back = [one.TransformPhysicalPointToContinuousIndex([float(v) for v in u]) for u in units]
    return np.array(there).T, np.array(back).T
