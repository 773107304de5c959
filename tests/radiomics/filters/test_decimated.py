"""Oracle: decimated sub-bands are PyWavelets', and lie where closed forms say that they lie."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pywt
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from radiomics import InputError, Volume, extract, filters, read_image, write_volume
from radiomics.extraction.images import resampled
from radiomics.extraction.settings import load_settings
from radiomics.filters import wavelet
from radiomics.kernels.cropping import coarse_mask
from radiomics.pipelines.commands.app import app
from radiomics.plugins import ConfigurationError
from radiomics.preprocessing.resample import resample_mask

MODES = {"zero": "zero", "nearest": "constant", "periodic": "periodic", "mirror": "symmetric"}
"""Our boundaries by PyWavelets' names."""
RNG = np.random.default_rng(8)
IMAGE = RNG.normal(size=(26, 31, 40))
AFFINE = np.array([[0, 0, 0.8, 5.0], [0, 1.2, 0, -7.0], [-2.0, 0, 0, 40.0], [0, 0, 0, 1.0]])


def bands(options: wavelet.Options, image: np.ndarray = IMAGE) -> dict[str, np.ndarray]:
    variants = wavelet.variants(options)
    found = wavelet.apply_each(image, (1.0, 1.0, 1.0), variants)
    return {str(one.band): array for one, array in zip(variants, found, strict=True)}


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("boundary", MODES)
@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("family", ["haar", "db2", "coif1", "bior2.2"])
def test_sub_bands_are_those_of_pywavelets(
    family: str, level: int, boundary: Any, dims: Any
) -> None:
    options = wavelet.Options(
        family=family, level=level, dims=dims, decimated=True, boundary=boundary
    )
    axes = (0, 1, 2)[3 - dims :]
    low = IMAGE
    for _ in range(level):
        expected = pywt.dwtn(low, family, mode=MODES[boundary], axes=axes)
        low = expected["a" * dims]
    first, steps = wavelet.grid(options)
    taps = pywt.Wavelet(family).dec_len
    for band, found in bands(options).items():
        key = "".join("ad"[letter == "H"] for letter in reversed(band))
        kept = []
        for axis in range(3):
            at, step, count = first[axis], steps[axis], IMAGE.shape[axis]
            covered = at - (step - 1) / 2 + step * np.arange(found.shape[axis])
            assert covered[0] <= 0 < covered[0] + step
            assert covered[-1] < count <= covered[-1] + step
            # value k of level 1 is the middle of taps that end at voxel 2 k + 1
            origin = (1.5 - taps / 2) * (step - 1)
            start = round((at - origin) / step) if axis in axes else 0
            kept.append(slice(start, start + found.shape[axis]))
        np.testing.assert_allclose(found, expected[key][tuple(kept)], atol=1e-10)


@pytest.mark.parametrize("level", [1, 2])
def test_haar_low_passes_of_coordinates_are_coordinates(level: int) -> None:
    shape = (16, 24, 32)
    places = np.indices(shape).reshape(3, -1)
    world = (AFFINE[:3, :3] @ places + AFFINE[:3, 3:]).reshape(3, *shape)
    for axis in range(3):
        image = Volume(world[axis], AFFINE, "1")
        found = filters.apply(
            "wavelet", image, family="haar", level=level, band="LLL", decimated=True
        )
        assert found.spacing == tuple(2**level * step for step in image.spacing)
        places = np.indices(found.shape).reshape(3, -1)
        own = (found.affine[:3, :3] @ places + found.affine[:3, 3:])[axis].reshape(found.shape)
        np.testing.assert_allclose(found.array, 2 ** (1.5 * level) * own, atol=1e-9)


