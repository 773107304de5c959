"""Agreement with IBSI 1: recompute the phantoms and compare with the consensus values [1]_.

The digital phantom and all consensus values ship with the package. The CT phantom does not: its
licence does not allow that; give its folder.

References
----------
.. [1] Zwanenburg et al., The Image Biomarker Standardization Initiative, Radiology 2020;295:328.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

import numpy as np

from radiomics.conformance.digital_phantom import IMAGE, OUTSIDE, SPACING_MM
from radiomics.extraction import extract
from radiomics.io import read_image, read_mask
from radiomics.types import InputError, Volume

CONFIGURATIONS = ("a", "b", "c", "d", "e")
FAMILIES = {
    "intensity_statistics": "intensity",
    "intensity_histogram": "histogram",
    "intensity_volume_histogram": "ivh",
}
"""Families that go by a shorter name here."""


@dataclass(frozen=True)
class Check:
    """One feature in one configuration: the value, and what it should be."""

    configuration: str
    family: str
    column: str
    value: float
    reference: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the value, rounded to three digits, lies within the tolerance."""
        off = abs(float(f"{self.value:.2e}") - self.reference)
        return off <= self.tolerance + 1e-9 * abs(self.reference)

    def __str__(self) -> str:
        place = f"{self.configuration}: {self.column}"
        return f"{place} is {self.value:.6g}, not {self.reference:g} +- {self.tolerance:g}"


def digital_phantom() -> tuple[Volume, Volume]:
    """Return IBSI's digital phantom, 4 x 4 x 5 voxels of 2 mm, and its mask of 74 voxels."""
    affine = np.diag([SPACING_MM, SPACING_MM, SPACING_MM, 1.0])[[2, 1, 0, 3]]
    image = Volume(np.array(IMAGE, dtype=np.int16), affine)
    inside = np.ones(image.shape, bool)
    inside[tuple(np.transpose(OUTSIDE))] = False
    return image, Volume(inside, affine)


def ct_phantom(folder: Path) -> tuple[Volume, Volume]:
    """Read the CT phantom from its folder: ``dicom`` and ``rtstruct.dcm``, or two NIfTI files.

    Raises
    ------
    InputError
        When neither is there.
    """
    if (folder / "rtstruct.dcm").is_file() and (folder / "dicom").is_dir():
        image = read_image(folder / "dicom")
        return image, read_mask(folder / "rtstruct.dcm", like=image, roi="GTV-1")
    if (folder / "image.nii.gz").is_file() and (folder / "mask.nii.gz").is_file():
        # NIfTI tells no unit; the phantom's numbers are HU
        image = replace(read_image(folder / "image.nii.gz"), unit="HU")
        return image, read_mask(folder / "mask.nii.gz", like=image)
    raise InputError(
        folder,
        "the CT phantom's folder holds dicom/ and rtstruct.dcm, or image.nii.gz and mask.nii.gz",
        "neither",
        "get it from the IBSI's repository data_sets (ibsi_1_ct_radiomics_phantom)",
    )


def references(configuration: str) -> list[dict[str, str]]:
    """Return the rows of the consensus table of a configuration that have a value."""
    name = "digital_phantom" if configuration == "phantom" else f"config_{configuration}"
    text = (files("radiomics") / "conformance" / f"{name}.csv").read_text(encoding="utf-8")
    return [row for row in csv.DictReader(text.splitlines()) if row["reference_value"]]


def column(row: dict[str, str]) -> str:
    """Return the name of our column for a row of a consensus table."""
    words = "".join(c if c.isalnum() else " " for c in row["feature"].replace("'", "").lower())
    family = FAMILIES.get(row["family"], row["family"])
    method = row["aggregation"]
    suffix = "" if method == "3d_volume" else f"__{method.replace('.', '_')}"
    return f"original_{family}_{'_'.join(words.split())}{suffix}"


def compare(configuration: str, image: Volume, mask: Volume) -> Iterator[Check]:
    """Compute a configuration (``phantom``, or ``a`` to ``e``) and yield each comparison."""
    values = extract(image, mask, f"ibsi_{configuration}")
    for row in references(configuration):
        family = FAMILIES.get(row["family"], row["family"])
        name, reference = column(row), float(row["reference_value"])
        tolerance = float(row["tolerance"])
        yield Check(configuration, family, name, values[name], reference, tolerance)


def verify(folder: Path | None = None) -> list[Check]:
    """Compare the digital phantom, and with its folder all configurations of the CT phantom."""
    found = list(compare("phantom", *digital_phantom()))
    if folder is not None:
        volumes = ct_phantom(folder)
        for configuration in CONFIGURATIONS:
            found += compare(configuration, *volumes)
    return found


def summary(checks: list[Check]) -> list[dict[str, str]]:
    """Count passes by configuration and family: one row a configuration, its total last."""
    rows = []
    families = list(dict.fromkeys(check.family for check in checks))
    for configuration in dict.fromkeys(check.configuration for check in checks):
        here = [check for check in checks if check.configuration == configuration]
        row = {"configuration": configuration}
        for family in families:
            done = [check.passed for check in here if check.family == family]
            row[family] = f"{sum(done)}/{len(done)}" if done else ""
        row["all"] = f"{sum(check.passed for check in here)}/{len(here)}"
        rows.append(row)
    return rows
