"""Oracle: changes done by plain indexing, rotation against closed forms; invariant: seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from radiomics.training.augment import Augment, augment_batch


def batch(shape: tuple[int, ...] = (6, 2, 9, 9), seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def changed(x: torch.Tensor, seed: int = 1, **options: Any) -> torch.Tensor:
    torch.manual_seed(seed)
    return augment_batch(x, Augment(**options))


EVERYTHING = {
    "flip": (1, 2),
    "shift": 2,
    "right_angles": True,
    "rotate": 15,
    "scale": 0.1,
    "brighten": 0.2,
    "contrast": 0.2,
    "gamma": 0.3,
    "noise": 0.1,
    "cutout": 3,
}


@pytest.mark.parametrize("shape", [(5, 2, 9, 9), (5, 1, 4, 8, 8)])
def test_a_seed_gives_the_same_changes(shape: tuple[int, ...]) -> None:
    x = batch(shape)
    kept = x.clone()
    one, two = changed(x, **EVERYTHING), changed(x, **EVERYTHING)
    assert torch.equal(one, two)
    assert torch.equal(x, kept)
    assert one.shape == x.shape
    assert not torch.equal(one, changed(x, seed=2, **EVERYTHING))


def test_nothing_asked_for_changes_nothing() -> None:
    x = batch((3, 5))
    assert augment_batch(x, Augment()) is x


@pytest.mark.parametrize(
    ("shape", "axes"), [((40, 1, 5, 6), (1, 2)), ((60, 1, 3, 4, 5), (1, 2, 3))]
)
def test_flips_are_those_of_the_axes_named(shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
    x = batch(shape)
    result = changed(x, flip=axes)
    possible = [()]
    for axis in axes:
        possible += [(*p, -axis) for p in possible]
    seen = set()
    for before, after in zip(x, result, strict=True):
        found = [p for p in possible if torch.equal(before.flip(p) if p else before, after)]
        assert len(found) == 1
        seen.add(found[0])
    assert len(seen) == 2 ** len(axes)


def test_right_angles_keep_the_values_and_the_shape() -> None:
    square, oblong = (
        changed(batch(), right_angles=True),
        changed(batch((20, 1, 4, 7)), right_angles=True),
    )
    for before, after in zip(batch(), square, strict=True):
        assert any(torch.equal(before.rot90(k, (-2, -1)), after) for k in range(4))
    for before, after in zip(batch((20, 1, 4, 7)), oblong, strict=True):
        assert any(torch.equal(before.rot90(k, (-2, -1)), after) for k in (0, 2))


@pytest.mark.parametrize("shape", [(30, 2, 7, 8), (30, 1, 4, 5, 6)])
def test_shifts_bring_in_zeros(shape: tuple[int, ...]) -> None:
    x = batch(shape)
    padded = np.pad(x.numpy(), [(0, 0), (0, 0), *[(2, 2)] * (x.ndim - 2)])
    for number, after in enumerate(changed(x, shift=2).numpy()):
        offsets = np.ndindex(*(5,) * (x.ndim - 2))
        cuts = [
            padded[
                (
                    number,
                    slice(None),
                    *(slice(o, o + n) for o, n in zip(at, shape[2:], strict=True)),
                )
            ]
            for at in offsets
        ]
        assert sum(np.array_equal(cut, after) for cut in cuts) == 1


@pytest.mark.parametrize("dims", [2, 3])
def test_a_turned_ball_off_centre_keeps_its_distance_and_size(dims: int) -> None:
    side = 41
    axes = np.meshgrid(*[np.arange(side) - side // 2] * dims, indexing="ij")
    centre = np.zeros(dims)
    centre[-1] = 10
    away = sum((a - c) ** 2 for a, c in zip(axes, centre, strict=True))
    ball = torch.from_numpy(np.exp(-away / 18).astype(np.float32))[None, None]
    turned = changed(ball.expand(8, -1, *ball.shape[2:]).contiguous(), rotate=40)
    moved = set()
    for found in turned[:, 0].numpy():
        mass = found.sum()
        at = [float((a * found).sum() / mass) for a in axes]
        assert np.hypot.reduce(at) == pytest.approx(10, abs=0.2)
        assert mass == pytest.approx(float(ball.sum()), rel=0.03)
        moved.add(round(at[-1], 1))
    assert len(moved) > 3


def test_scale_enlarges_about_the_centre() -> None:
    side = 41
    y, x = np.meshgrid(*[np.arange(side) - 20] * 2, indexing="ij")
    disc = torch.from_numpy(np.exp(-(x**2 + y**2) / 50).astype(np.float32))[None, None]
    found = changed(disc.expand(16, 1, side, side).contiguous(), scale=0.3).sum((1, 2, 3))
    share = (found / disc.sum()).sqrt()
    assert 0.69 < share.min() < 0.9
    assert 1.1 < share.max() < 1.31


def test_values_change_as_said() -> None:
    x = batch()
    plus = changed(x, brighten=0.5) - x
    assert torch.allclose(plus, plus[:, :1, :1, :1].expand_as(plus), atol=1e-6)
    assert 0 < plus.abs().max() <= 0.5
    times = changed(x, contrast=0.3) / x
    assert 0.7 <= times.min() < times.max() <= 1.3
    bent = changed(x, gamma=0.4)
    assert torch.allclose(bent.amax((1, 2, 3)), x.amax((1, 2, 3)), atol=1e-5)
    assert torch.allclose(bent.amin((1, 2, 3)), x.amin((1, 2, 3)), atol=1e-5)
    assert torch.equal(bent[0].flatten().argsort(), x[0].flatten().argsort())
    noise = changed(batch((50, 1, 20, 20)), noise=0.3) - batch((50, 1, 20, 20))
    assert float(noise.std()) == pytest.approx(0.3, rel=0.05)


@pytest.mark.parametrize("shape", [(50, 1, 12, 12), (50, 1, 6, 12, 12)])
def test_cutout_blanks_one_box(shape: tuple[int, ...]) -> None:
    gone = changed(torch.ones(shape), cutout=4) == 0
    counts = gone.flatten(1).sum(1)
    assert counts.max() == 4 ** (len(shape) - 2)
    assert counts.min() >= 2 ** (len(shape) - 2)


def test_what_cannot_be_changed_is_refused() -> None:
    with pytest.raises(ValueError, match="only images"):
        changed(torch.ones(3, 4), noise=1)
    with pytest.raises(ValueError, match="no axis 3"):
        changed(torch.ones(3, 1, 4, 4), flip=(3,))
