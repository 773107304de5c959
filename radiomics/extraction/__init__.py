"""Features of one case: preprocess, filter, compute each family, name the values.

``extract`` is the whole chain; ``prepare`` and ``compute`` are its two halves.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from radiomics import io as reading
from radiomics.extraction.checks import (
    check_finite,
    check_kept,
    check_modality,
    check_resampled,
    check_unit,
    in_lengths,
)
from radiomics.extraction.columns import (
    choose_features,
    column_name,
    options_of,
    pyradiomics_in_pixels,
)
from radiomics.extraction.images import (
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
from radiomics.extraction.regions import regions_of
from radiomics.extraction.settings import ExtractionSettings, load_settings, unit_in
from radiomics.kernels.cropping import Box, bounding_box
from radiomics.kernels.filtering.sharing import Shared
from radiomics.kernels.threads import one_thread_each, side_by_side, workers
from radiomics.plugins import load, version_of
from radiomics.preprocessing import intensity, masks
from radiomics.preprocessing import resample as resampling
from radiomics.types import (
    ImageLike,
    InputError,
    MasksLike,
    Once,
    Region,
    Volume,
    as_mask,
    as_volume,
    check_mask,
    several_masks,
)

if TYPE_CHECKING:
    import pandas as pd

VERSION = 4
"""Counts changes of this chain that change values; part of every stored result's key."""
IN_PIXELS = (
    "lengths in pixels, those of the settings, too: columns whose values depend on lengths say px"
)
EARLY = ("morphology", "local_intensity", "glszm", "ngtdm", "intensity", "glrlm", "glcm")
"""Families that take longest, to be started first, so that no thread is left without work."""
LATE = ("gldzm", "ngldm")
"""Families that wait for what another one computes for both."""
Settings = str | Path | Mapping[str, Any] | ExtractionSettings
"""A preset, a YAML file, a dict, or what these become."""
Task = tuple[str, str, Any]
"""A family's name, the suffix of its columns, and its options."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A case ready for computing: image and two masks on one grid, cut to what filters look at.

    ``inner`` is the part of it that features look at, ``once`` what they find of the masks alone,
    ``notes`` what a user should know of how the image was understood.
    """

    image: Volume
    intensity_mask: Volume
    morphological_mask: Volume
    inner: Box
    once: Once = field(default_factory=Once)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Extraction:
    """Features by column name, the columns without a value with the reason, and notes."""

    features: dict[str, float]
    missing: dict[str, str]
    notes: tuple[str, ...] = ()


@overload
def extract(
    image: ImageLike,
    mask: ImageLike,
    settings: Settings = "default",
    *,
    features: Sequence[str] | None = None,
) -> dict[str, float]: ...


@overload
def extract(
    image: ImageLike,
    mask: MasksLike,
    settings: Settings = "default",
    *,
    features: Sequence[str] | None = None,
) -> pd.DataFrame: ...


def extract(
    image: ImageLike,
    mask: ImageLike | MasksLike,
    settings: Settings = "default",
    *,
    features: Sequence[str] | None = None,
) -> dict[str, float] | pd.DataFrame:
    """Compute the features of one image inside one mask, or inside several.

    Parameters
    ----------
    image : Volume of numbers, or an image of SimpleITK, nibabel or MONAI
    mask : the same of bool, or of 0 and one other number, on the image's grid; or several in a
        dict by name or in a list
    settings : preset, YAML file, dict or ExtractionSettings
    features : which ones are wanted, as names of columns (``original_glcm_joint_entropy``),
        features (``joint_entropy``, ``glcm_joint_entropy``) or families (``glcm``), or as IBSI
        codes (``TU9B``): only the families that these need are computed, the values are the same

    Returns
    -------
    dict[str, float]
        Column name (``original_intensity_mean``) to value; NaN where a feature has none.
    pandas.DataFrame
        Of several masks one row each, indexed by name, or by number in a list. A mask that nothing
        can be computed in is left out with a warning. ``attrs["notes"]`` holds what was noted.

    Raises
    ------
    InputError
        Mask and image on different grids, an empty mask, unusable intensities; of several masks
        when none is left.
    ConfigurationError
        A wrong key or value in the settings, or a feature that they do not lead to.
    TypeError
        An image that is none of those, such as a path or an array, with what makes one of it.

    Warns
    -----
    UserWarning
        Of what had to be assumed, such as the unit of an image that does not know its own.
    """
    volume = as_volume(image)
    checked = settings_for(volume, load_settings(settings))
    wanted, columns = (checked, None) if features is None else choose_features(checked, features)
    compute_in = partial(_compute_in, volume, checked, wanted, columns)
    several = several_masks(mask)
    if several is not None:
        return _table(several, compute_in)
    done = compute_in(mask, "mask")
    for note in done.notes:  # a dict of numbers has no other place for it
        warnings.warn(note, UserWarning, stacklevel=2)
    return done.features


