"""Oracle: PyWavelets' own stationary transform, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import pywt
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from radiomics.compat.binning import _digitise, bin_edges
from radiomics.compat.images import _sub_bands

WAVELETS = ["haar", "coif1", "coif3", "db3", "sym4", "bior2.2"]


@settings(max_examples=80)
@given(
    st.lists(st.integers(1, 14), min_size=2, max_size=3),
    st.sampled_from(WAVELETS),
    st.sampled_from([np.float32, np.float64]),
    st.booleans(),
    st.data(),
    st.integers(0, 2**32 - 1),
)
def test_bands_are_those_of_pywavelets(
    half: list[int], wavelet: str, dtype: Any, planar: bool, data: st.DataObject, seed: int
) -> None:
    shape = [2 * side for side in half]
    axes = list(range(len(shape)))[::-1][: -1 if planar else None]
    array = np.random.default_rng(seed).normal(0, 100, shape).astype(dtype)
    low = [data.draw(st.integers(0, side - 1)) for side in shape]
    high = [data.draw(st.integers(start + 1, side)) for start, side in zip(low, shape, strict=True)]
    box = tuple(slice(*ends) for ends in zip(low, high, strict=True))
    expected = pywt.swtn(array, wavelet, level=1, start_level=0, axes=axes)[0]
    found = _sub_bands(array, wavelet, axes, box)
    assert set(found) == set(expected)
    for name, response in expected.items():
        assert found[name].dtype == response.dtype
        assert np.array_equal(found[name], response[box])


@given(
    st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=80),
    st.one_of(st.floats(0.01, 500), st.integers(1, 60)),
    st.sampled_from([np.float32, np.float64, np.int16]),
)
def test_levels_are_those_of_a_search(values: list[float], bins: float, dtype: Any) -> None:
    array = np.array(values).astype(dtype)
    name = "binCount" if isinstance(bins, int) else "binWidth"
    try:
        edges = bin_edges(array, {name: bins})
    except ValueError:  # too many bins
        reject()
    array = np.concatenate([array.astype(np.float64), np.clip(edges, array.min(), array.max())])
    assert np.array_equal(_digitise(array, edges), np.digitize(array, edges))


def test_several_levels_and_a_later_start() -> None:
    from radiomics.compat.images import TYPES
    from tests.radiomics.compat.test_interface import CASE

    image = CASE[0]
    whole = tuple(slice(0, side) for side in image.GetSize()[::-1])
    names = [name for _, name in TYPES["Wavelet"](*CASE, {"level": 2, "start_level": 1}, whole)]
    assert len(names) == 15
    assert names[-1] == "wavelet2-LLL"
    part = tuple(slice(1, 4) for _ in whole)
    settings_ = {"level": 2, "start_level": 1}
    pairs = zip(
        TYPES["Wavelet"](*CASE, settings_, whole),
        TYPES["Wavelet"](*CASE, settings_, part),
        strict=True,
    )
    for (one, name), (other, same) in pairs:
        assert name == same
        assert np.array_equal(np.asarray(one)[part], other), pytest.fail(name)
