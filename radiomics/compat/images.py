"""PyRadiomics' image types: derived images as SimpleITK images, with the names of their columns."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pywt
import SimpleITK as sitk

from radiomics.compat import binary_patterns
from radiomics.filters import lbp
from radiomics.kernels.filtering.recursive import laplacian
from radiomics.kernels.filtering.wavelets import sub_bands

logger = logging.getLogger("radiomics.imageoperations")
DECAYED = 14  # standard deviations
Box = tuple[slice, ...]
Derived = Iterator[tuple[Any, str]]
"""Arrays of a box in the image, and the names of their columns."""


def array_as_image(array: Any, image: Any) -> Any:
    """Return an array as an image on another's grid."""
    made = sitk.GetImageFromArray(array)
    made.CopyInformation(image)
    return made


def _derive_original(image: Any, _mask: Any, _: dict[str, Any], box: Box) -> Derived:
    yield sitk.GetArrayViewFromImage(image)[box], "original"


def _derive_log(image: Any, _: Any, settings: dict[str, Any], box: Box) -> Derived:
    size, spacing = np.array(image.GetSize()), np.array(image.GetSpacing())
    for sigma in settings.get("sigma", []):
        if sigma <= 0:
            logger.warning("LoG: sigma must be above 0, not %g: left out", sigma)
        elif size.min() < 4 or (size < np.ceil(sigma / spacing) + 1).any():
            logger.warning("LoG: an image of %s voxels is too small for sigma %g mm", size, sigma)
        else:
            name = f"log-sigma-{str(sigma).replace('.', '-')}-mm-3D"
            array = sitk.GetArrayViewFromImage(image)
            yield laplacian(array, spacing[::-1], sigma, box), name


def _derive_wavelet(image: Any, _: Any, settings: dict[str, Any], box: Box) -> Derived:
    """Decompose an image without decimation; letters stand for x, y and z in turn."""
    dims = image.GetDimension()
    axes = list(range(dims - 1, -1, -1))
    if settings.get("force2D", False):
        axes.remove(int(settings.get("force2Ddimension", 0)))
    data = sitk.GetArrayFromImage(image)
    odd = [side % 2 for side in data.shape]
    data = np.pad(data, [(0, extra) for extra in odd], "wrap")
    data = data if data.dtype == np.float32 else data.astype(np.float64)
    wavelet, low = str(settings.get("wavelet", "coif1")), "a" * len(axes)
    start, count = int(settings.get("start_level", 0)), int(settings.get("level", 1))
    whole = tuple(slice(0, side) for side in data.shape)
    for _ in range(start):
        data = _sub_bands(data, wavelet, axes, whole)[low]
    for number in range(1, count + 1):
        last = number == count
        found = _sub_bands(data, wavelet, axes, box if last else whole)
        data = found.pop(low)
        prefix = "wavelet" if number == 1 else f"wavelet{number}"
        for band, response in found.items():
            name = band.replace("a", "L").replace("d", "H")
            yield response if last else response[box], f"{prefix}-{name}"
    prefix = "wavelet" if count == 1 else f"wavelet{count}"
    yield data, f"{prefix}-{'L' * len(axes)}"


def _sub_bands(data: Any, wavelet: str, axes: list[int], box: Box) -> dict[str, Any]:
    """Decompose an array once; PyWavelets does it where a side is shorter than the filters."""
    filters = _filter_taps(wavelet, data.dtype)
    if min(data.shape[axis] for axis in axes) >= filters.shape[1]:
        return sub_bands(data, filters, axes, box)
    found = pywt.swtn(data, wavelet, level=1, start_level=0, axes=axes)[0]
    return {name: response[box] for name, response in found.items()}


