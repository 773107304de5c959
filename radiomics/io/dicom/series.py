"""Frames into volumes: grouped, split into phases, measured, and judged.

What :func:`sort_contents` says of a path is what ``inspect`` shows and what reading goes by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import UID

from radiomics.io.dicom.completeness import (
    WITHOUT_PIXELS,
    is_image,
    is_undecided,
    missing_pixels,
    surplus_frames,
)
from radiomics.io.dicom.dose import dose_defects
from radiomics.io.dicom.frames import PHASE_TAGS, TIME_TAGS, Frame, frames_of
from radiomics.io.dicom.geometry import Defect, Stack, distinct_places, stack_slices
from radiomics.io.dicom.headers import Header, Unreadable
from radiomics.io.dicom.native import check_pixel_tags
from radiomics.io.dicom.pixels import read_frames
from radiomics.io.dicom.scanning import HeaderScan, files_beside, scan_path
from radiomics.types import InputError

OTHER_OBJECTS = ("RTSTRUCT", "RTPLAN", "SR", "PR", "KO", "REG", "FID", "RWV", "DOC")
"""Modalities of objects that have no pixels."""
MASKS = ("RTSTRUCT", "SEG")
"""Modalities of masks: they go with an image and are not left out when it is read."""
DIRECTORY = "1.2.840.10008.1.3.10"
"""SOP class of a DICOMDIR."""
SAME_SERIES = ("SeriesInstanceUID", "Modality", "SOPClassUID")
"""Tags in which slices of one series agree."""
NAMED = 5
"""Files that are named in one message."""
CLASS = "1.2.840.10008.5.1.4.1.1."
CROSS_SECTIONAL = tuple(
    CLASS + part
    for part in (
        "2", "2.1", "2.2", "4", "4.1", "4.3", "4.4", "20", "128", "128.1", "130", "6.2",
        "13.1.1", "13.1.2", "13.1.3", "30", "481.2", "77.1.5.4",
    )
)  # fmt: skip
"""SOP classes whose images have a place in the patient: CT, MR, PET, NM, their enhanced and
converted forms, 3D ultrasound and X-ray, parametric maps, dose, optical tomography."""


COVER = 0.7
"""Part of all places that a phase has at least; a scan may have been stopped."""
RTOL, ATOL_MM = 0.02, 0.02
"""Differences of stated lengths from those that are used up to which nothing is noted."""
MOST_TAGS = 3
"""Tags that tell phases apart together, at most."""
ORDER_TAGS = ("InstanceNumber", "TriggerTime", "AcquisitionTime", "ContentTime")
"""What orders images by the time at which they were taken, the most reliable first."""


@dataclass(frozen=True, eq=False)
class Phase:
    """Frames of one volume, what names it, and what was assumed to tell it from others."""

    name: str
    frames: list[Frame]
    note: str = ""


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
        """That of the gravest defect: ``"refused"``, ``"repairable"``, ``"undecided"``, ``"good"``.

        Undecided is a series whose compressed pixels nobody has decoded yet.
        """
        grave = {defect.severity for defect in self.defects}
        return next((v for v in ("refused", "repairable", "undecided") if v in grave), "good")

    @property
    def rank(self) -> int:
        """What is meant first where nobody says: 0 for volumes, sound or not; 1 for doses.

        2 for what is no volume: images in a plane of their own, scouts, clips and pages.
        """
        kinds = {defect.kind for defect in self.defects}
        if self.modality == "RTDOSE":
            return 1
        if self.is_flat:
            return 2
        if "missing_tags" in kinds:
            return 0 if self.frames[0].header.text("SOPClassUID") in CROSS_SECTIONAL else 2
        return 2 if kinds & {"localizer", "colour"} else 0

    @property
    def folders(self) -> list[Path]:
        """The folders in which its files lie, in the order of their names."""
        return sorted({frame.header.path.parent for frame in self.frames})

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
        return len(self.frames), *self.frames[0].shape

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
    def length_unit(self) -> str:
        """``"mm"``, or ``"px"`` of an image without a spacing."""
        plane = self.frames[0].plane
        return "mm" if plane is None else plane.length_unit

    @cached_property
    def headers(self) -> tuple[Header, ...]:
        """The headers in the order of the slices, one a slice."""
        return tuple(frame.header for frame in self.frames)


@dataclass(frozen=True, eq=False)
class Contents:
    """What lies at a path.

    ``series`` are judged volumes, ``objects`` what has no pixels to be read as an image (masks,
    plans, reports), ``unplaced`` images whose frames have no places, ``unreadable`` broken files.
    """

    path: Path
    series: tuple[SeriesReport, ...]
    objects: tuple[Header, ...]
    unplaced: tuple[Unreadable, ...]
    unreadable: tuple[Unreadable, ...]


def find_series(path: Path) -> list[SeriesReport]:
    """Report on each image volume at a path: a file, or a folder and all below it."""
    return list(sort_contents(path, scan_path(path)).series)


def sort_contents(path: Path, seen: HeaderScan) -> Contents:
    """Group image headers by series, then by layout, then by phase; judge each volume.

    A file that cannot be used counts against a volume where it is of its series, or where its
    header does not tell and it lies beside slices of it: then it may be one of them.
    """
    groups: dict[str, list[Frame]] = {}
    objects: list[Header] = []
    unplaced: list[Unreadable] = []
    broken = list(seen.unreadable)
    incomplete: dict[Path, Unreadable] = {}
    instances = Counter(_instance(header) for header in seen.headers)
    for header in seen.headers:
        try:
            problem = missing_pixels(header)
            if not is_image(header):
                if _should_be_image(header):
                    problem = "an image without Rows and Columns: cut short?"
                    broken.append(Unreadable(header.path, problem, header.values))
                else:
                    objects.append(header)
                continue
            check_pixel_tags(header)
        except ValueError as error:
            broken.append(Unreadable(header.path, str(error), header.values))
            continue
        segments = header.text("Modality") == "SEG"
        copied = problem and instances[_instance(header)] == 2  # that slice is here, and whole
        if problem and (copied or header.pixels is None or segments):
            broken.append(Unreadable(header.path, problem, header.values))
            continue
        if segments:
            objects.append(header)
            continue
        try:
            frames = frames_of(header)
        except Exception as error:  # nested groups are parsed here, and anything may stand there
            reason = str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}"
            unplaced.append(Unreadable(header.path, reason, header.values))
            continue
        if problem:
            incomplete[header.path] = Unreadable(header.path, problem, header.values)
        groups.setdefault(header.text("SeriesInstanceUID"), []).extend(frames)
    beside = files_beside(path)
    reports = []
    for uid, frames in groups.items():
        volumes = split_volumes(frames)
        for number, phase in enumerate(volumes, start=1):
            part = number if len(volumes) > 1 else 0
            report = report_volume(path, uid, part, phase)
            defects = [
                *_unusable_files(report, incomplete, [*unplaced, *broken]),
                *_folder_notes(report, beside),
            ]
            reports.append(_with_defects(report, defects))
    return Contents(path, tuple(reports), tuple(objects), tuple(unplaced), tuple(broken))


def _instance(header: Header) -> tuple[str, str]:
    return header.text("SeriesInstanceUID"), header.text("SOPInstanceUID")


def _with_defects(report: SeriesReport, defects: Sequence[Defect]) -> SeriesReport:
    """Add defects to a report; say last whether decoding has still to decide."""
    report = replace(report, defects=(*report.defects, *defects))
    compressed = {f.header.path for f in report.frames if is_undecided(f.header)}
    if not compressed or report.verdict == "refused":
        return report
    text = f"compressed pixels of {len(compressed)} file(s) were not decoded, which may fail"
    undecided = Defect("undecided_pixels", text, "undecided")
    return replace(report, defects=(*report.defects, undecided))


def decided(report: SeriesReport) -> SeriesReport:
    """Return the report of a series whose pixels have been decoded."""
    kept = tuple(defect for defect in report.defects if defect.severity != "undecided")
    return replace(report, defects=kept)


def _unusable_files(
    report: SeriesReport, incomplete: dict[Path, Unreadable], unusable: list[Unreadable]
) -> list[Defect]:
    """Name files of a volume that cannot be used, and those that may be of it."""
    found = []
    paths = {frame.header.path: frame.header for frame in report.frames}
    cut = [incomplete[path] for path in paths if path in incomplete]
    own = [bad for bad in unusable if is_slice_of(report, bad)]
    if cut or own:
        text = (
            f"{len(cut) + len(own)} file(s) of it that cannot be read: {name_files([*cut, *own])}"
        )
        found.append(Defect("broken_slices", text, "refused"))
    more = [path.name for path, header in paths.items() if surplus_frames(header) > 0]
    if more:
        text = f"more frames than their headers count, which are left out, in {len(more)} file(s): "
        found.append(Defect("surplus_frames", text + ", ".join(more[:NAMED]), "note"))
    perhaps = [bad for bad in unusable if _may_be_slice_of(report, bad)]
    if perhaps:
        text = f"{len(perhaps)} file(s) that cannot be read and may be slices of it: "
        found.append(Defect("unreadable_files", text + name_files(perhaps), "repairable"))
    return found


def name_files(files: Sequence[Unreadable]) -> str:
    """Name files that cannot be used, with the reasons, the first few of many."""
    named = "; ".join(f"{bad.path.name}: {bad.reason}" for bad in files[:NAMED])
    return named if len(files) <= NAMED else f"{named}; and {len(files) - NAMED} more"


def is_slice_of(report: SeriesReport, bad: Unreadable) -> bool:
    """Tell whether a file says that it is of a series, as an image of its kind, and no copy."""
    header = report.frames[0].header
    if "SeriesInstanceUID" not in bad.values or bad.text("SeriesInstanceUID") != report.series:
        return False
    if any(bad.text(tag) not in ("", header.text(tag)) for tag in ("Modality", "SOPClassUID")):
        return False
    instances = [one.text("SOPInstanceUID") for one in dict.fromkeys(report.headers)]
    return instances.count(bad.text("SOPInstanceUID")) != 1  # else that slice is here, and whole


def _may_be_slice_of(report: SeriesReport, bad: Unreadable) -> bool:
    """Tell whether a file that does not name its series may be a slice: nothing speaks against it.

    It lies in a folder that holds slices, and is of no other patient, study, kind of object.
    """
    header = report.frames[0].header
    tags = ("PatientID", "StudyInstanceUID", "Modality", "SOPClassUID")
    return (
        "SeriesInstanceUID" not in bad.values
        and bad.path.parent in report.folders
        and all(bad.text(tag) in ("", header.text(tag)) for tag in tags)
    )


def _folder_notes(report: SeriesReport, beside: list[list[Header]]) -> list[Defect]:
    """Note that the files of a series lie in several folders, here or beside the folder read."""
    found = []
    counts = Counter(path.parent for path in {frame.header.path for frame in report.frames})
    if len(counts) > 1:
        named = [
            f"{_name_below(folder, report.path)} ({counts[folder]})" for folder in report.folders
        ]
        listed = ", ".join(named[:NAMED]) + (", ..." if len(named) > NAMED else "")
        text = f"its files lie in {len(counts)} folders: {listed}"
        found.append(Defect("several_folders", text, "note"))
    first = report.frames[0].header
    own = {frame.header.text("SOPInstanceUID") for frame in report.frames}
    others = 0
    for folder in beside:
        more = [h for h in folder if all(h.text(tag) == first.text(tag) for tag in SAME_SERIES)]
        others += any(header.text("SOPInstanceUID") not in own for header in more)
    if others:
        text = f"{others} folder(s) beside the one that was read hold files of this series, too"
        found.append(Defect("other_folders", text, "note"))
    return found


def _name_below(folder: Path, path: Path) -> str:
    return folder.relative_to(path).as_posix() if folder.is_relative_to(path) else folder.name


def kind_of_object(found: Header | Unreadable) -> str:
    """Return what kind of object a file holds, in DICOM's words.

    Such as ``"Secondary Capture Image"``.
    """
    uid = UID(found.text("SOPClassUID"))
    known = uid.name if uid.name != str(uid) else ""
    return known.removesuffix(" Storage") or found.text("Modality") or "object of unknown kind"


def left_out(contents: Contents, chosen: SeriesReport) -> list[str]:
    """Say what lies beside a volume and is none: objects by kind and number, broken files by name.

    Masks and other volumes, among which it was chosen, are not named.

    Parameters
    ----------
    chosen : one of ``contents.series``
    """
    directory = [h for h in contents.objects if h.text("SOPClassUID") == DIRECTORY]
    beside: list[Header | Unreadable] = [
        header
        for header in contents.objects
        if header not in directory and header.text("Modality") not in MASKS
    ]
    kinds = Counter(kind_of_object(found) for found in (*beside, *contents.unplaced))
    for report in contents.series:
        if report is not chosen and report.rank > chosen.rank:
            scout = any(defect.kind == "localizer" for defect in report.defects)
            for header in dict.fromkeys(report.headers):
                kinds[kind_of_object(header) + (" (scout)" if scout else "")] += 1
    parts = [", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))] if kinds else []
    broken = [bad for bad in contents.unreadable if not is_slice_of(chosen, bad)]
    if broken:
        parts.append(f"{len(broken)} file(s) that cannot be read ({name_files(broken)})")
    return [f"left out: {'; '.join(parts)}"] if parts else []


def _should_be_image(header: Header) -> bool:
    """Tell whether a file says that it is an image: without a matrix it would not be missed."""
    if header.text("Modality") in OTHER_OBJECTS:
        return False
    if header.text("SOPClassUID") in WITHOUT_PIXELS:
        return False
    kind = UID(header.text("SOPClassUID")).name
    return kind.endswith("Image Storage") or "ImagePositionPatient" in header.values


def split_volumes(frames: list[Frame]) -> list[Phase]:
    """Split the frames of a series by layout and, where places repeat, by phase.

    Tags may split, alone or two or three together, only where every resulting group has each place
    at most once and covers most of the places (times, which often differ from slice to slice: all
    of them). Where no tag does, the order of InstanceNumber or of times does it, if it goes
    through all places again and again. Otherwise repeated places stay together and are reported as
    duplicates.
    """
    layouts: list[list[Frame]] = []
    for frame in frames:
        group = next((g for g in layouts if frame.shares_layout(g[0])), None)
        if group is None:
            layouts.append([frame])
        else:
            group.append(frame)
    volumes: list[Phase] = []
    for members in layouts:
        repeated = places_repeat(members)
        found = (split_by_tags(members) or split_by_order(members)) if repeated else None
        volumes += found or [Phase("", members)]
    return volumes


def places_repeat(frames: list[Frame]) -> bool:
    """Tell whether two frames lie at one place."""
    usable = not any(frame.problem or frame.missing_tags for frame in frames)
    return usable and int(place_numbers(frames).max()) + 1 < len(frames)


def place_numbers(frames: list[Frame]) -> NDArray[np.intp]:
    """Return the number of each frame's place (N,), counted along the normal from 0."""
    places = np.array([frame.position for frame in frames])
    along = places @ np.cross(frames[0].orientation[:3], frames[0].orientation[3:])
    order = np.argsort(along, kind="stable")
    numbers = np.empty(len(frames), dtype=np.intp)
    numbers[order] = np.cumsum(distinct_places(along[order])) - 1
    return numbers


