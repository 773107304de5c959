"""Feature families, one module each, loaded by name.

A family has ``VERSION``, ``Options``, ``IBSI`` (feature name to four-letter code), ``UNITS``
(feature name to unit, ``{unit}`` standing for the image's) and
``features(region, options) -> dict[str, float]``: the same names for every region, NaN where a
feature has no value, as its docstring says.
"""

from __future__ import annotations

NAMES = ("morphology", "intensity")
