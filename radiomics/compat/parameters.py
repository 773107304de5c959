"""PyRadiomics' parameter files: which keys there are, and what is wrong told by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from radiomics.compat import CLASSES, getFeatureClasses, getImageTypes
from radiomics.plugins import did_you_mean

SECTIONS = ("setting", "featureClass", "imageType", "voxelSetting")
DEFAULTS: dict[str, Any] = {
    "minimumROIDimensions": 2,
    "minimumROISize": None,
    "normalize": False,
    "normalizeScale": 1,
    "removeOutliers": None,
    "resampledPixelSpacing": None,
    "interpolator": "sitkBSpline",
    "preCrop": False,
    "padDistance": 5,
    "distances": [1],
    "force2D": False,
    "force2Ddimension": 0,
    "resegmentRange": None,
    "label": 1,
    "additionalInfo": True,
}
MORE = (
    "additionalInfo", "binCount", "binWidth", "correctMask", "geometryTolerance", "gldm_a",
    "gradientUseSpacing", "kernelRadius", "label_channel", "initValue", "lbp2DMethod",
    "lbp2DRadius", "lbp2DSamples", "lbp3DIcosphereRadius", "lbp3DIcosphereSubdivision",
    "lbp3DLevels", "level", "maskedKernel", "resegmentMode", "resegmentShape", "sigma",
    "start_level", "symmetricalGLCM", "voxelArrayShift", "voxelBatch", "wavelet", "weightingNorm",
)  # fmt: skip
KNOWN = tuple(sorted({*DEFAULTS, *MORE}))


def read(source: str | Path | Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the sections of a parameter file (YAML or JSON) or of the same as a dict, checked.

    Raises
    ------
    OSError
        When the file is not there.
    ValueError
        For what is no parameter file, and for an unknown section, setting, class, feature or image
        type, with the nearest known name.
    """
    where = "parameters"
    values: Any = source
    if not isinstance(source, Mapping):
        path = Path(source)
        where = str(path)
        if not path.is_file():
            raise OSError(f"Parameter file {path} does not exist.")
        try:
            text = path.read_text(encoding="utf-8")
            values = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
        except (yaml.YAMLError, ValueError) as error:
            raise ValueError(f"{where}: not readable: {str(error).splitlines()[0]}") from None
    if not isinstance(values, Mapping):
        raise ValueError(
            f"{where}: sections {', '.join(SECTIONS)} are expected, not {values!r:.60}"
        )
    _check(where, "section", values, SECTIONS)
    found = {name: dict(values.get(name) or {}) for name in SECTIONS}
    for name in ("setting", "voxelSetting"):
        _check(f"{where}: {name}", "setting", found[name], KNOWN)
    _check(f"{where}: imageType", "image type", found["imageType"], tuple(getImageTypes()))
    _check(f"{where}: featureClass", "feature class", found["featureClass"], CLASSES)
    for kind, changes in found["imageType"].items():
        found["imageType"][kind] = dict(changes or {})
        _check(f"{where}: imageType {kind}", "setting", changes or {}, KNOWN)
    for kind, features in found["featureClass"].items():
        known = getFeatureClasses()[kind].getFeatureNames()
        _check(f"{where}: featureClass {kind}", "feature", features or [], tuple(known))
    return found


def _check(where: str, what: str, names: Any, known: tuple[str, ...]) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"{where}: there is no {what} '{name}'. {did_you_mean(name, known)}")