def split_by_tags(members: list[Frame]) -> list[Phase] | None:
    """Split frames by the fewest tags that tell those of each place apart; None where none do."""
    places = place_numbers(members)
    codes = {}
    for tag in PHASE_TAGS:
        values = [frame.phase.get(tag, "") for frame in members]
        if len(set(values)) > 1:
            codes[tag] = np.unique(values, return_inverse=True)[1]
    for count in range(1, MOST_TAGS + 1):
        for tags in combinations(codes, count):
            together = np.zeros(len(members), dtype=np.intp)
            for tag in tags:
                together = together * (int(codes[tag].max()) + 1) + codes[tag]
            phase = np.unique(together, return_inverse=True)[1]
            cover = 1.0 if set(tags) & set(TIME_TAGS) else COVER
            if _are_phases(phase, places, cover):
                return _phases_of_tags(members, phase, tags)
    return None


def _are_phases(phase: NDArray[np.intp], places: NDArray[np.intp], cover: float) -> bool:
    """Tell whether every group has no place twice and covers enough of all places."""
    count = int(places.max()) + 1
    pairs = np.unique(phase * count + places).size
    return pairs == phase.size and int(np.bincount(phase).min()) >= cover * count


def _phases_of_tags(
    members: list[Frame], phase: NDArray[np.intp], tags: tuple[str, ...]
) -> list[Phase]:
    groups: dict[int, list[Frame]] = {}
    for frame, number in zip(members, phase.tolist(), strict=True):
        groups.setdefault(number, []).append(frame)
    phases = []
    for group in groups.values():
        values = [group[0].phase.get(tag, "") for tag in tags]
        name = ", ".join(f"{tag} {value}" for tag, value in zip(tags, values, strict=True))
        phases.append((tuple(map(_phase_order, values)), Phase(name, group)))
    return [found for _, found in sorted(phases, key=lambda pair: pair[0])]


