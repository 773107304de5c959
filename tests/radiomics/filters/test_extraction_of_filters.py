"""Mechanics: filters inside an extraction, what they refuse, and what they share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from radiomics import InputError, Volume, extract, filters
from radiomics.extraction.settings import load_settings
from radiomics.features import intensity
from radiomics.filters import gabor
from radiomics.plugins import ConfigurationError
from tests.radiomics.filters.test_responses import IMAGE, LINEAR, RNG, apply


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"name": "mean", "support": 4}, "odd number of voxels"),
        ({"name": "log", "sigma_mm": 0}, "greater than 0"),
        ({"name": "gaussian", "sigma_mm": 0}, "greater than 0"),
        ({"name": "gabor", "sigma_mm": 0, "lambda_mm": 3, "theta": 0}, "greater than 0"),
        ({"name": "riesz", "order": [1, 0, 0], "sigma_mm": 0}, "greater than 0"),
        ({"name": "riesz", "order": [1], "level": 1}, "at least 2 items"),
        ({"name": "riesz", "order": [1, 0], "level": 1, "tensor_sigma_mm": 0}, "greater than 0"),
        ({"name": "wavelet", "family": "haar", "boundary": "reflect"}, "'mirror'"),
        ({"name": "wavelet", "family": "coif"}, "Did you mean 'coif"),
        ({"name": "wavelet", "family": "db2", "band": "LH"}, "names 3 axes"),
        ({"name": "laws", "kernel": "L5X5S5"}, "no Laws kernel 'X5'"),
        ({"name": "gabor", "sigma_mm": 2, "lambda_mm": 3}, "either theta or theta_step"),
        ({"name": "riesz", "order": [0, 0, 0], "level": 1}, "not all 0"),
        ({"name": "riesz", "order": [1, 0, 0]}, "either sigma_mm"),
    ],
)
def test_wrong_options_are_told_before_computing(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        filters.apply(spec.pop("name"), Volume(IMAGE, np.eye(4), "1"), **spec)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"name": "mean", "support": 31}, "a kernel of 31 voxels does not fit an axis of 15"),
        ({"name": "gaussian", "sigma_mm": 9}, "choose a smaller kernel"),
        ({"name": "log", "sigma_mm": 9}, "does not fit an axis of"),
        ({"name": "laws", "kernel": "L5E5S5", "energy": 8}, "of 17 voxels does not fit"),
        ({"name": "wavelet", "family": "db8", "level": 3}, "does not fit an axis of"),
        ({"name": "wavelet", "family": "db8", "decimated": True}, "choose a lower level"),
        ({"name": "simoncelli", "level": 5}, "too deep for an image of 15 x 17 x 20 voxels"),
        ({"name": "riesz", "order": [1, 0, 0], "level": 5}, "choose a lower level"),
        (
            {"name": "riesz", "order": [1, 0], "level": 5, "by_slice": True},
            "too deep for an image of 17 x 20",
        ),
        ({"name": "riesz", "order": [1, 0, 0], "sigma_mm": 9, "padding": 0}, "does not fit"),
        ({"name": "gabor", "sigma_mm": 2, "lambda_mm": 3, "theta": 0, "planes": True}, "square"),
    ],
)
def test_a_filter_that_does_not_fit_is_told_before_computing(
    spec: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = Volume(IMAGE, np.diag([2.0, 1.0, 1.0, 1.0]), "HU")
    mask = Volume(IMAGE > 0, image.affine, "1")

    def computed(*given: Any) -> None:
        raise AssertionError("refused only after something was computed")

    monkeypatch.setattr(intensity, "features", computed)
    wanted = {"filters": [{"name": "original"}, spec], "families": ["intensity"]}
    with pytest.raises(InputError, match=message):
        extract(image, mask, wanted)


def test_nan_around_the_mask_that_reaches_into_it_is_told() -> None:
    array = IMAGE.copy()
    array[0, 0, 0] = np.nan
    mask = np.zeros(array.shape, bool)
    mask[5:9, 5:9, 5:9] = True
    image, inside = Volume(array, np.eye(4), "1"), Volume(mask, np.eye(4), "1")
    wanted: dict[str, Any] = {"families": ["intensity"]}
    with pytest.raises(InputError, match="1 of 5100 voxels are NaN or infinite"):
        extract(image, inside, {**wanted, "filters": [{"name": "simoncelli"}]})
    with pytest.raises(InputError, match="8 of 64 voxels are NaN or infinite"):
        extract(image, inside, {**wanted, "filters": [{"name": "mean", "support": 13}]})
    near = {"name": "mean", "support": 9}  # looks at it for no voxel of the mask
    assert len(extract(image, inside, {**wanted, "filters": [near]})) == 18


@pytest.mark.parametrize("boundary", ["mirror", "periodic"])
@pytest.mark.parametrize("corner", [(18, 17, 20), (0, 0, 0), (36, 39, 43)])
@pytest.mark.parametrize("name", LINEAR)
def test_features_are_those_of_the_whole_image_filtered(
    name: str, corner: tuple[int, int, int], boundary: str
) -> None:
    array = RNG.normal(size=(40, 44, 48))
    mask = np.zeros(array.shape, bool)
    mask[tuple(slice(start, start + 4) for start in corner)] = True
    options = LINEAR[name] | ({} if name == "simoncelli" else {"boundary": boundary})
    options |= {"support": 31} if name == "mean" else {}
    image, inside = Volume(array, np.eye(4), "1"), Volume(mask, np.eye(4), "1")
    found = extract(
        image, inside, {"filters": [{"name": name, **options}], "families": ["intensity"]}
    )
    whole = apply(name, array, **options)[mask]
    (mean,) = [value for key, value in found.items() if key.endswith("_intensity_mean")]
    (maximum,) = [value for key, value in found.items() if key.endswith("_intensity_maximum")]
    assert mean == pytest.approx(whole.mean(), abs=1e-12)
    assert maximum == pytest.approx(whole.max(), abs=1e-12)


@pytest.mark.parametrize(
    "spec",
    [{"name": "simoncelli"}, {"name": "log", "sigma_mm": 1}, {"name": "laws", "kernel": "L3E3S3"}],
)
def test_a_filter_in_space_refuses_one_slice(spec: dict[str, Any]) -> None:
    image = Volume(IMAGE[:1], np.eye(4), "HU")
    mask = Volume(IMAGE[:1] > 0, np.eye(4), "1")
    with pytest.raises(InputError, match="needs several slices"):
        extract(image, mask, {"filters": [spec], "families": ["intensity"]})


PLANAR: list[dict[str, Any]] = [
    {"name": "mean", "support": 3, "dims": 2},
    {"name": "gaussian", "sigma_mm": 1, "dims": 2},
    {"name": "log", "sigma_mm": 1, "dims": 2},
    {"name": "laws", "kernel": "L3E3"},
    {"name": "gabor", "sigma_mm": 1, "lambda_mm": 2, "theta": 0},
    {"name": "wavelet", "family": "haar", "dims": 2},
    {"name": "simoncelli", "dims": 2},
    {"name": "riesz", "order": [1, 0], "level": 1},
    {"name": "lbp"},
]


@pytest.mark.parametrize("spec", PLANAR, ids=lambda spec: spec["name"])
def test_a_filter_in_the_plane_refuses_a_volume_unless_it_is_by_slice(
    spec: dict[str, Any],
) -> None:
    image, mask = Volume(IMAGE, np.eye(4), "HU"), Volume(IMAGE > 0, np.eye(4), "1")
    with pytest.raises(InputError, match=r"needs one slice(.|\n)*say by_slice: true"):
        extract(image, mask, {"filters": [spec], "families": ["intensity"]})
    by_slice = {"filters": [spec | {"by_slice": True}], "families": ["intensity"]}
    whole = extract(image, mask, by_slice)
    one = Volume(IMAGE[4:5], np.eye(4), "HU")
    alone = extract(one, Volume(IMAGE[4:5] > 0, np.eye(4), "1"), by_slice)
    assert list(alone) == list(whole)
    inside = Volume(mask.array & (np.arange(len(IMAGE)) == 4)[:, None, None], np.eye(4), "1")
    again = extract(image, inside, by_slice)
    assert [again[key] for key in alone] == pytest.approx(list(alone.values()), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("spec", [{"name": "log", "sigma_mm": 1}, {"name": "square"}])
def test_by_slice_is_for_filters_in_the_plane(spec: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="by_slice: for filters in the plane"):
        load_settings({"filters": [spec | {"by_slice": True}]})
    with pytest.raises(ConfigurationError, match="by_slice: true or false"):
        load_settings({"filters": [{"name": "lbp", "by_slice": "yes"}]})


def test_gabor_filters_of_one_width_transform_the_image_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image = Volume(100 * IMAGE, np.eye(4), "HU")
    mask = Volume(IMAGE > 0.5, np.eye(4), "1")
    entries = [
        {"name": "gabor", "sigma_mm": 1.5, "lambda_mm": wave, "theta_step": 45, "planes": True}
        for wave in (2, 3, 5)
    ]
    other = entries[0] | {"boundary": "zero", "lambda_mm": 4}
    alone = [extract(image, mask, {"filters": [e], "families": ["intensity"]}) for e in entries]
    called: list[int] = []
    real = gabor.fft.fft2

    def counted(array: Any, *args: Any, **more: Any) -> Any:
        called.append(array.ndim)  # slices have three axes, kernels two
        return real(array, *args, **more)

    monkeypatch.setattr(gabor.fft, "fft2", counted)
    together = extract(image, mask, {"filters": [*entries, other], "families": ["intensity"]})
    assert called.count(3) == 3 + 3  # once for each plane of the three, and of the other boundary
    for features in alone:
        assert {key: together[key] for key in features} == features


def test_images_of_one_mask_in_one_call() -> None:
    image = Volume(100 * IMAGE, np.eye(4), "HU")
    mask = Volume(ndimage.gaussian_filter(IMAGE, 2) > 0, np.eye(4), "1")
    wavelet = {"name": "wavelet", "family": "haar"}
    log = {
        "name": "log",
        "sigma_mm": 1,
        "discretisation": {"method": "fixed_bin_number", "bins": 8},
    }
    families = {
        "families": ["morphology", "intensity", "glcm"],
        "discretisation": {"method": "fixed_bin_size", "bin_width": 25, "lower": -1000},
    }
    both = extract(image, mask, {"filters": [{"name": "original"}, log, wavelet], **families})
    assert len(both) == 29 + 10 * (18 + 25)  # the mask's shape once
    alone = extract(image, mask, {"filters": [wavelet], **families})
    name = "wavelet_haar_level_1_HLH_glcm_contrast"
    assert both[name] == alone[name]
    assert [key for key in both if "glcm_contrast" in key][:3] == [
        "original_glcm_contrast",
        "log_1mm_3d_glcm_contrast",
        "wavelet_haar_level_1_LLL_glcm_contrast",
    ]
