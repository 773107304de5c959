"""Notice another distribution that owns one of our import names (PyRadiomics, Hugging Face)."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

OURS = ("radiomics", "pipelines", "datasets")
RIVALS = {"pyradiomics": "radiomics", "datasets": "datasets"}


def find_shadows() -> list[str]:
    """Return one sentence for each of our packages that is not, or may not be, ours."""
    home = Path(__file__).resolve().parent.parent
    found = []
    for package in OURS:
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            found.append(f"the package '{package}' is missing from {home}")
        elif Path(spec.origin).resolve().parent.parent != home:
            found.append(f"'import {package}' finds {spec.origin}, which is not ours")
    for rival, package in RIVALS.items():
        try:
            where = Path(str(distribution(rival).locate_file(""))).resolve()
        except PackageNotFoundError:
            continue
        if where == home:
            found.append(
                f"the distribution '{rival}' also installs '{package}': pip uninstall {rival}"
            )
    return found
