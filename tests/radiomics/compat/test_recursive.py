"""Oracle: ITK's recursive filters, and closed forms of the Gaussian."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from radiomics.kernels.filtering.recursive import laplacian, recursive_coefficients


@given(
    st.lists(st.integers(4, 24), min_size=2, max_size=3),
    st.lists(st.sampled_from([0.5, 0.977, 1.3, 3.0]), min_size=3, max_size=3),
    st.sampled_from([0.6, 1.0, 2.5, 5.0]),
    st.sampled_from([np.int16, np.float32, np.float64]),
    st.integers(0, 2**32 - 1),
)
def test_the_laplacian_equals_itks(
    shape: list[int], steps: list[float], sigma: float, kind: type, seed: int
) -> None:
    array = (np.random.default_rng(seed).normal(size=shape) * 300).astype(kind)
    spacing = np.array(steps[: len(shape)])
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing[::-1].tolist())
    itk = sitk.LaplacianRecursiveGaussianImageFilter()
    itk.SetNormalizeAcrossScale(True)
    itk.SetSigma(sigma)
    expected = sitk.GetArrayFromImage(itk.Execute(image))
    found = laplacian(array, spacing, sigma)
    assert found.dtype == expected.dtype == np.float32
    scale = np.abs(expected).max()
    assert np.abs(found - expected).max() <= 1e-7 * scale  # the last bit of float32
    assert (found == expected).mean() > 0.99


@pytest.mark.parametrize("sigma", [1.0, 2.0, 4.0])
def test_a_constant_a_slope_and_a_parabola(sigma: float) -> None:
    x = np.indices((9, 61, 61))[2].astype(float)
    middle = (4, 30, 30)
    spacing = np.array([1.0, 0.5, 0.5])
    # float32 between the axes, and a response that grows with sigma squared
    assert laplacian(np.full(x.shape, 7.0), spacing, sigma)[middle] == pytest.approx(0, abs=1e-3)
    slope = laplacian(3 * x, spacing, sigma)
    far = int(6 * sigma / 0.5)
    if far < 30:
        assert slope[middle] == pytest.approx(0, abs=2e-2)
        parabola = laplacian(x**2 * 0.25, spacing, sigma)  # mm squared: second derivative 2
        assert parabola[middle] == pytest.approx(2 * sigma**2, rel=2e-2)


def test_impulse_responses_are_gaussians() -> None:
    """The approximation is good to a hundredth or two of the largest value."""
    sigma, count = 3.0, 81
    k = np.arange(count) - 40.0
    bell = np.exp(-(k**2) / (2 * sigma**2)) / (sigma * np.sqrt(2 * np.pi))
    for order, expected in ((0, bell), (2, bell * (k**2 / sigma**2 - 1) / sigma**2)):
        ahead, back, later, _, _ = recursive_coefficients(sigma, order)
        causal, other = np.zeros(count), np.zeros(count)
        for i in range(count):
            past = sum(back[j] * causal[i - 1 - j] for j in range(4) if i > j)
            causal[i] = (ahead[i - 40] if 40 <= i < 44 else 0) - past
        for i in range(count - 1, -1, -1):
            future = sum(back[j] * other[i + 1 + j] for j in range(4) if i + 1 + j < count)
            other[i] = (later[39 - i] if 36 <= i < 40 else 0) - future
        assert np.abs(causal + other - expected).max() < 2e-2 * np.abs(expected).max()


@given(
    st.lists(st.integers(5, 20), min_size=2, max_size=3),
    st.data(),
    st.integers(0, 2**32 - 1),
)
def test_a_box_of_the_laplacian_is_that_part_of_the_whole(
    shape: list[int], data: st.DataObject, seed: int
) -> None:
    array = np.random.default_rng(seed).normal(size=shape)
    spacing = np.array([1.0, 2.0, 0.7][: len(shape)])
    low = [data.draw(st.integers(0, side - 1)) for side in shape]
    high = [data.draw(st.integers(start + 1, side)) for start, side in zip(low, shape, strict=True)]
    box = tuple(slice(*ends) for ends in zip(low, high, strict=True))
    whole = laplacian(array, spacing, 1.1)
    assert np.array_equal(laplacian(array, spacing, 1.1, box), whole[box])
