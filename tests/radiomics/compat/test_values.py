"""Oracle: PyRadiomics 3.1.0's own values (see tests/oracles/pyradiomics.py), and its baselines."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from radiomics.compat.featureextractor import RadiomicsFeatureExtractor
from tests.conftest import SHARED, shared
from tests.oracles import pyradiomics as oracle

TABLE = Path(oracle.__file__).with_suffix(".csv")
RELATIVE = 1e-6
GONE = ("verbose", "enableCExtensions")
REMESHED = ("MeshVolume", "SurfaceArea", "SurfaceVolumeRatio", "Sphericity")
"""Stored by version 2.0, whose mesh was another: PyRadiomics 3.1.0 itself differs from them, up to
0.2 per cent and gives our values, as the cases above show."""
BASELINES = ("firstorder", "glcm", "gldm", "glrlm", "glszm", "ngtdm", "shape")


def stored() -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = defaultdict(dict)
    with TABLE.open(newline="") as stream:
        for case, name, value in csv.reader(stream):
            if not case.startswith("maps"):
                found[case][name] = float(value)
    return found


def differences(found: dict[str, Any], expected: dict[str, float]) -> list[str]:
    """Return the values that differ; those that are rounding of nothing may."""
    wrong = []
    for name, value in expected.items():
        own = float(found[name])
        if not math.isclose(own, value, rel_tol=RELATIVE, abs_tol=1e-11):
            wrong.append(f"{name}: {own} instead of {value}")
    return wrong


@pytest.mark.parametrize(("name", "kind"), oracle.CASES)
def test_values_are_those_of_pyradiomics(name: str, kind: str) -> None:
    folder = SHARED / "data" / "pyradiomics"
    if name in oracle.FILES:
        folder = shared("data", "pyradiomics")
    found = oracle.values(RadiomicsFeatureExtractor, name, kind, folder)
    expected = stored()[f"{name}, {kind}"]
    assert set(found) == set(expected)
    assert not differences(found, expected)


def settings_of(text: str) -> dict[str, Any]:
    """Return the settings of a baseline, without those that only name what was done."""
    import ast

    given = dict(ast.literal_eval(text))
    return {
        key: value for key, value in given.items() if key not in ("verbose", "enableCExtensions")
    }


def baseline(kind: str) -> dict[str, dict[str, str]]:
    path = shared("data", "pyradiomics", "baseline", f"baseline_{kind}.csv")
    with path.open(newline="") as stream:
        rows = list(csv.reader(stream))
    return {
        case: {row[0]: row[number] for row in rows[1:] if row[number]}
        for number, case in enumerate(rows[0][1:], start=1)
    }


@pytest.mark.parametrize("kind", BASELINES)
def test_pyradiomics_own_baselines(kind: str) -> None:
    checked = 0
    for values in baseline(kind).values():
        case = values["diagnostics_Configuration_TestCase"]
        if case not in oracle.FILES:
            continue
        settings = settings_of(values["diagnostics_Configuration_Settings"])
        extractor = RadiomicsFeatureExtractor(**{**settings, "additionalInfo": False})
        extractor.disableAllFeatures()
        extractor.enableFeatureClassByName(kind)
        found = extractor.execute(*oracle.images(case, shared("data", "pyradiomics")))
        expected = {k: float(v) for k, v in values.items() if k.startswith("original_")}
        expected = {k: v for k, v in expected.items() if k in found and not k.endswith(REMESHED)}
        assert len(expected) >= 5
        assert not differences(found, expected)
        checked += len(expected)
    assert checked >= 15


def test_values_are_numbers_that_arrays_and_tables_take() -> None:
    found = RadiomicsFeatureExtractor(additionalInfo=False).execute(
        *oracle.images("synthetic", Path())
    )
    assert np.isfinite(np.array(list(found.values()), dtype=float)).all()
    assert len(found) == 107


@pytest.mark.parametrize("kind", oracle.MAPS)
def test_maps_are_those_of_pyradiomics(kind: str) -> None:
    found = oracle.mapped(RadiomicsFeatureExtractor, kind)
    assert len(found) == 93
    checked = 0
    with TABLE.open(newline="") as stream:
        rows = [row for row in csv.reader(stream) if row[0] == f"maps, {kind}"]
    for _, name, text in rows:
        for own, value in zip(found[name], map(float, text.split()), strict=True):
            if math.isnan(value):  # of a direction without pairs it makes a voxel without value
                assert name == "original_glcm_JointAverage"
                continue
            assert math.isclose(own, value, rel_tol=RELATIVE, abs_tol=1e-9), name
            checked += 1
    assert checked > 450


def test_maps_stand_where_the_image_stands_and_are_empty_outside() -> None:
    image, mask = oracle.images("synthetic part", Path())
    extractor = RadiomicsFeatureExtractor(additionalInfo=False, initValue=-7, kernelRadius=1)
    extractor.disableAllFeatures()
    extractor.enableFeaturesByName(firstorder=["Mean"], glcm=["Contrast", "MCC"])
    found = extractor.execute(image, mask, voxelBased=True)
    assert list(found) == [
        "original_firstorder_Mean",
        "original_glcm_Contrast",
        "original_glcm_MCC",
    ]
    mean = found["original_firstorder_Mean"]
    assert mean.GetSpacing() == image.GetSpacing()
    values = np.asarray(sitk.GetArrayFromImage(mean))
    own = sitk.GetArrayFromImage(
        sitk.Resample(mask, mean, sitk.Transform(), sitk.sitkNearestNeighbor)
    )
    assert (values[own == 0] == -7).all()
    assert (values[own == 1] != -7).all()
    mcc = sitk.GetArrayFromImage(found["original_glcm_MCC"])[own == 1]
    assert ((mcc >= 0) & (mcc <= 1 + 1e-9)).all()
