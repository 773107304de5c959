"""Notice another distribution that owns our import name: PyRadiomics."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

import radiomics.pipelines

OURS = ("radiomics",)
RIVALS = {"pyradiomics": "radiomics"}


def find_shadows() -> list[str]:
    """Return one sentence for each of our packages that is not, or may not be, ours."""
    home = Path(radiomics.pipelines.__path__[0]).parent.parent
    found = []
    for package in OURS:
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            found.append(f"the package '{package}' is missing from {home}")
        elif Path(spec.origin).parent.parent.resolve() != home.resolve():
            found.append(f"'import {package}' finds {spec.origin}, which is not ours")
    for rival, package in RIVALS.items():
        try:
            where = Path(str(distribution(rival).locate_file(""))).resolve()
        except PackageNotFoundError:
            continue
        if where == home.resolve():
            found.append(
                f"the distribution '{rival}' also installs '{package}': pip uninstall {rival}"
            )
    return found
