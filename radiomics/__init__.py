"""Radiomics from DICOM to report; each stage can be imported alone.

The public names below are loaded on first use, so that ``import radiomics`` stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Case": "radiomics.types",
    "InputError": "radiomics.types",
    "Predictions": "radiomics.types",
    "Samples": "radiomics.types",
    "Volume": "radiomics.types",
    "getFeatureClasses": "radiomics.compat",
    "getImageTypes": "radiomics.compat",
    "getTestCase": "radiomics.compat.cases",
    "logger": "radiomics.compat",
    "setVerbosity": "radiomics.compat",
    "extract": "radiomics.extraction",
    "feature_catalogue": "radiomics.extraction.catalogue",
    "inspect": "radiomics.io.inspection",
    "read_image": "radiomics.io",
    "read_mask": "radiomics.io",
    "read_masks": "radiomics.io",
    "show": "radiomics.reporting.notebook",
    "write_volume": "radiomics.io",
}

__all__ = [
    "Case",
    "InputError",
    "Predictions",
    "Samples",
    "Volume",
    "__version__",
    "extract",
    "feature_catalogue",
    "inspect",
    "read_image",
    "read_mask",
    "read_masks",
    "show",
    "write_volume",
]

_STAGES = (
    "evaluation",
    "extraction",
    "features",
    "filters",
    "interchange",
    "io",
    "models",
    "preprocessing",
    "reporting",
    "selection",
    "testing",
    "training",
    "types",
)

if TYPE_CHECKING:
    from radiomics.extraction import extract
    from radiomics.extraction.catalogue import feature_catalogue
    from radiomics.io import read_image, read_mask, read_masks, write_volume
    from radiomics.io.inspection import inspect
    from radiomics.reporting.notebook import show
    from radiomics.types import Case, InputError, Predictions, Samples, Volume


# PyRadiomics' modules are found under their old names: from radiomics import featureextractor
_OLD_NAMES = Path(__file__).parent / "compat" / "old_names"
__path__.append(str(_OLD_NAMES))


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in _STAGES:
        return import_module(f"radiomics.{name}")
    if (_OLD_NAMES / f"{name}.py").is_file():
        return import_module(f"radiomics.{name}")
    raise AttributeError(f"module 'radiomics' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
