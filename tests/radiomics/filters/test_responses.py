"""Oracle: filters against scipy, PyWavelets and SimpleITK, and against closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import pywt
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from radiomics.kernels.filtering.convolution import rotations
from radiomics.plugins import parse_plugin

MODES = {"zero": "constant", "nearest": "nearest", "periodic": "wrap", "mirror": "reflect"}
"""Our boundaries by scipy's names."""
RNG = np.random.default_rng(3)
IMAGE = RNG.normal(size=(15, 17, 20))
LINEAR: dict[str, dict[str, Any]] = {
    "mean": {"support": 5},
    "gaussian": {"sigma_mm": 1.2},
    "log": {"sigma_mm": 1.2},
    "laws": {"kernel": "E5W5S5"},
    "wavelet": {"family": "db3", "band": "LHH"},
    "simoncelli": {"level": 2},
    "riesz": {"order": (0, 1, 2), "level": 1},
}


def apply(
    name: str,
    array: np.ndarray = IMAGE,
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0),
    **options: Any,
) -> np.ndarray:
    module, checked = parse_plugin("radiomics.filters", {"name": name, **options}, "test")
    result: np.ndarray = module.apply(array, spacing, checked)
    return result


@pytest.mark.parametrize("boundary", MODES)
class TestBoundaries:
    def test_mean(self, boundary: str) -> None:
        expected = ndimage.uniform_filter(IMAGE, 7, mode=MODES[boundary])
        np.testing.assert_allclose(
            apply("mean", support=7, boundary=boundary), expected, atol=1e-12
        )

    def test_mean_of_slices(self, boundary: str) -> None:
        expected = ndimage.uniform_filter(IMAGE, (1, 5, 5), mode=MODES[boundary])
        found = apply("mean", support=5, dims=2, boundary=boundary)
        np.testing.assert_allclose(found, expected, atol=1e-12)

    def test_gaussian_in_mm(self, boundary: str) -> None:
        sigmas = (3.0 / 2.5, 3.0 / 1.5, 3.0 / 1.5)
        expected = ndimage.gaussian_filter(IMAGE, sigmas, mode=MODES[boundary], truncate=4)
        found = apply("gaussian", spacing=(2.5, 1.5, 1.5), sigma_mm=3, boundary=boundary)
        np.testing.assert_allclose(found, expected, atol=1e-12)

    def test_laws_kernels_are_flipped(self, boundary: str) -> None:
        e3, w5, r5 = ([-1, 0, 1], [-1, 2, 0, -2, 1], [1, -4, 6, -4, 1])
        x, y, z = (np.array(k) / np.linalg.norm(k) for k in (e3, w5, r5))
        kernel = z[:, None, None] * y[:, None] * x
        expected = ndimage.convolve(IMAGE, kernel, mode=MODES[boundary])
        found = apply("laws", kernel="E3W5R5", boundary=boundary)
        np.testing.assert_allclose(found, expected, atol=1e-12)

    @pytest.mark.parametrize("dims", [2, 3])
    def test_laplacian_of_gaussian(self, boundary: str, dims: int) -> None:
        s, r = 1.3, 5
        k = np.arange(-r, r + 1)
        q = sum(np.meshgrid(*[k**2] * dims, indexing="ij"))
        kernel = -(dims - q / s**2) / s**2 * np.exp(-q / (2 * s**2))
        kernel = kernel / (s * np.sqrt(2 * np.pi)) ** dims
        expected = ndimage.convolve(
            IMAGE, kernel.reshape((1,) * (3 - dims) + q.shape), mode=MODES[boundary]
        )
        found = apply("log", spacing=(2.0, 2.0, 2.0), sigma_mm=2.6, dims=dims, boundary=boundary)
        np.testing.assert_allclose(found, expected, atol=1e-12)

    def test_gabor(self, boundary: str) -> None:
        s, wave, gamma, theta, r = 2.0, 3.0, 1.5, np.radians(30), 8
        y, x = np.mgrid[-r : r + 1, -r : r + 1]
        a = x * np.cos(theta) + y * np.sin(theta)
        b = -x * np.sin(theta) + y * np.cos(theta)
        kernel = np.exp(-(a**2 + gamma**2 * b**2) / (2 * s**2) + 2j * np.pi * a / wave)
        parts = [
            ndimage.convolve(IMAGE, part[None], mode=MODES[boundary])
            for part in (kernel.real, kernel.imag)
        ]
        found = apply("gabor", sigma_mm=2, lambda_mm=3, gamma=1.5, theta=30, boundary=boundary)
        np.testing.assert_allclose(found, np.hypot(*parts), atol=1e-10)


