"""What in a DICOM header names a person: to be kept out of messages."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pydicom

SHORTEST = 3
"""Letters from which a part of a name is looked for: shorter ones stand in any sentence."""
TAGS = (
    "PatientName", "PatientID", "PatientBirthDate", "OtherPatientIDs", "OtherPatientNames",
    "PatientBirthName", "PatientMotherBirthName", "PatientAddress", "PatientTelephoneNumbers",
    "AccessionNumber", "StudyID", "IssuerOfPatientID", "InstitutionName", "InstitutionAddress",
    "ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName", "PhysiciansOfRecord",
)  # fmt: skip


def identifiers(path: Path) -> set[str]:
    """Return the texts that identify the patient of a DICOM file or of the first in a folder.

    Names are returned whole and in parts. A file that is no DICOM tells none.
    """
    file = path if path.is_file() else _first_file(path)
    if file is None:
        return set()
    try:
        data = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(TAGS))
        values = [str(value) for tag in TAGS if (value := data.get(tag))]
    except Exception:  # pydicom fails in many ways over headers that nobody can read
        return set()
    parts = {part for value in values for part in re.split(r"[\^=\\\s,;\[\]']+", value)}
    return {text for text in {*values, *parts} if len(text) >= SHORTEST}


def _first_file(folder: Path) -> Path | None:
    for place, folders, files in os.walk(folder):
        folders.sort()
        if files:
            return Path(place, min(files))
    return None
