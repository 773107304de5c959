"""Oracle: brute force over voxel distances, and hand-made components."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from radiomics.preprocessing import masks

MASKS = arrays(bool, st.tuples(*[st.integers(1, 5)] * 3)).filter(np.any)
SPACING = (3.0, 0.8, 1.1)


def distances(mask: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the smallest distance in mm of each voxel to any of the other places."""
    places = np.argwhere(np.ones(mask.shape, bool)) * np.array(SPACING)
    away = np.linalg.norm(places[:, None] - (others * np.array(SPACING))[None], axis=2)
    return away.min(axis=1).reshape(mask.shape)


@given(MASKS, st.floats(0, 5))
def test_growing_by_brute_force(mask: np.ndarray, by: float) -> None:
    expected = distances(mask, np.argwhere(mask)) <= by + 1e-12
    assert np.array_equal(masks.grow(mask, SPACING, by), expected)


@given(MASKS, st.floats(0.01, 5))
def test_shrinking_by_brute_force(mask: np.ndarray, by: float) -> None:
    outside = np.argwhere(~np.pad(mask, 1)) - 1
    expected = mask & (distances(mask, outside) > by)
    assert np.array_equal(masks.grow(mask, SPACING, -by), expected)


@given(MASKS)
def test_components_are_apart_and_together_the_mask(mask: np.ndarray) -> None:
    parts = masks.connected_components(mask)
    assert np.array_equal(sum(part.astype(int) for part in parts), mask.astype(int))
    assert [p.sum() for p in parts] == sorted((p.sum() for p in parts), reverse=True)
    for part in parts:
        others = np.argwhere(mask & ~part)
        gaps = np.abs(np.argwhere(part)[:, None] - others[None]).max(axis=2)
        assert gaps.size == 0 or gaps.min() > 1
    assert np.array_equal(masks.largest_component(mask), parts[0])


def test_an_empty_mask_stays_empty() -> None:
    empty = np.zeros((2, 3, 4), bool)
    assert not masks.largest_component(empty).any()
    assert not masks.grow(empty, SPACING, 5).any()


def test_holes_are_filled_and_bays_are_not() -> None:
    mask = np.ones((5, 5, 5), bool)
    mask[2, 2, 2] = False
    assert masks.fill_holes(mask).all()
    mask[2, 2, 3:] = False
    assert not masks.fill_holes(mask)[2, 2, 2]


def test_a_rim_lies_on_both_sides_of_the_edge() -> None:
    mask = np.zeros((1, 1, 12), bool)
    mask[..., 3:9] = True
    found = masks.rim(mask, (9.0, 9.0, 1.0), inside=0, outside=2)
    assert np.flatnonzero(found).tolist() == [1, 2, 9, 10]
    ball = np.linalg.norm(np.indices((15, 15, 15)) - 7, axis=0) <= 5
    shell = masks.rim(ball, (1.0, 1.0, 1.0), inside=2, outside=1)
    assert not shell[7, 7, 7]
    assert shell[7, 7, 12]
    assert shell[7, 7, 13]
    assert not shell[7, 7, 14]
    with pytest.raises(ValueError, match="0 or more"):
        masks.rim(mask, SPACING, -1, 0)
