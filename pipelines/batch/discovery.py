"""A folder as a manifest: images and the masks that lie on them, patients by their headers.

DICOM: a mask (RTSTRUCT, SEG) belongs to the series of the same patient and frame of reference, of
several to the one that it refers to, else to the one in the nearest folder. NIfTI, NRRD, MetaImage:
a file whose name says mask belongs to the image of its folder with the longest common beginning of
the name; a folder ``labelsTr`` has the masks of the folder ``imagesTr``, whose files have the same
names. What lies there without a partner has a row, too.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import takewhile
from pathlib import Path
from typing import Any

import pyarrow as pa

from radiomics.io import has_itk_suffix
from radiomics.io.dicom.headers import Header, Unreadable
from radiomics.io.dicom.scanning import find_files, scan_files
from radiomics.io.dicom.series import SeriesReport, sort_contents
from radiomics.io.masks.references import read_references
from radiomics.pipelines.batch.statuses import NO_IMAGE, NO_MASK
from radiomics.types import InputError

MASK_WORDS = ("mask", "seg", "label", "roi", "lesion", "gtv", "tumor", "tumour")
MASKS = ("RTSTRUCT", "SEG")
IMAGES, CHANNEL = re.compile(r"^images(?=$|[A-Z_])"), re.compile(r"_\d{4}$")
"""Folders of images that face folders of labels (``imagesTr``), and channels in names of files."""
COLUMNS = ("id", "image", "mask", "series", "roi", "group", "modality", "description", "date")
DATES = ("StudyDate", "AcquisitionDate")
"""Tags that tell the day of a series; the first that is filled counts."""

Row = dict[str, str]


@dataclass(eq=False)
class Cases:
    """Rows of a manifest below a folder.

    ``unusable`` is of rows that cannot be computed the status and the reason, by number; ``notes``
    tell a user what else lies there.
    """

    table: pa.Table
    unusable: dict[int, tuple[str, str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Found:
    """A row, how it is called where names may stand, and why it has no partner if it has none."""

    row: Row
    name: str
    status: str = ""
    reason: str = ""


def find_cases(root: Path, readable_ids: bool = False) -> Cases:
    """Return one row a mask that lies on an image below a folder, paths relative to it.

    Images without a mask, and masks without an image, have a row each besides. Every ROI of a DICOM
    mask is asked for; modality, description and date are those of a DICOM image. Ids and groups
    hold no name: they are hashes of the series and of the patient, the same in every run. With
    ``readable_ids`` they are made of what the headers say, or of the names of files.

    Raises
    ------
    InputError
        When no mask lies on an image.
    """
    files = list(find_files(root))
    volumes = [file for file in files if has_itk_suffix(file)]
    seen = scan_files([file for file in files if not has_itk_suffix(file)])
    contents = sort_contents(root, seen)
    reports, broken = contents.series, (*contents.unplaced, *contents.unreadable)
    masks = [h for h in seen.headers if h.text("Modality") in MASKS]
    notes: list[str] = []
    found = [*_dicom_rows(root, reports, masks, notes), *_volume_rows(root, volumes)]
    if all(one.status for one in found):
        raise InputError(
            "the folder",
            "a folder for a batch holds images with masks",
            f"{_counted_series(reports)}, {len(volumes)} volume file(s), no mask on any",
            "write a manifest, or `radiomics inspect` the folder",
        )
    notes += _notes_on_others(seen.headers, reports, broken)
    rows = _named_rows(found) if readable_ids else [one.row for one in found]
    table = pa.table({name: [row[name] for row in rows] for name in COLUMNS})
    unusable = {n: (one.status, one.reason) for n, one in enumerate(found) if one.status}
    return Cases(table, unusable, notes)


def name_of(kind: str, *parts: str) -> str:
    """Return a short name that says nothing: a hash of what identifies the thing.

    >>> name_of("case", "1.2.3")
    'case-c47f5b18b8a4'
    """
    return f"{kind}-{sha256('/'.join(parts).encode()).hexdigest()[:12]}"


def _counted_series(reports: Sequence[SeriesReport]) -> str:
    counts = Counter(report.modality or "?" for report in reports)
    listed = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    return f"{len(reports)} DICOM series" + (f" ({listed})" if listed else "")


def _notes_on_others(
    headers: Iterable[Header], reports: Sequence[SeriesReport], broken: Sequence[Unreadable]
) -> list[str]:
    """Return what a user should know of the DICOM files that are in no row."""
    used = {frame.header.path for report in reports for frame in report.frames}
    used |= {bad.path for bad in broken}
    left = [h for h in headers if h.path not in used and h.text("Modality") not in MASKS]
    left = [h for h in left if h.path.name.upper() != "DICOMDIR"]
    empty = [h for h in left if not (h.text("Modality") or h.text("SOPClassUID"))]  # cut short
    unreadable = len(broken) + len(empty)
    others = Counter(h.text("Modality") or "without a modality" for h in left if h not in empty)
    notes = []
    if others:
        listed = ", ".join(f"{count} {name}" for name, count in others.most_common())
        notes.append(f"also there, neither images nor masks of a batch: {listed}")
    if unreadable:
        notes.append(f"{unreadable} file(s) cannot be read: `radiomics inspect` names them")
    return notes


def _named_rows(found: Sequence[_Found]) -> list[Row]:
    """Return rows under readable names; those of one name are told apart by a part of the hash."""
    counts = Counter(one.name for one in found)
    rows = []
    for one in found:
        name = one.name if counts[one.name] == 1 else f"{one.name}_{one.row['id'][-6:]}"
        rows.append({**one.row, "id": name, "group": one.row["patient"] or one.row["group"]})
    return rows


def _dicom_rows(
    root: Path, reports: Sequence[SeriesReport], masks: Sequence[Header], notes: list[str]
) -> list[_Found]:
    places = _Places(reports)
    of_patient: dict[str, list[SeriesReport]] = {}
    for report in reports:
        of_patient.setdefault(report.frames[0].header.text("PatientID"), []).append(report)
    found: list[_Found] = []
    taken: set[int] = set()
    in_frame: set[int] = set()
    elsewhere = 0
    for mask in masks:
        patient, frame = mask.text("PatientID"), mask.text("FrameOfReferenceUID")
        near = [
            report
            for report in of_patient.get(patient, ())
            if report.rank == 0  # a dose in the same place is no image to draw on
            and frame in ("", report.frames[0].header.text("FrameOfReferenceUID"))
        ]
        if not near:
            found.append(_lone_mask(root, mask))
            continue
        report, referred = _series_of_mask(mask, near)
        elsewhere += not referred
        taken.add(id(report))
        in_frame.update(map(id, near))
        place = {"mask": _path_below(mask.path, root), "roi": "*"}
        identity = name_of("case", report.name, mask.text("SOPInstanceUID"))
        row = {**_row_of_series(root, report, places), **place, "id": identity}
        found.append(_Found(row, _readable_name(report)))
    found += [
        _lone_series(root, report, places, id(report) in in_frame)
        for report in reports
        if id(report) not in taken
    ]
    if elsewhere:
        note = "mask(s) refer to a series that is not there; the nearest one of the same patient"
        notes.append(f"{elsewhere} {note} and frame of reference was taken")
    return sorted(found, key=lambda one: (one.row["image"], one.row["mask"], one.row["series"]))


def _series_of_mask(mask: Header, near: Sequence[SeriesReport]) -> tuple[SeriesReport, bool]:
    """Return the series of a mask among those that it may lie on: what it refers to, the nearest.

    With it, whether it is what the mask refers to, if that refers to anything.
    """
    said = read_references(mask.path, contours=len(near) > 1)

    def rank(report: SeriesReport) -> tuple[int, bool, int, str]:
        seen = sum(f.header.text("SOPInstanceUID") in said.instances for f in report.frames)
        between = _folders_between(mask.path, report.frames[0].header.path)
        return -seen, report.series not in said.series, between, report.name

    best = min(near, key=rank)
    missed = (said.series or said.instances) and rank(best)[:2] == (0, True)
    return best, not missed


class _Places:
    """Where series lie: the folder to read each from, and whether it is alone below that."""

    def __init__(self, reports: Sequence[SeriesReport]) -> None:
        self.folders = {id(report): _folder_of(report) for report in reports}
        self.below: Counter[Path] = Counter()
        for report in reports:
            parents = {frame.header.path.parent for frame in report.frames}
            self.below.update({place for one in parents for place in (one, *one.parents)})

    def of(self, report: SeriesReport) -> tuple[Path, bool]:
        """Return the folder of a series, and whether no other lies there."""
        folder = self.folders[id(report)]
        return folder, self.below[folder] == 1


def _folder_of(report: SeriesReport) -> Path:
    """Return the folder that holds all files of a series."""
    parents = {frame.header.path.parent for frame in report.frames}
    return parents.pop() if len(parents) == 1 else Path(os.path.commonpath(sorted(parents)))


def _row_of_series(root: Path, report: SeriesReport, places: _Places) -> Row:
    header = report.frames[0].header
    folder, alone = places.of(report)
    patient = header.text("PatientID")
    return {
        "id": name_of("series", report.name),
        "image": _path_below(folder, root),
        "mask": "",
        "series": "" if alone else report.name,
        "roi": "",
        "group": name_of("patient", patient),
        "modality": header.text("Modality"),
        "description": header.text("SeriesDescription"),
        "date": _day_of(header),
        "patient": patient,
    }


def _day_of(header: Header) -> str:
    """Return the day of a series as 2020-01-31, empty where no tag tells it."""
    found = (re.match(r"(\d{4})\.?(\d\d)\.?(\d\d)", header.text(name)) for name in DATES)
    return next(("-".join(day.groups()) for day in found if day), "")


def _readable_name(report: SeriesReport) -> str:
    header = report.frames[0].header
    words = (header.text(n) for n in ("PatientID", "Modality", "SeriesDescription"))
    patient, modality, description = words
    parts = (patient, _day_of(header).replace("-", ""), modality, description, report.phase)
    return "_".join(filter(None, map(_word, parts))) or "series"


def _word(text: str) -> str:
    """Return a text as part of an id.

    >>> _word("THORAX  1,5 / lung")
    'THORAX-1,5-lung'
    """
    return re.sub(r"[^\w.,+-]+", "-", text).strip("-")


def _lone_series(root: Path, report: SeriesReport, places: _Places, in_frame: bool) -> _Found:
    """Return the row of a series without a mask."""
    reason = "no RTSTRUCT or SEG of its patient in its frame of reference"
    if in_frame:
        reason = "no mask of its own: those in its frame of reference are of other series"
    row = _row_of_series(root, report, places)
    return _Found(row, _readable_name(report), NO_MASK, reason)


def _lone_mask(root: Path, mask: Header) -> _Found:
    """Return the row of a mask without an image."""
    patient, kind = mask.text("PatientID"), mask.text("Modality")
    row = dict.fromkeys(COLUMNS, "")
    row |= {
        "id": name_of("mask", mask.text("SOPInstanceUID")),
        "mask": _path_below(mask.path, root),
    }
    row |= {"group": name_of("patient", patient), "patient": patient}
    row |= {"description": mask.text("SeriesDescription"), "date": _day_of(mask)}
    name = "_".join(filter(None, map(_word, (patient, kind, row["description"])))) or "mask"
    return _Found(row, name, NO_IMAGE, "no image of its patient in its frame of reference")


def _volume_rows(root: Path, files: Sequence[Path]) -> Iterator[_Found]:
    folders: dict[Path, list[Path]] = {}
    for file in files:
        folders.setdefault(file.parent, []).append(file)
    for folder in [place for place in folders if IMAGES.match(place.name)]:
        labels = folders.get(folder.with_name(IMAGES.sub("labels", folder.name)))
        if labels:
            yield from _facing_rows(root, folders.pop(folder), labels)
            folders.pop(labels[0].parent)
    for folder, members in folders.items():
        masks = [file for file in members if any(w in file.name.lower() for w in MASK_WORDS)]
        images = [file for file in members if file not in masks]
        group = _path_below(folder, root)
        taken = set()
        for mask in masks:
            if not images:
                yield _volume_row(root, None, mask, group, status=NO_IMAGE)
                continue
            image = max(images, key=lambda i: (_common_beginning(i.name, mask.name), i.name))
            taken.add(image)
            yield _volume_row(root, image, mask, group, identity=mask)
        for image in images:
            if image not in taken:
                yield _volume_row(root, image, None, group, status=NO_MASK)


def _facing_rows(root: Path, images: Sequence[Path], labels: Sequence[Path]) -> Iterator[_Found]:
    """Yield the rows of two folders whose files have the same names: nnU-Net's, the Decathlon's.

    There ``case_0000`` and ``case_0001`` are channels of one case.
    """
    masks = {path.name.split(".")[0]: path for path in labels}
    taken = set()
    for path in images:
        stem = path.name.split(".")[0]
        name = stem if stem in masks else CHANNEL.sub("", stem)
        mask = masks.get(name)
        if mask is None:
            yield _volume_row(root, path, None, _path_below(path, root), status=NO_MASK)
            continue
        taken.add(name)
        yield _volume_row(root, path, mask, _path_below(mask, root), identity=path, roi="*")
    for name, mask in masks.items():
        if name not in taken:
            yield _volume_row(root, None, mask, _path_below(mask, root), status=NO_IMAGE)


def _volume_row(
    root: Path,
    image: Path | None,
    mask: Path | None,
    group: str,
    identity: Path | None = None,
    roi: str = "",
    status: str = "",
) -> _Found:
    """Return the row of volume files; what has a name in ``identity`` gives the id."""
    own = _path_below(identity or image or mask or root, root)
    kind = "case" if not status else "series" if status == NO_MASK else "mask"
    row = dict.fromkeys(COLUMNS, "")
    row |= {"image": _path_below(image, root)} if image else {}
    row |= {"mask": _path_below(mask, root)} if mask else {}
    row |= {"id": name_of(kind, own), "roi": roi, "group": name_of("patient", group)}
    row["patient"] = group.split(".")[0] or row["group"]
    reasons = {NO_MASK: "no file is its mask by name", NO_IMAGE: "no file is its image by name"}
    return _Found(row, own.split(".")[0], status, reasons.get(status, ""))


def _folders_between(a: Path, b: Path) -> int:
    """Return how many folders lie between two files."""
    common = len(Path(os.path.commonpath([a.absolute(), b.absolute()])).parts)
    return len(a.absolute().parts) + len(b.absolute().parts) - 2 * common


def _common_beginning(a: str, b: str) -> int:
    same = (x == y for x, y in zip(a, b, strict=False))
    return sum(1 for _ in takewhile(bool, same))


def _path_below(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _path_from(file: Path, place: Path) -> str:
    try:
        return Path(os.path.relpath(place, file.parent.resolve())).as_posix()
    except ValueError:  # on another drive of Windows
        return place.as_posix()


def write_manifest(table: Any, path: Path, root: Path) -> None:
    """Write what was found below a folder as CSV, to be read, changed and given to a batch.

    Paths are relative to the file, as those of every manifest.
    """
    import io

    from pyarrow import csv as arrow_csv

    from radiomics.pipelines.store import write_whole

    for name in ("image", "mask"):
        places = [
            _path_from(path, root.resolve() / place) for place in table.column(name).to_pylist()
        ]
        table = table.set_column(table.column_names.index(name), name, pa.array(places))
    text = io.BytesIO()
    arrow_csv.write_csv(table, text)
    write_whole(path, text.getvalue().decode("utf-8"))
