"""The catalogue of features."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING

from radiomics import features as families
from radiomics.plugins import load, modules

if TYPE_CHECKING:
    import pandas as pd


@cache
def _catalogue(name: str, family: ModuleType) -> tuple[tuple[str, str, str, str], ...]:
    return tuple((f, name, code, family.UNITS[f]) for f, code in family.IBSI.items())


def feature_catalogue(*, on_request: bool = False) -> pd.DataFrame:
    """Return every feature of IBSI: name, family, ibsi_code, unit (``{unit}``: the image's unit).

    ``on_request`` adds those, mostly without a code, of families that settings must name: some of
    ours, and all of other packages.
    """
    import pandas as pd

    package = "radiomics.features"
    found = modules(package) if on_request else {n: load(package, n) for n in families.STANDARD}
    rows = [row for name, family in found.items() for row in _catalogue(name, family)]
    return pd.DataFrame(rows, columns=["name", "family", "ibsi_code", "unit"])
