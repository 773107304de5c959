"""Frames: what one slice of pixels needs, from plain files and from multi-frame objects alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from radiomics.io.dicom.dose import dose_scaling, plane_positions
from radiomics.io.dicom.elements import Value, values_of
from radiomics.io.dicom.headers import Header
from radiomics.io.dicom.mosaics import Tile, TiledPlane, is_mosaic, tile_positions
from radiomics.io.dicom.projections import Plane, plane_of

Floats = NDArray[np.float64]

NEEDED = {
    "ImagePositionPatient": 3,
    "ImageOrientationPatient": 6,
    "PixelSpacing": 2,
}
SAME_TAGS = ("Modality", "Units")
"""Tags in which all frames of a volume agree."""
HOUNSFIELD = ("", "HU", "HOUNSFIELD", "HOUNSFIELD UNITS")
"""RescaleTypes of CT numbers; without one they are CT numbers by the standard."""
PHASE_TAGS = (
    "TemporalPositionIdentifier",
    "TemporalPositionIndex",
    "DiffusionBValue",
    "EchoNumbers",
    "EchoTime",
    "EffectiveEchoTime",
    "InversionTime",
    "FlipAngle",
    "RepetitionTime",
    "TriggerTime",
    "NominalPercentageOfCardiacPhase",
    "NominalCardiacTriggerDelayTime",
    "StackID",
    "FrameType",
    "DiffusionGradientOrientation",
    "AcquisitionNumber",
    "SeriesNumber",
    "ImageType",
    "FrameReferenceTime",
    "AcquisitionTime",
    "ContentTime",
)
"""Tags that may tell apart images of one place, the most meaningful first."""
TIME_TAGS = ("FrameReferenceTime", "AcquisitionTime", "ContentTime")
"""Of these the ones that often differ from slice to slice within a volume, too."""
PRIVATE_PHASES = {
    "DiffusionBValue": (
        ("SiemensBValue",),
        ("GEBValue",),
        ("PhilipsBValue",),
        ("UnitedImagingBValue",),
    ),
    "DiffusionGradientOrientation": (
        ("SiemensDiffusionDirection",),
        ("GEDiffusionDirectionX", "GEDiffusionDirectionY", "GEDiffusionDirectionZ"),
        (
            "PhilipsDiffusionDirectionX",
            "PhilipsDiffusionDirectionY",
            "PhilipsDiffusionDirectionZ",
        ),
        ("UnitedImagingDiffusionDirection",),
    ),
}
"""What manufacturers write into private elements in place of a tag, one set of parts for each."""
GE_OFFSET = 100_000
"""GE adds multiples of this to b-values that are larger, to mark how they were set."""


@dataclass(frozen=True)
class RealWorldMapping:
    """RealWorldValueMapping: what stored values of an MR or NM frame measure, linearly.

    ``unit`` is a UCUM code. Diffusion coefficients, relaxation times and perfusion come this way.
    CT and PET say their units elsewhere. Source: DICOM PS3.3 C.7.6.16.2.11.
    """

    slope: float
    intercept: float
    unit: str


@dataclass(frozen=True, eq=False)
class Frame:
    """One slice: the file and the frame in it, its place, its rescaling, its phase.

    ``position`` (3,), ``orientation`` (6,) and ``pixel_spacing`` (2,) are in DICOM's order and
    empty when the file lacks them. ``tile`` is its part of a mosaic, ``problem`` what keeps the
    file from being read as slices. ``plane`` is that of an image with one of its own, without a
    position; ``alone`` marks the frames of a file that is a volume by itself, as a dose is.
    """

    header: Header
    index: int
    position: Floats
    orientation: Floats
    pixel_spacing: Floats
    thickness: float | None
    rescale_slope: float | None
    rescale_intercept: float | None
    phase: dict[str, str] = field(default_factory=dict)
    real_world: RealWorldMapping | None = None
    real_world_left_out: str = ""
    rescale_type: str = ""
    spacing_between: float | None = None
    tile: Tile | None = None
    problem: str = ""
    plane: Plane | None = None
    alone: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns of the slice."""
        if self.tile is not None:
            return self.tile.rows, self.tile.columns
        return self.header.integer("Rows"), self.header.integer("Columns")

    @property
    def slope(self) -> float:
        """Factor from stored to real values; 1 where the file rescales nothing."""
        return self._rescaling[0]

    @property
    def intercept(self) -> float:
        """Offset from stored to real values; 0 where the file rescales nothing."""
        return self._rescaling[1]

    @property
    def rescaled_kind(self) -> str:
        """What rescaling gives: HU for CT that does not name another, else RescaleType."""
        kind = self.rescale_type.strip()
        if self.header.text("Modality") != "CT":
            return kind
        return "HU" if kind.upper() in HOUNSFIELD or self.is_unspecified else kind

    @property
    def is_unspecified(self) -> bool:
        """Tell whether the unit of an original CT image is stated to be unspecified (US)."""
        derived = "DERIVED" in self.header.text("ImageType").split("\\")
        ct = self.header.text("Modality") == "CT"
        return ct and not derived and self.rescale_type.strip() == "US"

    @property
    def unit(self) -> str:
        """Unit of the real-world values, empty where the frame does not say."""
        return self.real_world.unit if self.real_world and not self.real_world_problem else ""

    @property
    def _rescaling(self) -> tuple[float, float]:
        """The rescaling that viewers apply; where there is none, that to real-world values."""
        if self.rescale_slope is None and self.rescale_intercept is None and self.real_world:
            return self.real_world.slope, self.real_world.intercept
        slope, intercept = self.rescale_slope, self.rescale_intercept
        return 1.0 if slope is None else slope, 0.0 if intercept is None else intercept

    @property
    def real_world_problem(self) -> str:
        """Say what makes two rescalings disagree, empty when nothing does."""
        if self.real_world is None:
            return self.real_world_left_out
        real = self.real_world
        if np.allclose(self._rescaling, (real.slope, real.intercept), rtol=1e-6, atol=0):
            return ""
        return (
            f"RealWorldValueMapping (slope {real.slope:g}, intercept {real.intercept:g}, "
            f"{real.unit}) is not RescaleSlope and RescaleIntercept ({self.slope:g}, "
            f"{self.intercept:g}), which are used"
        )

    @property
    def rescale_problem(self) -> str:
        """Say what makes the rescaling unusable, empty when nothing does."""
        if not np.isfinite([self.slope, self.intercept]).all() or self.slope == 0:
            return f"an unusable rescaling (slope {self.slope:g}, intercept {self.intercept:g})"
        if self.header.sequence("ModalityLUTSequence"):
            return "a ModalityLUTSequence: values that a table turns into others, which is not done"
        absent = self.rescale_slope is None or self.rescale_intercept is None
        if self.header.text("Modality") == "RTDOSE" and self.real_world is None:
            return "no usable DoseGridScaling and DoseUnits, so its values are no dose"
        if self.header.text("Modality") == "CT" and absent:
            return "no RescaleSlope and RescaleIntercept, so its values are not known to be HU"
        if self.header.text("Modality") == "PT" and absent and not self.real_world:
            units = self.header.text("Units") or "in its Units"
            return f"no RescaleSlope and RescaleIntercept: its values are not known to be {units}"
        return ""

    @property
    def colour_problem(self) -> str:
        """Say why the pixels are no grey values, empty when they are."""
        samples = self.header.integer("SamplesPerPixel", 1)
        kind = self.header.text("PhotometricInterpretation")
        if samples != 1:
            return f"colour pixels of {samples} samples"
        if kind and not kind.startswith("MONOCHROME"):
            return f"colour pixels ({kind}): what is stored is no measured value"
        return ""

    def shares_layout(self, other: Frame) -> bool:
        """Tell whether two frames fit in one volume: kind, matrix, pixel spacing, orientation."""
        one, two = self.header, other.header
        if (self.alone or other.alone) and one is not two:
            return False
        return (
            all(one.text(tag) == two.text(tag) for tag in SAME_TAGS)
            and self.rescaled_kind == other.rescaled_kind
            and self.shape == other.shape
            and _nearly_equal(self.pixel_spacing, other.pixel_spacing, 1e-4)
            and _nearly_equal(self.orientation, other.orientation, 1e-3)
        )

    @property
    def missing_tags(self) -> list[str]:
        """Return the names of geometry tags that are absent, incomplete or not finite."""
        found = (self.position, self.orientation, self.pixel_spacing)
        return [
            tag
            for (tag, size), value in zip(NEEDED.items(), found, strict=True)
            if value.size != size or not np.isfinite(value).all()
        ]


