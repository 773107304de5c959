"""Features of one case: preprocess, filter, compute each family, name the values.

``extract`` is the whole chain; ``prepare`` and ``compute`` are its two halves.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from radiomics import features as families
from radiomics import io as reading
from radiomics.kernels.aggregation import undirected
from radiomics.kernels.boxes import Box, bounding_box
from radiomics.kernels.directions import directions
from radiomics.kernels.threads import one_thread_each, side_by_side
from radiomics.plugins import load
from radiomics.preprocessing import discretise, intensity, masks
from radiomics.preprocessing import resample as resampling
from radiomics.settings import (
    ExtractionSettings,
    default_discretisation,
    default_ivh,
    load_settings,
    parse_filter,
)
from radiomics.types import INTENSITIES, InputError, Region, Spacing, Volume, check_mask

if TYPE_CHECKING:
    import pandas as pd

VERSION = 2
"""Counts changes of this chain that change values; part of every stored result's key."""
LARGEST_MATRICES = 2**32
"""Bytes that the matrices of one family may take."""
EARLY = ("morphology", "local_intensity", "glszm", "ngtdm", "intensity", "glrlm", "glcm")
"""Families that take longest, to be started first, so that no thread is left without work."""
LATE = ("gldzm", "ngldm")
"""Families that wait for what another one computes for both."""
BORDER_MM = 6.5
"""What is kept around the mask: local intensity looks 6.2 mm beyond it."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A case ready for computing: image and two masks on one grid, cut to what filters look at.

    ``inner`` is the part of it that features look at.
    """

    image: Volume
    intensity_mask: Volume
    morphological_mask: Volume
    inner: Box


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
    _check_modality(image, settings.modality)
    box = bounding_box(mask.array)
    _check_finite(image.array[box], mask.array[box])
    if settings.normalise is not None:
        values = intensity.normalise(image.array, mask.array, settings.normalise)
        image = replace(image, array=values, unit="1")
    wanted = settings.resample.spacing if settings.resample else (None, None, None)
    spacing = resampling.target_spacing(image.spacing, wanted)
    part = resampling.box_on_new_grid(box, image, spacing, BORDER_MM + _reach_mm(settings, spacing))
    if settings.resample is not None and spacing != image.spacing:
        image = resampling.resample(image, spacing, settings.resample.order, part)
        mask = resampling.resample_mask(mask, spacing, part)
        _check_resampled(mask, spacing)
    else:
        image, mask = (_cut(volume, part) for volume in (image, mask))
    if settings.resample is not None and settings.resample.round_intensities:
        image = replace(image, array=np.rint(image.array))
    if settings.resample is not None or settings.normalise is not None:
        _check_finite(image.array, mask.array)
    kept = mask.array
    if settings.resegment is not None:
        kept = masks.resegment(image.array.astype(np.float64), kept, settings.resegment)
        _check_kept(image, mask, kept, settings.resegment)
    inner = bounding_box(mask.array, margin=math.ceil(BORDER_MM / min(spacing)))
    return Prepared(image, replace(mask, array=kept), mask, inner)


def _reach_mm(settings: ExtractionSettings, spacing: Spacing) -> float:
    """Return how far the filters look around a voxel."""
    parsed = (parse_filter(spec) for spec in settings.filters)
    reach = max(module.reach(options, spacing) for module, options, _ in parsed)
    return float(reach) * max(spacing)


def compute(prepared: Prepared, settings: ExtractionSettings) -> Extraction:
    """Compute every family on every filtered image of a prepared case."""
    with one_thread_each():
        return _compute(prepared, settings)


def _compute(prepared: Prepared, settings: ExtractionSettings) -> Extraction:
    groups = [_group(spec) for spec in settings.filters]
    calls = [
        partial(_compute_group, prepared, settings, group, first=index == 0)
        for index, group in enumerate(groups)
    ]
    early = sorted(range(len(groups)), key=lambda index: -len(groups[index].images))
    found = dict(zip(early, side_by_side([calls[index] for index in early]), strict=True))
    values = {key: value for index in range(len(groups)) for key, value in found[index].items()}
    reason = "not defined for this region, see the family's documentation"
    missing = {column: reason for column, value in values.items() if not math.isfinite(value)}
    return Extraction(values, missing)


