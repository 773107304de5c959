"""Features of one case: preprocess, filter, compute each family, name the values.

``extract`` is the whole chain; ``prepare`` and ``compute`` are its two halves.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from radiomics import io as reading
from radiomics.checks import check_finite, check_kept, check_memory, check_modality, check_resampled
from radiomics.derived import (
    BORDER_MM,
    Group,
    Response,
    check_fits,
    families_of,
    group_of,
    inner_responses,
    reach_mm,
    sharing,
)
from radiomics.kernels.aggregation import undirected
from radiomics.kernels.boxes import Box, bounding_box
from radiomics.kernels.sharing import Shared
from radiomics.kernels.threads import one_thread_each, side_by_side
from radiomics.plugins import load
from radiomics.preprocessing import discretise, intensity, masks
from radiomics.preprocessing import resample as resampling
from radiomics.settings import (
    ExtractionSettings,
    default_discretisation,
    default_ivh,
    load_settings,
)
from radiomics.types import InputError, Once, Region, Volume, check_mask

VERSION = 3
"""Counts changes of this chain that change values; part of every stored result's key."""
EARLY = ("morphology", "local_intensity", "glszm", "ngtdm", "intensity", "glrlm", "glcm")
"""Families that take longest, to be started first, so that no thread is left without work."""
LATE = ("gldzm", "ngldm")
"""Families that wait for what another one computes for both."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A case ready for computing: image and two masks on one grid, cut to what filters look at.

    ``inner`` is the part of it that features look at, ``once`` what they find of the masks alone.
    """

    image: Volume
    intensity_mask: Volume
    morphological_mask: Volume
    inner: Box
    once: Once = field(default_factory=Once)


@dataclass(frozen=True)
class Extraction:
    """Features by column name, and the columns without a value with the reason."""

    features: dict[str, float]
    missing: dict[str, str]


def extract(
    image: Volume,
    mask: Volume,
    settings: str | Path | Mapping[str, Any] | ExtractionSettings = "default",
) -> dict[str, float]:
    """Compute the features of one image inside one mask.

    Parameters
    ----------
    image : Volume of numbers
    mask : bool Volume on the same grid
    settings : preset, YAML file, dict or ExtractionSettings

    Returns
    -------
    dict[str, float]
        Column name (``original_intensity_mean``) to value; NaN where a feature has none.

    Raises
    ------
    InputError
        Mask and image on different grids, an empty mask, unusable intensities.
    ConfigurationError
        A wrong key or value in the settings.
    """
    checked = load_settings(settings)
    return compute(prepare(image, mask, checked), checked).features


def prepare(image: Volume, mask: Volume, settings: ExtractionSettings) -> Prepared:
    """Resample, normalise and re-segment: the image and its two masks, cut to the mask's box."""
    check_mask(image, mask)
    check_modality(image, settings.modality)
    box = bounding_box(mask.array)
    check_finite(image.array[box], mask.array[box])
    if settings.pyradiomics is not None:  # which does all this itself
        return Prepared(image, mask, mask, box)
    if settings.normalise is not None:
        values = intensity.normalise(image.array, mask.array, settings.normalise)
        image = replace(image, array=values, unit="1")
    wanted = settings.resample.spacing if settings.resample else (None, None, None)
    spacing = resampling.target_spacing(image.spacing, wanted)
    reach = reach_mm(settings, spacing)
    margin = (BORDER_MM + reach[0], BORDER_MM + reach[1], BORDER_MM + reach[2])
    filtering = (reach[0] > 0, reach[1] > 0, reach[2] > 0)
    part = resampling.box_on_new_grid(box, image, spacing, margin, filtering)
    if settings.resample is not None and spacing != image.spacing:
        image = resampling.resample(image, spacing, settings.resample.order, part)
        mask = resampling.resample_mask(mask, spacing, part)
        check_resampled(mask, spacing)
    else:
        image, mask = (_cut(volume, part) for volume in (image, mask))
    if settings.resample is not None and settings.resample.round_intensities:
        image = replace(image, array=np.rint(image.array))
    if settings.resample is not None or settings.normalise is not None:
        check_finite(image.array, mask.array)
    kept = mask.array
    if settings.resegment is not None:
        kept = masks.resegment(image.array.astype(np.float64), kept, settings.resegment)
        check_kept(image, mask, kept, settings.resegment)
    border = tuple(math.ceil(BORDER_MM / step) for step in spacing)
    inner = bounding_box(mask.array, (border[0], border[1], border[2]))
    return Prepared(image, replace(mask, array=kept), mask, inner)


def compute(prepared: Prepared, settings: ExtractionSettings) -> Extraction:
    """Compute every family on every filtered image of a prepared case."""
    if settings.pyradiomics is not None:
        from radiomics.compat.volumes import features

        values = features(prepared.image, prepared.intensity_mask, settings.pyradiomics)
        return Extraction(values, _missing(values))
    with one_thread_each():
        return _compute(prepared, settings)


def _compute(prepared: Prepared, settings: ExtractionSettings) -> Extraction:
    groups = [group_of(spec) for spec in settings.filters]
    check_fits(prepared.image, prepared.inner, groups)
    common, early = sharing(groups, prepared.image.spacing)
    calls = [
        partial(_compute_group, prepared, settings, group, common, names)
        for group, names in zip(groups, families_of(groups, settings.families), strict=True)
    ]
    found = dict(zip(early, side_by_side([calls[index] for index in early]), strict=True))
    values = {key: value for index in range(len(groups)) for key, value in found[index].items()}
    return Extraction(values, _missing(values))