def _nearly_equal(one: Floats, two: Floats, tolerance: float) -> bool:
    return one.shape == two.shape and bool((np.abs(one - two) <= tolerance).all())


def frames_of(header: Header) -> list[Frame]:
    """Return the frames of one file: one for a plain image, many for an enhanced one.

    Raises
    ------
    ValueError
        When the numbers of frames and of their functional groups differ.
    """
    groups = header.sequence("PerFrameFunctionalGroupsSequence")
    count = header.integer("NumberOfFrames", 1)
    if header.sequence("DetectorInformationSequence"):
        return _nuclear_frames(header, count)
    if header.text("Modality") == "RTDOSE":
        return _dose_frames(header, count)
    plane = plane_of(header)
    if plane is not None:
        return [_plane_frame(header, plane)]
    if not groups and count > 1:
        raise ValueError(
            f"{count} frames without functional groups, which would say where they lie"
        )
    outermost = [header.sequences] if header.sequences else []
    if not groups:
        whole = _make_frame(header, 0, [header.values], outermost)
        return _mosaic_frames(whole) if is_mosaic(header) else [whole]
    if len(groups) != count:
        raise ValueError(f"{count} frames but {len(groups)} per-frame functional groups")
    if len(groups) == 1 and is_mosaic(header):
        whole = _make_frame(header, 0, [*_macro_values(groups[0]), header.values])
        return [
            replace(whole, problem="a mosaic in an enhanced object, whose tiles have no places")
        ]
    shared = header.sequence("SharedFunctionalGroupsSequence")
    outer = [item for group in shared for item in _macro_values(group)]
    return [
        _make_frame(
            header,
            index,
            [*_macro_values(group), *outer, header.values],
            [group, *shared, *outermost],
        )
        for index, group in enumerate(groups)
    ]