def test_the_filter_command_writes_the_grid(tmp_path: Path) -> None:
    write_volume(Volume(IMAGE.astype(np.float32), AFFINE, "HU"), tmp_path / "image.nii.gz")
    (tmp_path / "haar.yaml").write_text(
        "filters: [{name: wavelet, family: haar, level: 2, band: LLH, decimated: true}]"
    )
    words = ["filter", "image.nii.gz", "--settings", "haar.yaml", "--output", "map.nii.gz"]
    words = [str(tmp_path / word) if "." in word else word for word in words]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    found = read_image(tmp_path / "map.nii.gz")
    assert found.shape == (7, 8, 10)
    np.testing.assert_allclose(found.spacing, (8.0, 4.8, 3.2), rtol=1e-6)
    middle = AFFINE @ (1.5, 1.5, 1.5, 1)  # of the first four voxels along each axis
    np.testing.assert_allclose(found.affine[:3, 3], middle[:3], atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    family=st.sampled_from(["haar", "db2", "db3", "sym4"]),
    level=st.integers(1, 3),
    shape=st.tuples(*[st.integers(8, 20)] * 3),
)
def test_masks_by_the_share_that_is_covered(
    seed: int, family: str, level: int, shape: tuple[int, int, int]
) -> None:
    mask = np.random.default_rng(seed).random(shape) < 0.5
    first, steps = wavelet.grid(wavelet.Options(family=family, level=level, decimated=True))
    starts = [round(at - (step - 1) / 2) for at, step in zip(first, steps, strict=True)]
    sizes = [-(-(n - low) // s) for n, low, s in zip(shape, starts, steps, strict=True)]
    found = coarse_mask(mask, first, steps, tuple(sizes))
    for place in product(*(range(size) for size in sizes)):
        block = tuple(
            slice(max(0, low + s * k), low + s * (k + 1))
            for low, s, k in zip(starts, steps, place, strict=True)
        )
        assert found[place] == (mask[block].mean() >= 0.5)


@pytest.mark.parametrize("band", ["LHL", "HL"])
@pytest.mark.parametrize("spacing", [None, [1.5, 1.25, 1.25]])
def test_features_of_a_sub_band_by_hand(band: str, spacing: list[float] | None) -> None:
    inside = np.zeros(IMAGE.shape, bool)
    inside[9:18, 8:20, 11:26] = True
    image = Volume(IMAGE, np.diag([2.0, 1, 1, 1]), "1")
    mask = Volume(inside, image.affine, "1")
    spec = {"name": "wavelet", "family": "db2", "band": band, "dims": len(band)}
    spec |= {"decimated": True, "by_slice": len(band) == 2}
    wanted: dict[str, Any] = {"filters": [{"name": "original"}, spec]}
    wanted |= {"families": ["morphology", "intensity"], "resegment": {"range": [-1, 1]}}
    wanted |= {"resample": {"spacing": spacing}} if spacing else {}
    found = extract(image, mask, wanted)
    if spacing:
        steps = (spacing[0], spacing[1], spacing[2])
        mask = resample_mask(mask, steps)
        image = resampled(image, load_settings(wanted))
    options = {key: spec[key] for key in ("family", "band", "dims", "decimated")}
    whole = filters.apply("wavelet", image, by_slice=len(band) == 2, **options)
    grid = wavelet.grid(wavelet.Options.model_validate(options))
    assert whole.spacing == pytest.approx(
        [a * b for a, b in zip(image.spacing, grid[1], strict=True)]
    )
    kept = coarse_mask(mask.array & (np.abs(image.array) <= 1), *grid, whole.shape)
    values = whole.array[kept]
    prefix = f"wavelet_db2_level_1_{band}_decimated_intensity_"
    assert found[f"{prefix}mean"] == pytest.approx(values.mean())
    assert found[f"{prefix}maximum"] == pytest.approx(values.max())
    assert len([name for name in found if "morphology" in name]) == 29
    assert not [name for name in found if "decimated_morphology" in name]


def test_shape_on_the_grid_of_a_first_sub_band() -> None:
    inside = np.zeros((24, 24, 24), bool)
    inside[6:18, 6:18, 6:18] = True
    image = Volume(RNG.normal(size=inside.shape), np.eye(4), "1")
    mask = Volume(inside, np.eye(4), "1")
    spec = {"name": "wavelet", "family": "haar", "band": "LLL", "decimated": True}
    found = extract(image, mask, {"filters": [spec], "families": ["morphology"]})
    name = "wavelet_haar_level_1_LLL_decimated_morphology_approximate_volume"
    assert found[name] == pytest.approx(12**3)


def test_what_does_not_fit_is_told() -> None:
    inside = np.zeros(IMAGE.shape, bool)
    inside[9, 9, 9] = True
    image, mask = Volume(IMAGE, np.eye(4), "1"), Volume(inside, np.eye(4), "1")
    spec: dict[str, Any] = {"name": "wavelet", "family": "haar", "decimated": True}
    with pytest.raises(InputError, match="choose a lower level, a finer spacing"):
        extract(image, mask, {"filters": [spec], "families": ["intensity"]})
    with pytest.raises(InputError, match="the levels before level 6 leave"):
        extract(image, mask, {"filters": [{**spec, "level": 6}], "families": ["intensity"]})
    with pytest.raises(ConfigurationError, match="leave it out, or decimated"):
        filters.apply("wavelet", image, family="haar", decimated=True, pooling="mean")
