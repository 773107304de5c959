"""RTDOSE: where the planes of a dose grid lie, and what its stored values measure [1]_.

References
----------
.. [1] DICOM PS3.3 C.8.8.3, RT Dose Module.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from radiomics.io.dicom.geometry import Defect
from radiomics.io.dicom.headers import Header

SAME_PLACE_MM = 0.01
"""How far two statements on the first plane may lie apart that are one but for rounding."""
AXIAL = 1e-4
"""Largest part of a row or column along the patient's axis in an axial plane."""

Floats = NDArray[np.float64]


def plane_positions(header: Header, count: int, first: Floats, orientation: Floats) -> Floats:
    """Return the positions (N, 3) of the planes of a dose grid in LPS mm.

    GridFrameOffsetVector begins with 0 and counts along the normal from ImagePositionPatient; or it
    begins with the z of that position and holds the z of each axial plane.

    Raises
    ------
    ValueError
        When it is absent, of another length, or neither of the two.
    """
    if count == 1:
        return np.array([first], dtype=np.float64)
    offsets = header.numbers("GridFrameOffsetVector")
    if offsets.size != count or not np.isfinite(offsets).all():
        raise ValueError(f"a dose of {count} planes with {offsets.size} in GridFrameOffsetVector")
    normal = np.cross(orientation[:3], orientation[3:])
    if abs(offsets[0]) <= SAME_PLACE_MM:
        return np.asarray(first + offsets[:, None] * normal, dtype=np.float64)
    axial = max(abs(orientation[2]), abs(orientation[5])) <= AXIAL
    if axial and abs(offsets[0] - first[2]) <= SAME_PLACE_MM:
        return np.array([[*first[:2], z] for z in offsets], dtype=np.float64)
    raise ValueError(
        f"GridFrameOffsetVector begins with {offsets[0]:g}, neither 0 nor the z of an axial first "
        f"plane ({first[2]:g})"
    )


def dose_scaling(header: Header) -> tuple[float, str] | None:
    """Return factor and unit of the stored values, None where the file does not say."""
    scaling = header.numbers("DoseGridScaling")
    units = {"GY": "Gy", "RELATIVE": "1"}.get(header.text("DoseUnits").upper())
    if scaling.size != 1 or units is None:
        return None
    return float(scaling[0]), units


def dose_defects(header: Header) -> list[Defect]:
    """Say what kind of dose a file holds: its type, and what it was summed over."""
    stated = {tag: header.text(tag) or "not stated" for tag in ("DoseType", "DoseSummationType")}
    text = f"dose: type {stated['DoseType']}, summed over {stated['DoseSummationType']}"
    if header.text("DoseUnits").upper() == "RELATIVE":
        text += "; relative, in no unit"
    return [Defect("dose", text, "note")]