def split_by_order(members: list[Frame]) -> list[Phase] | None:
    """Split frames by blocks of a number that orders them; None where none has such blocks.

    In one order every block goes through all places, in the other every block stays at one place:
    then the first of each are a phase, the second of each, and so on.
    """
    places = place_numbers(members)
    count = int(places.max()) + 1
    for tag in ORDER_TAGS:
        values = [_order_value(frame, tag) for frame in members]
        if None in values or len(set(values)) < 2:
            continue
        unique = tag == "InstanceNumber" and len(set(values)) == len(values)
        order = sorted(range(len(members)), key=lambda i: values[i] or 0.0)
        sequence = places[order]
        blocks = _blocks_through_all_places(sequence, count)
        if blocks is not None and _are_apart([values[i] for i in order], blocks):
            parts = np.split(np.array(order), blocks)
            ends = [(members[part[0]], members[part[-1]]) for part in parts]
            names = [f"{tag} {_order_text(a, tag)} to {_order_text(b, tag)}" for a, b in ends]
        elif unique and _stay_at_one_place(sequence, count):
            parts = list(np.array(order).reshape(count, -1).T)
            names = [
                f"image {number} of each place by {tag}" for number in range(1, len(parts) + 1)
            ]
        else:
            continue
        note = (
            f"one of {len(parts)} phases that no tag names: told apart by blocks of {tag}, "
            f"{'each of all places' if blocks is not None else 'each of one place'}"
        )
        return [
            Phase(name, [members[i] for i in part], note)
            for name, part in zip(names, parts, strict=True)
        ]
    return None


