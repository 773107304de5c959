"""Which columns settings lead to, and the choice among them by names and codes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from radiomics import features as registry
from radiomics.extraction.images import families_of, group_of
from radiomics.extraction.settings import ExtractionSettings, default_ivh
from radiomics.kernels.texture.aggregation import undirected_method
from radiomics.plugins import ConfigurationError, did_you_mean, external_plugins, load

IN_SPHERES = ("local_intensity",)
"""Families whose values have no unit of length, but are of places within so many mm."""


@dataclass(frozen=True)
class Column:
    """One column of a table of features, and where its values come from.

    ``image`` counts the entries of ``filters``; ``name`` and ``code`` are the feature's.
    """

    column: str
    image: int
    family: str
    name: str
    code: str = ""

    def answers_to(self, asked: str) -> bool:
        """Tell whether a name that a user gives means this column."""
        names = (self.column, self.family, self.name, f"{self.family}_{self.name}")
        return asked in names or (asked != "" and asked == self.code)


def column_name(image: str, family: str, feature: str, suffix: str, lengths: str) -> str:
    """Return the name of a column; in pixels it says so where its values depend on lengths.

    Parameters
    ----------
    image : what the filter calls its image, such as ``log_2mm_3d``
    lengths : ``"mm"`` or ``"px"``

    >>> column_name("log_2mm_3d", "glcm", "contrast", "", "px")
    'log_2px_3d_glcm_contrast'
    >>> column_name("original", "morphology_2d", "area", "", "px")
    'original_morphology_2d_area_px'
    """
    image = image.replace(".", "_")
    if lengths == "px":
        image = image_name(image, lengths)
        units = load("radiomics.features", family).UNITS.values()
        suffix += "_px" * (family in IN_SPHERES or any("mm" in unit for unit in units))
    return f"{image}_{family}_{feature}{suffix}"


def image_name(prefix: str, lengths: str) -> str:
    """Return the name of a filtered image, whose lengths may be in pixels."""
    return re.sub(r"(?<=\d)mm", "px", prefix) if lengths == "px" else prefix


def pyradiomics_in_pixels(column: str) -> str:
    """Return the name of a column of PyRadiomics of an image whose lengths are in pixels.

    >>> pyradiomics_in_pixels("log-sigma-2-0-mm-3D_glcm_Contrast")
    'log-sigma-2-0-px-3D_glcm_Contrast'
    """
    return column.replace("-mm-", "-px-") + "_px" * ("_shape" in column)


def options_of(family: Any, unit: str, settings: ExtractionSettings) -> Iterator[tuple[str, Any]]:
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
    asked = [name if name in known else undirected_method(name) for name in settings.aggregation]
    for name in dict.fromkeys(asked):
        several = len(settings.aggregation) > 1
        yield f"__{name.replace('.', '_')}" if several else "", family.Options(aggregation=name)


def columns_of(settings: ExtractionSettings) -> list[Column]:
    """Return each column that settings lead to, in the order of the extraction."""
    if settings.pyradiomics is not None:
        from radiomics.compat.volumes import columns  # brings SimpleITK, which others can spare

        renamed = pyradiomics_in_pixels if settings.lengths == "px" else str
        return [
            Column(renamed(column), 0, "pyradiomics", column.rpartition("_")[2])
            for column in columns(settings.pyradiomics)
        ]
    found: list[Column] = []
    lengths = settings.lengths
    groups = [group_of(spec) for spec in settings.filters]
    names_of_groups = families_of(groups, settings.families)
    for number, (group, names) in enumerate(zip(groups, names_of_groups, strict=True)):
        for options, of_image in zip(group.images, names, strict=True):
            image = group.module.column_prefix(options)
            for name in of_image:
                family = load("radiomics.features", name)
                found += [
                    Column(
                        column_name(image, name, feature, suffix, lengths),
                        number,
                        name,
                        feature,
                        code,
                    )
                    for suffix, _ in options_of(family, "1", settings)
                    for feature, code in family.IBSI.items()
                ]
    return found


def choose_features(
    settings: ExtractionSettings, features: Sequence[str]
) -> tuple[ExtractionSettings, list[str]]:
    """Return settings that compute no more families than some features need, and their columns.

    Parameters
    ----------
    features : columns (``original_glcm_joint_entropy``), features with their family or without
        (``glcm_joint_entropy``, ``joint_entropy``), families (``glcm``) or IBSI codes (``TU9B``);
        one that several columns answer to stands for all of them. A family that is computed on
        request only must be named, alone or before its feature.

    Raises
    ------
    ConfigurationError
        For a name that nothing answers to, with the nearest, or for none at all.
    """
    if isinstance(features, str) or not features:
        raise ConfigurationError(f"features: give a list of names or codes; given: {features!r}.")
    settings = _with_requested(settings, features)
    columns = columns_of(settings)
    for name in features:
        if not any(column.answers_to(name) for column in columns):
            known = {n for c in columns for n in (c.column, c.family, c.name, c.code)} - {""}
            hint = (
                did_you_mean(name, known) if _is_near(name, known) else "See feature_catalogue()."
            )
            raise ConfigurationError(f"features: these settings lead to no '{name}'. {hint}")
    chosen = [c for c in columns if any(c.answers_to(name) for name in features)]
    names = [column.column for column in chosen]
    if settings.pyradiomics is not None:  # whose parameters say what is computed
        return settings, names
    filters = []
    for number, spec in enumerate(settings.filters):
        needed = dict.fromkeys(c.family for c in chosen if c.image == number)
        if needed:
            filters.append({**spec, "families": list(needed)})
    families = {column.family for column in chosen}
    update = {
        "filters": tuple(filters),
        "families": tuple(name for name in settings.families if name in families),
    }
    return settings.model_copy(update=update), names


def _is_near(name: str, known: set[str]) -> bool:
    return did_you_mean(name, known).startswith("Did")


def _with_requested(settings: ExtractionSettings, features: Sequence[str]) -> ExtractionSettings:
    """Return settings with the families on request that features name; those that say which stay.

    Settings of which nothing says which families are computed ask for the standard ones.
    """
    if "families" in settings.model_fields_set or settings.pyradiomics is not None:
        return settings
    more = [
        family
        for family in (*registry.ON_REQUEST, *external_plugins("radiomics.features"))
        if any(name == family or f"{family}_" in name for name in features)
    ]
    return settings.model_copy(update={"families": (*settings.families, *more)})