def _mosaic_frames(whole: Frame) -> list[Frame]:
    """Return the slices of a mosaic, or the whole of it with the reason why it is none."""
    plane = TiledPlane(whole.position, whole.orientation, whole.pixel_spacing)
    try:
        tiles, places = tile_positions(whole.header, plane)
    except ValueError as error:
        return [replace(whole, problem=str(error))]
    return [replace(whole, tile=t, position=p) for t, p in zip(tiles, places, strict=True)]


def _nuclear_frames(header: Header, count: int) -> list[Frame]:
    """Return the slices of a reconstructed NM volume: the first one's place, and even steps.

    SpacingBetweenSlices may be negative here: slices then follow each other against the normal.

    Raises
    ------
    ValueError
        For other NM frames than slices (projections, gated or dynamic frames).
    """
    kinds = header.text("ImageType").split("\\")
    if count > 1 and "RECON TOMO" not in kinds:
        raise ValueError(f"NM frames are slices only in a RECON TOMO image, not in {kinds}")
    detector = values_of(header.sequence("DetectorInformationSequence")[0])
    first = _make_frame(header, 0, [detector, header.values])
    step = header.numbers("SpacingBetweenSlices")
    spacing = float(step[0]) if step.size else first.thickness
    if count == 1 or first.missing_tags or spacing is None:
        return [replace(first, index=index) for index in range(count)]
    normal = np.cross(first.orientation[:3], first.orientation[3:])
    places = first.position + spacing * np.arange(count)[:, None] * normal
    return [replace(first, index=i, position=place) for i, place in enumerate(places)]


def _dose_frames(header: Header, count: int) -> list[Frame]:
    """Return the planes of a dose grid; what its values measure is a mapping to gray.

    Raises
    ------
    ValueError
        When GridFrameOffsetVector does not say where the planes lie.
    """
    scaling = dose_scaling(header)
    mapping = None if scaling is None else RealWorldMapping(scaling[0], 0.0, scaling[1])
    first = replace(_make_frame(header, 0, [header.values]), real_world=mapping, alone=True)
    first = replace(first, rescale_slope=None, rescale_intercept=None)
    if first.missing_tags:
        return [replace(first, index=index) for index in range(count)]
    places = plane_positions(header, count, first.position, first.orientation)
    return [replace(first, index=i, position=place) for i, place in enumerate(places)]


