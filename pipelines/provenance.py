"""The environment that results come from: versions of everything that can influence them."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, requires, version

from radiomics import __version__

PACKAGES = (
    "numpy", "scipy", "pandas", "pyarrow", "numba", "pydicom", "highdicom", "SimpleITK", "imageio",
    "scikit-learn", "torch", "torchvision", "monai", "pydantic", "matplotlib",
)  # fmt: skip


EXTRAS = ("networks", "cluster", "excel", "archive", "app", "explain")
"""Extras that a user may want, in the order in which they are told."""


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


def extras() -> dict[str, list[str]]:
    """Return for each extra which of its packages are not installed."""
    found: dict[str, list[str]] = {}
    for line in requires("radiomics-pipelines") or ():
        name, extra = re.match(r"[\w.-]+", line), re.search(r"extra == ['\"](\w+)['\"]", line)
        if name is None or extra is None or extra.group(1) not in EXTRAS:
            continue
        absent = found.setdefault(extra.group(1), [])
        try:
            version(name.group())
        except PackageNotFoundError:
            absent.append(name.group())
    return {extra: found[extra] for extra in EXTRAS if extra in found}
