"""Files to and from Volume: the only place that knows file formats.

The names below are loaded on first use, so that a module of this package stays cheap to import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

VERSION = 3
"""Counts changes of reading that change values; part of every stored result's key."""

_HOMES = {
    "file_parts": "radiomics.io.files.kinds",
    "has_itk_suffix": "radiomics.io.files.kinds",
    "inspect": "radiomics.io.inspection",
    "read_image": "radiomics.io.images",
    "read_mask": "radiomics.io.masks.reader",
    "read_masks": "radiomics.io.masks.reader",
    "write_volume": "radiomics.io.files.volumes",
}

__all__ = [
    "VERSION",
    "file_parts",
    "has_itk_suffix",
    "inspect",
    "read_image",
    "read_mask",
    "read_masks",
    "write_volume",
]

if TYPE_CHECKING:
    from radiomics.io.files.kinds import file_parts, has_itk_suffix
    from radiomics.io.files.volumes import write_volume
    from radiomics.io.images import read_image
    from radiomics.io.inspection import inspect
    from radiomics.io.masks.reader import read_mask, read_masks


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'radiomics.io' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