@pytest.mark.parametrize("family", ["haar", "db2", "coif1", "sym5"])
@pytest.mark.parametrize("level", [1, 2])
def test_sub_bands_are_pywavelets_shifted(family: str, level: int) -> None:
    image = RNG.normal(size=(32, 32, 64))
    bands = pywt.swtn(image, family, level)[0]  # the deepest level first
    for band in ("LLL", "LLH", "HLH", "HHH"):
        key = "".join("ad"[letter == "H"] for letter in reversed(band))  # z first
        found = apply("wavelet", image, family=family, level=level, band=band, boundary="periodic")
        product = np.fft.fftn(found) * np.conj(np.fft.fftn(bands[key]))
        best = np.unravel_index(np.fft.ifftn(product).real.argmax(), image.shape)
        shifted = np.roll(bands[key], best, axis=(0, 1, 2))
        np.testing.assert_allclose(found, shifted, atol=1e-9)


def test_gradient_is_that_of_itk() -> None:
    image = sitk.GetImageFromArray(IMAGE)
    image.SetSpacing((0.7, 1.1, 2.0))
    expected = sitk.GetArrayFromImage(sitk.GradientMagnitude(image))
    found = apply("gradient", spacing=(2.0, 1.1, 0.7))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("square", lambda x, m: x**2 / m),
        ("square_root", lambda x, m: np.sign(x) * np.sqrt(np.abs(x) * m)),
        ("logarithm", lambda x, m: np.sign(x) * m * np.log(np.abs(x) + 1) / np.log(m + 1)),
        ("exponential", lambda x, m: m ** (x / m)),
    ],
)
def test_intensity_transforms(name: str, formula: Any) -> None:
    image = 50 * IMAGE
    np.testing.assert_allclose(apply(name, image), formula(image, np.abs(image).max()), rtol=1e-12)
    assert not apply(name, np.zeros((2, 2, 2)))[0, 0, 0] or name == "exponential"


@pytest.mark.parametrize("dims", [2, 3])
def test_simoncelli_by_the_full_complex_transform(dims: int) -> None:
    over = (0, 1, 2)[3 - dims :]
    grids = []
    for axis in over:
        n = IMAGE.shape[axis]
        w = np.fft.ifftshift(np.pi * (np.arange(n) - (n - 1) / 2) / ((n - 1) / 2))
        grids.append(w)
    mesh = np.meshgrid(*grids, indexing="ij")
    radius = 2 * np.sqrt(sum(w**2 for w in mesh))
    with np.errstate(divide="ignore"):
        band = np.cos(np.pi / 2 * np.log2(2 * radius / np.pi))
    band[(radius <= np.pi / 4) | (radius > np.pi)] = 0
    expected = np.fft.ifftn(np.fft.fftn(IMAGE, axes=over) * band, axes=over).real
    np.testing.assert_allclose(apply("simoncelli", level=2, dims=dims), expected, atol=1e-12)


def test_riesz_parts_of_all_orders_hold_the_energy() -> None:
    orders = [(2, 0, 0), (0, 2, 0), (0, 0, 2), (1, 1, 0), (1, 0, 1), (0, 1, 1)]
    image = RNG.normal(size=(15, 17, 19))  # odd sides: the real part loses nothing
    parts = [np.sum(apply("riesz", image, order=order, level=1) ** 2) for order in orders]
    assert sum(parts) == pytest.approx(np.sum(apply("simoncelli", image, level=1) ** 2))


def test_a_first_order_riesz_turns_a_cosine_into_a_sine() -> None:
    image = np.broadcast_to(np.cos(2 * np.pi * 5 * np.arange(33) / 32), (3, 3, 33)).copy()
    w = 2 * np.pi * 5 / 33
    image = np.broadcast_to(np.cos(w * np.arange(33)), (3, 3, 33)).copy()
    found = apply("riesz", image, order=(1, 0, 0), level=2)
    smooth = apply("simoncelli", image, level=2)
    gain = smooth[1, 1, 0]
    np.testing.assert_allclose(found[1, 1], gain * np.sin(w * np.arange(33)), atol=1e-12)


@pytest.mark.parametrize("pooling", ["max", "mean", "min"])
@pytest.mark.parametrize(
    "options",
    [
        {"name": "laws", "kernel": "L5E5S5"},
        {"name": "laws", "kernel": "E5W5"},
        {"name": "wavelet", "family": "db2", "band": "LLH"},
        {"name": "wavelet", "family": "coif1", "band": "LH", "dims": 2},
        {"name": "gabor", "sigma_mm": 1, "lambda_mm": 2, "theta_step": 45, "planes": True},
        {"name": "gabor", "sigma_mm": 1, "lambda_mm": 2, "theta_step": 90},
    ],
)
def test_pooling_makes_responses_turn_with_the_image(options: dict[str, Any], pooling: str) -> None:
    image = RNG.normal(size=(12, 12, 12))
    one = apply(**options, pooling=pooling, array=image)
    in_slices = options.get("dims") == 2 or len(options.get("kernel", "L5E5S5")) == 4
    in_slices |= options["name"] == "gabor" and "planes" not in options
    for order, flips in rotations(2 if in_slices else 3):
        turned = np.flip(image.transpose(order), [i for i in range(3) if flips[i]])
        two = apply(**options, pooling=pooling, array=turned)
        expected = np.flip(one.transpose(order), [i for i in range(3) if flips[i]])
        np.testing.assert_allclose(two, expected, atol=1e-12)


