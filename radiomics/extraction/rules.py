"""The rules by which grey levels are in fact made of an image, also where settings are silent."""

from __future__ import annotations

from typing import Any

from radiomics.extraction.images import group_of
from radiomics.extraction.regions import discretisation_of
from radiomics.extraction.settings import CT, ExtractionSettings, default_ivh, unit_in
from radiomics.preprocessing.discretise import Options

OWN_MINIMUM = "the smallest intensity of each region"
CT_ADVICE = (
    "CT: bins of {width:g} HU begin at the smallest intensity of each region, so that a grey level "
    "means another HU in each; the preset ct begins them at -1000 HU for all"
)


def rules_used(settings: ExtractionSettings, unit: str) -> dict[str, Any]:
    """Return how grey levels and the intensity-volume histogram are made of images in a unit.

    Parameters
    ----------
    unit : of the image as it was read; empty where its file knows none

    Returns
    -------
    dict
        ``unit`` (that of the intensities that bins are made of), ``discretisation`` and ``ivh`` of
        the original image, and under ``filters`` those of filtered ones by the filter's name where
        there are any. Empty for PyRadiomics' parameters, which say all themselves.
    """
    if settings.pyradiomics is not None:
        return {}
    understood, _ = unit_in(unit, settings)
    kept = "1" if settings.normalise is not None else understood
    rules: dict[str, Any] = {}
    filters: dict[str, Any] = {}
    for spec in settings.filters:
        group = group_of(spec)
        of_image = kept if group.is_original else "1"
        options = discretisation_of(group, settings, of_image)
        one = {
            "unit": of_image if group.is_original else "1 (a response)",
            "discretisation": _bins(options, settings, group.is_original),
            "ivh": (settings.ivh or default_ivh(of_image)).model_dump(
                mode="json", exclude_none=True
            ),
        }
        if group.is_original:
            rules = one
        else:
            filters.setdefault(spec["name"], []).append(one)
    return rules | ({"filters": filters} if filters else {})


def _bins(options: Options, settings: ExtractionSettings, is_original: bool) -> dict[str, Any]:
    found = options.model_dump(mode="json", exclude_none=True)
    if options.method == "fixed_bin_size" and options.lower is None:
        limits = settings.resegment.range if settings.resegment and is_original else (None, None)
        found["lower"] = OWN_MINIMUM if limits[0] is None else limits[0]
    return found


def advice(settings: ExtractionSettings, unit: str) -> list[str]:
    """Return what a user should know of the rules that are used for images in a unit."""
    bins = rules_used(settings, unit)
    if bins.get("unit") != CT or bins["discretisation"].get("lower") != OWN_MINIMUM:
        return []
    return [CT_ADVICE.format(width=bins["discretisation"]["bin_width"])]
