"""Feature families, one module each, loaded by name.

A family of texture matrices also has ``AGGREGATIONS``, the methods that its ``Options`` know.

A family has ``VERSION``, ``Options``, ``IBSI`` (feature name to four-letter code), ``UNITS``
(feature name to unit, ``{unit}`` standing for the image's) and
``features(region, options) -> dict[str, float]``: the same names for every region, NaN where a
feature has no value, as its docstring says.
"""

from __future__ import annotations

CONTRACT = ("VERSION", "Options", "IBSI", "UNITS", "features")
"""What a module must define."""
NAMES = (
    "morphology",
    "morphology_2d",
    "local_intensity",
    "intensity",
    "histogram",
    "ivh",
    "glcm",
    "glrlm",
    "glszm",
    "gldzm",
    "ngtdm",
    "ngldm",
)
ON_REQUEST = ("morphology_2d",)
"""Families that are computed only where they are named, and have no codes of IBSI.

So are those that other packages add: installing a package changes no result by itself.
"""
STANDARD = tuple(name for name in NAMES if name not in ON_REQUEST)
