"""Image filters, one module each, loaded by name.

A filter has ``VERSION``, ``Options``, ``column_prefix(options)``, ``reach(options, spacing)`` (how
far it looks along z, y and x, in voxels; infinity for the whole image) and ``apply(array, spacing,
options) -> array``. One that does not fit every image has ``check(shape, spacing, options)``. One
whose options may ask for several images has ``variants(options)``, and
``apply_each(array, spacing, variants)`` where these share work. One whose responses may have a grid
of their own has ``grid(options)``: where their first voxel lies and the steps to the next, in
voxels of the image. One that works on what other filters of the image need, too, names that by
``shared(options, spacing)`` and takes a ``Shared`` as the last argument of ``apply``.
"""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.plugins import parse_plugin
from radiomics.types import Volume

NAMES = (
    "original",
    "mean",
    "gaussian",
    "log",
    "laws",
    "gabor",
    "wavelet",
    "simoncelli",
    "riesz",
    "square",
    "square_root",
    "logarithm",
    "exponential",
    "gradient",
    "lbp",
    "lbp3d",
)


def apply(name: str, volume: Volume, **options: Any) -> Volume:
    """Filter a Volume: ``apply("original", volume)``; options are those of the filter's module.

    Raises
    ------
    ConfigurationError
        For an unknown filter or option.
    """
    module, checked = parse_plugin(__name__, {"name": name, **options}, f"filter '{name}'")
    return place(volume, module.apply(volume.array, volume.spacing, checked), module, checked)


def place(
    volume: Volume, response: NDArray[np.float64], module: ModuleType, options: Any
) -> Volume:
    """Return a filter's response to a Volume as a Volume, on the grid that it has."""
    affine = np.array(volume.affine)
    if hasattr(module, "grid"):
        first, steps = module.grid(options)
        affine[:3, 3] += affine[:3, :3] @ first
        affine[:3, :3] *= steps
    return replace(volume, array=response, affine=affine)
