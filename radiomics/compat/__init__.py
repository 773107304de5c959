"""PyRadiomics' calls, names and numbers, computed by this package's kernels [1]_.

Scripts and parameter files written for PyRadiomics 3 run as they are: its modules are found under
their old names (``from radiomics import featureextractor``). What its definitions, discretisation,
resampling and meshes are is described in its documentation; the adapters here follow it, the
numbers come from the kernels that IBSI's features come from.

References
----------
.. [1] van Griethuysen et al., Computational radiomics system to decode the radiographic phenotype,
   Cancer Research 77 (2017) e104-e107, doi:10.1158/0008-5472.CAN-17-0339.
"""

from __future__ import annotations

import logging
from functools import cache
from importlib import import_module
from typing import Any

CLASSES = ("firstorder", "glcm", "gldm", "glrlm", "glszm", "ngtdm", "shape", "shape2D")
HOMES = {
    "RadiomicsFirstOrder": "firstorder",
    "RadiomicsGLCM": "textures",
    "RadiomicsGLDM": "textures",
    "RadiomicsGLRLM": "textures",
    "RadiomicsGLSZM": "textures",
    "RadiomicsNGTDM": "textures",
    "RadiomicsShape": "shape",
    "RadiomicsShape2D": "shape",
}

logger = logging.getLogger("radiomics")


def getFeatureClasses() -> dict[str, Any]:  # noqa: N802 - PyRadiomics' names
    """Return PyRadiomics' feature classes by the name that columns and settings have."""
    return dict(_classes())


@cache
def _classes() -> dict[str, Any]:
    found = {}
    for name, (old, home) in zip(CLASSES, HOMES.items(), strict=True):
        found[name] = getattr(import_module(f"radiomics.compat.{home}"), old)
    return found


def getImageTypes() -> list[str]:  # noqa: N802
    """Return the image types that settings can name."""
    from radiomics.compat.images import TYPES

    return list(TYPES)


def setVerbosity(level: int) -> None:  # noqa: N802
    """Set from which level on messages are shown: 10 debug, 20 info, 30 warning, 40 error."""
    logger.setLevel(min(level, logger.level or level))
    for handler in logger.handlers:
        handler.setLevel(level)
