"""Images of one mask that are counted together: each as if it were alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from radiomics import extract
from radiomics.compat.firstorder import percentiles
from radiomics.extraction import regions
from radiomics.extraction.columns import options_of
from radiomics.extraction.settings import load_settings
from radiomics.features import STANDARD
from radiomics.kernels.texture.aggregation import matrix_batches
from radiomics.kernels.texture.emphases import dense_emphases, emphases, matrix_entries
from radiomics.kernels.texture.stacks import Stack, StackedLevels
from radiomics.plugins import load
from radiomics.types import Region, Volume
from tests.regions import of_levels

SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 6))
EVERY = load_settings(
    {
        "aggregation": [
            *("2d_averaged", "2d_slice_merged", "2.5d_direction_merged", "2.5d_merged"),
            *("3d_averaged", "3d_merged"),
        ]
    }
)


@st.composite
def stacks(draw: Any) -> list[Region]:
    """Return regions of one mask, of different numbers of levels, that share a stack."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    mask = random.random(draw(SHAPES)) < draw(st.sampled_from([0.3, 0.8, 1.0]))
    mask.flat[random.integers(mask.size)] = True
    counts = draw(st.lists(st.integers(1, 9), min_size=2, max_size=4))
    alone = [of_levels(np.where(mask, random.integers(1, n + 1, mask.shape), 0)) for n in counts]
    levels = np.stack([np.pad(one.levels, 1) for one in alone])
    stack = Stack(levels, np.array([one.n_levels for one in alone]))
    return [replace(one, stacked=StackedLevels(stack, place)) for place, one in enumerate(alone)]


@settings(max_examples=60, deadline=None)
@given(stacks(), st.sampled_from(["glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm"]))
def test_images_counted_together_have_the_features_of_each_alone(
    together: list[Region], name: str
) -> None:
    family = load("radiomics.features", name)
    for _, options in options_of(family, "1", EVERY):
        for region in together:
            alone = replace(region, stacked=None, once=type(region.once)())
            alone = replace(alone, once_a_mask=type(region.once)())
            np.testing.assert_equal(
                family.features(region, options), family.features(alone, options)
            )


@pytest.mark.parametrize("room", [0, 2**40])
@pytest.mark.parametrize("decimated", [False, True])
def test_values_do_not_depend_on_how_many_are_counted_together(
    room: int, decimated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(5)
    image = Volume(random.normal(size=(8, 10, 12)), np.eye(4), "1")
    mask = replace(image, array=random.random(image.shape) < 0.7)
    asked = {
        "families": list(STANDARD),
        "discretisation": {"method": "fixed_bin_number", "bins": 6},
        "aggregation": ["2d_averaged", "3d_merged"],
        "filters": [
            {"name": "original"},
            {"name": "wavelet", "family": "haar", "decimated": decimated},
        ],
    }
    expected = extract(image, mask, asked)
    monkeypatch.setattr(regions, "TOGETHER", room)
    monkeypatch.setattr("radiomics.extraction.workers", lambda: 1)
    np.testing.assert_equal(extract(image, mask, asked), expected)
    assert list(extract(image, mask, asked)) == list(expected)
    made: list[int] = []
    stack = Stack

    def count(levels: Any, n_levels: Any) -> Stack:
        made.append(len(levels))
        return stack(levels, n_levels)

    monkeypatch.setattr(regions, "Stack", count)
    extract(image, mask, asked)
    assert sorted(made) == ([1] * 9 if room == 0 else [1, 8])


@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.integers(1, 9)).flatmap(
            lambda shape: arrays(np.int64, shape, elements=st.sampled_from([0, 0, 1, 2, 700]))
        ),
        max_size=12,
    )
)
def test_matrices_are_stacked_in_order(tables: list[np.ndarray]) -> None:
    given_ = [(table, number) for number, table in enumerate(tables)]
    found = [
        (matrix, int(number))
        for some, numbers in matrix_batches(iter(given_))
        for matrix, number in zip(some, numbers, strict=True)
    ]
    assert [number for _, number in found] == list(range(len(tables)))
    for (one, _), other in zip(found, tables, strict=True):
        assert np.array_equal(one, other)


@given(
    arrays(
        np.int64,
        st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 9)),
        elements=st.sampled_from([0, 0, 1, 2, 700]),
    )
)
def test_dense_tables_have_the_features_of_their_entries(tables: np.ndarray) -> None:
    voxels = np.arange(3, 3 + len(tables))
    found = dense_emphases(tables, voxels)
    expected = [emphases(*matrix_entries(m), int(n)) for m, n in zip(tables, voxels, strict=True)]
    assert found == pytest.approx(np.array(expected), rel=1e-10, abs=1e-12, nan_ok=True)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_percentiles_are_numpys_to_the_last_bit(values: list[float]) -> None:
    wanted = (0, 10, 25, 50, 75, 90, 100)
    assert percentiles(np.sort(values), wanted) == np.percentile(values, wanted).tolist()
