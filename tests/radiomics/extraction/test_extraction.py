"""Mechanics of settings, preparation and naming; bad input is refused in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radiomics import InputError, Volume, extract, feature_catalogue, filters, models
from radiomics.extraction import compute, prepare, versions
from radiomics.extraction.settings import load_settings, presets
from radiomics.features import NAMES, STANDARD
from radiomics.pipelines.batch.layouts import layout_of
from radiomics.plugins import ConfigurationError


def scene(unit: str = "HU") -> tuple[Volume, Volume]:
    rng = np.random.default_rng(0)
    image = Volume(rng.normal(0, 50, (8, 20, 20)), np.diag([1.0, 1.0, 2.0, 1.0]), unit)
    affine = np.array(image.affine)[:, [2, 1, 0, 3]]
    inside = np.zeros(image.shape, bool)
    inside[2:6, 5:15, 6:13] = True
    return Volume(image.array, affine, unit), Volume(inside, affine)


def test_columns_are_image_family_feature_in_the_order_of_the_catalogue() -> None:
    catalogue = feature_catalogue()
    assert list(catalogue.columns) == ["name", "family", "ibsi_code", "unit"]
    expected = [f"original_{r.family}_{r.name}" for r in catalogue.itertuples(index=False)]
    assert list(extract(*scene(), {})) == expected
    assert set(catalogue.family) == set(STANDARD)
    assert set(feature_catalogue(on_request=True).family) == set(NAMES)


def test_every_preset_is_sound() -> None:
    ours = ["default", *(f"ibsi_{c}" for c in "abcde"), "ibsi_phantom", "pyradiomics"]
    assert presets() == sorted([*ours, "ct", "mr", "pet"])
    for name in presets():
        assert load_settings(name).families == STANDARD


def test_settings_may_be_a_file_a_dict_or_themselves(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("families: [intensity]\nresegment: {range: [0, null]}\n")
    one = load_settings(path)
    assert one == load_settings({"families": ["intensity"], "resegment": {"range": [0, None]}})
    assert load_settings(one) is one
    assert extract(*scene(), path) == extract(*scene(), one)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"familys": ["intensity"]}, "no key 'familys'. Did you mean 'families'"),
        ({"families": ["intensty"]}, "no 'intensty'. Did you mean 'intensity'"),
        ({"filters": [{"name": "orignal"}]}, "Did you mean 'original'"),
        ({"resample": {"spacing": [1, 1, 1], "ordr": "cubic"}}, "resample.ordr'. Did you mean"),
        ({"resample": {"spacing": [1, 0, 1]}}, r"resample.spacing.1.*greater than 0; given: 0"),
        ({"resample": {}}, "key 'resample.spacing' is missing"),
        ({"normalise": {"method": "z"}}, "normalise.method"),
        ({"families": []}, "at least 1 item"),
    ],
)
def test_wrong_settings_name_key_rule_and_nearest(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        load_settings(values)


def test_wrong_settings_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no preset and no file 'defualt'.*'default'"):
        load_settings("defualt")
    (tmp_path / "a.yaml").write_text("families: [")
    with pytest.raises(ConfigurationError, match=r"a\.yaml: not valid YAML"):
        load_settings(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").write_text("- 1")
    with pytest.raises(ConfigurationError, match="must hold keys and values"):
        load_settings(tmp_path / "b.yaml")


def test_preparing_the_box_equals_preparing_the_whole() -> None:
    """What surrounds the mask is not computed; what is computed does not depend on that."""
    image, mask = scene()
    everywhere = Volume(np.ones(mask.shape, bool), mask.affine)
    settings = load_settings({"resample": {"spacing": [1, 0.7, 0.7], "order": "cubic"}})
    part, whole = prepare(image, mask, settings), prepare(image, everywhere, settings)
    corner = np.linalg.inv(whole.image.affine) @ part.image.affine @ [0, 0, 0, 1]
    start = np.round(corner[:3]).astype(int)
    assert np.allclose(corner[:3], start, atol=1e-9)
    box = tuple(slice(s, s + n) for s, n in zip(start, part.image.shape, strict=True))
    assert np.allclose(part.image.array, whole.image.array[box], atol=1e-9)
    assert part.image.array.size <= whole.image.array.size


def test_statistics_do_not_depend_on_the_grid_for_a_linear_ramp() -> None:
    image, mask = scene()
    ramp = np.broadcast_to(np.arange(20.0), image.shape) * 1.0
    fine = {"resample": {"spacing": [2, 0.5, 0.5], "order": "linear"}, "families": ["intensity"]}
    found = extract(replace(image, array=ramp), mask, fine)
    assert found["original_intensity_mean"] == pytest.approx(9.0)


def test_resegmentation_changes_intensity_but_not_morphology() -> None:
    image, mask = scene()
    plain, cut = extract(image, mask, {}), extract(image, mask, {"resegment": {"range": [0, 30]}})
    assert cut["original_intensity_minimum"] >= 0
    assert cut["original_morphology_volume"] == plain["original_morphology_volume"]


def test_bad_intensities_masks_and_modalities_are_refused() -> None:
    image, mask = scene()
    broken = np.array(image.array)
    broken[3, 7, 8] = np.nan
    with pytest.raises(InputError, match="1 of 280 voxels"):
        extract(replace(image, array=broken), mask)
    outside = np.array(image.array)
    outside[0, 0, 0] = np.nan
    expected = pytest.approx(extract(image, mask, {}), rel=1e-12, nan_ok=True)
    assert extract(replace(image, array=outside), mask, {}) == expected
    near = np.array(image.array)
    near[1, 7, 8] = np.nan  # one slice outside the mask, within reach of the cubic spline
    with pytest.raises(InputError, match="that interpolation draws on"):
        extract(replace(image, array=near), mask, {"resample": {"spacing": [1, 1, 1]}})
    with pytest.raises(InputError, match="finite, different"):
        extract(replace(image, array=outside), mask, {"normalise": {"method": "z_score"}})
    with pytest.raises(InputError, match="leave at least one voxel"):
        extract(image, mask, {"resegment": {"range": [5000, 6000]}})
    for unit, modality in (("HU", "PT"), ("1", "CT"), ("SUVbw", "MR")):
        with pytest.raises(InputError, match=f"these settings are for {modality}"):
            extract(replace(image, unit=unit), mask, {"modality": modality})
    with pytest.warns(UserWarning, match="without a unit: 32 grey levels"):
        assert extract(replace(image, unit=""), mask, {"modality": "PT"})
    with pytest.raises(InputError, match="4 GiB"):
        extract(image, mask, {"resample": {"spacing": [0.005, 0.005, 0.005]}})
    speck = np.zeros(mask.shape, bool)
    speck[3, 9, 9] = True
    with pytest.raises(InputError, match="keep at least one voxel on the new grid"):
        extract(image, replace(mask, array=speck), {"resample": {"spacing": [9, 9, 9]}})
    flat = replace(image, array=np.ones(image.shape))
    with pytest.raises(InputError, match="all of them equal"):
        extract(flat, mask, {"normalise": {"method": "z_score"}})


def test_normalised_intensities_have_the_statistics_asked_for() -> None:
    settings = {"normalise": {"method": "z_score", "inside": "mask"}}
    found = extract(*scene(), settings)
    assert found["original_intensity_mean"] == pytest.approx(0, abs=1e-9)
    assert found["original_intensity_variance"] == pytest.approx(1)


def test_versions_name_the_code_that_the_settings_use() -> None:
    found = versions(load_settings({"families": ["intensity"]}))
    assert set(found) == {"extraction", "io", "families.intensity", "filters.original"}


def test_stages_can_be_used_alone() -> None:
    image, _ = scene()
    assert np.array_equal(filters.apply("original", image).array, image.array)
    assert models.build("logistic", input_shape=(3,), C=0.5).C == 0.5
    with pytest.raises(ConfigurationError, match="there is no key 'sigma'"):
        filters.apply("original", image, sigma=2)
    with pytest.raises(ValueError, match="rows of features"):
        models.build("logistic", input_shape=(1, 28, 28))


def test_a_constant_region_stays_constant_through_interpolation() -> None:
    image, mask = scene()
    found = extract(replace(image, array=np.full(image.shape, 7.0)), mask, "default")
    assert found["original_intensity_variance"] == 0
    assert found["original_intensity_skewness"] == found["original_intensity_kurtosis"] == 0


def test_rounding_does_not_depend_on_whether_the_grid_fits_already() -> None:
    image, mask = scene()
    settings = {"resample": {"spacing": list(image.spacing), "round_intensities": True}}
    assert extract(image, mask, settings)["original_intensity_maximum"].is_integer()
    with pytest.raises(ConfigurationError, match="lose their meaning"):
        load_settings({**settings, "normalise": {"method": "z_score"}})


def test_too_many_levels_are_refused_before_memory_is_taken() -> None:
    image, mask = scene()
    for width, words in ((1e-2, "which need"), (1e-5, "GiB")):
        options = {"method": "fixed_bin_size", "bin_width": width}
        with pytest.raises(InputError, match=words):
            extract(image, mask, {"discretisation": options})
    few = {"discretisation": {"method": "fixed_bin_size", "bin_width": 1e-2}, "families": ["ngldm"]}
    assert extract(image, mask, few)


@pytest.mark.parametrize("kind", ["constant", "one voxel", "one slice", "one bin", "100:1"])
def test_poor_regions_have_all_columns_and_reasons(kind: str) -> None:
    image, mask = scene()
    inside, array, affine = np.array(mask.array), np.array(image.array), np.array(image.affine)
    chosen: dict[str, object] = {}
    if kind == "constant":
        array[:] = 7.0
    elif kind == "one bin":
        chosen = {"discretisation": {"method": "fixed_bin_number", "bins": 1}}
    elif kind == "100:1":
        affine[:3, 0] *= 100
    else:
        place = np.argwhere(inside)[0]
        inside[:] = False
        inside[tuple(place) if kind == "one voxel" else (place[0], slice(3, 8), slice(3, 8))] = True
    poor, shape = Volume(array, affine, image.unit), Volume(inside, affine)
    found = compute(prepare(poor, shape, load_settings(chosen)), load_settings(chosen))
    assert list(found.features) == list(extract(image, mask, {}))
    missing = {name for name, value in found.features.items() if not np.isfinite(value)}
    assert missing == set(found.missing)
    assert len(missing) < 60
    if kind == "one voxel":
        assert "original_glcm_contrast" in missing
        assert found.features["original_ngldm_dependence_count_energy"] == 1


def test_any_layout_in_memory_gives_the_same_values() -> None:
    image, mask = scene()
    whole = np.rint(np.clip(image.array, -128, 127))
    expected = extract(replace(image, array=whole), mask, {})
    for array in (whole.astype(np.int8), whole.astype(">f4"), np.asfortranarray(whole)):
        other = Volume(mask.array[::-1][::-1], mask.affine)
        assert extract(replace(image, array=array), other, {}) == pytest.approx(
            expected, rel=1e-12, nan_ok=True
        )


def test_each_filter_may_have_families_of_its_own() -> None:
    image, mask = scene()
    families = ["morphology", "intensity", "glcm"]
    square = {"name": "square", "families": ["glcm"]}
    wanted = {"families": families, "filters": [{"name": "original"}, square]}
    found = extract(image, mask, wanted)
    both = {**wanted, "filters": [{"name": "original"}, {"name": "square"}]}
    everything = extract(image, mask, both)
    assert found == {
        column: value
        for column, value in everything.items()
        if not column.startswith("square_intensity")
    }
    layout = layout_of(load_settings(wanted))
    assert layout.columns == tuple(found)
    # the mask's shape stands with the first image that has it
    original = {"name": "original", "families": ["intensity"]}
    later = {**wanted, "filters": [original, {"name": "square"}, {"name": "square_root"}]}
    columns = list(extract(image, mask, later))
    shapes = [column for column in columns if "morphology" in column]
    assert len(shapes) == 29
    assert all(column.startswith("square_morphology") for column in shapes)
    assert layout_of(load_settings(later)).columns == tuple(columns)


@pytest.mark.parametrize(
    ("own", "message"),
    [
        (["histogram"], "'histogram' is not"),
        (["glmc"], "Did you mean 'glcm'"),
        ([], "a list of families"),
        ("glcm", "a list of families"),
    ],
)
def test_families_of_a_filter_that_cannot_be(own: Any, message: str) -> None:
    filters = [{"name": "square", "families": own}]
    with pytest.raises(ConfigurationError, match=message):
        load_settings({"families": ["intensity", "glcm"], "filters": filters})


def test_a_ct_has_the_same_features_from_a_format_without_units() -> None:
    image, mask = scene("HU")
    plain = replace(image, unit="")
    settings = load_settings({"modality": "CT"})
    known = compute(prepare(image, mask, settings), settings)
    found = compute(prepare(plain, mask, settings), settings)
    assert found.features == pytest.approx(known.features, nan_ok=True, rel=0)
    assert known.notes == ()
    assert "taken as HU" in found.notes[0]
    # nothing says what the numbers are: told, since they are binned unlike those of CT
    open_ = load_settings({})
    loose = compute(prepare(plain, mask, open_), open_)
    assert loose.features["original_glcm_contrast"] != known.features["original_glcm_contrast"]
    assert "32 grey levels" in loose.notes[0]
    bins = {"method": "fixed_bin_size", "bin_width": 25}
    for settings in (
        load_settings({"modality": "MR"}),
        load_settings({"discretisation": bins, "ivh": {"method": "levels"}}),
    ):
        assert compute(prepare(plain, mask, settings), settings).notes == ()


@pytest.mark.parametrize("key", ["families", "aggregation"])
def test_names_that_would_give_columns_twice_are_refused(key: str) -> None:
    name = {"families": "glcm", "aggregation": "3d_merged"}[key]
    with pytest.raises(ConfigurationError, match=f"{name} is named more than once"):
        load_settings({key: [name, "glrlm" if key == "families" else "3d_averaged", name]})
