"""Gabor filters in slices, or in three planes (IBSI code Q88H): the modulus of the response."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, model_validator
from scipy import fft

from radiomics.kernels.filtering.convolution import PADS, Boundary, Pooling
from radiomics.kernels.filtering.sharing import Key, Shared
from radiomics.kernels.filtering.spectra import Precision
from radiomics.kernels.threads import workers
from radiomics.types import Spacing

VERSION = 1

REACH = 4.0
"""Half-width of the kernel, in standard deviations of its wider axis."""
SLICES = 2**22
"""Voxels of slices that are transformed at a time: that bounds the memory."""


class Options(BaseModel, frozen=True, extra="forbid"):
    """Wavelength ``lambda_mm``, width ``sigma_mm`` and its ratio ``gamma`` across the wave.

    Of the angle ``theta`` and the step between angles ``theta_step``, in degrees, give one: with a
    step the moduli of all angles below 180 degrees are pooled. ``planes`` pools over slices along
    all three axes, else slices are axial. Voxels must be square in the planes. ``pooling`` takes
    the mean, the largest or the smallest. ``precision`` is that of the Fourier transforms: float32
    takes less time and about half the memory.
    """

    sigma_mm: float = Field(gt=0)
    lambda_mm: float = Field(gt=0)
    gamma: float = Field(1.0, gt=0)
    theta: float | None = None
    theta_step: float | None = Field(None, gt=0, le=180)
    planes: bool = False
    pooling: Pooling = "mean"
    boundary: Boundary = "mirror"
    precision: Precision = "float64"

    @model_validator(mode="after")
    def _check_angles(self) -> Options:
        if (self.theta is None) == (self.theta_step is None):
            raise ValueError("give either theta or theta_step")
        if self.theta_step is not None and abs(180 / self.theta_step % 1) > 1e-9:
            raise ValueError("theta_step must divide 180 degrees")
        return self

    @property
    def dims(self) -> int:
        """2 in axial slices; with slices along all axes a volume is needed."""
        return 3 if self.planes else 2

    @property
    def angles(self) -> tuple[float, ...]:
        """The angles in degrees."""
        if self.theta_step is None:
            return (float(self.theta or 0.0),)
        return tuple(k * self.theta_step for k in range(round(180 / self.theta_step)))


def column_prefix(options: Options) -> str:
    """Return how the columns of this image begin."""
    angle = f"theta_{options.theta:g}" if options.theta_step is None else "all"
    planes = "_planes" if options.planes else ""
    sizes = f"{options.sigma_mm:g}mm_lambda_{options.lambda_mm:g}mm_gamma_{options.gamma:g}"
    pooling = "" if options.pooling == "mean" else f"_{options.pooling}"
    return f"gabor_{sizes}_{angle}{planes}{pooling}"


def reach(options: Options, spacing: Spacing) -> Spacing:
    """Return how far the filter looks along z, y and x, in voxels."""
    z, y, x = (_radius(options, step) for step in spacing)
    return z if options.planes else 0, y, x


def _radius(options: Options, step: float) -> int:
    return math.ceil(REACH * options.sigma_mm * max(1.0, 1 / options.gamma) / step)


def check(shape: tuple[int, int, int], spacing: Spacing, options: Options) -> None:
    """Refuse voxels that are not square in a plane, with a ValueError."""
    del shape
    for across in _planes(options):
        steps = [spacing[axis] for axis in range(3) if axis != across]
        if abs(steps[0] - steps[1]) > 1e-3 * steps[0]:
            raise ValueError(
                f"voxels of {steps[0]:g} x {steps[1]:g} mm are not square; resample first"
                + (", or leave out planes" if across else "")
            )


def _planes(options: Options) -> tuple[int, ...]:
    """Return the axes that slices lie across."""
    return (0, 1, 2) if options.planes else (0,)


def shared(options: Options, spacing: Spacing) -> tuple[Key, ...]:
    """Return the keys of what other filters of the same image may need, too.

    Images padded by as much have their transforms in common. Those of other widths do not: each
    filter is given only as much of the image as it sees, and small kernels need small transforms.
    """
    far = reach(options, spacing)
    same = options.boundary, far, options.precision
    return tuple((f"slices across {a}", *same) for a in _planes(options))


def apply(
    array: NDArray[np.generic],
    spacing: Spacing,
    options: Options,
    common: Shared | None = None,
) -> NDArray[np.float64]:
    """Return the modulus, pooled over angles and planes; ``common`` is what filters share.

    Raises
    ------
    ValueError
        When voxels are not square in a plane.
    """
    check((array.shape[0], array.shape[1], array.shape[2]), spacing, options)
    start = np.inf if options.pooling == "min" else 0.0  # moduli are not negative
    total = np.full(array.shape, start)
    planes = _planes(options)
    for across, key in zip(planes, shared(options, spacing), strict=True):
        step = spacing[1 if across == 0 else 0]
        radius = _radius(options, step)
        slices = np.moveaxis(array, across, 0)
        parts = _SliceTransforms(slices, radius, options)
        if common is not None and common.pays(key):
            transforms, _ = common.once(key, partial(list, parts))
        else:
            transforms = parts  # one after the other: that takes less memory
        _add_moduli(transforms, parts, np.moveaxis(total, across, 0), step, options)
    if options.pooling == "mean":
        total /= len(planes) * len(options.angles)
    return total


class _SliceTransforms:
    """The transforms of padded slices (S, H, W), as many at a time as bounds the memory."""

    def __init__(self, slices: NDArray[np.generic], radius: int, options: Options) -> None:
        self.slices, self.radius, self.precision = slices, radius, options.precision
        self.mode = PADS[options.boundary]
        shape = [n + 4 * radius for n in slices.shape[1:]]
        self.size = [fft.next_fast_len(n) for n in shape]
        self.many = max(1, SLICES // math.prod(self.size))
        self.kept = tuple(slice(2 * radius, 2 * radius + n) for n in slices.shape[1:])

    def __iter__(self) -> Iterator[NDArray[Any]]:
        widths = [(0, 0), (self.radius, self.radius), (self.radius, self.radius)]
        for start in range(0, len(self.slices), self.many):
            part = self.slices[start : start + self.many].astype(self.precision)
            padded = np.pad(part, widths, mode=self.mode)
            yield fft.fft2(padded, self.size, workers=workers())

    def modulus(self, image: NDArray[Any], kernel: NDArray[Any]) -> NDArray[np.float64]:
        """Return the modulus of what a transform gives when it is multiplied by another."""
        response = fft.ifft2(image * kernel, workers=workers(), overwrite_x=True)
        return np.asarray(np.abs(response[:, self.kept[0], self.kept[1]]))


def _add_moduli(
    transforms: Iterable[NDArray[Any]],
    parts: _SliceTransforms,
    into: NDArray[np.float64],
    step: float,
    options: Options,
) -> None:
    """Pool the moduli of all angles; IBSI's first axis is the last."""
    kind = np.result_type(parts.precision, np.complex64)
    kernels = [
        fft.fft2(_kernel(options, step, angle, parts.radius), parts.size).astype(kind, copy=False)
        for angle in options.angles
    ]
    pool = {"mean": np.add, "max": np.maximum, "min": np.minimum}[options.pooling]
    for number, image in enumerate(transforms):
        place = into[number * parts.many : (number + 1) * parts.many]
        for kernel in kernels:
            pool(place, parts.modulus(image, kernel), out=place)


def _kernel(options: Options, step: float, angle: float, radius: int) -> NDArray[Any]:
    sigma, wavelength = options.sigma_mm / step, options.lambda_mm / step
    k = np.arange(-radius, radius + 1, dtype=np.float64)
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    a = k * cosine + k[:, None] * sine
    b = -k * sine + k[:, None] * cosine
    width = (a**2 + options.gamma**2 * b**2) / (2 * sigma**2)
    return np.asarray(np.exp(-width + 2j * np.pi * a / wavelength))
