"""What a result was made from: config, versions, seeds, input hashes."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pipelines.cohort_features import CohortFeatures
from pipelines.config import StudyConfig
from radiomics import __version__
from radiomics.extraction import versions

PACKAGES = (
    "numpy", "scipy", "pandas", "pyarrow", "numba", "pydicom", "highdicom", "SimpleITK", "imageio",
    "scikit-learn", "torch", "torchvision", "monai", "pydantic", "matplotlib",
)  # fmt: skip


def installed() -> dict[str, str]:
    """Return the version of each package that can influence a result; empty when not installed."""
    found = {"python": platform.python_version(), "radiomics-pipelines": __version__}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


def record(config: StudyConfig, features: CohortFeatures) -> dict[str, Any]:
    """Return all that a reviewer needs to repeat the study; no paths, no clock."""
    dump = config.model_dump(mode="json")
    dump["data"] = {k: v for k, v in dump["data"].items() if k not in ("folder", "manifest")}
    return {
        "config": dump,
        "versions": installed(),
        "code": versions(config.extraction),
        "machine": {"system": platform.system(), "processor": platform.machine()},
        "inputs_sha256": features.hashes,
        "failures": features.failures,
    }
