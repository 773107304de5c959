"""Mechanics of patches, batches and tables; oracle: closed forms and scikit-learn's own steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError

from radiomics.preprocessing import resample, tabular, tensors
from radiomics.types import Case, InputError, Volume


def case() -> Case:
    image = np.full((9, 12, 10), -1000.0)
    image[3:6, 4:8, 1:5] = 400
    mask = Volume(image > 0, np.eye(4))
    return Case("a", "p", Volume(image, np.eye(4), "HU"), mask)


def test_a_patch_lies_around_the_mask_and_pads_what_is_missing() -> None:
    options = tensors.Options(size=(8, 8, 8), spacing=None, mask_channel=True)
    patch = tensors.case_tensor(case(), options)
    assert patch.shape == (2, 8, 8, 8)
    assert patch.dtype == torch.float32
    assert patch[1].sum() == 3 * 4 * 4
    assert torch.equal(patch[0] == 1, patch[1] == 1)
    at = tensors.mask_centre(np.asarray(case().mask.array))  # type: ignore[union-attr]
    assert at == (4, 6, 3)
    assert patch[1, 4, 4, 4] == 1


@pytest.mark.parametrize("at", [(0, 0, 0), (4, 6, 3), (8, 11, 9), (-30, 40, 3)])
@pytest.mark.parametrize("size", [(3, 4, 5), (20, 20, 20)])
def test_crop_or_pad_by_plain_indexing(
    at: tuple[int, int, int], size: tuple[int, int, int]
) -> None:
    array = torch.arange(9 * 12 * 10, dtype=torch.float32).reshape(1, 9, 12, 10)
    patch = tensors.crop_or_pad(array, at, size, fill=-1)
    assert patch.shape == (1, *size)
    for offset in np.ndindex(*size):
        index = [a - s // 2 + o for a, s, o in zip(at, size, offset, strict=True)]
        inside = all(0 <= i < n for i, n in zip(index, array.shape[1:], strict=True))
        assert patch[(0, *offset)] == (array[(0, *index)] if inside else -1)


def test_resampled_patches_have_the_lesion_in_millimetres() -> None:
    options = tensors.Options(size=(16, 16, 16), spacing=(0.5, 0.5, 0.5), mask_channel=True)
    patch = tensors.case_tensor(case(), options)
    assert patch[1].sum() == pytest.approx(6 * 8 * 8, rel=0.35)


def test_a_case_without_a_mask_cannot_be_cut() -> None:
    with pytest.raises(InputError, match="case a"):
        tensors.case_tensor(replace(case(), mask=None), tensors.Options())


def test_a_patch_is_the_same_part_of_the_whole_resampled_image() -> None:
    rng = np.random.default_rng(0)
    array = rng.normal(size=(20, 30, 28)) * 200 - 300
    mask = np.zeros(array.shape, bool)
    mask[7:13, 10:19, 4:11] = True
    affine = np.diag([2.0, 0.8, 0.9, 1])
    given = Case("a", "p", Volume(array, affine, "HU"), Volume(mask, affine))
    options = tensors.Options(size=(9, 11, 13), window=None, mask_channel=True)
    patch = tensors.case_tensor(given, options).numpy()
    spacing = (1.0, 1.0, 1.0)
    whole = resample.resample(given.image, spacing, "linear").array
    inside = resample.resample_mask(given.mask, spacing).array  # type: ignore[arg-type]
    d, h, w = tensors.mask_centre(np.asarray(inside))
    part = (slice(d - 4, d + 5), slice(h - 5, h + 6), slice(w - 6, w + 7))
    assert np.allclose(patch[0], whole[part].astype(np.float32), atol=1e-3)
    assert np.array_equal(patch[1], inside[part])


def test_slices_become_channels_around_the_largest_section() -> None:
    given = case()
    mask = np.asarray(given.mask.array).copy()  # type: ignore[union-attr]
    mask[3, 4:6] = False
    mask[5, 7:] = False
    given = replace(given, mask=Volume(mask, np.eye(4)))
    options = {"dims": 2, "size": (3, 8, 8), "spacing": None, "window": None}
    stack = tensors.case_tensor(given, tensors.Options(**options))
    assert stack.shape == (3, 8, 8)
    assert stack[1].max() == 400
    both = tensors.case_tensor(given, tensors.Options(**options, mask_channel=True))
    assert both.shape == (6, 8, 8)
    assert both[4].sum() == mask.sum(axis=(1, 2)).max()
    single = tensors.case_tensor(given, tensors.Options(**options | {"size": (1, 8, 8)}))
    assert torch.equal(single[0], stack[1])


def test_a_margin_chooses_the_spacing_that_holds_the_mask() -> None:
    options = tensors.Options(size=(12, 12, 12), margin_mm=1, mask_channel=True)
    patch = tensors.case_tensor(case(), options)
    side = (4 + 2) / 12
    assert patch[1].sum() * side**3 == pytest.approx(3 * 4 * 4, rel=0.35)
    assert not patch[1, 0].any()
    assert not patch[1, :, 0].any()


def test_sizes_in_millimetres_and_what_contradicts_them() -> None:
    options = tensors.Options(size_mm=(10, 20, 30), spacing=(2, 2, 3))
    assert options.voxels() == (5, 10, 10)
    for wrong in (
        {"size_mm": (9, 9, 9), "size": (3, 3, 3)},
        {"size_mm": (9, 9, 9), "spacing": None},
        {"margin_mm": 2, "spacing": (1, 1, 1)},
        {"dims": 2, "size": (4, 8, 8)},
    ):
        with pytest.raises(ValidationError):
            tensors.Options.model_validate(wrong)


def test_tables_are_imputed_scaled_and_encoded_from_the_training_part_alone() -> None:
    train = pd.DataFrame({"a": [0.0, 2.0, np.nan, 4.0], "site": ["n", "s", "n", None]})
    test = pd.DataFrame({"a": [np.nan, 100.0], "site": ["west", "s"]})
    transformer = tabular.build(train, tabular.Options()).fit(train)
    found = transformer.transform(test)
    deviation = np.std([0, 2, 2, 4])
    assert found[:, 0] == pytest.approx([0, 98 / deviation])
    assert found[:, 1:].tolist() == [[0, 0], [0, 1]]  # a site unseen in training is no site
    assert transformer.get_feature_names_out().tolist() == ["a", "site_n", "site_s"]


@pytest.mark.parametrize("scale", ["standard", "robust", "min_max", "none"])
def test_every_scaler_is_finite_on_a_constant_and_an_empty_column(scale: str) -> None:
    table = pd.DataFrame({"c": [3.0] * 5, "gap": [np.nan] * 5, "x": np.arange(5.0)})
    options = tabular.Options.model_validate({"scale": scale})
    assert np.isfinite(tabular.build(table, options).fit_transform(table)).all()
