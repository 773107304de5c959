"""Mechanics: scripts written for PyRadiomics run; what it raises for, we raise for, in words."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

import radiomics
from radiomics import featureextractor, firstorder, glcm, imageoperations, shape2D
from radiomics.compat import cases
from tests.oracles.pyradiomics import images

CASE = images("synthetic", Path())


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    paths = (str(tmp_path / "image.nrrd"), str(tmp_path / "mask.nrrd"))
    for made, path in zip(CASE, paths, strict=True):
        sitk.WriteImage(made, path)
    return paths


def test_a_script_with_a_parameter_file(tmp_path: Path, files: tuple[str, str]) -> None:
    (tmp_path / "params.yaml").write_text(
        "imageType:\n  Original: {}\n  LoG:\n    sigma: [2.0]\n"
        "featureClass:\n  shape:\n  firstorder: []\n  glcm: [Contrast, MCC]\n"
        "setting:\n  binWidth: 10\n  label: 1\n"
    )
    extractor = featureextractor.RadiomicsFeatureExtractor(str(tmp_path / "params.yaml"))
    result = extractor.execute(*files)
    names = [key for key in result if not key.startswith("diagnostics")]
    assert len(names) == 14 + 2 * (18 + 2)
    assert "log-sigma-2-0-mm-3D_glcm_MCC" in names
    assert result["diagnostics_Configuration_Settings"]["binWidth"] == 10
    assert result["diagnostics_Image-original_Spacing"] == CASE[0].GetSpacing()
    assert result["diagnostics_Mask-original_VoxelNum"] == int(
        (sitk.GetArrayFromImage(CASE[1]) == 1).sum()
    )
    (tmp_path / "params.json").write_text(json.dumps({"setting": {"binWidth": 10}}))
    other = featureextractor.RadiomicsFeatureExtractor(tmp_path / "params.json")
    assert other.settings["binWidth"] == 10
    other.loadJSONParams('{"setting": {"binCount": 16}}')
    assert other.settings["binCount"] == 16


def test_classes_and_features_are_chosen() -> None:
    extractor = featureextractor.RadiomicsFeatureExtractor(binWidth=20, additionalInfo=False)
    extractor.disableAllFeatures()
    extractor.enableFeaturesByName(firstorder=["Mean", "Skewness"])
    extractor.enableFeatureClassByName("ngtdm")
    extractor.enableFeatureClassByName("glszm")
    extractor.enableFeatureClassByName("glszm", False)
    result = extractor.execute(*CASE)
    assert len(result) == 2 + 5
    extractor.disableAllImageTypes()
    extractor.enableImageTypeByName("Wavelet", customArgs={"wavelet": "haar"})
    assert len(extractor.execute(*CASE)) == 8 * 7
    assert set(radiomics.getFeatureClasses()) == set(extractor.featureClassNames)


def test_a_feature_class_by_itself() -> None:
    made = firstorder.RadiomicsFirstOrder(*CASE, binWidth=25)
    made.enableFeatureByName("Mean", True)
    assert list(made.execute()) == ["Mean"]
    inside = sitk.GetArrayFromImage(CASE[0])[sitk.GetArrayFromImage(CASE[1]) == 1]
    assert float(made.getMeanFeatureValue()) == pytest.approx(inside.mean())
    assert float(made.getStandardDeviationFeatureValue()) == pytest.approx(inside.std())
    other = glcm.RadiomicsGLCM(*CASE, binWidth=25)
    assert len(other.execute()) == 24
    assert other.getFeatureNames()["Contrast"] is False
    with pytest.raises(LookupError, match="Sharpness"):
        other.enableFeatureByName("Sharpness")
    with pytest.raises(AttributeError, match="getSharpnessFeatureValue"):
        other.getSharpnessFeatureValue()


def test_a_disc_in_a_slice() -> None:
    y, x = np.mgrid[:101, :101]
    inside = ((y - 50) ** 2 + (x - 50) ** 2 < 40**2).astype(np.uint8)
    image, mask = (sitk.GetImageFromArray(a) for a in (inside.astype(np.int16), inside))
    found = shape2D.RadiomicsShape2D(image, mask).execute()
    assert float(found["MeshSurface"]) == pytest.approx(np.pi * 40**2, rel=0.01)
    assert float(found["MaximumDiameter"]) == pytest.approx(80, abs=1)
    assert float(found["MajorAxisLength"]) == pytest.approx(80, rel=0.01)
    assert float(found["Elongation"]) == pytest.approx(1)
    assert 0.9 < float(found["Sphericity"]) <= 1
    extractor = featureextractor.RadiomicsFeatureExtractor(additionalInfo=False)
    extractor.enableFeatureClassByName("shape2D")
    flat = extractor.execute(image, mask)
    assert "original_shape2D_Perimeter" in flat
    assert not [key for key in flat if key.startswith("original_shape_")]


def test_image_operations_as_functions() -> None:
    box, corrected = imageoperations.checkMask(*CASE)
    assert corrected is None
    image, mask = imageoperations.cropToTumorMask(*CASE, box)
    assert image.GetSize() == tuple((box[1::2] - box[0::2] + 1).tolist())
    assert mask.GetSize() == image.GetSize()
    for derived, name, settings in imageoperations.getLoGImage(*CASE, sigma=[2.0]):
        assert name == "log-sigma-2-0-mm-3D"
        assert derived.GetSize() == CASE[0].GetSize()
        assert settings["sigma"] == [2.0]
    grey, edges = imageoperations.binImage(np.arange(60.0), binWidth=25)
    assert edges.tolist() == [0, 25, 50, 75, 100]
    assert grey.max() == 3
    with pytest.raises(AttributeError, match="getFogImage"):
        _ = imageoperations.getFogImage


def changed(mask: Any, **changes: Any) -> Any:
    copy = sitk.Image(mask)
    for name, value in changes.items():
        getattr(copy, name)(value)
    return copy


EMPTY = sitk.GetImageFromArray(np.zeros((14, 22, 25), np.uint8))
EMPTY.CopyInformation(CASE[1])
POINT = sitk.Image(EMPTY)
POINT[5, 5, 5] = 1
LINE = sitk.Image(EMPTY)
for place in range(4, 9):
    LINE[place, 5, 5] = 1


@pytest.mark.parametrize(
    ("mask", "settings", "message"),
    [
        (CASE[1], {"label": 4}, r"Label \(4\) not present in mask. It has: 1"),
        (EMPTY, {}, "none but background"),
        (POINT, {}, "1 segmented voxel"),
        (LINE, {}, "too few dimensions"),
        (CASE[1], {"minimumROISize": 10**6}, "too small"),
        (changed(CASE[1], SetOrigin=(0, 0, 0)), {}, r"geometry mismatch: origin \[-10"),
        (changed(CASE[1], SetSpacing=(1, 1, 1)), {}, "geometry mismatch: spacing"),
        (CASE[1][:, :, 1:], {}, r"mismatch: size \(25, 22, 14\) against"),
        (CASE[1], {"resegmentRange": [1e6, 2e6]}, "excluded too many voxels"),
        (CASE[1], {"resegmentRange": [0, 1], "resegmentMode": "rel"}, "Resegment mode 'rel'"),
        (CASE[1], {"binWidth": 0}, "binWidth must be above 0"),
        (CASE[1], {"binWidth": 1e-6}, "choose one of about"),
        (CASE[1], {"weightingNorm": "taxi"}, "weightingNorm 'taxi'"),
        (CASE[1], {"resampledPixelSpacing": [1, 1]}, "needs 3 values"),
        ("nothing.nrrd", {}, "Error reading mask"),
    ],
)
def test_what_cannot_be_used_is_told(mask: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        featureextractor.RadiomicsFeatureExtractor(**settings).execute(CASE[0], mask)


def test_a_mask_on_another_grid_is_resampled_on_request() -> None:
    part = CASE[1][:, :, 1:]
    extractor = featureextractor.RadiomicsFeatureExtractor(correctMask=True)
    found = extractor.execute(CASE[0], part)
    assert "diagnostics_Mask-corrected_VoxelNum" in found
    plain = featureextractor.RadiomicsFeatureExtractor().execute(*CASE)
    assert float(found["original_glcm_Contrast"]) == float(plain["original_glcm_Contrast"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("setting: {binwidth: 25}", "Did you mean 'binWidth'"),
        ("settings: {binWidth: 25}", "Did you mean 'setting'"),
        ("featureClass: {glcn: []}", "Did you mean 'glcm'"),
        ("featureClass: {glcm: [Contrst]}", "Did you mean 'Contrast'"),
        ("imageType: {Wavelets: {}}", "Did you mean 'Wavelet'"),
        ("imageType: {LoG: {sigmas: [1]}}", "Did you mean 'sigma'"),
        ("- 1", "sections"),
        ("a: [", "not readable"),
    ],
)
def test_wrong_parameter_files_name_the_nearest(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(ValueError, match=message):
        featureextractor.RadiomicsFeatureExtractor(tmp_path / "p.yaml")


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="does not exist"):
        featureextractor.RadiomicsFeatureExtractor(tmp_path / "none.yaml")
    with pytest.raises(ValueError, match="no test case 'brain9'"):
        radiomics.getTestCase("brain9")
    with pytest.raises(ValueError, match="no setting 'binwidth'"):
        featureextractor.RadiomicsFeatureExtractor(binwidth=3)


def test_verbosity() -> None:
    logger = logging.getLogger("radiomics")
    before = logger.level
    try:
        radiomics.setVerbosity(logging.ERROR)
        assert logger.getEffectiveLevel() <= logging.ERROR
    finally:
        logger.setLevel(before)


def test_test_cases_are_found_or_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, folder = tmp_path / "home", tmp_path / "data"
    home.mkdir()
    names = ["brain1_image.nrrd", "brain1_label.nrrd", "brain1_label_2D.nrrd"]
    for name in names:
        (home / name).write_text(name)
    monkeypatch.setattr(cases, "HOME", home.as_uri())
    image, mask = radiomics.getTestCase("Brain1", folder)
    assert [Path(image), Path(mask)] == [folder / names[0], folder / names[1]]
    assert Path(mask).read_text() == names[1]
    assert Path(radiomics.getTestCase("brain1_2D", str(folder))[1]) == folder / names[2]
    (home / names[0]).unlink()  # fetched once
    assert radiomics.getTestCase("brain1", folder) == (image, mask)
    with pytest.raises(ValueError, match=r"lung1_image\.nrrd not found, and not to be had from"):
        radiomics.getTestCase("lung1", folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    assert radiomics.logger is logging.getLogger("radiomics")


def test_features_come_in_the_order_of_pyradiomics_methods() -> None:
    names = list(firstorder.RadiomicsFirstOrder.getFeatureNames())
    assert names.index("MeanAbsoluteDeviation") + 1 == names.index("Mean")
    assert list(glcm.RadiomicsGLCM.getFeatureNames())[-2:] == ["SumEntropy", "SumSquares"]
    assert firstorder.RadiomicsFirstOrder.getMeanFeatureValue.__doc__


@pytest.mark.parametrize(
    "own", [{"lbp3DLevels": 0}, {"lbp3DIcosphereRadius": 0}, {"lbp3DIcosphereSubdivision": 9}]
)
def test_a_sphere_that_cannot_be_is_refused(own: dict[str, Any]) -> None:
    extractor = featureextractor.RadiomicsFeatureExtractor(additionalInfo=False)
    extractor.enableImageTypeByName("LBP3D", customArgs=own)
    with pytest.raises(ValueError, match=r"lbp3DLevels .* must be 1 or more"):
        extractor.execute(*CASE)


def test_patterns_in_space_need_space(caplog: pytest.LogCaptureFixture) -> None:
    made = [
        name for _, name, _ in imageoperations.getLBP3DImage(*CASE, lbp3DLevels=1, additionalInfo=0)
    ]
    assert made == ["lbp-3D-m1", "lbp-3D-k"]
    flat = [volume[:, :, 5] for volume in CASE]
    assert not list(imageoperations.getLBP3DImage(*flat))
    assert "only available in 3D" in caplog.text
