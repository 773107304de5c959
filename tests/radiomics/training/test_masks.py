"""Invariant: masks among the channels move with the image, and stay masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from radiomics import InputError
from radiomics.pipelines.study.config import StudyConfig
from radiomics.training import Options, fit
from radiomics.training.augment import Augment, augment_batch
from radiomics.types import Samples

GEOMETRY: dict[str, Any] = {"flip": (1, 2), "shift": 2, "right_angles": True, "rotate": 20}
VALUES: dict[str, Any] = {"brighten": 0.3, "contrast": 0.3, "gamma": 0.3, "noise": 0.2, "cutout": 3}


def scans(masks: int = 1, dims: int = 2, levels: tuple[float, float] = (0, 1)) -> Tensor:
    """Return an image channel and masks of a box, off the middle."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(6, 1 + masks, *(11,) * dims, generator=generator)
    x[:, 1:] = levels[0]
    x[(slice(None), slice(1, None), *(slice(1, 6),) * dims)] = levels[1]
    return x


def changed(x: Tensor, levels: tuple[float, float] = (0, 1), **options: Any) -> Tensor:
    torch.manual_seed(3)
    low, high = (torch.tensor(float(level)) for level in levels)
    return augment_batch(x, Augment(**options), (low, high))


@given(
    st.dictionaries(st.sampled_from([*GEOMETRY, *VALUES, "scale"]), st.none(), min_size=1),
    st.sampled_from([(1, 2), (3, 2), (1, 3)]),
    st.sampled_from([(0.0, 1.0), (-0.25, 3.9)]),
)
@settings(max_examples=60, deadline=None)
def test_masks_hold_two_values_whatever_happens(
    chosen: dict[str, None], form: tuple[int, int], levels: tuple[float, float]
) -> None:
    options = {name: (GEOMETRY | VALUES | {"scale": 0.2})[name] for name in chosen}
    x = scans(*form, levels)
    found = changed(x, levels, masks=form[0], **options)
    assert set(found[:, 1:].unique().tolist()) <= set(x[:, 1:].unique().tolist())
    assert found.shape == x.shape


def test_changes_of_values_leave_masks_alone() -> None:
    x = scans(2)
    for name, value in VALUES.items():
        found = changed(x, masks=2, **{name: value})
        assert torch.equal(found[:, 1:], x[:, 1:]), name
        assert not torch.equal(found[:, :1], x[:, :1]), name


def test_masks_move_as_the_image_does() -> None:
    x = scans()
    x[:, :1] = x[:, 1:]
    found = changed(x, masks=1, **GEOMETRY, scale=0.2)
    assert torch.equal((found[:, :1] > 0.5).float(), found[:, 1:])
    assert not torch.equal(found, x)


class Watching(nn.Module):
    """A network that keeps what it has seen in training."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.seen = nn.Linear(2 * 11 * 11, 1), set[float]()

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.seen |= set(x[:, 1].unique().tolist())
        result: Tensor = self.layer(x.flatten(1))
        return result


@pytest.mark.parametrize("stream", [False, True])
def test_a_training_sees_the_two_values_of_a_mask(stream: bool) -> None:
    x = scans().numpy()
    samples = Samples(tuple("abcdef"), np.arange(6), x, np.arange(6) % 2)
    augment = Augment(masks=1, **VALUES, **GEOMETRY)
    options = Options(task="binary", augment=augment, epochs=2, device="cpu", stream=stream)
    network = Watching()
    trained = fit(network, samples, options=options)
    mean, spread = trained.scaling.mean[1], trained.scaling.spread[1]
    assert sorted(network.seen) == pytest.approx([-mean / spread, (1 - mean) / spread])
    grey = Samples(samples.ids, samples.groups, x * 0.5, samples.y)
    with pytest.raises(InputError, match=r"0 and 1\n.*samples a, b, c, d, e, f\n"):
        fit(Watching(), grey, options=options)


@pytest.mark.parametrize(
    ("augment", "message"),
    [({"masks": 2, "shift": 1}, "2 of 2 channels"), ({"flip": [3]}, "axis 3")],
)
def test_what_the_samples_do_not_have_is_refused(augment: dict[str, Any], message: str) -> None:
    samples = Samples(tuple("abcdef"), np.arange(6), scans().numpy(), np.arange(6) % 2)
    with pytest.raises(InputError, match=message):
        fit(Watching(), samples, options=Options(task="binary", augment=augment, device="cpu"))


@pytest.mark.parametrize(
    ("tensors", "masks"),
    [
        ({"mask_channel": True}, 1),
        ({"mask_channel": True, "dims": 2, "size": [3, 8, 8]}, 3),
        ({"mask_channel": False, "dims": 2, "size": [3, 8, 8]}, 0),
    ],
)
def test_a_study_knows_its_mask_channels(tensors: dict[str, Any], masks: int) -> None:
    config = StudyConfig(
        title="t",
        data={"name": "phantom"},
        tensors=tensors,
        models=[{"name": "cnn"}],
        training={"augment": {"noise": 0.1}},
    )
    assert config.recipe({}).augment.masks == masks
    assert config.recipe({"training": {"augment": {"masks": 1, "noise": 1}}}).augment.masks == 1
    assert config.recipe({"training": {"augment": {}}}).augment == Augment()
