"""Oracle: IBSI 2, phase 1 response maps and phase 2 feature values, through the command line."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks.filters import maps, phantom
from radiomics import read_image
from radiomics.extraction.images import filtered, resampled
from radiomics.extraction.settings import load_settings
from radiomics.features import intensity
from radiomics.pipelines.commands.app import app
from radiomics.plugins import shipped
from tests.conftest import shared

PHASE_1 = sorted(path.stem for path in shipped("ibsi2", "phase1").glob("*.yaml"))
PHASE_2 = sorted(path.stem for path in shipped("ibsi2", "phase2").glob("*.yaml"))
SHARE = 0.01
"""Of the reference's range, by which a voxel may differ."""
IN_FLOAT32 = 1e-6
"""Of a response's range, by which one in float32 may differ from one in float64."""


def run(*words: object) -> None:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output


def test_all_tests_have_settings() -> None:
    folder = shared("reference", "ibsi", "ibsi2", "reference_response_maps")
    assert sorted(path.name.split("-")[0] for path in folder.glob("*.nii.gz")) == PHASE_1
    assert len(PHASE_2) == 18


@pytest.mark.parametrize("test", PHASE_1)
def test_phase_1(test: str, tmp_path: Path) -> None:
    folder = shared("reference", "ibsi", "ibsi2")
    image, reference = maps(folder, test)
    output = tmp_path / "map.nii.gz"
    run(
        "filter",
        image,
        "--settings",
        shipped("ibsi2", "phase1", f"{test}.yaml"),
        "--output",
        output,
    )
    found, expected = read_image(output), read_image(reference)
    np.testing.assert_allclose(found.affine, expected.affine, atol=1e-6)
    limit = SHARE * float(np.ptp(expected.array))
    assert float(np.abs(found.array - expected.array).max()) <= limit
    # a test that could not fail would also pass on the image itself
    assert float(np.abs(read_image(image).array - expected.array).max()) > limit
    assert phantom(test) in image.name


@pytest.mark.parametrize("test", [t for t in PHASE_1 if t.startswith(("4_", "8_", "9_", "10_"))])
def test_phase_1_in_float32(test: str) -> None:
    image, reference = maps(shared("reference", "ibsi", "ibsi2"), test)
    settings = load_settings(shipped("ibsi2", "phase1", f"{test}.yaml"))
    (spec,) = settings.filters
    grid = resampled(read_image(image), settings)
    ((_, exact),) = filtered(grid, spec)
    ((_, single),) = filtered(grid, {**spec, "precision": "float32"})
    away = float(np.abs(single.array - exact.array).max())
    assert 0 < away <= IN_FLOAT32 * float(np.ptp(exact.array))
    expected = read_image(reference).array
    assert float(np.abs(single.array - expected).max()) <= SHARE * float(np.ptp(expected))


@pytest.mark.parametrize("test", PHASE_2)
def test_phase_2(test: str, tmp_path: Path) -> None:
    place = shared("reference", "ibsi", "ibsi1", "ct_phantom")
    table = shared("reference", "ibsi", "ibsi2", "reference_feature_values.csv")
    output = tmp_path / "features.csv"
    run(
        "extract",
        place / "image.nii.gz",
        place / "mask.nii.gz",
        "--output",
        output,
        "--settings",
        shipped("ibsi2", "phase2", f"{test}.yaml"),
    )
    with output.open() as stream:
        (row,) = csv.DictReader(stream)
    names = {code: name for name, code in intensity.IBSI.items()}
    checked = 0
    with table.open() as stream:
        for wanted in csv.DictReader(stream):
            if wanted["filter_id"] != test.replace("_", ".") or not wanted["consensus_value"]:
                continue
            ending = f"_intensity_{names[wanted['ibsi_code']]}"
            (value,) = [float(v) for key, v in row.items() if key.endswith(ending)]
            difference = abs(value - float(wanted["consensus_value"]))
            assert difference <= float(wanted["tolerance"]), (wanted, value)
            checked += 1
    assert checked == (17 if test == "8_B" else 18)
