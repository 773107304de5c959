"""The types that every stage speaks: Volume, Case, Region, Samples, Predictions.

One axis order and one world everywhere: arrays are ``(D, H, W)`` (slice, row, column), lengths are
millimetres, positions are in DICOM's patient system LPS (x to the left, y to the back, z to the
head). All types are frozen, checked when made, and hold read-only arrays: to change one, make
another with :func:`dataclasses.replace`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from threading import Lock
from types import MappingProxyType
from typing import Any, Protocol, overload

import numpy as np
from numpy.typing import NDArray

Spacing = tuple[float, float, float]

OWN_PLANE = (
    "in its own plane: no position in the patient; its thickness counts as 1, on which volumes and "
    "3D shape depend (morphology_2d does not)"
)
"""The note of an image that was read without a position."""
UNKNOWN_SIDES = "sides and position are not known"
"""Words in the note of an image whose file does not say how it lies in the patient."""
GRID_TOLERANCE = 0.01
"""Largest distance of two grids' corners, in voxels, at which they count as the same grid."""

RIGHT_ANGLE = 1e-3
"""Largest cosine of two axes that stand at a right angle but for rounding: 0.06 degrees."""


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
    length_unit : ``"mm"``; ``"px"`` for a picture whose pixels lie nobody knows how far apart

    >>> v = Volume(np.zeros((2, 3, 4)), np.diag([3.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]], "HU")
    >>> v.spacing
    (3.0, 1.0, 1.0)
    >>> v
    Volume(2 x 3 x 4, 3 x 1 x 1 mm, HU, float64, 0 to 0)
    """

    array: NDArray[Any]
    affine: NDArray[np.float64]
    unit: str = "1"
    frame: str = ""
    history: tuple[str, ...] = ()
    verdict: str = ""
    length_unit: str = "mm"

    def __post_init__(self) -> None:
        if self.length_unit not in ("mm", "px"):
            raise ValueError(f"a Volume's lengths are in mm or px, not in {self.length_unit!r}")
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

    @classmethod
    def from_array(
        cls,
        array: Any,
        *,
        spacing: Sequence[float],
        origin: Sequence[float] = (0.0, 0.0, 0.0),
        direction: Any = None,
        unit: str = "",
    ) -> Volume:
        """Return an array as a Volume.

        All is in the order of the array's axes, which is the reverse of SimpleITK's.

        Parameters
        ----------
        array : (D, H, W) array of numbers, or of bool for a mask; not copied
        spacing : (dz, dy, dx), distances of voxel centres in mm
        origin : LPS position of the centre of voxel ``(0, 0, 0)``, as (x, y, z) in mm
        direction : (3, 3) unit vectors in LPS, column ``i`` along array axis ``i``, as
            :attr:`direction` gives them; without, slices go to the head, rows to the back and
            columns to the left
        unit : the unit of the values; empty where it is not known, as of a NIfTI file

        Raises
        ------
        ValueError
            For an array that is no image, spacings that are not positive, or vectors that are not
            of length 1 and at right angles.

        >>> Volume.from_array(np.zeros((2, 3, 4)), spacing=(3, 0.5, 0.5), unit="HU").affine[:3, 0]
        array([0., 0., 3.])
        """
        steps = np.asarray(spacing, dtype=np.float64)
        place = np.asarray(origin, dtype=np.float64)
        axes = np.eye(3)[::-1] if direction is None else np.asarray(direction, dtype=np.float64)
        if steps.shape != (3,) or not (np.isfinite(steps) & (steps > 0)).all():
            raise ValueError(
                f"a Volume needs three spacings above 0: (dz, dy, dx); given: {spacing}"
            )
        if place.shape != (3,):
            raise ValueError(f"a Volume's origin is (x, y, z) in mm; given: {origin}")
        if axes.shape != (3, 3) or not np.allclose(np.linalg.norm(axes, axis=0), 1, atol=1e-4):
            rule = "a Volume's direction is (3, 3), its columns unit vectors along the array's axes"
            raise ValueError(f"{rule}; given: {np.asarray(direction).tolist()}")
        if np.abs(axes.T @ axes - np.eye(3)).max() > RIGHT_ANGLE:
            raise ValueError(f"a Volume's axes stand at right angles; given: {axes.tolist()}")
        affine = np.eye(4)
        affine[:3, :3], affine[:3, 3] = axes * steps, place
        return cls(np.asarray(array), affine, unit)

    @classmethod
    def from_sitk(cls, image: Any, unit: str | None = None) -> Volume:
        """Return a SimpleITK image as a Volume: see :func:`radiomics.interchange.from_sitk`."""
        found: Volume = _interchange().from_sitk(image, unit)
        return found

    @classmethod
    def from_nibabel(cls, image: Any, unit: str | None = None) -> Volume:
        """Return a nibabel image as a Volume: see :func:`radiomics.interchange.from_nibabel`."""
        found: Volume = _interchange().from_nibabel(image, unit)
        return found

    def to_sitk(self) -> Any:
        """Return a SimpleITK image: see :func:`radiomics.interchange.to_sitk`."""
        return _interchange().to_sitk(self)

    def to_nibabel(self) -> Any:
        """Return a nibabel image: see :func:`radiomics.interchange.to_nibabel`."""
        return _interchange().to_nibabel(self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return the array for numpy, read-only; where numpy asks for a copy, one to write to."""
        wanted = self.array.dtype if dtype is None else np.dtype(dtype)
        if wanted == self.array.dtype:
            return self.array.copy() if copy else self.array
        if copy is False:
            raise ValueError(f"a Volume of {self.array.dtype} becomes {wanted} by a copy only")
        return self.array.astype(wanted)

    def __repr__(self) -> str:
        size, steps = (" x ".join(map("{:.4g}".format, v)) for v in (self.shape, self.spacing))
        values = f"{self.array.dtype}, {self.array.min():g} to {self.array.max():g}"
        if self.array.dtype == np.bool_:
            values = f"mask of {np.count_nonzero(self.array)} voxels"
        lengths = f"{steps} {self.length_unit}"
        return f"Volume({size}, {lengths}, {self.unit or 'no unit'}, {values})"

    def _repr_html_(self) -> str:
        # drawing lies above this file, and only a notebook asks for it
        html: str = import_module("radiomics.reporting.notebook").volume_html(self)
        return html

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of slices, rows and columns."""
        depth, height, width = self.array.shape
        return depth, height, width

    @property
    def has_position(self) -> bool:
        """Whether the image lies somewhere in the patient; a note of one in its own plane says."""
        return OWN_PLANE not in self.history

    @property
    def has_sides(self) -> bool:
        """Whether its file said where left and right, front and back, head and foot are."""
        return self.has_position and not any(UNKNOWN_SIDES in note for note in self.history)

    @property
    def spacing(self) -> Spacing:
        """Distances of voxel centres along ``d``, ``h``, ``w``, in mm or what lengths are in."""
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
        spacing = f"spacing {numbers[0]} {self.length_unit}"
        return f"shape {self.shape}, {spacing}, origin {numbers[1]}, axes {axes}"


class SimpleITKImage(Protocol):
    """What is taken for an image of SimpleITK."""

    def GetSpacing(self) -> Any:  # noqa: D102, N802
        ...

    def GetDirection(self) -> Any:  # noqa: D102, N802
        ...


class NibabelImage(Protocol):
    """What is taken for an image of nibabel, or a MetaTensor of MONAI."""

    @property
    def affine(self) -> Any: ...  # noqa: D102


ImageLike = Volume | SimpleITKImage | NibabelImage
"""What is taken where an image or a mask is wanted."""
MasksLike = Mapping[str, ImageLike] | Sequence[ImageLike]
"""What is taken where several masks may be given: by name, or in a list."""


def _interchange() -> Any:
    # this file imports nothing of ours, so that every other may import it: found when it is called
    return import_module("radiomics.interchange")


def as_volume(given: object, name: str = "image") -> Volume:
    """Return an image as a Volume: one already, or an image of SimpleITK, nibabel or MONAI.

    Raises
    ------
    TypeError
        For anything else, such as a path or an array, with what makes a Volume of it.
    """
    if isinstance(given, Volume):
        return given
    found: Volume | None = _interchange().convert_image(given)
    if found is not None:
        return found
    if isinstance(given, np.ndarray):
        remedy = f"{name} = Volume.from_array({name}, spacing=(dz, dy, dx)) with its spacing in mm"
        raise TypeError(f"{name} is a Volume: a numpy array knows no spacing. Write {remedy}")
    kind = type(given).__name__
    raise TypeError(f"{name} is a Volume, not {kind}: read_image and read_mask give them")


def as_mask(given: object, name: str = "mask") -> Volume:
    """Return a mask as a bool Volume; of numbers, the voxels with the one value besides 0.

    Raises
    ------
    InputError
        When there are several values besides 0.
    TypeError
        As :func:`as_volume`.
    """
    volume = as_volume(given, name)
    if volume.array.dtype == np.bool_:
        return volume
    inside = volume.array != 0
    labels = volume.array[inside]
    if labels.size and labels.min() != labels.max():
        raise InputError(
            name,
            "a mask has one value besides 0",
            f"values from {labels.min():g} to {labels.max():g}",
            "choose one (mask.array == 1), or take all with radiomics.interchange.label_masks",
        )
    return Volume(inside, volume.affine, "1", volume.frame, volume.history)


def several_masks(mask: ImageLike | MasksLike) -> Mapping[Any, ImageLike] | None:
    """Return masks by name, those of a list by number; ``None`` where one mask is given.

    A mapping stays as it is: it may make its masks only when they are looked up.
    """
    if isinstance(mask, Mapping):
        return mask
    if isinstance(mask, Sequence) and not isinstance(mask, str | bytes):
        return dict(enumerate(mask))
    return None


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

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, place: int | np.integer[Any]) -> tuple[Any, Any]: ...

    @overload
    def __getitem__(self, place: slice | Sequence[int] | NDArray[Any]) -> Samples: ...

    def __getitem__(self, place: Any) -> tuple[Any, Any] | Samples:
        """Return ``(x, y)`` of the sample at a place, or the Samples at several.

        Several are a slice, a list of places, or an array of places or of bool.
        """
        if isinstance(place, int | np.integer):
            if not -len(self) <= place < len(self):
                raise IndexError(f"there are {len(self)} samples; asked for number {place}")
            return self.x[place], self.y[place]
        if isinstance(place, Sequence) and not len(place):
            return self.take(np.zeros(0, dtype=np.int64))
        return self.take(np.arange(len(self))[place])

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return (self[place] for place in range(len(self)))

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
