"""Filtered images: which ones an entry of ``filters`` asks for, and their responses."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.extraction.settings import ExtractionSettings, parse_filter
from radiomics.filters import check_fit, place
from radiomics.kernels.cropping import Box, bounding_box, coarse_mask
from radiomics.kernels.filtering.sharing import Key, Shared
from radiomics.kernels.threads import Budget
from radiomics.plugins import load
from radiomics.preprocessing import discretise
from radiomics.preprocessing import resample as resampling
from radiomics.types import InputError, Spacing, Volume

MEMORY = Budget(2**32)
"""Bytes that filters working side by side may need together."""
NEEDED = 14
"""Images of float64 that a filter works with at most, besides two for each response."""
SHAPES = ("morphology", "morphology_2d")
"""Families of the mask, computed once for all images."""
BORDER_MM = 6.5
"""What is kept around the mask: local intensity looks 6.2 mm beyond it."""


@dataclass(frozen=True, eq=False)
class Response:
    """A filtered image around a mask, the masks on its grid, and the grid's spacing in mm."""

    image: NDArray[np.float64]
    intensity_mask: NDArray[np.bool_]
    morphological_mask: NDArray[np.bool_]
    spacing: Spacing


@dataclass(frozen=True)
class Group:
    """One entry of ``filters``: the options of each image that it asks for."""

    module: Any
    images: tuple[Any, ...]
    discretisation: discretise.Options | None
    families: tuple[str, ...] | None
    by_slice: bool = False

    @property
    def is_original(self) -> bool:
        """Whether this is the image as it is."""
        return self.module is load("radiomics.filters", "original")


def group_of(spec: Mapping[str, Any]) -> Group:
    """Return what an entry of ``filters`` asks for."""
    module, options, own = parse_filter(spec)
    variants = getattr(module, "variants", None)
    images = variants(options) if variants else (options,)
    chosen = tuple(spec["families"]) if "families" in spec else None
    return Group(module, images, own, chosen, bool(spec.get("by_slice", False)))


def families_of(groups: Sequence[Group], families: Sequence[str]) -> list[list[list[str]]]:
    """Return the families of each image of each group: the mask's shape once, where it is first."""
    left = [name for name in families if name in SHAPES]
    found = []
    for group in groups:
        names = [n for n in families if group.families is None or n in group.families]
        others = [name for name in names if name not in SHAPES]
        first = [name for name in names if name not in SHAPES or name in left]
        left = [name for name in left if name not in names]
        found.append([first, *[others] * (len(group.images) - 1)])
    return found


def sharing(groups: Sequence[Group], spacing: Spacing) -> tuple[Shared, list[int]]:
    """Return the place for what filters of one image share, and the order to begin groups in.

    Those of many images come first, those that share something one after the other.
    """
    keys = [_keys(group, spacing) for group in groups]
    order = sorted(range(len(groups)), key=lambda i: (-len(groups[i].images), repr(keys[i])))
    return Shared(Counter(key for several in keys for key in several)), order


def _keys(group: Group, spacing: Spacing) -> list[Key]:
    find = getattr(group.module, "shared", None)
    return [] if find is None else [key for one in group.images for key in find(one, spacing)]


def responses(
    image: Volume, group: Group, common: Shared | None = None
) -> list[NDArray[np.float64]]:
    """Filter an image, once for each of the group's images.

    Raises
    ------
    InputError
        When the filter does not fit the image.
    """
    check_fit(image, group.module, group.images[0], group.by_slice)
    if hasattr(group.module, "apply_each"):
        found: list[Any] = group.module.apply_each(image.array, image.spacing, group.images)
        return found
    more = () if common is None or not hasattr(group.module, "shared") else (common,)
    return [group.module.apply(image.array, image.spacing, o, *more) for o in group.images]


def check_fits(image: Volume, inner: Box, groups: Sequence[Group]) -> None:
    """Refuse an image that one of several filters does not fit, before any is computed.

    Raises
    ------
    InputError
        As :func:`radiomics.filters.check_fit`, of the part of the image that each filter looks at.
    """
    for group in groups:
        cut, _ = _needed(image, inner, group)
        part = replace(image, array=image.array[cut])
        check_fit(part, group.module, group.images[0], group.by_slice)


