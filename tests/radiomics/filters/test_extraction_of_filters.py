"""Mechanics: filters inside an extraction, what they refuse, and what they share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from radiomics import InputError, Volume, extract, filters
from radiomics.plugins import ConfigurationError
from tests.radiomics.filters.test_responses import IMAGE, LINEAR, RNG, apply


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"name": "mean", "support": 4}, "odd number of voxels"),
        ({"name": "log", "sigma_mm": 0}, "greater than 0"),
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
        ({"name": "mean", "support": 31}, "does not fit an axis of"),
        ({"name": "wavelet", "family": "db8", "level": 3}, "does not fit an axis of"),
        ({"name": "gabor", "sigma_mm": 2, "lambda_mm": 3, "theta": 0, "planes": True}, "square"),
    ],
)
def test_a_filter_that_does_not_fit_is_told(spec: dict[str, Any], message: str) -> None:
    image = Volume(IMAGE, np.diag([2.0, 1.0, 1.0, 1.0]), "HU")
    mask = Volume(IMAGE > 0, image.affine, "1")
    with pytest.raises(InputError, match=message):
        extract(image, mask, {"filters": [spec], "families": ["intensity"]})


def test_nan_around_the_mask_that_reaches_into_it_is_told() -> None:
    array = IMAGE.copy()
    array[0, 0, 0] = np.nan
    mask = np.zeros(array.shape, bool)
    mask[5:9, 5:9, 5:9] = True
    image, inside = Volume(array, np.eye(4), "1"), Volume(mask, np.eye(4), "1")
    wanted = {"filters": [{"name": "simoncelli"}], "families": ["intensity"]}
    with pytest.raises(InputError, match="NaN or infinite"):
        extract(image, inside, wanted)


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
