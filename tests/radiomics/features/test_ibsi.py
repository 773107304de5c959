"""Oracle: the published values of IBSI 1, rounded to three digits, within their tolerance."""

from __future__ import annotations

import csv
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from radiomics import Volume, extract, feature_catalogue, read_image, read_mask
from radiomics.conformance.verification import Check, compare, ct_phantom, digital_phantom, verify
from radiomics.extraction import prepare
from radiomics.extraction.settings import ExtractionSettings, load_settings
from radiomics.io import write_volume
from radiomics.types import InputError
from tests.conftest import shared

COUNTS = {"a": 346, "b": 346, "c": 210, "d": 210, "e": 210}


@cache
def phantom(kind: str) -> tuple[Volume, Volume]:
    folder = shared("reference", "ibsi", "ibsi1", "ct_phantom")
    if kind == "dicom":
        return ct_phantom(folder)
    image = replace(read_image(folder / "image.nii.gz"), unit="HU")
    return image, read_mask(folder / "mask.nii.gz", like=image)


def test_digital_phantom() -> None:
    checks = verify()
    assert len(checks) == 482
    assert [str(check) for check in checks if not check.passed] == []


def test_the_embedded_digital_phantom_is_the_official_one() -> None:
    folder = shared("reference", "ibsi", "ibsi1", "digital_phantom")
    image, mask = digital_phantom()
    official = read_image(folder / "image.nii.gz")
    assert np.array_equal(image.array, official.array)
    assert np.array_equal(mask.array, read_mask(folder / "mask.nii.gz", like=official).array)


@pytest.mark.parametrize("kind", ["nifti", "dicom"])
@pytest.mark.parametrize("configuration", COUNTS)
def test_ct_phantom(configuration: str, kind: str) -> None:
    checks = list(compare(configuration, *phantom(kind)))
    assert len(checks) == COUNTS[configuration]
    assert [str(check) for check in checks if not check.passed] == []


def test_a_folder_of_the_ct_phantom_in_either_form(tmp_path: Path) -> None:
    image, mask = phantom("nifti")
    write_volume(image, tmp_path / "image.nii.gz")
    write_volume(mask, tmp_path / "mask.nii.gz")
    assert np.array_equal(ct_phantom(tmp_path)[1].array, mask.array)
    with pytest.raises(InputError, match=r"holds dicom/ and rtstruct\.dcm"):
        ct_phantom(tmp_path.parent)


def test_the_comparison_can_fail() -> None:
    check = Check("phantom", "intensity", "original_intensity_mean", 2.1549, 2.15, 0.0)
    assert check.passed
    assert not replace(check, value=2.156).passed
    assert "is 2.156, not 2.15" in str(replace(check, value=2.156))


def diagnostics(configuration: str) -> dict[str, float]:
    """Compute what the diagnostics table asks for, by its tags."""
    image, mask = phantom("nifti")
    settings = load_settings(f"ibsi_{configuration}")
    whole = Volume(np.ones(image.shape, bool), image.affine)
    everywhere = prepare(image, whole, without_range(settings))
    inside = prepare(image, mask, without_range(settings))
    final = prepare(image, mask, settings)
    found: dict[str, float] = {}
    stages = {
        "init": (image, mask.array, mask.array, image, image.array),
        "interp": (
            everywhere.image,
            inside.intensity_mask.array,
            inside.morphological_mask.array,
            inside.image,
            everywhere.image.array,
        ),
        "reseg": (
            everywhere.image,
            final.intensity_mask.array,
            final.morphological_mask.array,
            final.image,
            everywhere.image.array,
        ),
    }
    for stage, (grid, kept, shape, cut, values) in stages.items():
        for axis, letter in enumerate("zyx"):
            found[f"img_dim_{letter}_{stage}_img"] = grid.shape[axis]
            found[f"vox_dim_{letter}_{stage}_img"] = grid.spacing[axis]
            found[f"int_mask_dim_{letter}_{stage}_roi"] = grid.shape[axis]
            found[f"int_mask_bb_dim_{letter}_{stage}_roi"] = extent(kept, axis)
            found[f"morph_mask_bb_dim_{letter}_{stage}_roi"] = extent(shape, axis)
        found[f"mean_int_{stage}_img"] = float(values.mean())
        found[f"min_int_{stage}_img"] = float(values.min())
        found[f"max_int_{stage}_img"] = float(values.max())
        found[f"int_mask_vox_count_{stage}_roi"] = int(kept.sum())
        found[f"morph_mask_vox_count_{stage}_roi"] = int(shape.sum())
        x = cut.array[kept].astype(float)
        found[f"int_mask_mean_int_{stage}_roi"] = float(x.mean())
        found[f"int_mask_min_int_{stage}_roi"] = float(x.min())
        found[f"int_mask_max_int_{stage}_roi"] = float(x.max())
    return found


@pytest.mark.parametrize("configuration", COUNTS)
def test_diagnostics_of_every_stage(configuration: str) -> None:
    """Sizes, boxes, counts and intensities: read, interpolated, re-segmented."""
    file = f"diagnostics_config_{configuration}.csv"
    path = Path(shared("reference", "ibsi", "ibsi1", "reference", file))
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    found = diagnostics(configuration)
    wrong = []
    for row in rows:
        value, reference = found[row["tag"]], float(row["reference_value"])
        rounded = float(f"{value:.2e}")  # the table rounds intensities, not counts
        off = min(abs(value - reference), abs(rounded - reference))
        if off > float(row["tolerance"]) + 1e-9 * abs(reference):
            wrong.append(f"{row['tag']}: {value} is not {reference}")
    assert (len(rows), wrong) == (60, [])


def extent(mask: np.ndarray, axis: int) -> int:
    lines = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
    return int(lines[-1] - lines[0]) + 1


def without_range(settings: ExtractionSettings) -> ExtractionSettings:
    return settings.model_copy(update={"resegment": None})


def test_features_do_not_depend_on_what_else_is_computed() -> None:
    image, mask = digital_phantom()
    everything = extract(image, mask, "ibsi_phantom")
    some = {
        "discretisation": {"method": "none"},
        "families": ["gldzm"],
        "aggregation": ["3d_merged", "2.5d_merged"],
    }
    for column, value in extract(image, mask, some).items():
        assert value == everything[column]


def test_names_and_codes_are_those_of_the_standard() -> None:
    """Column names follow from FEATURES.md by a fixed rule: lower case, one underscore between."""
    text = Path(shared("reference", "ibsi", "FEATURES.md")).read_text(encoding="utf-8")
    cells = [line.split("|") for line in text.splitlines() if line.startswith("| ")]
    known = set()
    for row in cells:
        if len(row) > 3 and len(row[2].strip()) == 4 and row[2].strip() != "code":
            words = "".join(c if c.isalnum() else " " for c in row[1].replace("'", "").lower())
            known.add((row[2].strip(), "_".join(words.split())))
    catalogue = feature_catalogue()
    assert len(catalogue) == 174
    assert {(r.ibsi_code, r.name) for r in catalogue.itertuples(index=False)} == known
