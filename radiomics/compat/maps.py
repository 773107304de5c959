"""Maps: PyRadiomics' features of the patch around each voxel, as SimpleITK images."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from radiomics.compat import getFeatureClasses, matrices
from radiomics.compat.binning import grey_levels
from radiomics.compat.features import sorted_features
from radiomics.compat.images import array_as_image
from radiomics.compat.textures import RadiomicsGLCM
from radiomics.kernels.maps.cpu import cooccurrence_maps, statistic_maps
from radiomics.kernels.threads import side_by_side

Values = dict[str, NDArray[np.float64]]


def feature_maps(
    kind: str, image: Any, mask: Any, settings: dict[str, Any], names: list[str]
) -> dict[str, Any]:
    """Return a map of each feature of a class.

    Parameters
    ----------
    image, mask : SimpleITK images; the region is given by ``label``
    settings : PyRadiomics' settings; ``kernelRadius`` (1) voxels, ``maskedKernel`` (true) leaves
        voxels outside the region out of patches, ``initValue`` (0) stands outside the region
    names : features that are wanted; all when empty
    """
    array = sitk.GetArrayFromImage(image)
    inside = sitk.GetArrayFromImage(mask) == int(settings.get("label", 1))
    counted = inside if settings.get("maskedKernel", True) else np.ones_like(inside)
    grey = grey_levels(array, counted, settings)
    places = np.argwhere(inside).astype(np.int64)
    radius = np.full(3, int(settings.get("kernelRadius", 1)), dtype=np.int64)
    if settings.get("force2D", False):
        radius[int(settings.get("force2Ddimension", 0))] = 0
    calls = [
        lambda part=part: _part_values(kind, array, grey, part, radius, settings, image)
        for part in np.array_split(places, max(1, min(os.cpu_count() or 1, len(places))))
    ]
    parts: list[Values] = side_by_side(calls)
    chosen = names or sorted_features(getFeatureClasses()[kind].NAMES)
    empty = float(settings.get("initValue", 0))
    found = {}
    for name in chosen:
        full = np.full(array.shape, empty)
        full[inside] = np.concatenate([part[name] for part in parts])
        found[name] = array_as_image(full, image)
    return found


def _part_values(
    kind: str,
    array: NDArray[Any],
    grey: NDArray[np.uint16],
    places: NDArray[np.int64],
    radius: NDArray[np.int64],
    settings: dict[str, Any],
    image: Any,
) -> Values:
    volume = float(np.prod(image.GetSpacing()))
    if kind == "firstorder":
        shift = float(settings.get("voxelArrayShift", 0))
        rows = statistic_maps(array.astype(np.float64), grey, places, radius)
        return _named_statistics(rows, shift, volume)
    plain = settings.get("symmetricalGLCM", True) and settings.get("weightingNorm") is None
    if kind == "glcm" and plain:
        distances = list(settings.get("distances", [1]))
        offsets = matrices.half_of_offsets(matrices.neighbour_offsets(False, distances))
        offsets = offsets[(np.abs(offsets) <= 2 * radius).all(axis=1)]
        rows = cooccurrence_maps(grey, places, radius, offsets, int(grey.max()))
        return dict(zip(RadiomicsGLCM.NAMES, rows.T, strict=True))
    return _values_by_patch(kind, grey, places, radius, settings)


def _named_statistics(rows: NDArray[np.float64], shift: float, volume: float) -> Values:
    """Name the columns of :func:`radiomics.kernels.maps.cpu.statistic_maps`."""
    energy, entropy, low, tenth, quarter, median, three, ninetieth, high = rows.T[:9]
    mean, away, robust, second, third, fourth, uniformity, n = rows.T[9:]
    energy = energy + 2 * shift * mean * n + shift**2 * n
    some = np.where(second > 0, second, 1.0)
    return {
        "Energy": energy,
        "TotalEnergy": energy * volume,
        "Entropy": entropy,
        "Minimum": low,
        "10Percentile": tenth,
        "90Percentile": ninetieth,
        "Maximum": high,
        "Mean": mean,
        "Median": median,
        "InterquartileRange": three - quarter,
        "Range": high - low,
        "MeanAbsoluteDeviation": away,
        "RobustMeanAbsoluteDeviation": robust,
        "RootMeanSquared": np.sqrt(energy / n),
        "StandardDeviation": np.sqrt(second),
        "Skewness": np.where(second > 0, third / some**1.5, 0.0),
        "Kurtosis": np.where(second > 0, fourth / some**2, 0.0),
        "Variance": second,
        "Uniformity": uniformity,
    }


def _values_by_patch(
    kind: str,
    grey: NDArray[np.uint16],
    places: NDArray[np.int64],
    radius: NDArray[np.int64],
    settings: dict[str, Any],
) -> Values:
    """Compute a texture class for the patch of each voxel by itself."""
    family = getFeatureClasses()[kind]
    found = np.empty((len(places), len(family.NAMES)))
    for number, place in enumerate(places):
        low, high = np.maximum(place - radius, 0), place + radius + 1
        part = grey[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
        block, inside = (sitk.GetImageFromArray(a) for a in (part, (part > 0).astype(np.uint8)))
        patch_settings = {**settings, "label": 1, "levels": part, "n_levels": int(grey.max())}
        values = family(block, inside, **patch_settings).values()
        found[number] = [values[name] for name in family.NAMES]
    return dict(zip(family.NAMES, found.T, strict=True))
