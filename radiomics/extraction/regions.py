"""What families see: filtered images with their grey levels, those of one mask in one stack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from radiomics.extraction.checks import check_finite, check_memory, matrix_bytes
from radiomics.extraction.images import Group, Response
from radiomics.extraction.settings import ExtractionSettings, default_discretisation
from radiomics.kernels.texture.stacks import Stack, StackedLevels
from radiomics.preprocessing import discretise
from radiomics.types import InputError, Once, Region, Spacing

TOGETHER = 2**26
"""Bytes that the largest matrices of images that are counted together may take."""


def regions_of(
    images: Sequence[Response],
    names: Sequence[str],
    group: Group,
    settings: ExtractionSettings,
    unit: str,
    spacing: Spacing,
    once: Once,
) -> list[Region]:
    """Return filtered images of one filter with their grey levels.

    The range of the re-segmentation and the lower end of bins are the original image's: responses
    begin their bins at their smallest value.

    Parameters
    ----------
    names : of the families that will see them
    unit, spacing : of the image that was filtered
    once : what is found once of its masks

    Raises
    ------
    InputError
        When intensities are not finite, do not fit the bins, or have too many grey levels.
    """
    limits = settings.resegment.range if settings.resegment and group.is_original else None
    lowest = limits[0] if limits is not None else None
    options = discretisation_of(group, settings, unit)
    found = []
    for part in _split_by_mask(images):
        mask = part[0].intensity_mask
        levels = np.zeros((len(part), *(size + 2 for size in mask.shape)), dtype=np.uint16)
        counts, inside = np.zeros(len(part), dtype=np.int64), []
        for number, response in enumerate(part):
            if not group.is_original:
                check_finite(response.image, mask)
            inside.append(response.image[mask])
            image_levels = levels[number, 1:-1, 1:-1, 1:-1]
            image_levels[mask], count = _discretise(inside[-1], options, lowest)
            counts[number] = count
            check_memory(count, image_levels.shape, names)
        stacks = _stack_levels(levels, counts, settings)
        for response, values, stacked in zip(part, inside, stacks, strict=True):
            of = once if response.spacing == spacing else Once()  # as the masks that were prepared
            found.append(_region(response, values, stacked, limits, of))
    return found


def discretisation_of(group: Group, settings: ExtractionSettings, unit: str) -> discretise.Options:
    """Return how grey levels are made of the images of a filter, of an image in a unit."""
    options = group.discretisation or settings.discretisation or default_discretisation(unit)
    if group.is_original or group.discretisation is not None or options.lower is None:
        return options
    return options.model_copy(update={"lower": None})


def _discretise(
    values: NDArray[np.float64], options: discretise.Options, lowest: float | None
) -> tuple[NDArray[np.int64], int]:
    try:
        return discretise.discretise(values, options, lowest)
    except ValueError as error:
        raise InputError(
            "discretisation",
            "grey levels must fit the intensities",
            str(error),
            "change 'discretisation' or 'resegment'",
        ) from None


def _split_by_mask(images: Sequence[Response]) -> Iterator[Sequence[Response]]:
    """Yield images that follow each other and have the same mask."""
    first = 0
    for number in range(1, len(images) + 1):
        if number < len(images):
            one, two = images[first].intensity_mask, images[number].intensity_mask
            if one is two or np.array_equal(one, two):
                continue
        yield images[first:number]
        first = number


def _stack_levels(
    levels: NDArray[np.uint16], counts: NDArray[np.int64], settings: ExtractionSettings
) -> Iterator[StackedLevels]:
    """Yield the grey levels of each image in their stack: so many together as have room."""
    planes = levels.shape[1] if any(name.startswith("2d") for name in settings.aggregation) else 1
    needed = [planes * matrix_bytes(count, levels.shape[1:]) for count in counts.tolist()]
    first = 0
    while first < len(levels):
        last = first + 1
        while last < len(levels) and sum(needed[first : last + 1]) <= TOGETHER:
            last += 1
        stack = Stack(levels[first:last], counts[first:last])
        yield from (StackedLevels(stack, place) for place in range(last - first))
        first = last


def _region(
    response: Response,
    inside: NDArray[np.float64],
    stacked: StackedLevels,
    limits: tuple[float | None, float | None] | None,
    once: Once,
) -> Region:
    parts = (response.image, response.intensity_mask, response.morphological_mask)
    levels = stacked.stack.levels[stacked.place, 1:-1, 1:-1, 1:-1]
    count = int(stacked.stack.n_levels[stacked.place])
    region = Region(*parts, response.spacing, levels, count, limits, Once(), once, stacked)
    region.once("inside", lambda: inside)
    return region
