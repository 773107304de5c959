"""PyRadiomics' shape features: its mesh exchanges inside and outside for half of the patterns."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from radiomics.compat.features import FeatureClass
from radiomics.kernels.shape.hull import largest_distance, plane_corners
from radiomics.kernels.shape.mesh import CORNERS, EDGES, TRIANGLES
from radiomics.kernels.shape.moments import moments
from radiomics.kernels.shape.outline import outline

Floats = NDArray[np.float64]
LAST = 7  # the corner whose inside exchanges inside and outside


class RadiomicsShape(FeatureClass):
    """Shape of a mask in three dimensions."""

    NAMES = (
        "VoxelVolume",
        "MeshVolume",
        "SurfaceArea",
        "SurfaceVolumeRatio",
        "Sphericity",
        "Maximum3DDiameter",
        "Maximum2DDiameterSlice",
        "Maximum2DDiameterColumn",
        "Maximum2DDiameterRow",
        "MajorAxisLength",
        "MinorAxisLength",
        "LeastAxisLength",
        "Elongation",
        "Flatness",
    )
    OLD = ("Compactness1", "Compactness2", "SphericalDisproportion")

    def compute(self) -> dict[str, float]:
        """Compute all features."""
        if self.maskArray.ndim != 3:
            raise ValueError("Shape features are only available in 3D")
        mask, spacing = np.ascontiguousarray(self.maskArray), np.array(self.pixelSpacing)
        area, volume = mesh_measures(mask, spacing)
        axes = axis_lengths(mask, spacing)
        whole, planes = diameters(mask, spacing)
        round_area = (36 * np.pi * volume**2) ** (1 / 3)
        compact = volume / (area**1.5 * np.sqrt(np.pi))
        return {
            "VoxelVolume": float(mask.sum() * spacing.prod()),
            "MeshVolume": volume,
            "SurfaceArea": area,
            "SurfaceVolumeRatio": area / volume,
            "Sphericity": round_area / area,
            "Maximum3DDiameter": whole,
            "Maximum2DDiameterSlice": planes[0],
            "Maximum2DDiameterColumn": planes[1],
            "Maximum2DDiameterRow": planes[2],
            "MajorAxisLength": axes[2],
            "MinorAxisLength": axes[1],
            "LeastAxisLength": axes[0],
            "Elongation": axes[1] / axes[2] if axes[2] else float("nan"),
            "Flatness": axes[0] / axes[2] if axes[2] else float("nan"),
            "Compactness1": float(compact),
            "Compactness2": float(36 * np.pi * volume**2 / area**3),
            "SphericalDisproportion": area / round_area,
        }


class RadiomicsShape2D(FeatureClass):
    """Shape of a mask in one slice: of a 2D image, or along ``force2Ddimension``."""

    NAMES = (
        "MeshSurface",
        "PixelSurface",
        "Perimeter",
        "PerimeterSurfaceRatio",
        "Sphericity",
        "MaximumDiameter",
        "MajorAxisLength",
        "MinorAxisLength",
        "Elongation",
    )
    OLD = ("SphericalDisproportion",)

    def compute(self) -> dict[str, float]:
        """Compute all features."""
        mask, spacing = self.maskArray, np.array(self.pixelSpacing)
        if mask.ndim == 3:
            if not self.settings.get("force2D", False):
                raise ValueError("Shape2D features need force2D for a 3D mask")
            axis = int(self.settings.get("force2Ddimension", 0))
            if mask.shape[axis] > 1:
                raise ValueError("Size of the mask in dimension force2Ddimension is more than 1")
            mask, spacing = np.take(mask, 0, axis), np.delete(spacing, axis)
        perimeter, surface, corners = outline(mask, spacing)
        axes = axis_lengths(mask, spacing)
        round_perimeter = 2 * np.sqrt(np.pi * surface)
        points = np.zeros((3, len(corners)))
        points[1:] = (corners * spacing).T
        return {
            "MeshSurface": surface,
            "PixelSurface": float(mask.sum() * spacing.prod()),
            "Perimeter": perimeter,
            "PerimeterSurfaceRatio": perimeter / surface,
            "Sphericity": float(round_perimeter / perimeter),
            "SphericalDisproportion": float(perimeter / round_perimeter),
            "MaximumDiameter": largest_distance(points),
            "MajorAxisLength": axes[1],
            "MinorAxisLength": axes[0],
            "Elongation": axes[0] / axes[1] if axes[1] else float("nan"),
        }


def mesh_measures(mask: NDArray[np.bool_], spacing: Floats) -> tuple[float, float]:
    """Return area and volume of the mesh.

    Where inside and outside are exchanged the mesh has holes, so its volume depends on where the
    cones that make it up begin: at the corner of the mask's box, one voxel outside it.
    """
    cells = _cell_patterns(np.pad(mask, 1))
    places = np.argwhere((cells > 0) & (cells < 255))
    number = cells[tuple(places.T)]
    count = np.bincount(number, minlength=256)
    where = np.stack([np.bincount(number, places[:, a], 256) for a in range(3)], axis=1)
    pattern, corners, sign = _signed_triangles()
    a, b, c = np.moveaxis(corners * spacing, 1, 0)  # (T, 3) each
    normal = np.cross(b - a, c - a)
    area = float(count[pattern] @ np.linalg.norm(normal, axis=1)) / 2
    cones = count[pattern] * (a * np.cross(b, c)).sum(axis=1)
    moved = (where[pattern] * spacing * normal).sum(axis=1)
    return area, float(sign @ (cones + moved)) / 6


def _cell_patterns(padded: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return which corners of each cell are inside, bit k for corner k in Bourke's numbering."""
    found = np.zeros([side - 1 for side in padded.shape], dtype=np.uint8)
    for k, (x, y, z) in enumerate(CORNERS.tolist()):
        d, h, w = found.shape
        found |= padded[z : z + d, y : y + h, x : x + w].view(np.uint8) << np.uint8(k)
    return found


