"""Image filters, one module each, loaded by name.

A filter has ``VERSION``, ``Options`` and ``apply(array, spacing, options) -> array``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from radiomics.plugins import parse_plugin
from radiomics.types import Volume

NAMES = ("original",)


def apply(name: str, volume: Volume, **options: Any) -> Volume:
    """Filter a Volume: ``apply("original", volume)``; options are those of the filter's module.

    Raises
    ------
    ConfigurationError
        For an unknown filter or option.
    """
    module, checked = parse_plugin(__name__, {"name": name, **options}, f"filter '{name}'")
    return replace(volume, array=module.apply(volume.array, volume.spacing, checked))
