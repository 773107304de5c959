"""Oracle: patterns in slices and in space by scipy's interpolation, harmonics and kurtosis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import ndimage, stats
from scipy.special import sph_harm_y

from radiomics import InputError, Volume, extract, filters
from radiomics.kernels.filtering import sphere
from radiomics.plugins import ConfigurationError
from tests.radiomics.filters.test_responses import MODES, apply

IMAGE = np.random.default_rng(5).integers(0, 6, (7, 8, 9)).astype(float)


@pytest.mark.parametrize("subdivisions", [0, 1, 2])
def test_an_icosphere_is_round_and_even(subdivisions: int) -> None:
    points = sphere.icosphere(subdivisions)
    assert len(np.unique(points.round(9), axis=0)) == 10 * 4**subdivisions + 2
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, rtol=1e-14)
    np.testing.assert_allclose(points.sum(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(points.T @ points, len(points) / 3 * np.eye(3), atol=1e-9)


@pytest.mark.parametrize("boundary", MODES)
@pytest.mark.parametrize("order", ["linear", "cubic"])
@pytest.mark.parametrize(("radius", "subdivisions", "levels"), [(1, 1, 2), (1.5, 0, 4)])
def test_layers_point_by_point(
    radius: float, subdivisions: int, levels: int, order: str, boundary: str
) -> None:
    points = sphere.icosphere(subdivisions)
    width = int(np.ceil(radius)) + 2
    pads: dict[str, Any] = {
        "zero": "constant",
        "nearest": "edge",
        "periodic": "wrap",
        "mirror": "symmetric",
    }
    padded = np.pad(IMAGE, width, mode=pads[boundary])
    places = np.argwhere(np.ones(IMAGE.shape, bool))[:, None] + width + radius * points
    values = ndimage.map_coordinates(
        padded, places.transpose(2, 0, 1), order={"linear": 1, "cubic": 3}[order], mode="mirror"
    )
    bright = values >= IMAGE.reshape(-1, 1) - 1e-8
    polar, azimuth = np.arccos(points[:, 2]), np.arctan2(points[:, 1], points[:, 0])
    options = {"radius": radius, "subdivisions": subdivisions, "levels": levels}
    options |= {"order": order, "boundary": boundary}
    for n in range(levels):
        harmonics = np.array([sph_harm_y(n, m, polar, azimuth) for m in range(-n, n + 1)])
        part = (bright @ harmonics.conj().T) @ harmonics
        expected = np.linalg.norm(part, axis=1).reshape(IMAGE.shape)
        found = apply("lbp3d", IMAGE, **options, layer=f"m{n + 1}")
        np.testing.assert_allclose(found, expected, atol=1e-9)
    expected = stats.kurtosis(values, axis=1).reshape(IMAGE.shape)
    found = apply("lbp3d", IMAGE, **options, layer="k")
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9)


def test_layers_keep_their_size_when_the_image_turns_as_the_points_do() -> None:
    for order in ((1, 2, 0), (2, 0, 1)):
        for layer in ("m1", "m2", "m3", "k"):
            options = {"layer": layer, "levels": 3}
            turned = apply("lbp3d", IMAGE.transpose(order), **options)
            expected = apply("lbp3d", IMAGE, **options).transpose(order)
            np.testing.assert_allclose(turned, expected, atol=1e-9)


def test_a_flat_image_has_whole_spheres_and_no_kurtosis() -> None:
    flat = np.full((5, 5, 5), 7.0)
    first = apply("lbp3d", flat, layer="m1", boundary="nearest")
    np.testing.assert_allclose(first, 42**1.5 / (4 * np.pi))
    np.testing.assert_allclose(apply("lbp3d", flat, layer="m2", boundary="nearest"), 0, atol=1e-12)
    np.testing.assert_array_equal(apply("lbp3d", flat, layer="k", boundary="nearest"), 0)


def test_nan_stays_where_it_reaches() -> None:
    image = IMAGE.copy()
    image[3, 4, 4] = np.nan
    for name, options in (("lbp3d", {"layer": "m1"}), ("lbp3d", {"layer": "k"}), ("lbp", {})):
        found, whole = (apply(name, values, **options) for values in (image, IMAGE))
        missing = np.isnan(found)
        assert missing[3, 4, 4]
        assert missing[3, 4, 5]
        assert missing.sum() <= 27
        np.testing.assert_array_equal(found[~missing], whole[~missing])


def test_layers_in_an_extraction() -> None:
    image = Volume(IMAGE, np.eye(4), "1")
    mask = Volume(ndimage.binary_erosion(np.ones(IMAGE.shape)), np.eye(4), "1")
    wanted = {"filters": [{"name": "lbp3d", "levels": 3}], "families": ["intensity"]}
    found = extract(image, mask, wanted)
    assert len(found) == 4 * 18
    for layer in ("m1", "m2", "m3", "k"):
        whole = filters.apply("lbp3d", image, levels=3, layer=layer).array[mask.array]
        assert found[f"lbp_1_42_3d_{layer}_intensity_mean"] == pytest.approx(whole.mean())
    slice_ = Volume(IMAGE[:1], np.eye(4), "1")
    inside = Volume(IMAGE[:1] > 0, np.eye(4), "1")
    with pytest.raises(InputError, match="needs several slices"):
        extract(slice_, inside, wanted)
    with pytest.raises(ConfigurationError, match="m1, m2, k where levels is 2"):
        filters.apply("lbp3d", image, layer="m3")


def test_local_binary_patterns_point_by_point() -> None:
    image = np.random.default_rng(1).integers(0, 4, (2, 9, 10)).astype(float)
    for radius, samples in ((1, 8), (2, 12), (1.5, 5)):
        methods = ("uniform", "default", "ror", "var")
        found, number, turned, variance = (
            apply("lbp", image, radius=radius, samples=samples, method=name) for name in methods
        )
        for z, y, x in np.ndindex(image.shape):
            angles = 2 * np.pi * np.arange(samples) / samples
            away = radius * np.array([-np.sin(angles), np.cos(angles)])
            places = np.round(away, 5) + np.array([[y], [x]])
            ring = ndimage.map_coordinates(
                np.pad(image[z], 3), places + 3, order=1, mode="constant"
            )
            bits = ring >= image[z, y, x] - 1e-9
            uniform = np.count_nonzero(bits != np.roll(bits, 1)) <= 2
            assert found[z, y, x] == (bits.sum() if uniform else samples + 1)
            numbers = [(np.roll(bits, -k) * 2 ** np.arange(samples)).sum() for k in range(samples)]
            assert (number[z, y, x], turned[z, y, x]) == (numbers[0], min(numbers))
            assert variance[z, y, x] == pytest.approx(ring.var(), abs=1e-12)
