"""The environment that results come from: versions of everything that can influence them."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from radiomics import __version__

PACKAGES = (
    "numpy", "scipy", "pandas", "pyarrow", "numba", "pydicom", "highdicom", "SimpleITK", "imageio",
    "scikit-learn", "torch", "torchvision", "monai", "pydantic", "matplotlib",
)  # fmt: skip


def first_process() -> bool:
    """Return whether this process is alone, or the first of those that ``torchrun`` started.

    The others compute the same and write nothing.
    """
    return os.environ.get("RANK", "0") == "0"


def installed() -> dict[str, str]:
    """Return the version of each package that can influence a result; empty when not installed."""
    found = {"python": platform.python_version(), "radiomics-pipelines": __version__}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found
