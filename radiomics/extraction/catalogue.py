"""The catalogue of features."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from radiomics import features as families
from radiomics.plugins import load

if TYPE_CHECKING:
    import pandas as pd


@cache
def _catalogue(names: tuple[str, ...]) -> tuple[tuple[str, str, str, str], ...]:
    rows = []
    for name in names:
        family = load("radiomics.features", name)
        rows += [(f, name, code, family.UNITS[f]) for f, code in family.IBSI.items()]
    return tuple(rows)


def feature_catalogue(*, on_request: bool = False) -> pd.DataFrame:
    """Return every feature of IBSI: name, family, ibsi_code, unit (``{unit}``: the image's unit).

    ``on_request`` adds those, without a code, of families that settings must name.
    """
    import pandas as pd

    names = families.NAMES if on_request else families.STANDARD
    return pd.DataFrame(list(_catalogue(names)), columns=["name", "family", "ibsi_code", "unit"])
