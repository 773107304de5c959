"""Image filters, one module each, loaded by name.

A filter has ``VERSION``, ``Options``, ``column_prefix(options)``, ``reach(options, spacing)`` (how
far it looks along z, y and x, in voxels; infinity for the whole image) and ``apply(array, spacing,
options) -> array``. One whose options may ask for several images has ``variants(options)``, and
``apply_each(array, spacing, variants)`` where these share work.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from radiomics.plugins import parse_plugin
from radiomics.types import Volume

NAMES = (
    "original",
    "mean",
    "gaussian",
    "log",
    "laws",
    "gabor",
    "wavelet",
    "simoncelli",
    "riesz",
    "square",
    "square_root",
    "logarithm",
    "exponential",
    "gradient",
    "lbp",
    "lbp3d",
)


def apply(name: str, volume: Volume, **options: Any) -> Volume:
    """Filter a Volume: ``apply("original", volume)``; options are those of the filter's module.

    Raises
    ------
    ConfigurationError
        For an unknown filter or option.
    """
    module, checked = parse_plugin(__name__, {"name": name, **options}, f"filter '{name}'")
    return replace(volume, array=module.apply(volume.array, volume.spacing, checked))
