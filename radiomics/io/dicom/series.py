"""Frames into volumes: grouped, split into phases, measured, and judged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import UID

from radiomics.io.dicom.dose import dose_defects
from radiomics.io.dicom.frames import PHASE_TAGS, TIME_TAGS, Frame, frames_of
from radiomics.io.dicom.geometry import Defect, Stack, distinct_places, stack_slices
from radiomics.io.dicom.headers import Header, Unreadable
from radiomics.io.dicom.pixels import check_pixel_tags, read_frames
from radiomics.io.dicom.projections import is_coloured
from radiomics.io.dicom.scanning import scan_path
from radiomics.types import InputError

OTHER_OBJECTS = ("RTSTRUCT", "RTPLAN", "SR", "PR", "KO", "REG", "FID", "RWV", "DOC")
"""Modalities of objects that have no pixels."""


@dataclass(frozen=True, eq=False)
class SeriesReport:
    """One volume of a series: what it is, where it lies, and whether it can be believed.

    ``frames`` are sorted along the slices' normal; ``part`` counts the volumes of a series that
    holds several (0 where it holds one) and ``phase`` says what sets this one apart.
    """

    path: Path
    series: str
    part: int
    phase: str
    frames: tuple[Frame, ...]
    stack: Stack | None
    defects: tuple[Defect, ...]

    @property
    def verdict(self) -> str:
        """``"good"``, ``"repairable"`` or ``"refused"``: that of the gravest defect."""
        grave = {defect.severity for defect in self.defects}
        return next((v for v in ("refused", "repairable") if v in grave), "good")

    @property
    def name(self) -> str:
        """How to ask for it: SeriesInstanceUID, with ``#part`` where there are several."""
        return f"{self.series}#{self.part}" if self.part else self.series

    @property
    def modality(self) -> str:
        """The Modality tag."""
        return self.frames[0].header.text("Modality")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of slices, rows and columns."""
        first = self.frames[0].header
        return len(self.frames), first.integer("Rows"), first.integer("Columns")

    @property
    def affine(self) -> NDArray[np.float64]:
        """(4, 4) affine of the grid; the identity where there is none."""
        return np.eye(4) if self.stack is None else self.stack.affine

    @property
    def spacing(self) -> tuple[float, float, float] | None:
        """Voxel spacing (dz, dy, dx) in mm, None where it is not known."""
        if self.stack is None or self.length_unit != "mm":
            return None
        dz, dy, dx = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(dz), float(dy), float(dx)

    @property
    def is_flat(self) -> bool:
        """Whether this is one image in a plane of its own, without a position in the patient."""
        return self.frames[0].plane is not None

    @property
    def rank(self) -> int:
        """What is meant first where nobody says: 0 for images, 1 doses, 2 images in no place."""
        return 2 if self.is_flat else int(self.modality == "RTDOSE")

    @property
    def length_unit(self) -> str:
        """``"mm"``, or ``"px"`` of an image without a spacing."""
        plane = self.frames[0].plane
        return "mm" if plane is None else plane.length_unit

    @cached_property
    def headers(self) -> tuple[Header, ...]:
        """The headers in the order of the slices, one a slice."""
        return tuple(frame.header for frame in self.frames)


def find_series(path: Path) -> list[SeriesReport]:
    """Report on each image volume at a path: a file, or a folder and all below it."""
    return group_series(path, scan_path(path).headers)[0]


def group_series(
    path: Path, headers: Iterable[Header]
) -> tuple[list[SeriesReport], list[Unreadable]]:
    """Group image headers by series, then by layout, then by phase; report on each volume.

    Files whose frames cannot be found are returned beside the reports.
    """
    groups: dict[str, list[Frame]] = {}
    broken: list[Unreadable] = []
    for header in headers:
        if "Rows" not in header.values or "Columns" not in header.values:
            if _should_be_image(header):
                broken.append(
                    Unreadable(header.path, "an image without Rows and Columns: cut short?")
                )
            continue
        if header.text("Modality") == "SEG":
            continue
        try:
            frames = frames_of(header)
            check_pixel_tags(header)
        except Exception as error:  # nested groups are parsed here, and anything may stand there
            broken.append(Unreadable(header.path, f"{type(error).__name__}: {error}"))
            continue
        groups.setdefault(header.text("SeriesInstanceUID"), []).extend(frames)
    reports = []
    for uid, frames in groups.items():
        volumes = split_volumes(frames)
        for number, (phase, members) in enumerate(volumes, start=1):
            part = number if len(volumes) > 1 else 0
            reports.append(report_volume(path, uid, part, phase, members))
    return reports, broken


def _should_be_image(header: Header) -> bool:
    """Tell whether a file says that it is an image: without a matrix it would not be missed."""
    if header.text("Modality") in OTHER_OBJECTS:
        return False
    kind = UID(header.text("SOPClassUID")).name
    return kind.endswith("Image Storage") or "ImagePositionPatient" in header.values


def split_volumes(frames: list[Frame]) -> list[tuple[str, list[Frame]]]:
    """Split the frames of a series by layout and, where places repeat, by phase.

    A tag may split only where every resulting group has each place at most once and covers most of
    the places (times, which often differ from slice to slice: all of them); otherwise repeated
    places stay together and are reported as duplicates.
    """
    layouts: list[list[Frame]] = []
    for frame in frames:
        group = next((g for g in layouts if frame.shares_layout(g[0])), None)
        if group is None:
            layouts.append([frame])
        else:
            group.append(frame)
    volumes = []
    for members in layouts:
        for tag in PHASE_TAGS if places_repeat(members) else ():
            phases: dict[str, list[Frame]] = {}
            for frame in members:
                phases.setdefault(frame.phase.get(tag, ""), []).append(frame)
            if len(phases) > 1 and _are_phases(phases, members, 1.0 if tag in TIME_TAGS else 0.7):
                volumes += [
                    (f"{tag} {value}", phases[value]) for value in sorted(phases, key=_phase_order)
                ]
                break
        else:
            volumes.append(("", members))
    return volumes


def _are_phases(phases: dict[str, list[Frame]], members: list[Frame], cover: float) -> bool:
    """Tell whether every group has no place twice and covers enough of all places."""
    places = count_places(members)
    return all(
        not places_repeat(group) and len(group) >= cover * places for group in phases.values()
    )


def places_repeat(frames: list[Frame]) -> bool:
    """Tell whether two frames lie at one place."""
    return not any(frame.missing_tags for frame in frames) and count_places(frames) < len(frames)


def count_places(frames: list[Frame]) -> int:
    """Count the distinct places of frames along their normal."""
    places = np.array([frame.position for frame in frames])
    normal = np.cross(frames[0].orientation[:3], frames[0].orientation[3:])
    return int(distinct_places(np.sort(places @ normal)).sum())


def _phase_order(value: str) -> tuple[float, str]:
    try:
        return float(value), value
    except ValueError:
        return float("inf"), value


def report_volume(
    path: Path, series: str, part: int, phase: str, frames: list[Frame]
) -> SeriesReport:
    """Measure the geometry of one volume and list its defects."""
    first = frames[0]
    defects = _structural_defects(frames)
    stack = None
    if not any(defect.severity == "refused" for defect in defects):
        stack = stack_slices(
            np.array([frame.position for frame in frames]),
            first.orientation,
            first.pixel_spacing,
            first.thickness,
        )
        frames = [frames[i] for i in stack.order]
        defects += [_judge_duplicates(d, frames, stack) for d in stack.defects]
    return SeriesReport(path, series, part, phase, tuple(frames), stack, tuple(defects))


def _structural_defects(frames: list[Frame]) -> list[Defect]:
    """Name what does not depend on positions: missing tags, colour, frames of reference, kinds."""
    found = _plane_defects(frames[0])
    for frame in frames:
        unusable = _unusable(frame)
        if unusable is not None:
            return [*found, unusable]
    if frames[0].header.text("Modality") == "RTDOSE":
        found += dose_defects(frames[0].header)
    problems = [frame.real_world_problem for frame in frames if frame.real_world_problem]
    found += [Defect("real_world_values", problem, "note") for problem in problems[:1]]
    if len({frame.header.text("FrameOfReferenceUID") for frame in frames}) > 1:
        text = "slices of several frames of reference in one series"
        found.append(Defect("mixed_frames", text, "refused"))
    for tag in ("EchoTime", "DiffusionBValue"):
        values = {frame.phase.get(tag, "") for frame in frames}
        if len(values) > 1:
            text = f"slices with {len(values)} different values of {tag} in one volume"
            found.append(Defect("mixed_phases", text, "note"))
    kinds = {kind for frame in frames for kind in frame.header.text("ImageType").split("\\")}
    if "LOCALIZER" in kinds:
        found.append(Defect("localizer", "a localizer (scout), not a volume", "refused"))
    if "DERIVED" in kinds:
        found.append(Defect("derived", "derived, not original, images", "note"))
    if any(frame.header.text("BurnedInAnnotation") == "YES" for frame in frames):
        found.append(Defect("burnt_in", "text may be burnt into the pixels", "note"))
    return found


def _unusable(frame: Frame) -> Defect | None:
    """Say what keeps one frame from being read, whatever the others are like."""
    name = frame.header.path.name
    if is_coloured(frame.header):
        remedy = ": choose a channel" if frame.plane is not None else ""
        return Defect("colour", f"{name} holds colour pixels{remedy}", "refused")
    if frame.missing_tags:
        text = f"{name} lacks usable values of {', '.join(frame.missing_tags)}"
        return Defect("missing_tags", text, "refused")
    if frame.rescale_problem:
        return Defect("missing_tags", f"{name} has {frame.rescale_problem}", "refused")
    if frame.pixel_spacing.min() <= 0:
        return Defect("missing_tags", f"{name} has a PixelSpacing of zero or less", "refused")
    return None


def _plane_defects(frame: Frame) -> list[Defect]:
    """Say what is to be known of an image in its own plane, and whether it is one image."""
    if frame.plane is None:
        return []
    found = [Defect("own_plane", note, "note") for note in frame.plane.notes]
    if frame.plane.problem:
        found.append(Defect("no_image", frame.plane.problem, "refused"))
    return found


def _judge_duplicates(defect: Defect, frames: list[Frame], stack: Stack) -> Defect:
    """Refuse duplicates whose pixels differ: nobody can say which one is right."""
    if defect.kind != "duplicate_slices":
        return defect
    for index in (np.flatnonzero(~distinct_places(stack.along)) - 1).tolist():
        try:
            one, two = read_frames(frames[index : index + 2])
        except InputError as error:
            return Defect("duplicate_slices", f"{defect.text}; {error.found}", "refused")
        if not np.array_equal(one, two):
            text = f"{defect.text}, with different pixels"
            return Defect("duplicate_slices", text, "refused")
    return Defect("duplicate_slices", f"{defect.text}, with equal pixels", "repairable")
