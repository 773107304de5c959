"""Oracle: the extractor that agrees with PyRadiomics. Mechanics: settings that ask for it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import yaml

from radiomics import InputError, Volume, extract, featureextractor
from radiomics.compat.volumes import columns
from radiomics.extraction.settings import load_settings
from radiomics.pipelines.batch.layouts import layout_of
from radiomics.pipelines.commands.filter import filter_file
from radiomics.plugins import ConfigurationError
from tests.oracles.pyradiomics import ENABLED, images

PARAMETERS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "types": {"imageType": ENABLED["types"]},
    "patterns": {"imageType": {"LBP2D": {}, "LBP3D": {"lbp3DLevels": 3, "binCount": 8}}},
    "levels": {"imageType": {"Wavelet": {"level": 2}}, "featureClass": {"firstorder": None}},
    "planar": {"imageType": {"Original": {}, "Wavelet": {}}, "setting": {"force2D": True}},
    "listed": {"featureClass": {"glcm": ["Idm", "Contrast"], "shape": ["Flatness"]}},
}


def scene() -> tuple[Volume, Volume, tuple[Any, Any]]:
    """Return an oblique image and mask as Volumes and as SimpleITK's images."""
    pair = images("synthetic", Path())
    turn = math.radians(25)
    axes = (math.cos(turn), -math.sin(turn), 0, math.sin(turn), math.cos(turn), 0, 0, 0, 1)
    volumes = []
    for image in pair:
        image.SetDirection(axes)
        affine = np.eye(4)
        affine[:3, :3] = (np.reshape(axes, (3, 3)) * image.GetSpacing())[:, ::-1]
        affine[:3, 3] = image.GetOrigin()
        array = sitk.GetArrayFromImage(image)
        volumes.append(Volume(array == 1 if image is pair[1] else array, affine, "HU"))
    return volumes[0], volumes[1], pair


@pytest.mark.parametrize("name", PARAMETERS)
def test_values_and_columns_are_those_of_the_extractor(name: str) -> None:
    image, mask, pair = scene()
    parameters = PARAMETERS[name]
    expected = featureextractor.RadiomicsFeatureExtractor(
        parameters or None, additionalInfo=False
    ).execute(*pair)
    found = extract(image, mask, {"pyradiomics": parameters})
    assert list(found) == columns(parameters)
    absent = [column for column in found if column not in expected]
    assert all(column.startswith("original_shape2D") for column in absent)
    assert all(math.isnan(found[column]) for column in absent)
    assert {c: v for c, v in found.items() if c not in absent} == pytest.approx(
        {column: float(value) for column, value in expected.items()}, rel=1e-9, abs=1e-12
    )
    assert [c for c in found if c not in absent] == list(expected)


def test_the_preset_a_parameter_file_and_a_key_are_one(tmp_path: Path) -> None:
    image, mask, _ = scene()
    expected = extract(image, mask, "pyradiomics")
    assert len(expected) == 107
    assert expected == extract(image, mask, {"pyradiomics": {}})
    sections = {"featureClass": {"glcm": ["Contrast"]}, "setting": {"binWidth": 10, "label": 3}}
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(sections))
    (tmp_path / "p.json").write_text(json.dumps(sections))
    found = [extract(image, mask, tmp_path / name) for name in ("p.yaml", "p.json")]
    assert found[0] == found[1] == extract(image, mask, {"pyradiomics": sections})
    assert list(found[0]) == ["original_glcm_Contrast"]
    layout = layout_of(load_settings(tmp_path / "p.yaml"))
    assert (layout.columns, list(layout.parts)) == (tuple(found[0]), ["pyradiomics"])
    again = layout_of(load_settings({"pyradiomics": {**sections, "setting": {"binWidth": 11}}}))
    assert again.parts != layout.parts


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    image, mask, _ = scene()
    (tmp_path / "p.yaml").write_text("setting: {binwidth: 3}\n")
    with pytest.raises(ConfigurationError, match=r"p\.yaml.*no setting 'binwidth'.*binWidth"):
        load_settings(tmp_path / "p.yaml")
    with pytest.raises(ConfigurationError, match=r"leave out \['families'\]"):
        load_settings({"pyradiomics": {}, "families": ["glcm"]})
    with pytest.raises(ConfigurationError, match="not of PyRadiomics'"):
        filter_file(tmp_path, "pyradiomics", tmp_path / "map.nrrd", {})
    small = {"setting": {"minimumROISize": 10**6}}
    with pytest.raises(InputError, match="must suit the parameters"):
        extract(image, mask, {"pyradiomics": small})