@dataclass(frozen=True)
class _Group:
    """One entry of ``filters``: the options of each image that it asks for."""

    module: Any
    images: tuple[Any, ...]
    discretisation: discretise.Options | None

    @property
    def is_original(self) -> bool:
        return self.module is load("radiomics.filters", "original")


def _group(spec: Mapping[str, Any]) -> _Group:
    module, options, own = parse_filter(spec)
    variants = getattr(module, "variants", None)
    return _Group(module, variants(options) if variants else (options,), own)


def _compute_group(
    prepared: Prepared, settings: ExtractionSettings, group: _Group, first: bool
) -> dict[str, float]:
    """Compute the features of the images of one filter; the mask's shape on the first image only.

    Raises
    ------
    InputError
        When the filter does not fit the image, or its response is not finite.
    """
    whole = prepared.image
    try:
        if hasattr(group.module, "apply_each"):
            arrays = group.module.apply_each(whole.array, whole.spacing, group.images)
        else:
            arrays = [group.module.apply(whole.array, whole.spacing, o) for o in group.images]
    except ValueError as error:
        prefix = group.module.column_prefix(group.images[0])
        remedy = "change the filter's options, or resample"
        raise InputError(
            f"filter {prefix}", "a filter fits its image", str(error), remedy
        ) from None
    names = [n for n in settings.families if first or n != "morphology"]
    calls = []
    for index, (options, array) in enumerate(zip(group.images, arrays, strict=True)):
        of_image = [name for name in names if index == 0 or name != "morphology"]
        calls.append(partial(_compute_image, prepared, settings, group, options, array, of_image))
    return {key: value for found in side_by_side(calls) for key, value in found.items()}


def _compute_image(
    prepared: Prepared,
    settings: ExtractionSettings,
    group: _Group,
    options: Any,
    array: NDArray[np.float64],
    names: Sequence[str],
) -> dict[str, float]:
    """Compute the families of one filtered image."""
    region, unit = _region(prepared, array[prepared.inner], group, settings)
    tasks = []
    for name in names:
        family = load("radiomics.features", name)
        for suffix, chosen in _choices(family, unit, settings):
            tasks.append((name, suffix, family, chosen))
    in_turn = sorted(tasks, key=_turn)
    calls = [partial(family.features, region, chosen) for _, _, family, chosen in in_turn]
    found = dict(zip((task[:2] for task in in_turn), side_by_side(calls), strict=True))
    values: dict[str, float] = {}
    for name, suffix, family, _ in tasks:  # in the order of the settings
        prefix, computed = f"{group.module.column_prefix(options)}_{name}", found[name, suffix]
        values |= {f"{prefix}_{feature}{suffix}": computed[feature] for feature in family.IBSI}
    return values


def _turn(task: tuple[str, str, Any, Any]) -> int:
    """Return when to start a family: long ones first, those that wait for another one's last."""
    return EARLY.index(task[0]) if task[0] in EARLY else len(EARLY) + (task[0] in LATE)


def _region(
    prepared: Prepared, image: NDArray[Any], group: _Group, settings: ExtractionSettings
) -> tuple[Region, str]:
    """Return what families see, the image with its grey levels, and the image's unit.

    The range of the re-segmentation and the lower end of bins are the original image's: responses
    begin their bins at their smallest value.
    """
    masks_ = (
        prepared.intensity_mask.array[prepared.inner],
        prepared.morphological_mask.array[prepared.inner],
    )
    mask, original = masks_[0], group.is_original
    if not original:
        _check_finite(image, mask)
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
    _check_memory(count, levels.shape, settings.families)
    region = Region(image, *masks_, prepared.image.spacing, levels, count, limits)
    region.once(INTENSITIES, lambda: intensities)
    return region, unit


