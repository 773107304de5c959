"""Oracle: steered Riesz transforms by closed forms and voxel by voxel, and what they share."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from radiomics import InputError, Volume, extract
from radiomics.filters import riesz
from radiomics.kernels.filtering import spectra, steering
from radiomics.kernels.filtering.convolution import rotations
from radiomics.kernels.filtering.sharing import Shared
from tests.radiomics.filters.test_responses import apply

RNG = np.random.default_rng(21)
CUBE = ndimage.gaussian_filter(RNG.normal(size=(15, 15, 15)), 0.7)


def wave(shape: tuple[int, ...], bins: tuple[int, ...]) -> np.ndarray:
    """Return the phase of a plane wave with whole periods along each axis."""
    places = np.indices(shape)
    return sum(2 * np.pi * k * p / n for k, p, n in zip(bins, places, shape, strict=True))


@pytest.mark.parametrize("bins", [(0, 0, 7), (0, 7, 0), (2, 3, 6), (-6, 2, 3), (3, -6, 2)])
@pytest.mark.parametrize("order", [(1, 0, 0), (2, 0, 0), (3, 0, 0), (4, 0, 0)])
@pytest.mark.parametrize("kind", [{"level": 2}, {"sigma_mm": 1.5, "padding": 0}])
def test_a_plane_wave_at_any_angle_gives_what_it_gives_along_an_axis(
    bins: tuple[int, ...], order: tuple[int, ...], kind: dict[str, Any]
) -> None:
    shape = (33, 33, 33)  # one size: frequencies of equal length are equally far from zero
    phase = wave(shape, bins)
    image = np.cos(phase)
    found = apply("riesz", image, order=order, tensor_sigma_mm=1.0, boundary="periodic", **kind)
    name, plain = ("simoncelli", kind) if "level" in kind else ("log", {"sigma_mm": 1.5})
    plain = plain if "level" in kind else {**plain, "boundary": "periodic"}
    gain = apply(name, image, **plain)[0, 0, 0]  # where the wave is 1
    sine = {1: np.abs(np.sin(phase)), 3: -np.abs(np.sin(phase))}
    cosine = {2: -np.cos(phase), 4: np.cos(phase)}
    total = sum(order)
    expected = abs(gain) * sine[total] if total % 2 else gain * cosine[total]
    np.testing.assert_allclose(found, expected, atol=1e-9)
    across = (0, total, 0)
    other = apply("riesz", image, order=across, tensor_sigma_mm=1.0, boundary="periodic", **kind)
    np.testing.assert_allclose(other, 0, atol=1e-9)


@pytest.mark.parametrize("bins", [(0, 5), (5, 0), (3, 4), (-4, 3)])
def test_a_plane_wave_in_slices(bins: tuple[int, int]) -> None:
    phase = np.broadcast_to(wave((25, 25), bins), (2, 25, 25))
    found = apply("riesz", np.cos(phase), order=(2, 0), tensor_sigma_mm=2.0, level=2)
    gain = apply("simoncelli", np.cos(phase), level=2, dims=2)[0, 0, 0]
    np.testing.assert_allclose(found, -gain * np.cos(phase), atol=1e-9)


@pytest.mark.parametrize("order", [(1, 0, 0), (0, 2, 0), (1, 1, 0), (1, 0, 1), (2, 0, 1)])
@pytest.mark.parametrize("kind", [{"level": 1}, {"sigma_mm": 1.0}])
def test_responses_turn_with_the_image(order: tuple[int, ...], kind: dict[str, Any]) -> None:
    options = {"order": order, "tensor_sigma_mm": 1.0, **kind}
    one = apply("riesz", CUBE, **options)
    for turn, flips in rotations(3):
        turned = np.flip(CUBE.transpose(turn), [i for i in range(3) if flips[i]])
        two = apply("riesz", turned, **options)
        expected = np.flip(one.transpose(turn), [i for i in range(3) if flips[i]])
        np.testing.assert_allclose(two, expected, atol=1e-8)


@pytest.mark.parametrize("order", [(1, 0), (0, 1), (2, 0), (1, 1), (1, 2)])
def test_slices_turn_with_the_image(order: tuple[int, ...]) -> None:
    options = {"order": order, "tensor_sigma_mm": 1.0, "level": 1}
    one = apply("riesz", CUBE, **options)
    for quarter in (1, 2, 3):
        two = apply("riesz", np.rot90(CUBE, quarter, (1, 2)), **options)
        np.testing.assert_allclose(two, np.rot90(one, quarter, (1, 2)), atol=1e-8)


def by_hand(
    image: np.ndarray, order: tuple[int, ...], level: int, sigmas: list[float]
) -> np.ndarray:
    """Steer voxel by voxel, each with a transform along its own axes."""
    dims = image.ndim
    grids = [np.fft.ifftshift(np.linspace(-np.pi, np.pi, n)) for n in image.shape]
    w = np.stack(np.meshgrid(*grids, indexing="ij"))
    radius = np.sqrt((w**2).sum(axis=0))
    scaled = np.maximum(2 ** (level - 1) * radius, 1e-9)
    band = np.cos(np.pi / 2 * np.log2(2 * scaled / np.pi))
    band[(scaled <= np.pi / 4) | (scaled > np.pi)] = 0
    spectrum, unit = np.fft.fftn(image) * band, w / np.maximum(radius, 1e-9)
    first = [np.fft.ifftn(-1j * u * spectrum).real for u in unit]
    tensor = np.array(
        [
            [ndimage.gaussian_filter(a * b, sigmas, mode="wrap", truncate=4) for b in first]
            for a in first
        ]
    )
    total = sum(order)
    scale = math.sqrt(math.factorial(total) / math.prod(map(math.factorial, order)))
    result = np.empty(image.shape)
    for place in np.ndindex(image.shape):
        _, vectors = np.linalg.eigh(tensor[(slice(None), slice(None), *place)])
        axes = list(vectors.T[::-1])
        here = np.array([component[place] for component in first])
        signed = axes[:2] if dims == 3 else axes[:1]
        frame = [axis if axis @ here >= 0 else -axis for axis in signed]
        if dims == 3:
            frame.append(np.cross(frame[0][::-1], frame[1][::-1])[::-1])
        else:
            frame.append(np.array([frame[0][1], -frame[0][0]]))
        symbol = scale * (-1j) ** total
        for axis, power in zip(frame, order, strict=True):
            symbol = symbol * np.tensordot(axis, unit, 1) ** power
        result[place] = np.fft.ifftn(symbol * spectrum).real[place]
    return result


@pytest.mark.parametrize("order", [(1, 0, 0), (2, 0, 0), (0, 1, 1), (1, 2, 1), (0, 0, 3)])
def test_voxel_by_voxel_in_space(order: tuple[int, ...]) -> None:
    image = ndimage.gaussian_filter(RNG.normal(size=(9, 11, 13)), 0.6)
    found = apply("riesz", image, (2.0, 1.5, 1.5), order=order, tensor_sigma_mm=1.8, level=1)
    expected = by_hand(image, order, 1, [0.9, 1.2, 1.2])
    np.testing.assert_allclose(found, expected, atol=1e-8)


@pytest.mark.parametrize("order", [(1, 0), (0, 2), (2, 1), (1, 3)])
def test_voxel_by_voxel_in_slices(order: tuple[int, ...]) -> None:
    image = ndimage.gaussian_filter(RNG.normal(size=(1, 17, 19)), 0.6)
    found = apply("riesz", image, order=order, tensor_sigma_mm=1.3, level=1)
    np.testing.assert_allclose(found[0], by_hand(image[0], order, 1, [1.3, 1.3]), atol=1e-8)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), total=st.integers(1, 4), dims=st.sampled_from([2, 3]))
def test_steering_keeps_the_energy_of_each_voxel(seed: int, total: int, dims: int) -> None:
    image = np.random.default_rng(seed).normal(size=(9, 11, 13))
    energies = []
    for more in ({}, {"tensor_sigma_mm": 1.0}):
        parts = [
            apply("riesz", image, order=order, level=1, **more)
            for order in steering.component_orders(total, dims)
        ]
        energies.append(sum(part**2 for part in parts))
    np.testing.assert_allclose(*energies, atol=1e-9)


def test_axes_are_those_of_numpy() -> None:
    first = RNG.normal(size=(3, 6, 7, 8))
    sigmas = (0.6, 0.7, 0.8)
    found = steering.local_axes(list(first), sigmas).reshape(2, 3, 6, 7, 8)
    smooth = [
        [ndimage.gaussian_filter(a * b, sigmas, mode="wrap", truncate=4) for b in first]
        for a in first
    ]
    _, vectors = np.linalg.eigh(np.moveaxis(np.array(smooth), (0, 1), (-2, -1)))
    for axis, column in ((0, 2), (1, 1)):
        cosines = np.abs((np.moveaxis(found[axis], 0, -1) * vectors[..., column]).sum(axis=-1))
        np.testing.assert_allclose(cosines, 1, atol=1e-9)


def test_what_filters_share_is_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    real = spectra.fft.rfftn
    monkeypatch.setattr(
        spectra.fft, "rfftn", lambda *args, **more: called.append(1) or real(*args, **more)
    )
    image = Volume(CUBE, np.eye(4), "1")
    mask = Volume(CUBE > 0, np.eye(4), "1")
    specs: list[dict[str, Any]] = [{"name": "simoncelli", "level": n} for n in (1, 2)]
    specs += [{"name": "riesz", "order": o, "level": 1} for o in ((1, 0, 0), (0, 1, 0))]
    steered = {"level": 1, "tensor_sigma_mm": 1.0}
    specs += [{"name": "riesz", "order": o, **steered} for o in ((2, 0, 0), (1, 1, 0))]
    log = {"name": "riesz", "sigma_mm": 1.0}
    specs += [{**log, "order": o} for o in ((1, 0, 0), (0, 1, 0))]
    found = extract(image, mask, {"filters": specs, "families": ["intensity"]})
    assert 2 <= len(called) <= 4  # two threads may ask for the two transforms in turn
    for spec in specs:
        alone = extract(image, mask, {"filters": [spec], "families": ["intensity"]})
        for name, value in alone.items():
            assert found[name] == value


def test_nothing_is_shared_that_differs() -> None:
    image = RNG.normal(size=(9, 10, 11))
    plain = {"order": (1, 0, 0), "sigma_mm": 1.0, "tensor_sigma_mm": 1.0}
    others: list[dict[str, Any]] = [
        {"boundary": "zero"},
        {"padding": 0},
        {"padding": 0, "boundary": "zero"},
        {"padding": 2},
        {"sigma_mm": 1.2},
        {"cutoff": 3.0},
        {"sigma_mm": None, "level": 1},
        {"sigma_mm": None, "level": 2},
        {"sigma_mm": None, "level": 1, "padding": 3},
        {"tensor_sigma_mm": 1.4},
        {"tensor_sigma_mm": None},
        {"order": (1, 0)},
        {"precision": "float32"},
    ]
    every = [riesz.Options(**{**plain, **other}) for other in ({}, *others)]
    keys = Counter(key for one in every for key in riesz.shared(one, (1.0, 1.0, 1.0)))
    common = Shared(keys)
    for one in every:
        found = riesz.apply(image, (1.0, 1.0, 1.0), one, common)
        np.testing.assert_array_equal(found, riesz.apply(image, (1.0, 1.0, 1.0), one))


def test_only_the_last_thing_of_a_kind_is_kept() -> None:
    shared = Shared({("a", 1): 2, ("a", 2): 2, ("b", 1): 1})
    made: list[tuple[Any, ...]] = []

    def ask(*key: Any) -> bool:
        _, last = shared.once(key, lambda: made.append(key) or object())
        return last

    assert not ask("a", 1)
    assert ask("b", 1)
    assert ask("a", 1)
    assert made == [("a", 1), ("b", 1)]
    assert not ask("a", 2)
    assert ask("a", 2)
    assert made == [("a", 1), ("b", 1), ("a", 2)]


def test_a_tensor_wider_than_the_image_is_told() -> None:
    image, mask = Volume(CUBE, np.eye(4), "1"), Volume(CUBE > 0, np.eye(4), "1")
    spec = {"name": "riesz", "order": [1, 0, 0], "level": 1, "tensor_sigma_mm": 4}
    with pytest.raises(InputError, match="a kernel of 33 voxels does not fit an axis of 15"):
        extract(image, mask, {"filters": [spec], "families": ["intensity"]})
