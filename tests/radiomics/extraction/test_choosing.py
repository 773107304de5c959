"""Mechanics: which features are wanted, in which masks, of which library's images."""

from __future__ import annotations

import nibabel
import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from radiomics import InputError, Volume, extract, filters, interchange
from radiomics.plugins import ConfigurationError

SETTINGS = {
    "resample": {"spacing": [1, 1, 1]},
    "discretisation": {"method": "fixed_bin_number", "bins": 8},
    "filters": [
        {"name": "original"},
        {"name": "log", "sigma_mm": 1.5},
        {"name": "mean", "support": 3},
    ],
    "families": ["morphology", "intensity", "glcm", "glrlm"],
    "aggregation": ["3d_averaged", "3d_merged"],
}


def scene() -> tuple[Volume, Volume]:
    rng = np.random.default_rng(0)
    inside = np.zeros((9, 14, 14), dtype=bool)
    inside[2:7, 3:11, 3:10] = True
    image = Volume.from_array(rng.normal(40, 20, inside.shape), spacing=(1.5, 1, 1), unit="HU")
    return image, Volume(inside, image.affine)


IMAGE, MASK = scene()
EVERY = extract(IMAGE, MASK, SETTINGS)


@pytest.mark.parametrize(
    ("asked", "columns"),
    [
        ("original_glcm_joint_entropy__3d_merged", 1),
        ("joint_entropy", 6),
        ("glcm_joint_entropy", 6),
        ("TU9B", 6),
        ("morphology", len([c for c in EVERY if "_morphology_" in c])),
        ("volume", 1),
        ("variance", 3),
        ("log_1_5mm_3d_intensity_mean", 1),
    ],
)
def test_a_choice_has_the_values_of_all(asked: str, columns: int) -> None:
    chosen = extract(IMAGE, MASK, SETTINGS, features=[asked])
    assert len(chosen) == columns
    assert all(EVERY[column] == value for column, value in chosen.items())


def test_several_keep_the_order_of_the_extraction() -> None:
    chosen = extract(IMAGE, MASK, SETTINGS, features=["glrlm", "mean", "RNU0"])
    assert list(chosen) == [column for column in EVERY if column in chosen]
    assert {column.split("_")[0] for column in chosen} == {"original", "log", "mean"}


def test_only_what_is_needed_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    from radiomics.features import glrlm, morphology
    from radiomics.filters import log

    def fail(*_: object) -> None:
        raise AssertionError("not asked for")

    for module, name in ((glrlm, "features"), (morphology, "features"), (log, "apply")):
        monkeypatch.setattr(module, name, fail)
    chosen = extract(IMAGE, MASK, SETTINGS, features=["original_glcm_contrast__3d_averaged"])
    assert chosen == {c: EVERY[c] for c in ["original_glcm_contrast__3d_averaged"]}


def test_a_family_on_request_is_computed_when_it_is_named() -> None:
    flat = np.zeros(MASK.shape, dtype=bool)
    flat[4] = MASK.array[4]
    mask = Volume(flat, MASK.affine)
    settings = {"filters": [{"name": "original"}]}
    found = extract(IMAGE, mask, settings, features=["morphology_2d_area", "volume"])
    assert list(found) == ["original_morphology_volume", "original_morphology_2d_area"] or set(
        found
    ) == {"original_morphology_volume", "original_morphology_2d_area"}
    with pytest.raises(ConfigurationError, match="lead to no 'morphology_2d'"):
        extract(IMAGE, mask, {"families": ["glcm"]}, features=["morphology_2d"])


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["joint_entrop"], "lead to no 'joint_entrop'. Did you mean 'joint_entropy'"),
        (["xyz"], "lead to no 'xyz'. See feature_catalogue"),
        ([""], "lead to no ''"),
        ([], "give a list of names or codes"),
        ("joint_entropy", "give a list of names or codes"),
    ],
)
def test_an_unknown_feature_is_refused_with_the_nearest(asked: list[str], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        extract(IMAGE, MASK, SETTINGS, features=asked)


def test_pyradiomics_features_are_chosen_too() -> None:
    settings = {"pyradiomics": {"featureClass": {"firstorder": None}}}
    every = extract(IMAGE, MASK, settings)
    chosen = extract(IMAGE, MASK, settings, features=["Mean", "original_firstorder_Energy"])
    assert set(chosen) == {"original_firstorder_Mean", "original_firstorder_Energy"}
    assert all(every[column] == value for column, value in chosen.items())


def test_images_of_other_libraries_have_the_same_values() -> None:
    settings = {**SETTINGS, "filters": [{"name": "original"}]}
    ours = extract(IMAGE, MASK, settings)
    found = extract(IMAGE.to_sitk(), MASK.to_sitk(), settings)
    assert found == pytest.approx(ours, rel=1e-9, nan_ok=True)
    found = extract(IMAGE.to_nibabel(), MASK.to_nibabel(), settings)
    assert found == pytest.approx(ours, rel=1e-9, nan_ok=True)
    image, mask = (
        sitk.GetImageFromArray(IMAGE.array),
        sitk.GetImageFromArray(3 * MASK.array.astype("u1")),
    )
    for one in (image, mask):
        one.SetSpacing((1, 1, 1.5))
    with pytest.warns(UserWarning, match="without a unit: taken as HU"):
        plain = extract(image, mask, {**settings, "modality": "CT"})
    assert plain == pytest.approx(ours, rel=1e-9, nan_ok=True)
    image = nibabel.Nifti1Image(np.zeros((3, 3, 3)), np.eye(4))
    assert isinstance(filters.apply("square", image), Volume)
    assert np.array_equal(
        filters.apply("square", IMAGE.to_sitk()).array, filters.apply("square", IMAGE).array
    )


def test_several_masks_give_a_table() -> None:
    smaller = MASK.array.copy()
    smaller[:4] = False
    labels = Volume(MASK.array.astype(np.uint8) + smaller, MASK.affine)
    masks = interchange.label_masks(labels, ["outer", "inner"])
    table = extract(IMAGE, masks, SETTINGS)
    assert table.index.tolist() == ["outer", "inner"]
    assert table.shape == (2, len(EVERY))
    for name, mask in masks.items():
        alone = extract(IMAGE, mask, SETTINGS)
        pd.testing.assert_series_equal(table.loc[name], pd.Series(alone, name=name))
    listed = extract(IMAGE, [MASK, MASK.to_sitk()], SETTINGS, features=["volume"])
    assert listed.index.tolist() == [0, 1]
    assert listed.shape == (2, 1)


def test_notes_of_several_masks_stay_with_the_table() -> None:
    bare = Volume(IMAGE.array, IMAGE.affine, "")
    settings = {"modality": "CT", "families": ["intensity"]}
    table = extract(bare, {"a": MASK}, settings)
    assert "taken as HU" in table.attrs["notes"]["a"][0]


def test_a_mask_that_fails_takes_no_other_down() -> None:
    empty = Volume(np.zeros(MASK.shape, dtype=bool), MASK.affine)
    with pytest.warns(UserWarning, match="mask none: .*at least one voxel inside"):
        table = extract(IMAGE, {"none": empty, "some": MASK}, {"families": ["intensity"]})
    assert table.index.tolist() == ["some"]
    with pytest.raises(InputError, match="at least one mask"):
        extract(IMAGE, {"none": empty})
    with pytest.raises(InputError, match="no mask"):
        extract(IMAGE, {})
