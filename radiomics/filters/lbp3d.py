"""Local binary patterns in space: points on a sphere, the same in all rotations [1]_.

An image for each degree of spherical harmonics, ``m1`` for degree 0: the norm of that part of the
pattern of points at least as bright as the voxel. One more, ``k``, is the excess kurtosis of the
intensities at the points, 0 where they are all equal.

References
----------
.. [1] Banerjee, Moelker, Niessen, van Walsum, 3D LBP-based rotationally invariant region
   description, ACCV 2012 Workshops, LNCS 7728 (2013) 26-37, doi:10.1007/978-3-642-37410-4_3.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, model_validator
from scipy import ndimage

from radiomics.kernels.filtering import sphere
from radiomics.kernels.filtering.convolution import PADS, Boundary, equal_distances
from radiomics.kernels.threads import side_by_side
from radiomics.types import Spacing

VERSION = 2

EQUAL = 1e-9
"""Share of the largest intensity by which interpolated values may differ and still be equal."""
SPREAD = 24
"""Voxels after which a change has left the coefficients of cubic splines, 1e-13 of it at most."""


class Options(BaseModel, frozen=True, extra="forbid"):
    """Points at ``radius`` voxels: an icosahedron whose faces were divided ``subdivisions`` times.

    ``levels`` counts the degrees. ``layer`` is one of ``m1``, ``m2``, ... and ``k``; without it
    there is an image for each.
    """

    radius: float = Field(1.0, gt=0)
    subdivisions: int = Field(1, ge=0, le=3)
    levels: int = Field(2, ge=1, le=8)
    layer: str | None = None
    order: sphere.Order = "linear"
    boundary: Boundary = "zero"

    @model_validator(mode="after")
    def _check_layer(self) -> Options:
        if self.layer is not None and self.layer not in self.layers:
            known = ", ".join(self.layers)
            raise ValueError(f"layer is one of {known} where levels is {self.levels}")
        return self

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of all images."""
        return (*(f"m{level + 1}" for level in range(self.levels)), "k")

    @property
    def dims(self) -> int:
        """Three: the points lie in space."""
        return 3


def variants(options: Options) -> tuple[Options, ...]:
    """Return the options of each image that these options ask for."""
    if options.layer is not None:
        return (options,)
    return tuple(options.model_copy(update={"layer": layer}) for layer in options.layers)


def column_prefix(options: Options) -> str:
    """Return how the columns of this image begin."""
    points = 10 * 4**options.subdivisions + 2
    order = "_cubic" if options.order == "cubic" else ""
    return f"lbp_{options.radius:g}_{points}_3d{order}_{options.layer}"


def reach(options: Options, spacing: Spacing) -> Spacing:
    """Return how far the filter looks along z, y and x, in voxels."""
    del spacing
    return equal_distances(_width(options) + (SPREAD if options.order == "cubic" else 0), 3)


def _width(options: Options) -> int:
    return math.ceil(options.radius) + 2


def apply(array: NDArray[np.generic], spacing: Spacing, options: Options) -> NDArray[np.float64]:
    """Return one layer, the first if there is none named."""
    return apply_each(array, spacing, variants(options)[:1])[0]


def apply_each(
    array: NDArray[np.generic], spacing: Spacing, wanted: tuple[Options, ...]
) -> list[NDArray[np.float64]]:
    """Return several layers of the same patterns."""
    del spacing
    options, values = wanted[0], array.astype(np.float64)
    points, width = sphere.icosphere(options.subdivisions), _width(options)
    padded = np.pad(values, width, mode=PADS[options.boundary])
    if options.order == "cubic":
        padded = ndimage.spline_filter(padded, 3, output=np.float64, mode="mirror")
    taps = sphere.point_taps(points * options.radius, options.order)
    parts = sphere.degree_matrices(points, points, options.levels)
    slack = EQUAL * np.max(np.abs(values), where=np.isfinite(values), initial=0)
    found = [np.empty(values.shape) for _ in wanted]
    places = [options.layers.index(str(one.layer)) for one in wanted]

    def fill(z: int) -> None:
        box = (slice(z, z + 1), slice(0, values.shape[1]), slice(0, values.shape[2]))
        at_points = sphere.sample_points(padded, width, box, taps).reshape(len(points), -1).T
        for y, row in enumerate(np.split(at_points, values.shape[1])):  # small enough for the cache
            bright = row >= (values[z, y] - slack)[:, None]
            layers = np.vstack([sphere.degree_norms(bright, parts), sphere.kurtosis(row, 0.0)])
            layers[:, np.isnan(row).any(axis=1)] = np.nan
            for into, place in zip(found, places, strict=True):
                into[z, y] = layers[place]

    side_by_side([partial(fill, z) for z in range(len(values))])
    return found