@cache
def _signed_triangles() -> tuple[NDArray[np.intp], Floats, Floats]:
    """Return pattern (T,), corners (T, 3, 3) in (z, y, x) and sign (T,) of all triangles."""
    middles = CORNERS[EDGES].mean(axis=1)
    patterns, triangles, signs = [], [], []
    for pattern in range(256):
        inside = pattern >> LAST & 1
        word = TRIANGLES[pattern ^ 0xFF if inside else pattern]
        edges = np.array([int(digit, 12) for digit in word.strip("-")], dtype=int)
        corners = middles[edges].reshape(-1, 3, 3)[:, :, ::-1]
        triangles.append(corners)
        patterns += [pattern] * len(corners)
        signs += [-1.0 if inside else 1.0] * len(corners)
    return np.array(patterns, dtype=np.intp), np.concatenate(triangles), np.array(signs)


def axis_lengths(mask: NDArray[np.bool_], spacing: Floats) -> list[float]:
    """Return the lengths of the principal axes in mm, the shortest first."""
    count = int(np.count_nonzero(mask))
    covariance = moments(mask.reshape(-1, *mask.shape[-2:]))[1] * ((count - 1) / count)
    values = np.linalg.eigvalsh(covariance[-mask.ndim :, -mask.ndim :] * np.outer(spacing, spacing))
    return [float(v) for v in 4 * np.sqrt(np.maximum(values, 0))]


def diameters(mask: NDArray[np.bool_], spacing: Floats) -> tuple[float, list[float]]:
    """Return the largest distance of mesh vertices in mm, and those within planes.

    Within slices, within planes of equal y, and of equal x.
    """
    within, corners = [], []
    for axis in range(3):
        order = [axis, *(a for a in range(3) if a != axis)]
        points = plane_corners(np.ascontiguousarray(mask.transpose(order)))
        points = points * spacing[order]
        starts = np.flatnonzero(np.r_[True, np.diff(points[:, 0]) != 0])
        parts = np.split(points, starts[1:])
        found = [largest_distance(np.ascontiguousarray(p.T)) for p in parts]
        within.append(max(found, default=0.0))
        corners.append(points[:, np.argsort(order)])
    fewest = min(corners, key=len)
    return largest_distance(np.ascontiguousarray(fewest.T)), within
