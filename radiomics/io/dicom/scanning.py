"""The header pass: every file below a path, read up to its pixels, whatever lies there.

What cannot be read is reported as unreadable with the reason, what is no DICOM is counted, and the
rest goes on. Many files are shared out to processes; with an index, a file that was read before and
has not changed since is not read again.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from radiomics.io.dicom.headers import Header, Unreadable, read_header
from radiomics.io.dicom.index import HeaderIndex
from radiomics.io.dicom.opening import read_dataset
from radiomics.types import InputError, Progress, silent

CHUNK = 500
"""Files between two reports of progress, and between two commits of an index."""
MANY = 8 * CHUNK
"""Files from which it pays to start processes."""
NEIGHBOURS = 8
"""Folders before and after the one that is read in which more of its series is looked for."""

HeaderResult = Header | Unreadable | None


@dataclass(frozen=True, eq=False)
class HeaderScan:
    """What a header pass found; ``others`` counts the files that are no DICOM."""

    headers: tuple[Header, ...]
    unreadable: tuple[Unreadable, ...]
    others: int


def find_files(path: Path) -> Iterator[Path]:
    """Yield the file at a path, or all files below a folder in the order of their names.

    A DICOMDIR stands for the files that it lists.

    Links are followed; a folder that was seen before (a loop of links) is not entered again.
    """
    if path.name.upper() == "DICOMDIR" and path.is_file():
        yield from _files_of_dicomdir(path)
        return
    if not path.is_dir():
        yield path
        return
    seen: set[tuple[int, int]] = set()
    for folder, folders, files in os.walk(path, followlinks=True):
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders.sort()
        for name in sorted(files):
            yield Path(folder, name)


def _files_of_dicomdir(path: Path) -> Iterator[Path]:
    """Yield the files that a DICOMDIR lists, also those that are not there.

    Raises
    ------
    InputError
        When it cannot be read, or names a file outside its folder.
    """
    try:
        records = read_dataset(path).DirectoryRecordSequence
        found = [record.get("ReferencedFileID") for record in records]
    except InputError as error:
        raise InputError(
            path, "a DICOMDIR lists files", error.found, "point to the folder instead"
        ) from None
    except Exception as error:  # hostile files break the parser in many ways: say which
        lines = str(error).splitlines() or [type(error).__name__]
        raise InputError(
            path, "a DICOMDIR lists files", lines[0], "point to the folder instead"
        ) from error
    for name in found:
        parts = [name] if isinstance(name, str) else list(name or [])
        if ".." in parts or any("/" in part or os.sep in part for part in parts):
            rule = "a DICOMDIR lists files below its own folder"
            raise InputError(path, rule, "/".join(parts), "point to the folder instead")
        if parts:
            yield path.parent.joinpath(*parts)


def files_beside(path: Path) -> list[list[Header]]:
    """Return headers of the first and the last file of each of the nearest folders beside one.

    Exporters cut a long series into several folders. The nearest by name are looked into: a cohort
    of thousands of folders is not searched.
    """
    if not path.is_dir():
        return []
    place = path.absolute()
    found = []
    for folder in _folders_beside(place):
        try:
            files = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
        except OSError:  # it may be closed to the reader
            continue
        ends = [read_header(folder / file) for file in dict.fromkeys([*files[:1], *files[-1:]])]
        found.append([end for end in ends if isinstance(end, Header)])
    return found


def _folders_beside(place: Path) -> list[Path]:
    try:
        own = place.stat()
        beside = [
            entry.name
            for entry in os.scandir(place.parent)
            if not entry.name.startswith(".") and entry.is_dir()
        ]
    except OSError:  # what is above may be closed to the reader
        return []
    before = sorted(name for name in beside if name < place.name)[-NEIGHBOURS:]
    after = sorted(name for name in beside if name > place.name)[:NEIGHBOURS]
    folders = [place.parent / name for name in (*before, *after)]
    return [folder for folder in folders if not _is_same(folder, own)]  # as a link would be


def _is_same(folder: Path, own: os.stat_result) -> bool:
    status = folder.stat()
    return (status.st_dev, status.st_ino) == (own.st_dev, own.st_ino)


def scan_path(path: Path) -> HeaderScan:
    """Read the headers of all DICOM files at a path."""
    return scan_files(list(find_files(path)))


def scan_files(
    files: Sequence[Path], progress: Progress = silent, index: Path | None = None
) -> HeaderScan:
    """Read the headers of the DICOM files among these, in their order.

    Parameters
    ----------
    index : SQLite file in which headers are kept while the pass goes on, made if needed; a pass
        that was interrupted, or is repeated, takes unchanged files from there

    Raises
    ------
    InputError
        When the index is another kind of file.
    """
    results: dict[Path, HeaderResult] = {}
    if index is None:
        for chunk, found in _read_in_chunks(files):
            results |= zip(chunk, found, strict=True)
            progress("files", len(results), len(files))
    else:
        with HeaderIndex(index) as kept:
            results |= kept.unchanged_headers(files)
            for chunk, found in _read_in_chunks([file for file in files if file not in results]):
                kept.add(dict(zip(chunk, found, strict=True)))
                results |= zip(chunk, found, strict=True)
                progress("files", len(results), len(files))
    ordered = [results[file] for file in files]
    headers = tuple(r for r in ordered if isinstance(r, Header))
    unreadable = tuple(r for r in ordered if isinstance(r, Unreadable))
    return HeaderScan(headers, unreadable, sum(r is None for r in ordered))


def _read_in_chunks(files: Sequence[Path]) -> Iterator[tuple[Sequence[Path], list[HeaderResult]]]:
    """Yield chunks of files with what was read of them, in order."""
    chunks = [files[start : start + CHUNK] for start in range(0, len(files), CHUNK)]
    is_worker = multiprocessing.parent_process() is not None  # the other processors have work
    if len(files) < MANY or (os.cpu_count() or 1) < 2 or is_worker:
        for chunk in chunks:
            yield chunk, _read_chunk(chunk)
        return
    from joblib import Parallel, delayed

    pool = Parallel(n_jobs=os.cpu_count(), return_as="generator")
    yield from zip(chunks, pool(delayed(_read_chunk)(chunk) for chunk in chunks), strict=True)


def _read_chunk(files: Sequence[Path]) -> list[HeaderResult]:
    return [read_header(file) for file in files]