def _check_memory(count: int, shape: tuple[int, ...], names: tuple[str, ...]) -> None:
    """Say how much memory texture matrices would take before it is taken."""
    sizes = {"glcm": count**2, "glrlm": count * max(shape)}
    for name in sorted(set(sizes) & set(names)):
        needed = 2 * 8 * len(directions(False)) * sizes[name]  # counts, and their sum or difference
        if needed > LARGEST_MATRICES:
            raise InputError(
                "discretisation",
                f"the matrices of {name} take at most {LARGEST_MATRICES // 2**30} GiB",
                f"{count} grey levels, which need {needed / 2**30:.1f} GiB",
                "choose wider bins, or leave the family out",
            )


def _choices(family: Any, unit: str, settings: ExtractionSettings) -> Iterator[tuple[str, Any]]:
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


@cache
def _catalogue() -> tuple[tuple[str, str, str, str], ...]:
    rows = []
    for name in families.NAMES:
        family = load("radiomics.features", name)
        rows += [(f, name, code, family.UNITS[f]) for f, code in family.IBSI.items()]
    return tuple(rows)


def feature_catalogue() -> pd.DataFrame:
    """Return every feature: name, family, ibsi_code, unit (``{unit}`` is the image's unit)."""
    import pandas as pd

    return pd.DataFrame(list(_catalogue()), columns=["name", "family", "ibsi_code", "unit"])


def versions(settings: ExtractionSettings) -> dict[str, int]:
    """Return the version of each piece of code that the settings use."""
    used = {f"families.{n}": load("radiomics.features", n).VERSION for n in settings.families}
    for spec in settings.filters:
        used[f"filters.{spec['name']}"] = load("radiomics.filters", spec["name"]).VERSION
    return {"extraction": VERSION, "io": reading.VERSION} | used


def _cut(volume: Volume, box: Box) -> Volume:
    affine = np.array(volume.affine)
    affine[:3, 3] += affine[:3, :3] @ [part.start for part in box]
    return replace(volume, array=volume.array[box], affine=affine)


def _check_modality(image: Volume, modality: str | None) -> None:
    """Refuse settings made for another kind of image; a file that knows no unit passes."""
    if modality is None or image.unit == "":
        return
    pet = ("SUV", "BQML", "CNTS", "GML", "CM2ML", "PROPC")
    kind = "PT" if image.unit.startswith(pet) else {"HU": "CT", "1": "MR"}.get(image.unit, "other")
    if modality not in (kind, "other"):
        raise InputError(
            "modality",
            f"these settings are for {modality}",
            f"an image in unit {image.unit} ({kind})",
            "choose settings for this modality",
        )


def _check_finite(image: NDArray[Any], mask: NDArray[np.bool_]) -> None:
    """Refuse NaN and infinities in the mask, read there or spread there by interpolation."""
    if image.dtype.kind != "f" or (math.isfinite(image.min()) and math.isfinite(image.max())):
        return  # NaN is the smallest and the largest of values among which it is
    broken = int(np.count_nonzero(~np.isfinite(image[mask])))
    if broken:
        raise InputError(
            "image",
            "intensities inside the mask, and those that interpolation draws on, must be finite",
            f"{broken} of {int(mask.sum())} voxels are NaN or infinite",
            "give the image finite values there, or leave these voxels out of the mask",
        )


def _check_resampled(mask: Volume, spacing: Spacing) -> None:
    if not mask.array.any():
        raise InputError(
            "resample",
            "the mask must keep at least one voxel on the new grid",
            f"none at a spacing of {spacing} mm",
            "choose a finer spacing",
        )


def _check_kept(image: Volume, mask: Volume, kept: Any, options: masks.Options) -> None:
    if not kept.any():
        inside = image.array[mask.array]
        raise InputError(
            "resegment",
            f"range {options.range} and sigma {options.sigma} must leave at least one voxel",
            f"intensities from {inside.min():g} to {inside.max():g} {image.unit} in the mask",
            "widen the range, or check the image's unit",
        )
