"""PyRadiomics' local binary patterns in space, computed for the region's voxels only.

Its polar and azimuth angles stand in each other's place, and harmonics are not conjugated where
coefficients are taken: the directions below are those of the swapped angles, and of these mirrored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from radiomics.kernels.cropping import Box, bounding_box
from radiomics.kernels.filtering import sphere
from radiomics.kernels.threads import one_thread_each, side_by_side

SPREAD = 24
"""Voxels after which a change has left the coefficients of cubic splines, 1e-13 of it at most."""


def pattern_layers(
    array: NDArray[Any], inside: NDArray[np.bool_], settings: dict[str, Any]
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Yield ``m1``, ``m2``, ... for each degree and ``k`` for kurtosis, zero outside the region.

    Parameters
    ----------
    array : (D, H, W) numbers
    inside : (D, H, W) bool, the region

    Raises
    ------
    ValueError
        For settings that make no sphere, or no level.
    """
    levels = int(settings.get("lbp3DLevels", 2))
    radius = float(settings.get("lbp3DIcosphereRadius", 1))
    divided = int(settings.get("lbp3DIcosphereSubdivision", 1))
    if levels < 1 or radius <= 0 or not 0 <= divided <= 4:
        raise ValueError(
            f"lbp3DLevels {levels} must be 1 or more, lbp3DIcosphereRadius {radius:g} above 0 and "
            f"lbp3DIcosphereSubdivision {divided} from 0 to 4"
        )
    if not inside.any():
        return
    sampling = _sample_sphere(array, divided, radius, levels)
    box = bounding_box(inside)
    rows = range(box[0].start, box[0].stop)
    slices = [(slice(z, z + 1), box[1], box[2]) for z in rows if inside[z].any()]
    with one_thread_each():
        calls = [partial(_slice_layers, array, inside, part, sampling) for part in slices]
        found = np.concatenate(side_by_side(calls), axis=1)
    for index, values in enumerate(found):
        layer = np.zeros(array.shape)
        layer[inside] = values
        yield "k" if index == levels else f"m{index + 1}", layer


@dataclass(frozen=True, eq=False)
class _Sphere:
    """Points around a voxel, what they are interpolated from, and the parts of patterns on them."""

    points: NDArray[np.float64]
    taps: sphere.Taps
    parts: list[NDArray[np.float64]]
    padded: NDArray[np.float64]
    width: int


def _sample_sphere(array: NDArray[Any], divided: int, radius: float, levels: int) -> _Sphere:
    points = sphere.icosphere(divided)
    polar, azimuth = np.arccos(points[:, 2]), np.arctan2(points[:, 1], points[:, 0])
    side = np.abs(np.sin(azimuth))
    here = np.stack([side * np.cos(polar), side * np.sin(polar), np.cos(azimuth)], axis=1)
    parts = sphere.degree_matrices(here, here * (1, -1, 1), levels)
    width = int(np.ceil(radius)) + 2
    coefficients = ndimage.spline_filter(array, 3, output=np.float64, mode="mirror")
    padded = np.pad(coefficients, width, mode="reflect")
    points = points * radius
    return _Sphere(points, sphere.point_taps(points, "cubic"), parts, padded, width)


def _slice_layers(
    array: NDArray[Any], inside: NDArray[np.bool_], box: Box, sampling: _Sphere
) -> NDArray[np.float64]:
    """Return all layers in the region's voxels of one slice."""
    kept = inside[box][0]
    around = sphere.sample_points(sampling.padded, sampling.width, box, sampling.taps)
    values = around[:, 0][:, kept].T  # (N, V)
    places = np.argwhere(inside[box]) + [part.start for part in box]
    ends = np.array(array.shape) - 1
    reached = places[:, None] + sampling.points
    values[((reached < 0) | (reached > ends)).any(axis=2)] = 0  # what lies outside is 0
    values = np.ascontiguousarray(_as_stored(values, array.dtype))
    bright = values >= array[box][0][kept][:, None]
    whole = _degree_zero(len(sampling.points))[np.count_nonzero(bright, axis=1)]
    others = sphere.degree_norms(bright, sampling.parts)[1:]
    return np.vstack([whole, others, sphere.kurtosis(values, np.nan)])


def _degree_zero(points: int) -> NDArray[np.float64]:
    """Return degree 0 for each number of bright points, added up one after the other.

    These few values may lie on the edges of bins: they have to be the same to the last bit.
    """
    harmonic = np.sqrt(1 / 4.0 / np.pi)
    sums = np.concatenate([[0.0], np.cumsum(np.full(points, harmonic))])
    squares = np.cumsum(np.repeat((sums * harmonic)[:, None] ** 2, points, axis=1), axis=1)
    return np.asarray(np.sqrt(squares[:, -1]))


def _as_stored(values: NDArray[np.float64], kind: np.dtype[Any]) -> NDArray[Any]:
    """Return interpolated values as numbers of the image's kind: whole ones are rounded."""
    if kind.kind == "f":
        return values.astype(kind)
    limits = np.iinfo(kind)
    rounded = np.trunc(values + np.copysign(0.5, values))
    return np.clip(rounded, limits.min, limits.max).astype(kind)
