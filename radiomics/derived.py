"""Filtered images: which ones an entry of ``filters`` asks for, and their responses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.boxes import Box
from radiomics.plugins import load
from radiomics.preprocessing import discretise
from radiomics.preprocessing import resample as resampling
from radiomics.settings import ExtractionSettings, parse_filter
from radiomics.types import InputError, Spacing, Volume


@dataclass(frozen=True)
class Group:
    """One entry of ``filters``: the options of each image that it asks for."""

    module: Any
    images: tuple[Any, ...]
    discretisation: discretise.Options | None

    @property
    def is_original(self) -> bool:
        """Whether this is the image as it is."""
        return self.module is load("radiomics.filters", "original")


def group_of(spec: Mapping[str, Any]) -> Group:
    """Return what an entry of ``filters`` asks for."""
    module, options, own = parse_filter(spec)
    variants = getattr(module, "variants", None)
    return Group(module, variants(options) if variants else (options,), own)


def responses(image: Volume, group: Group) -> list[NDArray[np.float64]]:
    """Filter an image, once for each of the group's images.

    Raises
    ------
    InputError
        When the filter does not fit the image.
    """
    if 1 in image.shape and getattr(group.images[0], "dims", 2) == 3:
        raise InputError(
            f"filter {group.module.column_prefix(group.images[0])}",
            "a filter in three dimensions needs several slices",
            f"an image of {' x '.join(map(str, image.shape))} voxels",
            "choose the filter's form for slices (dims: 2, or a kernel of two letters)",
        )
    try:
        if hasattr(group.module, "apply_each"):
            found: list[Any] = group.module.apply_each(image.array, image.spacing, group.images)
            return found
        return [group.module.apply(image.array, image.spacing, o) for o in group.images]
    except ValueError as error:
        prefix = group.module.column_prefix(group.images[0])
        rule = "a filter must fit its image"
        remedy = "change the filter's options, or resample"
        raise InputError(f"filter {prefix}", rule, str(error), remedy) from None


def inner_responses(image: Volume, inner: Box, group: Group) -> list[NDArray[np.float64]]:
    """Filter a part of an image, from no more around it than the filter looks at.

    Where it looks beyond an edge the whole axis is filtered: the other edge may be what it sees.
    """
    reach = np.max([group.module.reach(o, image.spacing) for o in group.images], axis=0)
    outer, within = [], []
    for part, far, count in zip(inner, reach, image.shape, strict=True):
        low, high = part.start - far, part.stop + far
        if low < 0 or high > count:
            low, high = 0, count
        outer.append(slice(int(low), int(high)))
        within.append(slice(part.start - int(low), part.stop - int(low)))
    part_of = replace(image, array=image.array[tuple(outer)])
    return [array[tuple(within)] for array in responses(part_of, group)]


def filtered(image: Volume, spec: Mapping[str, Any]) -> list[tuple[str, Volume]]:
    """Return the names and responses of one entry of ``filters``, for a whole image."""
    group = group_of(spec)
    arrays = responses(image, group)
    unit = image.unit if group.is_original else "1"
    return [
        (group.module.column_prefix(options), replace(image, array=array, unit=unit))
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