def _plane_frame(header: Header, plane: Plane) -> Frame:
    """Return an image in its own plane: from 0, rows along x, columns along y, thickness 1."""
    frame = _make_frame(header, 0, [header.values], [header.sequences] if header.sequences else [])
    return replace(
        frame,
        position=np.zeros(3),
        orientation=np.eye(3)[:2].ravel(),
        pixel_spacing=plane.spacing,
        thickness=1.0,
        plane=plane,
        alone=True,
    )


def _macro_values(group: Dataset) -> list[Mapping[str, Value]]:
    """Return the items of a functional group: each macro is a sequence of one item."""
    items = [item for element in group if element.VR == "SQ" for item in element.value[:1]]
    inner = [i for item in items for i in (item.get("DiffusionGradientDirectionSequence") or [])]
    return [values_of(item) for item in (*items, *inner[:1])]


def _make_frame(
    header: Header,
    index: int,
    places: list[Mapping[str, Value]],
    sequences: Sequence[Dataset] = (),
) -> Frame:
    """Collect a frame's values, each from the first place that has it."""

    def numbers(keyword: str) -> Floats:
        found = next((place[keyword] for place in places if keyword in place), ())
        if isinstance(found, str):
            raise ValueError(f"{keyword} holds {found!r}, which is no number")
        return np.array(found, dtype=np.float64)

    def first(keyword: str, default: float | None) -> float | None:
        found = numbers(keyword)
        return float(found[0]) if found.size else default

    phase = _phase_values(places)
    return Frame(
        header,
        index,
        numbers("ImagePositionPatient"),
        numbers("ImageOrientationPatient"),
        numbers("PixelSpacing"),
        first("SliceThickness", None),
        first("RescaleSlope", None),
        first("RescaleIntercept", None),
        phase,
        *((None, "") if header.text("Modality") in ("CT", "PT") else read_real_world(sequences)),
        rescale_type=next((str(p["RescaleType"]) for p in places if "RescaleType" in p), ""),
        spacing_between=first("SpacingBetweenSlices", None),
    )


def _phase_values(places: list[Mapping[str, Value]]) -> dict[str, str]:
    """Return the tags that may tell this frame from others of its place, as text."""
    phase = {}
    for tag in PHASE_TAGS:
        found = next((place[tag] for place in places if tag in place), "")
        for parts in () if found else PRIVATE_PHASES.get(tag, ()):
            values = places[-1]
            if not found and all(part in values for part in parts):
                found = tuple(v for part in parts for v in values[part] if not isinstance(v, str))
                if parts == ("GEBValue",):
                    found = (found[0] % GE_OFFSET,)
        if found:
            texts = [found] if isinstance(found, str) else [f"{number:.10g}" for number in found]
            phase[tag] = "\\".join(texts)
    return phase


def read_real_world(places: Sequence[Dataset]) -> tuple[RealWorldMapping | None, str]:
    """Return the mapping of the first of the datasets that has one, and why one is left out.

    None where there is none, where there are several, for ranges of values or quantities, or where
    it is a table: then there is no one unit of the frame.

    Raises
    ------
    ValueError
        When slope or intercept is no number.
    """
    found = [place.get("RealWorldValueMappingSequence") or [] for place in places]
    items = next((list(items) for items in found if items), [])
    if not items:
        return None, ""
    if len(items) != 1:
        return None, f"{len(items)} RealWorldValueMappings, of which none is used"
    if items[0].get("RealWorldValueSlope") is None:
        return None, "RealWorldValueMapping by a table, which is not used"
    slope, intercept = (items[0].get(f"RealWorldValue{part}") for part in ("Slope", "Intercept"))
    units = items[0].get("MeasurementUnitsCodeSequence") or []
    unit = str(units[0].get("CodeValue") or "") if units else ""
    try:
        return RealWorldMapping(float(slope), float(intercept or 0), unit or "1"), ""
    except (TypeError, ValueError):
        raise ValueError(f"RealWorldValueSlope holds {slope!r}, which is no number") from None