def _missing(values: Mapping[str, float]) -> dict[str, str]:
    reason = "not defined for this region, see the family's documentation"
    return {column: reason for column, value in values.items() if not math.isfinite(value)}


def _compute_group(
    prepared: Prepared,
    settings: ExtractionSettings,
    group: Group,
    common: Shared,
    names: Sequence[Sequence[str]],
) -> dict[str, float]:
    """Compute the features of the images of one filter, of each image those of some families.

    Raises
    ------
    InputError
        When the filter does not fit the image, or its response is not finite.
    """
    masks_ = (prepared.intensity_mask, prepared.morphological_mask)
    found = inner_responses(prepared.image, masks_, prepared.inner, group, common)
    calls = [
        partial(_compute_image, prepared, settings, group, *of_image)
        for of_image in zip(group.images, found, names, strict=True)
    ]
    return {key: value for values in side_by_side(calls) for key, value in values.items()}


def _compute_image(
    prepared: Prepared,
    settings: ExtractionSettings,
    group: Group,
    options: Any,
    response: Response,
    names: Sequence[str],
) -> dict[str, float]:
    """Compute the families of one filtered image."""
    region, unit = _region(prepared, response, group, settings, names)
    tasks = []
    for name in names:
        family = load("radiomics.features", name)
        for suffix, chosen in choices(family, unit, settings):
            tasks.append((name, suffix, family, chosen))
    in_turn = sorted(tasks, key=_turn)
    calls = [partial(family.features, region, chosen) for _, _, family, chosen in in_turn]
    found = dict(zip((task[:2] for task in in_turn), side_by_side(calls), strict=True))
    values: dict[str, float] = {}
    for name, suffix, family, _ in tasks:  # in the order of the settings
        image = group.module.column_prefix(options).replace(".", "_")
        prefix, computed = f"{image}_{name}", found[name, suffix]
        values |= {f"{prefix}_{feature}{suffix}": computed[feature] for feature in family.IBSI}
    return values


def _turn(task: tuple[str, str, Any, Any]) -> int:
    """Return when to start a family: long ones first, those that wait for another one's last."""
    return EARLY.index(task[0]) if task[0] in EARLY else len(EARLY) + (task[0] in LATE)


def _region(
    prepared: Prepared,
    response: Response,
    group: Group,
    settings: ExtractionSettings,
    names: Sequence[str],
) -> tuple[Region, str]:
    """Return what families see, the image with its grey levels, and the image's unit.

    The range of the re-segmentation and the lower end of bins are the original image's: responses
    begin their bins at their smallest value.
    """
    image, mask, original = response.image, response.intensity_mask, group.is_original
    if not original:
        check_finite(image, mask)
    limits = settings.resegment.range if settings.resegment and original else None
    lowest = limits[0] if limits is not None else None
    unit = prepared.image.unit if original else "1"
    options = group.discretisation or settings.discretisation or default_discretisation(unit)
    if not original and group.discretisation is None and options.lower is not None:
        options = options.model_copy(update={"lower": None})
    levels = np.zeros(mask.shape, dtype=np.uint16)
    intensities = image[mask]
    try:
        levels[mask], count = discretise.discretise(intensities, options, lowest)
    except ValueError as error:
        raise InputError(
            "discretisation",
            "grey levels must fit the intensities",
            str(error),
            "change 'discretisation' or 'resegment'",
        ) from None
    check_memory(count, levels.shape, names)
    parts = (image, mask, response.morphological_mask, response.spacing)
    same = response.spacing == prepared.image.spacing  # as the masks that were prepared
    region = Region(*parts, levels, count, limits, Once(), prepared.once if same else Once())
    region.once("inside", lambda: intensities)
    return region, unit


def choices(family: Any, unit: str, settings: ExtractionSettings) -> Iterator[tuple[str, Any]]:
    """Yield the options of a family with the suffix of its columns, one a way to aggregate."""
    if family is load("radiomics.features", "ivh"):
        yield "", settings.ivh or default_ivh(unit)
        return
    if family is load("radiomics.features", "morphology"):
        yield "", family.Options(spatial_autocorrelation=settings.spatial_autocorrelation)
        return
    known = getattr(family, "AGGREGATIONS", None)
    if known is None:
        yield "", family.Options()
        return
    asked = [name if name in known else undirected(name) for name in settings.aggregation]
    for name in dict.fromkeys(asked):
        several = len(settings.aggregation) > 1
        yield f"__{name.replace('.', '_')}" if several else "", family.Options(aggregation=name)


def versions(settings: ExtractionSettings) -> dict[str, int]:
    """Return the version of each piece of code that the settings use."""
    if settings.pyradiomics is not None:
        from radiomics.compat.volumes import VERSION as OTHER

        return {"extraction": VERSION, "io": reading.VERSION, "pyradiomics": OTHER}
    used = {f"families.{n}": load("radiomics.features", n).VERSION for n in settings.families}
    for spec in settings.filters:
        used[f"filters.{spec['name']}"] = load("radiomics.filters", spec["name"]).VERSION
    return {"extraction": VERSION, "io": reading.VERSION} | used


def _cut(volume: Volume, box: Box) -> Volume:
    affine = np.array(volume.affine)
    affine[:3, 3] += affine[:3, :3] @ [part.start for part in box]
    return replace(volume, array=volume.array[box], affine=affine)