def _compute_in(
    image: Volume,
    settings: ExtractionSettings,
    wanted: ExtractionSettings,
    columns: Sequence[str] | None,
    mask: Any,
    name: str,
) -> Extraction:
    """Compute columns in one mask; the image is prepared as the whole settings ask for."""
    done = compute(prepare(image, as_mask(mask, name), settings), wanted)
    if columns is None:
        return done
    kept = {column: done.features[column] for column in columns}
    missing = {column: reason for column, reason in done.missing.items() if column in kept}
    return replace(done, features=kept, missing=missing)


def _table(
    masks: Mapping[Any, ImageLike], compute_in: Callable[[ImageLike, str], Extraction]
) -> pd.DataFrame:
    """Return a row of features for each mask; those that fail are left out with a warning."""
    import pandas as pd

    found: dict[str | int, Extraction] = {}
    refused = getattr(masks, "refused", {})  # those that read_masks could not read
    reasons: dict[str | int, str] = {name: str(error) for name, error in refused.items()}
    for given, mask in masks.items():
        name = given if isinstance(given, int) else str(given)
        try:
            found[name] = compute_in(mask, f"mask {name}")
        except InputError as error:
            reasons[name] = str(error)
    listed = "\n".join(f"mask {name}: {reason}" for name, reason in reasons.items())
    if not found:
        rule, remedy = "features are computed in at least one mask", "give masks that fit the image"
        raise InputError("masks", rule, listed or "no mask", remedy)
    if reasons:
        warnings.warn(f"masks without a row:\n{listed}", UserWarning, stacklevel=3)
    table = pd.DataFrame([done.features for done in found.values()], index=list(found))
    table.attrs["notes"] = {str(name): list(done.notes) for name, done in found.items()}
    return table


def settings_for(image: Volume, settings: ExtractionSettings) -> ExtractionSettings:
    """Return settings as one image alone is measured: in pixels where it has no spacing."""
    return settings.model_copy(update={"lengths": "px"} if image.length_unit == "px" else {})


def prepare(image: Volume, mask: Volume, settings: ExtractionSettings) -> Prepared:
    """Resample, normalise and re-segment: the image and its two masks, cut to the mask's box."""
    check_mask(image, mask)
    check_modality(image, settings.modality)
    check_unit(image, settings.unit)
    unit, notes = unit_in(image.unit, settings)
    image = in_lengths(replace(image, unit=unit), settings)
    mask = in_lengths(replace(mask, length_unit=image.length_unit), settings)
    notes += [IN_PIXELS] if settings.lengths == "px" else []
    box = bounding_box(mask.array)
    check_finite(image.array[box], mask.array[box])
    if settings.pyradiomics is not None:  # which does all this itself
        return Prepared(image, mask, mask, box, notes=tuple(notes))
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
    return Prepared(image, replace(mask, array=kept), mask, inner, notes=tuple(notes))


