"""Masks: re-segmentation of the intensity mask, pieces, holes, growing and shrinking."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, model_validator

from radiomics.types import Spacing


class Options(BaseModel, frozen=True, extra="forbid"):
    """``range``: closed interval of intensities to keep, null is open; ``sigma``: outliers out."""

    range: tuple[float | None, float | None] = (None, None)
    sigma: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _check_order(self) -> Options:
        low, high = self.range
        if low is not None and high is not None and low > high:
            raise ValueError(f"range runs from low to high; given: {low} to {high}")
        return self


def resegment(
    image: NDArray[np.float64], mask: NDArray[np.bool_], options: Options
) -> NDArray[np.bool_]:
    """Keep the voxels whose intensity lies in the range and within ``sigma`` standard deviations.

    Mean and standard deviation are those of the mask before re-segmentation; both rules are
    closed intervals and are combined by intersection (IBSI section 2.6).

    Parameters
    ----------
    image : (D, H, W) intensities
    mask : (D, H, W) bool

    Returns
    -------
    (D, H, W) bool, a subset of ``mask``
    """
    low = -np.inf if options.range[0] is None else options.range[0]
    high = np.inf if options.range[1] is None else options.range[1]
    if options.sigma is not None:
        inside = image[mask]
        mean, deviation = inside.mean(), inside.std()
        low = max(low, mean - options.sigma * deviation)
        high = min(high, mean + options.sigma * deviation)
    kept: NDArray[np.bool_] = mask & (image >= low) & (image <= high)
    return kept


def connected_components(mask: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """Split a mask into its 26-connected components, the largest first.

    >>> [int(part.sum()) for part in connected_components(np.array([[[1, 0, 1, 1]]], dtype=bool))]
    [2, 1]
    """
    from scipy.ndimage import label

    labels, count = label(mask, structure=np.ones((3, 3, 3), dtype=int))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    order = np.argsort(-sizes, kind="stable")
    return [np.asarray(labels == number + 1, dtype=np.bool_) for number in order]


def largest_component(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the largest 26-connected component; an empty mask stays empty."""
    return next(iter(connected_components(mask)), mask)


def fill_holes(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill cavities that no 6-connected path joins to the outside."""
    from scipy.ndimage import binary_fill_holes

    return np.asarray(binary_fill_holes(mask), dtype=np.bool_)


def grow(mask: NDArray[np.bool_], spacing: Spacing, millimetres: float) -> NDArray[np.bool_]:
    """Grow a mask by a distance in mm, or shrink it by a negative one.

    Distances are Euclidean, from voxel centre to voxel centre: growing takes in the voxels whose
    centre is no further than that from one inside; shrinking takes out those whose centre is no
    further than that from one outside. What lies beyond the array counts as outside.
    """
    from scipy.ndimage import distance_transform_edt

    if millimetres >= 0:
        if not mask.any():
            return mask
        return np.asarray(distance_transform_edt(~mask, sampling=spacing) <= millimetres)
    inner = distance_transform_edt(np.pad(mask, 1), sampling=spacing)[1:-1, 1:-1, 1:-1]
    return np.asarray(inner > -millimetres)


def rim(
    mask: NDArray[np.bool_], spacing: Spacing, inside: float, outside: float
) -> NDArray[np.bool_]:
    """Return the shell from ``inside`` mm within the edge to ``outside`` mm beyond it."""
    if inside < 0 or outside < 0:
        raise ValueError(f"a rim is measured in mm of 0 or more; given: {inside}, {outside}")
    return grow(mask, spacing, outside) & ~grow(mask, spacing, -inside if inside else -1e-9)
