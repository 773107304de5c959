"""Names of modalities as people write them, and the codes that DICOM has for them."""

from __future__ import annotations

CODES = (
    "CT", "MR", "PT", "NM", "US", "CR", "DX", "MG", "XA", "RF", "OT", "SC", "RTDOSE", "OPT", "PX",
    "IO", "ES", "SM", "XC",
)  # fmt: skip
"""Modalities of images."""
ALIASES = {"PET": "PT", "MRI": "MR", "DR": "DX", "RD": "RTDOSE"}
UNKNOWN = ""
PET, UNITS = "SUV", ("HU", "SUV", "", "1")
"""How units of PET in SUV begin; units that differ in the defaults of settings."""


def modality_code(text: str) -> str:
    """Return the code of a modality, empty for a word that is none.

    >>> [modality_code(word) for word in ("ct", "PET", "MRI ", "T1")]
    ['CT', 'PT', 'MR', '']
    """
    word = text.strip().upper()
    code = ALIASES.get(word, word)
    return code if code in CODES else UNKNOWN


def kind_of_unit(unit: str) -> str:
    """Return which of ``UNITS`` a unit is: of CT, of PET in SUV, none in the file, another.

    >>> [kind_of_unit(unit) for unit in ("HU", "SUVbw", "", "BQML")]
    ['HU', 'SUV', '', '1']
    """
    if unit.startswith(PET):
        return PET
    return unit if unit in UNITS else "1"