def _blocks_through_all_places(sequence: NDArray[np.intp], count: int) -> list[int] | None:
    """Return where an ordered series of places begins anew; None where a part is not all places.

    The last block may end early, as that of a scan that was stopped.
    """
    starts: list[int] = []
    seen: set[int] = set()
    for index, place in enumerate(sequence.tolist()):
        if place in seen:
            if len(seen) != count:
                return None
            starts.append(index)
            seen = set()
        seen.add(place)
    return starts if starts and len(seen) >= COVER * count else None


def _stay_at_one_place(sequence: NDArray[np.intp], count: int) -> bool:
    """Tell whether an ordered series of places is made of equal blocks of one place each."""
    if sequence.size % count:
        return False
    blocks = sequence.reshape(count, -1)
    return bool((blocks == blocks[:, :1]).all()) and len(set(blocks[:, 0].tolist())) == count


def _are_apart(values: Sequence[float | None], starts: list[int]) -> bool:
    """Tell whether no two frames of equal value lie on both sides of a border of blocks."""
    return all(values[start] != values[start - 1] for start in starts)


def _order_value(frame: Frame, tag: str) -> float | None:
    """Return what orders a frame among others, None where it has no such number."""
    text = _order_text(frame, tag).replace(":", "")
    try:
        return float(text)
    except ValueError:
        return None


