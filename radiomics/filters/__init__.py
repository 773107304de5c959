"""Image filters, one module each, loaded by name.

A filter has ``VERSION``, ``Options``, ``column_prefix(options)``, ``reach(options, spacing)`` (how
far it looks along z, y and x, in voxels; infinity for the whole image) and ``apply(array, spacing,
options) -> array``. The ``dims`` of its options, where these make a difference, are those that it
works in. One that does not fit every image has ``check(shape, spacing, options)``. One
whose options may ask for several images has ``variants(options)``, and
``apply_each(array, spacing, variants)`` where these share work. One whose responses may have a grid
of their own has ``grid(options)``: where their first voxel lies and the steps to the next, in
voxels of the image. One that works on what other filters of the image need, too, names that by
``shared(options, spacing)`` and takes a ``Shared`` as the last argument of ``apply``.
"""

from __future__ import annotations

import math
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.plugins import parse_plugin
from radiomics.types import ImageLike, InputError, Volume, as_volume

CONTRACT = ("VERSION", "Options", "column_prefix", "reach", "apply")
"""What a module must define."""
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


def apply(name: str, volume: ImageLike, *, by_slice: bool = False, **options: Any) -> Volume:
    """Filter a Volume: ``apply("original", volume)``; options are those of the filter's module.

    ``by_slice`` lets a filter in the plane take each axial slice of several by itself. An image of
    SimpleITK, nibabel or MONAI is taken as it is; what comes back is a Volume.

    Raises
    ------
    ConfigurationError
        For an unknown filter or option.
    InputError
        When the filter does not fit the image.
    """
    module, checked = parse_plugin(__name__, {"name": name, **options}, f"filter '{name}'")
    image = as_volume(volume)
    check_fit(image, module, checked, by_slice)
    return place(image, module.apply(image.array, image.spacing, checked), module, checked)


def check_fit(image: Volume, module: ModuleType, options: Any, by_slice: bool) -> None:
    """Refuse an image that a filter does not fit.

    Raises
    ------
    InputError
        A single slice for a filter in space, several for one in the plane unless it is asked for
        ``by_slice``, a kernel wider than the image, a level too deep, voxels that are not finite
        where the filter looks at all.
    """
    name = f"filter {module.column_prefix(options)}"
    _check_dims(image, getattr(options, "dims", None), by_slice, name)
    try:
        if hasattr(module, "check"):
            module.check(image.shape, image.spacing, options)
    except ValueError as error:
        rule = "a filter must fit its image"
        remedy = "change the filter's options, or resample"
        raise InputError(name, rule, str(error), remedy) from None
    if math.isinf(max(module.reach(options, image.spacing))):
        broken = np.count_nonzero(~np.isfinite(image.array))
        if broken:
            raise InputError(
                name,
                "a filter that looks at the whole image needs finite intensities everywhere",
                f"{broken} of {image.array.size} voxels are NaN or infinite",
                "give the image finite values there, or choose a filter that looks less far",
            )


def _check_dims(image: Volume, dims: int | None, by_slice: bool, name: str) -> None:
    """Refuse a slice for a filter in space, and slices for one in the plane; some are neither."""
    found = f"an image of {' x '.join(map(str, image.shape))} voxels"
    if 1 in image.shape and dims == 3:
        rule = "a filter in three dimensions needs several slices"
        remedy = "choose the filter's form for slices (dims: 2, or a kernel of two letters)"
        raise InputError(name, rule, found, remedy)
    if 1 not in image.shape and dims == 2 and not by_slice:
        rule = "a filter in two dimensions needs one slice"
        remedy = "say by_slice: true to filter each axial slice by itself, or choose one in space"
        raise InputError(name, rule, found, remedy)


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