@cache
def _filter_taps(wavelet: str, dtype: np.dtype[Any]) -> Any:
    """Return both filters (2, F) as PyWavelets has them in a precision: what an impulse shows."""
    taps = pywt.Wavelet(wavelet).dec_len
    impulse = np.zeros(4 * taps, dtype=dtype)
    impulse[0] = 1
    places = (np.arange(taps) - taps // 2) % len(impulse)
    return np.stack([response[places] for response in pywt.swt(impulse, wavelet, level=1)[0]])


def _derive_values(name: str, change: Callable[[Any, float], Any]) -> Callable[..., Derived]:
    """Return an image type that changes values, given the largest absolute one."""

    def derive(image: Any, _mask: Any, _: dict[str, Any], box: Box) -> Derived:
        array = sitk.GetArrayFromImage(image).astype(np.float64)
        yield change(array, float(np.abs(array).max()))[box], name

    return derive


def _square(array: Any, most: float) -> Any:
    return (array / np.sqrt(most)) ** 2


def _square_root(array: Any, most: float) -> Any:
    return np.sign(array) * np.sqrt(np.abs(array) * most)


def _logarithm(array: Any, most: float) -> Any:
    result = np.sign(array) * np.log(np.abs(array) + 1)
    return result * (most / np.abs(result).max())


def _exponential(array: Any, most: float) -> Any:
    return np.exp(np.log(most) / most * array)


def _derive_gradient(image: Any, _: Any, settings: dict[str, Any], box: Box) -> Derived:
    magnitude = sitk.GradientMagnitudeImageFilter()
    magnitude.SetUseImageSpacing(bool(settings.get("gradientUseSpacing", True)))
    yield sitk.GetArrayFromImage(magnitude.Execute(image))[box], "gradient"


def _derive_lbp2d(image: Any, _: Any, settings: dict[str, Any], box: Box) -> Derived:
    """Return patterns in slices; variance of equal points is NaN, as scikit-image has it."""
    options = lbp.Options(
        radius=settings.get("lbp2DRadius", 1),
        samples=settings.get("lbp2DSamples", 8),
        method=settings.get("lbp2DMethod", "uniform"),
    )
    axis = int(settings.get("force2Ddimension", 0))
    array = sitk.GetArrayFromImage(image)
    turned = array[None] if array.ndim == 2 else np.moveaxis(array, axis, 0)
    found = lbp.apply(np.ascontiguousarray(turned, dtype=np.float64), (1.0, 1.0, 1.0), options)
    found = found[0] if array.ndim == 2 else np.moveaxis(found, 0, axis)
    if options.method == "var" and array.dtype.kind == "f":
        found = np.where(found == 0, np.nan, found)
    yield found.astype(array.dtype)[box], "lbp-2D"


def _derive_lbp3d(image: Any, mask: Any, settings: dict[str, Any], box: Box) -> Derived:
    """Return the strength of patterns on a sphere in each degree, and the samples' kurtosis."""
    if image.GetDimension() != 3:
        logger.warning("LBP 3D is only available in 3D: left out")
        return
    inside = sitk.GetArrayViewFromImage(mask) == int(settings.get("label", 1))
    array = sitk.GetArrayFromImage(image)
    for name, layer in binary_patterns.pattern_layers(array, inside, settings):
        yield layer[box], f"lbp-3D-{name}"


def variants(kind: str, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the settings of each image that looks equally far: one a sigma."""
    if kind != "LoG":
        return [settings]
    return [{**settings, "sigma": [sigma]} for sigma in settings.get("sigma", [])]


def reach(kind: str, settings: dict[str, Any], spacing: Any) -> list[int] | None:
    """Return how far an image type looks along each axis (x, y, z) in voxels; None for everywhere.

    A recursive Gaussian has no end; beyond so many standard deviations less than 1e-10 is left.
    """
    if kind == "Wavelet":
        length = pywt.Wavelet(settings.get("wavelet", "coif1")).dec_len
        times = int(settings.get("start_level", 0)) + int(settings.get("level", 1))
        return [length * times] * len(spacing)
    if kind == "LoG":
        most = max([*settings.get("sigma", []), 0])
        return [int(np.ceil(DECAYED * most / step)) + 2 for step in spacing]
    if kind == "LBP3D":
        radius = float(settings.get("lbp3DIcosphereRadius", 1))
        return [int(np.ceil(radius)) + binary_patterns.SPREAD] * len(spacing)
    return [2] * len(spacing) if kind == "Gradient" else None


TYPES: dict[str, Callable[[Any, Any, dict[str, Any], Box], Derived]] = {
    "Exponential": _derive_values("exponential", _exponential),
    "Gradient": _derive_gradient,
    "LBP2D": _derive_lbp2d,
    "LBP3D": _derive_lbp3d,
    "LoG": _derive_log,
    "Logarithm": _derive_values("logarithm", _logarithm),
    "Original": _derive_original,
    "Square": _derive_values("square", _square),
    "SquareRoot": _derive_values("squareroot", _square_root),
    "Wavelet": _derive_wavelet,
}
