"""The types that every stage speaks: Volume, Case, Region, Samples, Predictions.

One axis order and one world everywhere: arrays are ``(D, H, W)`` (slice, row, column), lengths are
millimetres, positions are in DICOM's patient system LPS (x to the left, y to the back, z to the
head). All types are frozen, checked when made, and hold read-only arrays: to change one, make
another with :func:`dataclasses.replace`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Spacing = tuple[float, float, float]

GRID_TOLERANCE = 0.01
"""Largest distance of two grids' corners, in voxels, at which they count as the same grid."""


class InputError(ValueError):
    """Bad input, told in four parts: where, which rule, what was found, what to do."""

    def __init__(self, where: object, rule: str, found: str, remedy: str) -> None:
        self.where, self.rule, self.found, self.remedy = str(where), rule, found, remedy
        super().__init__(f"{self.where}: {rule}\n  found:  {found}\n  remedy: {remedy}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.where, self.rule, self.found, self.remedy)


def read_only(array: Any) -> NDArray[Any]:
    """Return a read-only view in native byte order, without copying where that can be helped."""
    view = np.asarray(array)
    if not view.dtype.isnative:
        view = view.astype(view.dtype.newbyteorder("="))
    view = view.view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, eq=False)
class Volume:
    """An image or a mask on a regular grid in the patient.

    Parameters
    ----------
    array : (D, H, W) array of numbers, or of bool for a mask
    affine : (4, 4) float64, takes ``(d, h, w, 1)`` to LPS millimetres
    unit : str, the unit of the values, such as ``"HU"``, ``"SUVbw"``, ``"1"``
    frame : str, DICOM FrameOfReferenceUID; empty when the source does not know one
    history : what was noted when the values were read, and done to them since, such as repairs
    verdict : what its DICOM series was found to be: good or repairable; empty for other files

    >>> v = Volume(np.zeros((2, 3, 4)), np.diag([3.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]], "HU")
    >>> v.spacing
    (3.0, 1.0, 1.0)
    """

    array: NDArray[Any]
    affine: NDArray[np.float64]
    unit: str = "1"
    frame: str = ""
    history: tuple[str, ...] = ()
    verdict: str = ""

    def __post_init__(self) -> None:
        array = read_only(self.array)
        affine = read_only(np.array(self.affine, dtype=np.float64))
        if array.ndim != 3 or 0 in array.shape or array.dtype.kind not in "biuf":
            found = f"found shape {array.shape}, dtype {array.dtype}"
            raise ValueError(f"a Volume needs a non-empty numeric (D, H, W) array; {found}")
        if affine.shape != (4, 4) or not np.all(np.isfinite(affine)):
            raise ValueError("a Volume needs a finite (4, 4) affine")
        if not np.array_equal(affine[3], (0, 0, 0, 1)) or abs(np.linalg.det(affine)) < 1e-12:
            raise ValueError("a Volume's affine must be invertible and end with 0, 0, 0, 1")
        object.__setattr__(self, "array", array)
        object.__setattr__(self, "affine", affine)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of slices, rows and columns."""
        depth, height, width = self.array.shape
        return depth, height, width

    @property
    def spacing(self) -> Spacing:
        """Distances of voxel centres along ``d``, ``h``, ``w`` in mm."""
        dz, dy, dx = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(dz), float(dy), float(dx)

    @property
    def direction(self) -> NDArray[np.float64]:
        """(3, 3) unit vectors in LPS: column ``i`` points along increasing array axis ``i``."""
        axes = self.affine[:3, :3]
        return np.asarray(axes / np.linalg.norm(axes, axis=0), dtype=np.float64)

    @property
    def origin(self) -> NDArray[np.float64]:
        """LPS position of the centre of voxel ``(0, 0, 0)`` in mm."""
        return self.affine[:3, 3]

    def describe(self) -> str:
        """Return the grid in one line, for messages."""
        numbers = [tuple(float(f"{x:.6g}") for x in part) for part in (self.spacing, self.origin)]
        axes = [tuple(float(f"{x + 0.0:.4f}") for x in column) for column in self.direction.T]
        return f"shape {self.shape}, spacing {numbers[0]} mm, origin {numbers[1]}, axes {axes}"


def grids_differ(a: Volume, b: Volume, tolerance: float = GRID_TOLERANCE) -> bool:
    """Tell whether two volumes lie on different grids: other shape, or corners apart in voxels."""
    if a.shape != b.shape:
        return True
    last = np.array(a.shape) - 1
    corners = np.array([[*(last * bits), 1] for bits in np.ndindex(2, 2, 2)], dtype=np.float64)
    moved = corners @ (np.linalg.inv(a.affine) @ b.affine).T
    return bool(np.abs(moved - corners).max() > tolerance)


def check_mask(image: Volume, mask: Volume, where: object = "mask") -> None:
    """Demand a bool mask on the image's grid with a voxel inside, else raise an InputError."""
    if mask.array.dtype != np.bool_:
        raise InputError(
            where,
            "a mask is a bool Volume",
            f"dtype {mask.array.dtype}",
            "compare with a label first, for example mask.array == 1",
        )
    if grids_differ(image, mask):
        raise InputError(
            where,
            "image and mask must lie on the same grid",
            f"image: {image.describe()}\n          mask:  {mask.describe()}",
            "read the mask that belongs to this image, or resample it onto the image's grid",
        )
    if not mask.array.any():
        raise InputError(
            where,
            "a mask needs at least one voxel inside",
            f"an empty mask of shape {mask.shape}",
            "check the ROI name or label, and that contour and image belong together",
        )


