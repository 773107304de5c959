"""What in DICOM headers names a person or a place: to be kept out of messages and tables."""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pydicom.datadict import DicomDictionary, keyword_for_tag
from pydicom.dataset import Dataset

from radiomics.io.dicom.elements import (
    Value,
    dataset_start,
    read_elements,
    salvaged_values,
    values_of,
    wanted_tags,
)
from radiomics.io.dicom.opening import parse_dataset
from radiomics.io.dicom.streams import BoundedReader
from radiomics.io.files.archives import BROKEN

SHORTEST, SHORTEST_OF_NAME = 3, 2
"""Letters from which a part is looked for: shorter ones stand in any sentence."""
LETTERS, DIGITS = 5, 6
"""Letters and digits in a row from which a part of a number such as SMITH1955 is looked for."""
HEAD = 2**17
"""Bytes of an archive's member in which names are looked for."""
PEOPLE = tuple(keyword_for_tag(tag) for tag, entry in DicomDictionary.items() if entry[0] == "PN")
"""Every attribute that holds a person's name: patients, physicians, operators, reviewers."""
NUMBERS = ("PatientID", "OtherPatientIDs", "AccessionNumber", "StudyID", "PatientBirthDate")
PLACES = (
    "InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName", "IssuerOfPatientID",
    "PatientAddress", "PatientTelephoneNumbers", "StationName",
)  # fmt: skip
TOP_LEVEL = wanted_tags((*PEOPLE, *NUMBERS, *PLACES, "Modality"))
NESTED = ("OtherPatientIDsSequence", "RTROIObservationsSequence")
"""Sequences of masks and images in which persons are named."""
WORDS = frozenset(
    "abdomen bladder bone bowel brain breast cardiac center centre chest clinic colon contour dose "
    "esophagus eye femur glioma head heart hospital image imaging institute kidney larynx left "
    "lesion liver lung mandible mask medical muscle neck node optic organ pancreas parotid pelvis "
    "phantom prostate radiology rectum right segment series slice slices spinal spine spleen "
    "stomach structure study target test tissue tumor tumour university uterus volume".split()
)
"""Words of anatomy and of messages, which name nobody when they stand in a number or an address."""
SEPARATORS = re.compile(r"[\^=\\\s,;.\-\[\]'()_/]+")


def identifiers(path: Path) -> set[str]:
    """Return the texts that identify people in the DICOM files at a path.

    Of a file, of all files below a folder, or in a ZIP archive; whole and in parts. With or without
    preamble; also what is left of a broken file. A file that is no DICOM tells none.
    """
    found: set[str] = set()
    for stream in _open_files(path):
        with stream:
            found |= _texts_of(stream)
    return found


def _open_files(path: Path) -> Iterator[BinaryIO]:
    if path.is_file() and path.suffix.lower() == ".zip":
        yield from _open_members(path)
        return
    files = [path]
    if path.is_dir():
        walk = os.walk(path, followlinks=False)
        files = [Path(folder, name) for folder, _, names in walk for name in names]
    for file in files:
        try:
            stream = BoundedReader(file) if file.is_file() else None
        except OSError:  # nobody reads it, so that it tells nothing
            continue
        if stream is not None:
            yield stream


def _open_members(path: Path) -> Iterator[BinaryIO]:
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                with archive.open(member) as packed:
                    yield io.BytesIO(packed.read(HEAD))
    except (*BROKEN, OSError):
        return  # reading it says what is wrong with it


def _texts_of(stream: BinaryIO) -> set[str]:
    """Return what a file tells; nothing where it is no DICOM."""
    if dataset_start(stream.read(132)) is None:
        return set()
    stream.seek(0)
    walked = read_elements(stream, TOP_LEVEL)
    told = [] if walked is None else [walked.values]
    if walked is None or walked.values.get("Modality") in ("RTSTRUCT", "SEG"):
        told += _parsed_values(stream)
    pairs = [(keyword, value) for values in told for keyword, value in values.items()]
    return set().union(*(_parts(keyword, str(value)) for keyword, value in pairs))


def _parsed_values(stream: BinaryIO) -> list[dict[str, Value]]:
    """Let pydicom read what is not ordinary: other characters than ASCII, sequences."""
    stream.seek(0)
    try:
        data = parse_dataset(stream, pixels=False, tags=[*TOP_LEVEL, *NESTED])
        items = [item for name in NESTED for item in data.get(name) or []]
        return [_plain_values(one) for one in (data, *items)]
    except Exception:  # pydicom fails in many ways over headers that nobody can read
        stream.seek(0)
        return [salvaged_values(stream, TOP_LEVEL)]


def _plain_values(data: Dataset) -> dict[str, Value]:
    kept = Dataset()
    for tag in TOP_LEVEL:
        if tag in data:
            kept[tag] = data[tag]
    return values_of(kept)


def _parts(keyword: str, value: str) -> set[str]:
    """Return a value whole and in the parts that would tell as much."""
    parts = {part for part in SEPARATORS.split(value) if part}
    if keyword in PEOPLE:
        found = {value, *value.split("\\"), *parts}
        return {text for text in found if len(text) >= SHORTEST_OF_NAME}
    if keyword in NUMBERS:
        runs = re.findall(rf"[^\W\d_]{{{LETTERS},}}|\d{{{DIGITS},}}", value)
        parts = {part for part in parts if not part.isdigit() or len(part) >= DIGITS} | set(runs)
    elif keyword not in PLACES:
        return set()
    parts = {part for part in parts if part.lower() not in WORDS}
    return {text for text in {value, *parts} if len(text) >= SHORTEST}
