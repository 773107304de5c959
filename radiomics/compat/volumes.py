"""PyRadiomics' features of a Volume, and the columns that its parameters lead to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import SimpleITK as sitk

from radiomics.compat import getFeatureClasses
from radiomics.compat.featureextractor import RadiomicsFeatureExtractor
from radiomics.compat.features import sorted_features
from radiomics.types import InputError, Volume

VERSION = 2
"""Counts changes of values; part of every stored result's key."""


def features(image: Volume, mask: Volume, parameters: Mapping[str, Any]) -> dict[str, float]:
    """Compute the features that parameters ask for; NaN of columns that the mask does not have.

    Parameters
    ----------
    image : Volume of numbers
    mask : bool Volume on the same grid; a ``label`` among the parameters is not looked at
    parameters : a parameter file's content, empty for PyRadiomics' defaults

    Raises
    ------
    InputError
        For regions and images that PyRadiomics refuses.
    """
    whole = _as_sitk(mask, mask.array.astype(np.uint8))
    extractor = _extractor(parameters)
    try:
        found = extractor.execute(_as_sitk(image, image.array), whole, label=1, label_channel=0)
    except ValueError as error:
        rule, remedy = "the case must suit the parameters", "change them, or check image and mask"
        raise InputError("pyradiomics", rule, str(error), remedy) from None
    return {name: float(found.get(name, np.nan)) for name in columns(parameters)}


def columns(parameters: Mapping[str, Any]) -> list[str]:
    """Return the columns that parameters lead to, in PyRadiomics' order."""
    extractor = _extractor(parameters)
    chosen: dict[str, list[str]] = {}
    for name, wanted in extractor.enabledFeatures.items():
        chosen[name] = list(wanted or sorted_features(getFeatureClasses()[name].NAMES))
    shapes = [name for name in chosen if name.startswith("shape")]
    found = [f"original_{kind}_{feature}" for kind in shapes for feature in chosen[kind]]
    for kind, changes in extractor.enabledImagetypes.items():
        for image in _image_names(kind, {**extractor.settings, **changes}):
            for name, wanted in chosen.items():
                if name not in shapes:
                    found += [f"{image}_{name}_{feature}" for feature in wanted]
    return found


def _extractor(parameters: Mapping[str, Any]) -> RadiomicsFeatureExtractor:
    return RadiomicsFeatureExtractor(parameters or None, additionalInfo=False)


def _image_names(kind: str, settings: Mapping[str, Any]) -> list[str]:
    """Return the names of the derived images of one type."""
    if kind == "LoG":
        sigmas = settings.get("sigma", [])
        return [f"log-sigma-{str(float(s)).replace('.', '-')}-mm-3D" for s in sigmas]
    if kind == "LBP2D":
        return ["lbp-2D"]
    if kind == "LBP3D":
        levels = int(settings.get("lbp3DLevels", 2))
        return [f"lbp-3D-m{number + 1}" for number in range(levels)] + ["lbp-3D-k"]
    if kind != "Wavelet":
        return [kind.lower()]
    letters = 2 if settings.get("force2D", False) else 3
    words = ["".join("LH"[n >> k & 1] for k in range(letters)[::-1]) for n in range(2**letters)]
    found = []
    count = int(settings.get("level", 1))
    for number in range(1, count + 1):
        prefix = "wavelet" if number == 1 else f"wavelet{number}"
        found += [f"{prefix}-{word}" for word in words[1:]]
    return [*found, f"{'wavelet' if count == 1 else f'wavelet{count}'}-{words[0]}"]


def _as_sitk(volume: Volume, array: Any) -> Any:
    made = sitk.GetImageFromArray(np.ascontiguousarray(array))
    made.SetSpacing(volume.spacing[::-1])
    made.SetDirection(volume.direction[:, ::-1].ravel().tolist())
    made.SetOrigin(volume.origin.tolist())
    return made