def compute(prepared: Prepared, settings: ExtractionSettings) -> Extraction:
    """Compute every family on every filtered image of a prepared case."""
    if settings.pyradiomics is not None:
        from radiomics.compat.volumes import features

        values = features(prepared.image, prepared.intensity_mask, settings.pyradiomics)
        if settings.lengths == "px":
            values = {pyradiomics_in_pixels(name): value for name, value in values.items()}
        return Extraction(values, _missing(values), prepared.notes)
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
    return Extraction(values, _missing(values), prepared.notes)


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
    every = list(zip(group.images, found, names, strict=True))
    share = -(-len(every) // workers())  # every processor gets some
    calls = [
        partial(_compute_images, prepared, settings, group, every[first : first + share])
        for first in range(0, len(every), share)
    ]
    return {key: value for values in side_by_side(calls) for key, value in values.items()}


def _compute_images(
    prepared: Prepared,
    settings: ExtractionSettings,
    group: Group,
    images: Sequence[tuple[Any, Response, Sequence[str]]],
) -> dict[str, float]:
    """Compute the families of filtered images of one mask, whose grey levels are counted together.

    A family computes one image after the other; with the first its kernel counts all of them.
    """
    unit = prepared.image.unit if group.is_original else "1"
    of_image = [list(_tasks(names, unit, settings)) for _, _, names in images]
    asked = dict.fromkeys(task for tasks in of_image for task in tasks)
    names = list(dict.fromkeys(name for name, _, _ in asked))
    responses = [response for _, response, _ in images]
    spacing, once = prepared.image.spacing, prepared.once
    regions = regions_of(responses, names, group, settings, unit, spacing, once)
    in_turn = sorted(asked, key=_turn)
    pairs = list(zip(regions, of_image, strict=True))
    calls = [
        partial(_features, task, [region for region, own in pairs if task in own])
        for task in in_turn
    ]
    found = {
        task: iter(several) for task, several in zip(in_turn, side_by_side(calls), strict=True)
    }
    values: dict[str, float] = {}
    for (options, _, _), tasks in zip(images, of_image, strict=True):
        prefix, lengths = group.module.column_prefix(options), settings.lengths
        for task in tasks:
            name, suffix, _ = task
            values |= {
                column_name(prefix, name, key, suffix, lengths): value
                for key, value in next(found[task]).items()
            }
    return values


def _tasks(names: Sequence[str], unit: str, settings: ExtractionSettings) -> Iterator[Task]:
    for name in names:
        for suffix, options in options_of(load("radiomics.features", name), unit, settings):
            yield name, suffix, options


def _features(task: Task, regions: Sequence[Region]) -> list[dict[str, float]]:
    """Compute one family in several regions, in the order of its catalogue."""
    name, _, options = task
    family = load("radiomics.features", name)
    found = [family.features(region, options) for region in regions]
    return [{feature: values[feature] for feature in family.IBSI} for values in found]


def _turn(task: Task) -> int:
    """Return when to start a family: long ones first, those that wait for another one's last."""
    return EARLY.index(task[0]) if task[0] in EARLY else len(EARLY) + (task[0] in LATE)


def versions(settings: ExtractionSettings) -> dict[str, int | str]:
    """Return the version of each piece of code that the settings use."""
    if settings.pyradiomics is not None:
        from radiomics.compat.volumes import VERSION as OTHER

        return {"extraction": VERSION, "io": reading.VERSION, "pyradiomics": OTHER}
    used = {f"families.{n}": version_of("radiomics.features", n) for n in settings.families}
    for spec in settings.filters:
        used[f"filters.{spec['name']}"] = version_of("radiomics.filters", spec["name"])
    return {"extraction": VERSION, "io": reading.VERSION} | used


def _cut(volume: Volume, box: Box) -> Volume:
    affine = np.array(volume.affine)
    affine[:3, 3] += affine[:3, :3] @ [part.start for part in box]
    return replace(volume, array=volume.array[box], affine=affine)