def _order_text(frame: Frame, tag: str) -> str:
    return frame.header.text(tag) if tag == "InstanceNumber" else frame.phase.get(tag, "")


def _phase_order(value: str) -> tuple[float, str]:
    try:
        return float(value), value
    except ValueError:
        return float("inf"), value


def report_volume(path: Path, series: str, part: int, phase: Phase) -> SeriesReport:
    """Measure the geometry of one volume and list its defects."""
    frames = phase.frames
    first = frames[0]
    defects = _structural_defects(frames)
    if phase.note:
        defects.append(Defect("unnamed_phases", phase.note, "note"))
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
        defects += _contradictions(frames, stack)
    return SeriesReport(path, series, part, phase.name, tuple(frames), stack, tuple(defects))


def _frame_defect(frame: Frame) -> Defect | None:
    """Name what keeps one frame from being a slice of measured values; None where nothing does."""
    name = frame.header.path.name
    if frame.problem:
        return Defect("not_slices", f"{name} holds {frame.problem}", "refused")
    if frame.colour_problem:
        remedy = ": a channel is to be chosen" if frame.plane is not None else ""
        return Defect("colour", f"{name} holds {frame.colour_problem}{remedy}", "refused")
    if frame.missing_tags:
        text = f"{name} lacks usable values of {', '.join(frame.missing_tags)}"
        return Defect("missing_tags", text, "refused")
    if frame.rescale_problem:
        return Defect("missing_tags", f"{name} has {frame.rescale_problem}", "refused")
    if frame.pixel_spacing.min() <= 0:
        text = f"{name} has a PixelSpacing of zero or less"
        return Defect("missing_tags", text, "refused")
    return None


