"""Mechanics of patches, batches and tables; oracle: closed forms and scikit-learn's own steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from radiomics.preprocessing import tabular, tensors
from radiomics.types import Case, Volume


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
    at = tensors.centre(np.asarray(case().mask.array))  # type: ignore[union-attr]
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
    with pytest.raises(ValueError, match="case a"):
        tensors.case_tensor(replace(case(), mask=None), tensors.Options())


def test_batches_hold_everything_once_and_follow_the_seed() -> None:
    x, y = torch.arange(10)[:, None], torch.arange(10)
    plain = list(tensors.batches(x, y, size=4))
    assert [len(b[0]) for b in plain] == [4, 4, 2]
    assert torch.equal(torch.cat([b[1] for b in plain]), y)

    def shuffled(seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return torch.cat([b[0] for b in tensors.batches(x, y, size=3, generator=generator)])

    assert torch.equal(shuffled(1), shuffled(1))
    assert not torch.equal(shuffled(1), shuffled(2))
    assert sorted(shuffled(1).ravel().tolist()) == list(range(10))
    with pytest.raises(ValueError, match="one length"):
        list(tensors.batches(x, y[:5], size=2))


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
