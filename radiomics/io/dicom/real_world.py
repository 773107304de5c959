"""RealWorldValueMapping: what the stored values of an MR or NM frame measure, and in which unit.

Apparent diffusion coefficients, relaxation times and perfusion come this way. Source: DICOM PS3.3
C.7.6.16.2.11. CT and PET say their units elsewhere and are not asked here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pydicom.dataset import Dataset


class RealWorld(NamedTuple):
    """A linear mapping of stored values, and the UCUM code of its unit."""

    slope: float
    intercept: float
    unit: str


def real_world(places: Sequence[Dataset]) -> RealWorld | None:
    """Return the mapping of the first of the datasets that has one.

    None where there is none, where there are several, for ranges of values or quantities, or where
    it is a table: then there is no one unit of the frame.

    Raises
    ------
    ValueError
        When slope or intercept is no number.
    """
    found = [place.get("RealWorldValueMappingSequence") or [] for place in places]
    items = next((list(items) for items in found if items), [])
    if len(items) != 1 or items[0].get("RealWorldValueSlope") is None:
        return None
    slope, intercept = (items[0].get(f"RealWorldValue{part}") for part in ("Slope", "Intercept"))
    units = items[0].get("MeasurementUnitsCodeSequence") or []
    unit = str(units[0].get("CodeValue") or "") if units else ""
    try:
        return RealWorld(float(slope), float(intercept or 0), unit or "1")
    except (TypeError, ValueError):
        raise ValueError(f"RealWorldValueSlope holds {slope!r}, which is no number") from None
