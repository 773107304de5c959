r"""Morphology (IBSI family HCUG): size and shape of the morphological mask [1]_.

Always in 3D and in mm. The surface is the marching-cubes mesh of the mask at level one half; it
encloses the volume :math:`V` and has the area :math:`A`. Axis lengths come from the covariance of
the voxel centres (divisor n - 1).

References
----------
.. [1] Zwanenburg et al., Image biomarker standardisation initiative, arXiv:1612.07003, section 3.1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from scipy.spatial import ConvexHull

from radiomics.kernels.cropping import bounding_box
from radiomics.kernels.shape.autocorrelation import distance_sums
from radiomics.kernels.shape.boxes import box_measures, smallest_box
from radiomics.kernels.shape.ellipsoids import ellipsoid_measures, enclosing_ellipsoid
from radiomics.kernels.shape.hull import hull_candidates, largest_distance
from radiomics.kernels.shape.mesh import cell_counts, cell_measures
from radiomics.kernels.shape.moments import moments, weighted_sums
from radiomics.types import Region, Spacing

VERSION = 6

IBSI = {
    "volume": "RNU0",
    "approximate_volume": "YEKZ",
    "surface_area": "C0JK",
    "surface_to_volume_ratio": "2PR5",
    "compactness_1": "SKGS",
    "compactness_2": "BQWJ",
    "spherical_disproportion": "KRCK",
    "sphericity": "QCFX",
    "asphericity": "25C7",
    "centre_of_mass_shift": "KLMA",
    "maximum_3d_diameter": "L0JK",
    "major_axis_length": "TDIC",
    "minor_axis_length": "P9VJ",
    "least_axis_length": "7J51",
    "elongation": "Q3CK",
    "flatness": "N17B",
    "volume_density_axis_aligned_bounding_box": "PBX1",
    "area_density_axis_aligned_bounding_box": "R59B",
    "volume_density_oriented_minimum_bounding_box": "ZH1A",
    "area_density_oriented_minimum_bounding_box": "IQYR",
    "volume_density_approximate_enclosing_ellipsoid": "6BDE",
    "area_density_approximate_enclosing_ellipsoid": "RDD2",
    "volume_density_minimum_volume_enclosing_ellipsoid": "SWZ1",
    "area_density_minimum_volume_enclosing_ellipsoid": "BRI8",
    "volume_density_convex_hull": "R3ER",
    "area_density_convex_hull": "7T7F",
    "integrated_intensity": "99N0",
    "morans_i_index": "N365",
    "gearys_c_measure": "NPT7",
}
_UNITS = {"volume": "mm^3", "approximate_volume": "mm^3", "surface_area": "mm^2"}
_UNITS |= {"surface_to_volume_ratio": "1/mm", "centre_of_mass_shift": "mm"}
_UNITS |= {"integrated_intensity": "mm^3 {unit}"}
_UNITS |= {name: "mm" for name in IBSI if name.endswith(("_diameter", "_length"))}
UNITS = {name: _UNITS.get(name, "1") for name in IBSI}

FLAT = 1e-6
"""Share of the major axis below which an axis has no length."""

Floats = NDArray[np.float64]


class Options(BaseModel, frozen=True, extra="forbid"):
    """Moran's I and Geary's C, the only features that look at all pairs, can be left out: NaN."""

    spatial_autocorrelation: bool = True


def features(region: Region, options: Options) -> dict[str, float]:
    """Compute size and shape of the morphological mask, and the shift of the centre of mass.

    A single voxel has axis lengths of 0, and elongation, flatness and the densities of the
    approximate ellipsoid of NaN; in a flat mask its volume density is NaN. The shift of the centre
    of mass is NaN when the intensities sum to 0, Moran's I and Geary's C where all are equal.
    """
    mask, spacing = region.morphological_mask, region.spacing
    values = mesh_features(mask, spacing)
    values["centre_of_mass_shift"] = centre_of_mass_shift(region)
    values |= axis_lengths(moments(mask)[1] * np.outer(spacing, spacing))
    hull = ConvexHull(hull_points(mask, spacing))
    corners = hull.points[hull.vertices]
    values["maximum_3d_diameter"] = largest_distance(np.ascontiguousarray(corners.T))
    measures = {
        "axis_aligned_bounding_box": box_measures(np.ptp(corners, axis=0)),
        "oriented_minimum_bounding_box": box_measures(
            smallest_box(hull.points, hull.simplices, hull.neighbors)
        ),
        "approximate_enclosing_ellipsoid": _approximate_ellipsoid(values),
        "minimum_volume_enclosing_ellipsoid": ellipsoid_measures(enclosing_ellipsoid(corners)),
        "convex_hull": (float(hull.volume), float(hull.area)),
    }
    for name, (volume, area) in measures.items():
        values[f"volume_density_{name}"] = _ratio_or_nan(values["volume"], volume)
        values[f"area_density_{name}"] = _ratio_or_nan(values["surface_area"], area)
    values["integrated_intensity"] = values["volume"] * float(region.intensities.mean())
    if options.spatial_autocorrelation:
        return values | spatial_autocorrelation(region)
    return values | dict.fromkeys(("morans_i_index", "gearys_c_measure"), float("nan"))


def _approximate_ellipsoid(values: dict[str, float]) -> tuple[float, float]:
    """Return volume and area of the ellipsoid with the region's axis lengths."""
    axes = np.array([values[f"{name}_axis_length"] for name in ("major", "minor", "least")]) / 2
    axes[axes <= FLAT * axes[0]] = 0.0
    return ellipsoid_measures(axes)


