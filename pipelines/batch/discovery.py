"""A folder as a manifest: images and the masks that lie on them, patients by their headers.

DICOM: a mask (RTSTRUCT, SEG) belongs to the series of the same patient and frame of reference, of
several to the one in the nearest folder. NIfTI, NRRD, MetaImage: a file whose name says
mask belongs to the image of its folder with the longest common beginning of the name; a folder
``labelsTr`` has the masks of the folder ``imagesTr``, whose files have the same names.
"""

from __future__ import annotations

import os
import re
from hashlib import sha256
from itertools import takewhile
from pathlib import Path
from typing import Any

import pyarrow as pa

from radiomics.io import has_itk_suffix
from radiomics.io.dicom.headers import Header
from radiomics.io.dicom.scanning import find_files, scan_files
from radiomics.io.dicom.series import SeriesReport, group_series
from radiomics.types import InputError

MASK_WORDS = ("mask", "seg", "label", "roi", "lesion", "gtv", "tumor", "tumour")
MASKS = ("RTSTRUCT", "SEG")
IMAGES, CHANNEL = re.compile(r"^images(?=$|[A-Z_])"), re.compile(r"_\d{4}$")
"""Folders of images that face folders of labels (``imagesTr``), and channels in names of files."""
COLUMNS = ("id", "image", "mask", "series", "roi", "group", "modality")

Row = dict[str, str]


def find_cases(root: Path) -> pa.Table:
    """Return one row a mask that lies on an image below a folder, paths relative to it.

    Every ROI of a DICOM mask is asked for; the modality is that of a DICOM image. Ids and groups
    hold no name: they are hashes of the series and of the patient, the same in every run.

    Raises
    ------
    InputError
        When no mask lies on an image.
    """
    files = list(find_files(root))
    volumes = [file for file in files if has_itk_suffix(file)]
    seen = scan_files([file for file in files if not has_itk_suffix(file)])
    reports, _ = group_series(root, seen.headers)
    rows = _dicom_rows(root, reports, [h for h in seen.headers if h.text("Modality") in MASKS])
    rows += _volume_rows(root, volumes)
    if not rows:
        found = f"{len(reports)} DICOM series, {len(volumes)} volume file(s), no mask on any"
        rule = "a folder for a batch holds images with masks"
        raise InputError("the folder", rule, found, "write a manifest")
    columns = [name for name in COLUMNS if name != "modality" or any(row[name] for row in rows)]
    return pa.table({name: [row[name] for row in rows] for name in columns})


def name_of(kind: str, *parts: str) -> str:
    """Return a short name that says nothing: a hash of what identifies the thing.

    >>> name_of("case", "1.2.3")
    'case-c47f5b18b8a4'
    """
    return f"{kind}-{sha256('/'.join(parts).encode()).hexdigest()[:12]}"


def _dicom_rows(root: Path, reports: list[SeriesReport], masks: list[Header]) -> list[Row]:
    rows = []
    for mask in masks:
        patient, frame = mask.text("PatientID"), mask.text("FrameOfReferenceUID")
        near = [
            (_folders_between(mask.path, report.frames[0].header.path), report.name, report)
            for report in reports
            if report.rank == 0  # a dose in the same place is no image to draw on
            and report.frames[0].header.text("PatientID") == patient
            and frame in ("", report.frames[0].header.text("FrameOfReferenceUID"))
        ]
        if not near:
            continue
        report = min(near, key=lambda item: item[:2])[2]
        image = report.frames[0].header.path.parent
        alone = sum(r.frames[0].header.path.parent == image for r in reports) == 1
        row = {
            "id": name_of("case", report.name, mask.text("SOPInstanceUID")),
            "image": _path_below(image, root),
            "mask": _path_below(mask.path, root),
            "series": "" if alone else report.name,
            "roi": "*",
            "group": name_of("patient", patient),
            "modality": report.frames[0].header.text("Modality"),
        }
        rows.append(row)
    return sorted(rows, key=lambda row: (row["image"], row["mask"]))


def _volume_rows(root: Path, files: list[Path]) -> list[Row]:
    rows: list[Row] = []
    folders: dict[Path, list[Path]] = {}
    for file in files:
        folders.setdefault(file.parent, []).append(file)
    for folder in [place for place in folders if IMAGES.match(place.name)]:
        labels = folders.get(folder.with_name(IMAGES.sub("labels", folder.name)))
        if labels:
            rows += _facing_rows(root, folders.pop(folder), labels)
    for folder, members in folders.items():
        masks = [file for file in members if any(w in file.name.lower() for w in MASK_WORDS)]
        images = [file for file in members if file not in masks]
        for mask in masks if images else ():
            image = max(images, key=lambda i: (_common_beginning(i.name, mask.name), i.name))
            place = _path_below(mask, root)
            row = {"id": name_of("case", place), "image": _path_below(image, root), "mask": place}
            group = name_of("patient", _path_below(folder, root))
            rows.append({**row, "series": "", "roi": "", "group": group, "modality": ""})
    return rows


def _facing_rows(root: Path, images: list[Path], labels: list[Path]) -> list[Row]:
    """Return the rows of two folders whose files have the same names: nnU-Net's, the Decathlon's.

    There ``case_0000`` and ``case_0001`` are channels of one case.
    """
    masks = {path.name.split(".")[0]: path for path in labels}
    rows = []
    for path in images:
        stem = path.name.split(".")[0]
        name = stem if stem in masks else CHANNEL.sub("", stem)
        if name in masks:
            place = _path_below(masks[name], root)
            row = {"id": name_of("case", _path_below(path, root)), "image": _path_below(path, root)}
            group = name_of("patient", place)
            row |= {"mask": place, "series": "", "roi": "*", "group": group, "modality": ""}
            rows.append(row)
    return rows


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