@pytest.mark.parametrize("options", [{"theta_step": 60}, {"theta_step": 90, "planes": True}])
def test_pooled_moduli_of_gabor_filters(options: dict[str, Any]) -> None:
    sizes = {"sigma_mm": 1.0, "lambda_mm": 2.5}
    angles = np.arange(0, 180, options["theta_step"])
    parts = []
    for across in range(3 if "planes" in options else 1):
        turned = np.moveaxis(IMAGE, across, 0)
        each = [apply("gabor", turned, **sizes, theta=float(angle)) for angle in angles]
        parts += [np.moveaxis(part, 0, across) for part in each]
    for pooling, pool in (("max", np.max), ("mean", np.mean), ("min", np.min)):
        found = apply("gabor", **sizes, **options, pooling=pooling)
        np.testing.assert_allclose(found, pool(parts, axis=0), atol=1e-12)


IN_SLICES: dict[str, dict[str, Any]] = {
    "mean": {"support": 3, "dims": 2},
    "gaussian": {"sigma_mm": 0.9, "dims": 2},
    "log": {"sigma_mm": 1.1, "dims": 2},
    "laws": {"kernel": "R5L5"},
    "wavelet": {"family": "coif1", "band": "HL", "dims": 2},
    "simoncelli": {"level": 1, "dims": 2},
    "riesz": {"order": (1, 1), "level": 1},
}
POOLED: dict[str, dict[str, Any]] = {
    "laws": {"kernel": "L5E5S5", "pooling": "mean"},
    "wavelet": {"family": "db2", "band": "LHL", "pooling": "mean", "level": 2},
}
LOG = {"riesz": {"order": (1, 0, 2), "sigma_mm": 1.0, "padding": 0}}
SMOOTH = [
    (name, options)
    for several in (LINEAR, IN_SLICES, POOLED, LOG)
    for name, options in several.items()
]
"""All linear filters in all their linear forms."""


@pytest.mark.parametrize(("name", "options"), SMOOTH)
@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    factors=st.tuples(*[st.floats(-9, 9)] * 2),
    shift=st.tuples(*[st.integers(-9, 9)] * 3),
)
def test_linear_and_moving_with_the_image(
    name: str,
    options: dict[str, Any],
    seed: int,
    factors: tuple[float, float],
    shift: tuple[int, int, int],
) -> None:
    a, b = np.random.default_rng(seed).normal(size=(2, 13, 12, 14))
    options = dict(options)
    if name != "simoncelli":
        options["boundary"] = "periodic"
    one, two = (apply(name, image, **options) for image in (a, b))
    both = apply(name, factors[0] * a + factors[1] * b, **options)
    np.testing.assert_allclose(both, factors[0] * one + factors[1] * two, atol=1e-9)
    moved = apply(name, np.roll(a, shift, (0, 1, 2)), **options)
    np.testing.assert_allclose(moved, np.roll(one, shift, (0, 1, 2)), atol=1e-9)


PADS: dict[str, Any] = {
    "zero": "constant",
    "nearest": "edge",
    "periodic": "wrap",
    "mirror": "symmetric",
}
"""Our boundaries by numpy's names."""
AT_EDGES = [pair for pair in SMOOTH if pair[0] not in ("simoncelli", "riesz")]
AT_EDGES.append(("gabor", {"sigma_mm": 1.0, "lambda_mm": 2.5, "theta": 30.0}))
AT_EDGES.append(("lbp3d", {"radius": 1.5}))


@pytest.mark.parametrize("boundary", PADS)
@pytest.mark.parametrize(("name", "options"), AT_EDGES)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), shape=st.tuples(*[st.integers(11, 14)] * 3))
def test_a_boundary_is_what_the_image_could_have_gone_on_as(
    name: str, options: dict[str, Any], boundary: str, seed: int, shape: tuple[int, int, int]
) -> None:
    image = np.random.default_rng(seed).normal(size=shape)
    if "level" in options and boundary != "periodic":
        options = {**options, "level": 1}  # each level goes on beyond the edges of the one before
    found = apply(name, image, **options, boundary=boundary)
    module, checked = parse_plugin("radiomics.filters", {"name": name, **options}, "test")
    far = [int(reach) for reach in module.reach(checked, (1.0, 1.0, 1.0))]
    wide = np.pad(image, [(reach, reach) for reach in far], mode=PADS[boundary])
    inner = tuple(slice(reach, reach + n) for reach, n in zip(far, shape, strict=True))
    np.testing.assert_allclose(found, apply(name, wide, **options)[inner], atol=1e-9)