@dataclass(frozen=True, eq=False)
class Case:
    """One image with its mask and what is known about it.

    ``group`` is the patient: samples of one group never stand on two sides of a split.
    """

    id: str
    group: str
    image: Volume
    mask: Volume | None = None
    target: float | int | str | None = None
    covariates: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (self.id and self.group):
            raise ValueError("a Case needs an id and a group (the patient)")
        if self.mask is not None:
            check_mask(self.image, self.mask, where=f"case {self.id}")
        object.__setattr__(self, "covariates", MappingProxyType(dict(self.covariates)))


class Once:
    """What is found once for all who ask with the same key, from any thread."""

    def __init__(self) -> None:
        self._found: dict[Any, tuple[Lock, list[Any]]] = {}
        self._lock = Lock()

    def __call__(self, key: Any, find: Callable[[], Any]) -> Any:
        """Return what ``find`` gives; who asks meanwhile waits for it."""
        with self._lock:
            lock, found = self._found.setdefault(key, (Lock(), []))
        with lock:
            if not found:
                found.append(find())
            return found[0]


@dataclass(frozen=True, eq=False)
class Region:
    """What a feature family sees: one image around one mask.

    Parameters
    ----------
    image : (D, H, W) float64, intensities, also outside the masks
    intensity_mask : (D, H, W) bool, after re-segmentation
    morphological_mask : (D, H, W) bool, before re-segmentation
    spacing : (dz, dy, dx) in mm
    levels : (D, H, W) uint16, grey levels 1, 2, ... inside the intensity mask, 0 outside
    n_levels : number of grey levels, those without a voxel included
    limits : the range of the re-segmentation, where there was one
    once, once_a_mask : what several families need, of this image and of all images of the masks
    stacked : the :class:`radiomics.kernels.texture.stacks.StackedLevels` of ``levels``
    """

    image: NDArray[np.float64]
    intensity_mask: NDArray[np.bool_]
    morphological_mask: NDArray[np.bool_]
    spacing: Spacing
    levels: NDArray[np.uint16]
    n_levels: int
    limits: tuple[float | None, float | None] | None = None
    once: Once = field(default_factory=Once, repr=False)
    once_a_mask: Once = field(default_factory=Once, repr=False)
    stacked: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        names = ("image", "intensity_mask", "morphological_mask", "levels")
        if len({getattr(self, name).shape for name in names}) > 1:
            raise ValueError("a Region's image, masks and levels need the same shape")
        for name in names:
            object.__setattr__(self, name, read_only(getattr(self, name)))

    @property
    def intensities(self) -> NDArray[np.float64]:
        """(N,) intensities inside the intensity mask."""
        found: NDArray[np.float64] = self.once("inside", lambda: self.image[self.intensity_mask])
        return found


@dataclass(frozen=True, eq=False)
class Samples:
    """What models learn from: one row a sample, images and tables alike.

    ``x`` is ``(N, F)`` with ``columns`` naming F, ``(N, C, H, W)`` or ``(N, C, D, H, W)``;
    memory-mapped arrays are welcome. ``split`` names the parts that the source fixes, train and
    test (and validation); ``classes`` names what a ``y`` of class numbers counts.
    """

    ids: tuple[str, ...]
    groups: NDArray[Any]
    x: NDArray[Any]
    y: NDArray[Any]
    columns: tuple[str, ...] = ()
    split: NDArray[Any] | None = None
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n, parts = len(self.ids), (self.groups, self.x, self.y, self.split)
        if {len(part) for part in parts if part is not None} != {n}:
            raise ValueError(f"Samples need one entry of each part per id: {n}")
        if len(set(self.ids)) != n:
            raise ValueError("Samples need unique ids")
        if self.x.ndim == 2 and len(self.columns) != self.x.shape[1]:
            raise ValueError(f"{self.x.shape[1]} columns in x, {len(self.columns)} names")
        for name in ("groups", "x", "y"):
            object.__setattr__(self, name, read_only(getattr(self, name)))

    def take(self, chosen: NDArray[np.int64]) -> Samples:
        """Return the samples at these places."""
        ids = tuple(self.ids[i] for i in chosen.tolist())
        split = None if self.split is None else self.split[chosen]
        parts = self.groups[chosen], self.x[chosen], self.y[chosen]
        return Samples(ids, *parts, self.columns, split, self.classes)


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions for samples, each scored by a model that never saw its group.

    ``y_score`` is ``(N,)`` (probability or value), ``(N, K)`` for classes or ``(N, T)`` for events
    by T times; ``y_true`` holds classes, values, or ``event`` and ``time``. Scores of one ``fold``
    come from one model; from its ``threshold``, chosen in training, a sample is called positive.
    """

    ids: tuple[str, ...]
    groups: NDArray[Any]
    y_true: NDArray[Any]
    y_score: NDArray[np.float64]
    fold: NDArray[np.int64]
    threshold: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        if self.threshold is None:
            object.__setattr__(self, "threshold", np.full(len(self.ids), 0.5))
        names = "groups", "y_true", "y_score", "fold", "threshold"
        if {len(getattr(self, name)) for name in names} != {len(self.ids)}:
            raise ValueError("Predictions need one entry of each part per id")
        if not np.all(np.isfinite(self.y_score)):
            raise ValueError("Predictions need finite scores")
        for name in names:
            object.__setattr__(self, name, read_only(getattr(self, name)))


Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and how many there are."""


def silent(stage: str, done: int, total: int) -> None:
    """Report progress to nobody."""
