r"""Size and shape of a mask that lies in one plane, such as a region drawn in a single slice.

IBSI defines morphology in space only, where a flat mask gets the thickness of a slice. These are
the same measures in the plane, with area in the place of volume and perimeter in that of area. The
outline is that of marching squares at level one half [1]_; it encloses the area :math:`A` and has
the perimeter :math:`P`. Axis lengths come from the covariance of the pixel centres (divisor n - 1),
as in :mod:`radiomics.features.morphology`. They have no codes of IBSI, and are computed only where
``families`` names them.

References
----------
.. [1] Maple, Geometric design and space planning using the marching squares and marching cube
   algorithms, International Conference on Geometric Modeling and Graphics, 2003.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from scipy.spatial import ConvexHull
from scipy.special import ellipe

from radiomics.kernels.cropping import bounding_box
from radiomics.kernels.shape.boxes import smallest_rectangle
from radiomics.kernels.shape.ellipsoids import enclosing_ellipsoid
from radiomics.kernels.shape.outline import outline
from radiomics.types import Region

VERSION = 1

BODIES = (
    "axis_aligned_bounding_rectangle",
    "oriented_minimum_bounding_rectangle",
    "approximate_enclosing_ellipse",
    "minimum_area_enclosing_ellipse",
    "convex_hull",
)
_LENGTHS = ("perimeter", "maximum_2d_diameter", "major_axis_length", "minor_axis_length")
UNITS = {"area": "mm^2", "approximate_area": "mm^2", "perimeter_to_area_ratio": "1/mm"}
UNITS |= dict.fromkeys(_LENGTHS, "mm") | dict.fromkeys(("circularity", "elongation"), "1")
UNITS |= {f"{what}_density_{body}": "1" for body in BODIES for what in ("area", "perimeter")}
IBSI = dict.fromkeys(UNITS, "")

FLAT = 1e-6
"""Share of the major axis below which the minor one has no length."""

Floats = NDArray[np.float64]


class Options(BaseModel, frozen=True, extra="forbid"):
    """The family has nothing to choose."""


def features(region: Region, options: Options) -> dict[str, float]:
    """Compute size and shape of the morphological mask in the plane in which it lies.

    All are NaN where the mask lies in no plane of the grid, that is, where it is thicker than one
    voxel along each axis. Where it lies in several, a slice comes first, then a plane of equal y.
    A single pixel has axis lengths of 0, and elongation and the densities of the approximate
    ellipse of NaN; in a straight line of pixels these densities are NaN.
    """
    del options
    part = region.morphological_mask[bounding_box(region.morphological_mask)]
    if min(part.shape) > 1:
        return dict.fromkeys(UNITS, float("nan"))
    axis = part.shape.index(1)
    return plane_features(np.take(part, 0, axis), np.delete(region.spacing, axis))


def plane_features(mask: NDArray[np.bool_], spacing: Floats) -> dict[str, float]:
    """Compute size and shape of a mask in a plane.

    Parameters
    ----------
    mask : (H, W) bool with at least one pixel inside
    spacing : (2,) in mm
    """
    perimeter, area, vertices = outline(mask, spacing)
    hull = ConvexHull(vertices * spacing)
    corners = hull.points[hull.vertices]
    apart = corners[:, None] - corners
    centres = np.argwhere(mask) * spacing
    spread = np.cov(centres.T) if len(centres) > 1 else np.zeros((2, 2))
    minor, major = (float(v) for v in 4 * np.sqrt(np.maximum(np.linalg.eigvalsh(spread), 0.0)))
    minor = 0.0 if minor <= FLAT * major else minor
    ellipse = enclosing_ellipsoid(corners)
    box = np.ptp(corners, axis=0)
    measures = (
        (float(box.prod()), 2 * float(box.sum())),
        _rectangle_measures(*smallest_rectangle(corners)),
        _ellipse_measures(major / 2, minor / 2),
        _ellipse_measures(float(ellipse[0]), float(ellipse[1])),
        (float(hull.volume), float(hull.area)),  # of two dimensions: area and perimeter
    )
    values = {
        "area": area,
        "approximate_area": float(len(centres) * spacing.prod()),
        "perimeter": perimeter,
        "perimeter_to_area_ratio": perimeter / area,
        "circularity": 2 * float(np.sqrt(np.pi * area)) / perimeter,
        "maximum_2d_diameter": float(np.sqrt((apart**2).sum(axis=2).max())),
        "major_axis_length": major,
        "minor_axis_length": minor,
        "elongation": minor / major if major > 0 else float("nan"),
    }
    for name, (its_area, its_perimeter) in zip(BODIES, measures, strict=True):
        flat = its_area <= 0
        values[f"area_density_{name}"] = float("nan") if flat else area / its_area
        values[f"perimeter_density_{name}"] = float("nan") if flat else perimeter / its_perimeter
    return values


def _rectangle_measures(long: float, wide: float) -> tuple[float, float]:
    return long * wide, 2 * (long + wide)


def _ellipse_measures(major: float, minor: float) -> tuple[float, float]:
    """Return area and perimeter of an ellipse from its semi-axes, the larger first."""
    if major <= 0:
        return 0.0, 0.0
    return float(np.pi * major * minor), float(4 * major * ellipe(1 - (minor / major) ** 2))
