"""Frames into volumes: grouped, split into phases, measured, and judged.

What :func:`sort_contents` says of a path is what ``inspect`` shows and what reading goes by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
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
from radiomics.io.dicom.frames import PHASE_TAGS, TIME_TAGS, Frame, frames_of
from radiomics.io.dicom.geometry import Defect, Stack, distinct_places, stack_slices
from radiomics.io.dicom.headers import Header, Unreadable
from radiomics.io.dicom.pixels import check_pixel_tags, read_frames
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
        """What is meant first where nobody says: 0 for volumes, sound or not; 2 for what is none.

        Scouts, clips and pages are none.
        """
        kinds = {defect.kind for defect in self.defects}
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
        first = self.frames[0].header
        return len(self.frames), first.integer("Rows"), first.integer("Columns")

    @property
    def affine(self) -> NDArray[np.float64]:
        """(4, 4) affine of the grid; the identity where there is none."""
        return np.eye(4) if self.stack is None else self.stack.affine

    @property
    def spacing(self) -> tuple[float, float, float] | None:
        """Voxel spacing (dz, dy, dx) in mm, None where it is not known."""
        if self.stack is None:
            return None
        dz, dy, dx = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(dz), float(dy), float(dx)

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


def group_series(
    path: Path, headers: Iterable[Header]
) -> tuple[list[SeriesReport], list[Unreadable]]:
    """Report on each volume among headers; return files that cannot be used beside the reports."""
    found = sort_contents(path, HeaderScan(tuple(headers), (), 0))
    return list(found.series), [*found.unplaced, *found.unreadable]


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
        modality = header.text("Modality")
        copied = problem and instances[_instance(header)] == 2  # that slice is here, and whole
        if problem and (copied or header.pixels is None or modality in ("SEG", "RTDOSE")):
            broken.append(Unreadable(header.path, problem, header.values))
            continue
        if modality in ("SEG", "RTDOSE"):
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
        for number, (phase, members) in enumerate(volumes, start=1):
            part = number if len(volumes) > 1 else 0
            report = report_volume(path, uid, part, phase, members)
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
    found = []
    for frame in frames:
        name = frame.header.path.name
        if frame.header.integer("SamplesPerPixel", 1) != 1:
            return [Defect("colour", f"{name} holds colour pixels", "refused")]
        if frame.missing_tags:
            text = f"{name} lacks usable values of {', '.join(frame.missing_tags)}"
            return [Defect("missing_tags", text, "refused")]
        if frame.rescale_problem:
            return [Defect("missing_tags", f"{name} has {frame.rescale_problem}", "refused")]
        if frame.pixel_spacing.min() <= 0:
            text = f"{name} has a PixelSpacing of zero or less"
            return [Defect("missing_tags", text, "refused")]
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
