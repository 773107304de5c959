"""The DICOM object behind a file that should hold masks, read once and whole but for its pixels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import UID

from radiomics.io.dicom.elements import PREAMBLE, dataset_start
from radiomics.io.dicom.opening import read_before_pixels
from radiomics.types import InputError

SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
"""SOP classes Segmentation Storage and Label Map Segmentation Storage."""
READABLE = "a mask file is an RTSTRUCT or SEG in DICOM, NIfTI, NRRD, MetaImage or a picture"


@contextmanager
def parsing(path: Path, rule: str) -> Iterator[None]:
    """Turn whatever a parser raises over a file into an InputError that names the rule."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # a hostile file breaks the parser in many ways: say which
        reason = (str(error).splitlines() or [""])[0]
        remedy = "check the path, or export the masks again"
        raise InputError(path, rule, f"{type(error).__name__}: {reason}", remedy) from error


def read_mask_object(path: Path) -> tuple[Dataset, int]:
    """Read a DICOM file up to its pixels; return where these begin, too.

    Raises
    ------
    InputError
        When it is no DICOM file, or cannot be parsed.
    """
    with parsing(path, READABLE), path.open("rb") as stream:
        if dataset_start(stream.read(PREAMBLE + 4)) is None:
            found = "a file that does not begin like DICOM"
            raise InputError(path, READABLE, found, "check the path, or export the masks again")
    return read_before_pixels(path)


def mask_kind(path: Path, data: Dataset) -> str:
    """Return what masks an object holds: SEG, by its class or its modality, or RTSTRUCT.

    Raises
    ------
    InputError
        For any other object, by the name of what it is.
    """
    modality = str(data.get("Modality") or "")
    if data.get("SOPClassUID") in SEGMENTATIONS or modality == "SEG":
        return "SEG"
    if modality == "RTSTRUCT":
        return modality
    kind = UID(str(data.get("SOPClassUID") or "")).name or "unknown class"
    raise InputError(
        path,
        "a mask in DICOM is an RTSTRUCT or a SEG",
        f"Modality {modality!r} ({kind})",
        "give the file of the masks; an image is read with read_image, or as IMAGE",
    )