def _ratio_or_nan(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else float("nan")


def spatial_autocorrelation(region: Region) -> dict[str, float]:
    """Compute Moran's I and Geary's C: how alike intensities near each other are.

    Every pair of voxels counts, with the inverse of its distance in mm.
    """
    box = bounding_box(region.intensity_mask)
    mask = region.intensity_mask[box]
    x = region.image[box][mask]
    n, spread = x.size, float(x.std())
    if n < 2 or float(x.max() - x.min()) <= 1e-12 * float(np.abs(x).max()):
        return {"morans_i_index": float("nan"), "gearys_c_measure": float("nan")}
    z = np.zeros(mask.shape)
    z[mask] = (x - x.mean()) / spread
    weights, products, squares = distance_sums(z, mask, region.spacing)
    return {
        "morans_i_index": float(products / weights),
        "gearys_c_measure": float((n - 1) / n * (squares - products) / weights),
    }


def mesh_features(mask: NDArray[np.bool_], spacing: Spacing) -> dict[str, float]:
    """Compute volume, area and their dimensionless ratios from the mesh.

    Parameters
    ----------
    mask : (D, H, W) bool with at least one voxel inside
    spacing : (dz, dy, dx) in mm
    """
    counts = cell_counts(mask)
    areas, volumes = cell_measures(spacing)
    area, volume = float(counts @ areas), float(counts @ volumes)
    ball = (36 * np.pi * volume**2) ** (1 / 3)  # area of the ball of the same volume
    return {
        "volume": volume,
        "approximate_volume": float(np.count_nonzero(mask) * np.prod(spacing)),
        "surface_area": area,
        "surface_to_volume_ratio": area / volume,
        "compactness_1": volume / (np.pi**0.5 * area**1.5),
        "compactness_2": 36 * np.pi * volume**2 / area**3,
        "spherical_disproportion": area / ball,
        "sphericity": ball / area,
        "asphericity": area / ball - 1,
    }


def centre_of_mass_shift(region: Region) -> float:
    """Return the distance in mm between the mask's centre and its intensity-weighted centre."""
    total, *weighted = weighted_sums(region.image, region.intensity_mask)
    if total == 0:
        return float("nan")
    shift = moments(region.morphological_mask)[0] - np.array(weighted) / total
    return float(np.linalg.norm(shift * region.spacing))


def hull_points(mask: NDArray[np.bool_], spacing: Spacing) -> Floats:
    """Return in mm all mesh vertices that can be corners of the hull, and few others.

    Returns
    -------
    (P, 3) float64, positions (z, y, x) relative to the centre of voxel (0, 0, 0)
    """
    return np.asarray(hull_candidates(mask) * np.array(spacing))


def axis_lengths(covariance: Floats) -> dict[str, float]:
    """Compute the axis lengths, 4 standard deviations, from the covariance of voxel centres.

    Parameters
    ----------
    covariance : (3, 3) in mm^2
    """
    variances = np.linalg.eigvalsh(covariance)[::-1]
    variances[variances <= 1e-12 * variances[0]] = 0.0
    major, minor, least = (float(length) for length in 4 * np.sqrt(variances))
    return {
        "major_axis_length": major,
        "minor_axis_length": minor,
        "least_axis_length": least,
        "elongation": minor / major if major > 0 else float("nan"),
        "flatness": least / major if major > 0 else float("nan"),
    }