def _structural_defects(frames: list[Frame]) -> list[Defect]:
    """Name what does not depend on positions: missing tags, colour, frames of reference, kinds."""
    found = _plane_defects(frames[0])
    for frame in frames:
        if defect := _frame_defect(frame):
            return [*found, defect]
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
    relations = {frame.header.text("PixelIntensityRelationship") for frame in frames}
    for relation in sorted(relations - {"", "LIN"}):
        text = f"values are no linear measure (PixelIntensityRelationship {relation})"
        found.append(Defect("intensity_relationship", text, "note"))
    if any(frame.header.text("BurnedInAnnotation") == "YES" for frame in frames):
        found.append(Defect("burnt_in", "text may be burnt into the pixels", "note"))
    return found


def _contradictions(frames: list[Frame], stack: Stack) -> list[Defect]:
    """Note header values that say otherwise than those that are used."""
    if frames[0].plane is not None or frames[0].alone:
        return []  # of a plane of its own, or a dose, notes say by themselves what was used
    found = []
    step = float(np.linalg.norm(stack.affine[:3, 0]))
    stated = sorted({abs(f.spacing_between) for f in frames if f.spacing_between is not None})
    other = [value for value in stated if not np.isclose(value, step, rtol=RTOL, atol=ATOL_MM)]
    if other and distinct_places(stack.along).sum() > 1:
        text = f"SpacingBetweenSlices is {other[0]:.4g} mm, by the positions it is {step:.4g} mm"
        found.append(Defect("other_step", text, "note"))
    pixel = frames[0].pixel_spacing
    at_detector = frames[0].header.numbers("ImagerPixelSpacing")
    if at_detector.size == 2 and not np.allclose(at_detector, pixel, rtol=RTOL, atol=0):
        text = (
            f"PixelSpacing ({pixel[0]:.4g} x {pixel[1]:.4g} mm) is used, ImagerPixelSpacing "
            f"({at_detector[0]:.4g} x {at_detector[1]:.4g} mm) is another"
        )
        found.append(Defect("other_pixel_spacing", text, "note"))
    files = {id(frame.header): frame.header.text("SOPInstanceUID") for frame in frames}
    names = set(files.values())
    if len(names) < len(files) and distinct_places(stack.along).all():
        text = f"{len(files)} files share {len(names)} SOPInstanceUID: told apart by their places"
        found.append(Defect("shared_uid", text, "note"))
    if any(frame.is_unspecified for frame in frames):
        text = "RescaleType US (unspecified) of a CT: its values are taken for HU"
        found.append(Defect("unspecified_unit", text, "note"))
    return found


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