def inner_responses(
    image: Volume,
    masks: tuple[Volume, Volume],
    inner: Box,
    group: Group,
    common: Shared,
) -> list[Response]:
    """Filter a part of an image, from no more around it than the filter looks at.

    Where it looks beyond an edge the whole axis is filtered: the other edge may be what it sees.
    ``masks`` are the one for intensities and the one for shape. Filters that share something work
    one after the other, each on all processors.

    Raises
    ------
    InputError
        When the filter does not fit the image, or its grid is too coarse for the mask.
    """
    cut, box = _needed(image, inner, group)
    coarse = bool(getattr(group.images[0], "decimated", False))
    turn = common.turn if hasattr(group.module, "shared") else nullcontext()
    needed = (NEEDED + 2 * len(group.images)) * 8 * image.array[cut].size
    with turn, MEMORY.hold(needed):
        arrays = responses(replace(image, array=image.array[cut]), group, common)
        if not coarse:  # the rest need not stay while others take their turns
            arrays = [_part(array, box) for array in arrays]
    if coarse:
        both = (masks[0].array[cut], masks[1].array[cut])
        return [
            _coarse(array, both, image.spacing, group.module, options)
            for options, array in zip(group.images, arrays, strict=True)
        ]
    parts = (masks[0].array[inner], masks[1].array[inner])
    return [Response(array, *parts, image.spacing) for array in arrays]


def _needed(image: Volume, inner: Box, group: Group) -> tuple[Box, Box]:
    """Return the part of an image that a group's filter looks at for a box, and the box in it."""
    reach = np.max([group.module.reach(o, image.spacing) for o in group.images], axis=0)
    outer, within = [], []
    for part, far, count in zip(inner, reach, image.shape, strict=True):
        low, high = part.start - far, part.stop + far
        if low < 0 or high > count:
            low, high = 0, count
        outer.append(slice(int(low), int(high)))
        within.append(slice(part.start - int(low), part.stop - int(low)))
    return (outer[0], outer[1], outer[2]), (within[0], within[1], within[2])


def _part(array: NDArray[np.float64], box: Box) -> NDArray[np.float64]:
    """Return a part of an array, without the rest where that is most of it."""
    part = array[box]
    return part.copy() if 2 * part.size < array.size else part


def _coarse(
    array: NDArray[np.float64],
    masks: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    spacing: Spacing,
    module: Any,
    options: Any,
) -> Response:
    """Return a response on a coarser grid around the mask, with the masks on that grid."""
    first, steps = module.grid(options)
    both = [coarse_mask(mask, first, steps, array.shape) for mask in masks]
    if not both[0].any():
        raise InputError(
            f"filter {module.column_prefix(options)}",
            "the mask must keep a voxel on the grid of the sub-band",
            f"no voxel of {' x '.join(map(str, steps))} of the image's is half inside",
            "choose a lower level, a finer spacing, or an undecimated wavelet",
        )
    z, y, x = (step * old for step, old in zip(steps, spacing, strict=True))
    box = bounding_box(both[1], tuple(math.ceil(BORDER_MM / step) for step in (z, y, x)))
    return Response(_part(array, box), both[0][box], both[1][box], (z, y, x))


def filtered(image: Volume, spec: Mapping[str, Any]) -> list[tuple[str, Volume]]:
    """Return the names and responses of one entry of ``filters``, for a whole image."""
    group = group_of(spec)
    arrays = responses(image, group)
    unit = image.unit if group.is_original else "1"
    return [
        (
            group.module.column_prefix(options),
            place(replace(image, unit=unit), array, group.module, options),
        )
        for options, array in zip(group.images, arrays, strict=True)
    ]


def resampled(image: Volume, settings: ExtractionSettings) -> Volume:
    """Return a whole image on the settings' grid."""
    if settings.resample is None:
        return image
    spacing = resampling.target_spacing(image.spacing, settings.resample.spacing)
    image = resampling.resample(image, spacing, settings.resample.order)
    rounded = settings.resample.round_intensities
    return replace(image, array=np.rint(image.array)) if rounded else image


def reach_mm(settings: ExtractionSettings, spacing: Spacing) -> Spacing:
    """Return how far the filters look along z, y and x."""
    parsed = (parse_filter(spec) for spec in settings.filters)
    reached = [module.reach(options, spacing) for module, options, _ in parsed]
    z, y, x = (
        max(one) * step for one, step in zip(zip(*reached, strict=True), spacing, strict=True)
    )
    return z, y, x
