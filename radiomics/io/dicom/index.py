"""An index of headers that were read: a header pass over many files can be interrupted."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from types import TracebackType

from radiomics.io.dicom.headers import WANTED, Header, PixelElement, Unreadable
from radiomics.types import InputError

FORMAT = 3
"""Counts changes of what a row means; rows of another format are forgotten."""
TABLES = """
CREATE TABLE IF NOT EXISTS about (format TEXT);
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY, size INTEGER, changed INTEGER, header TEXT
);
"""


class HeaderIndex:
    """Headers by path, size and time of change, in one SQLite file.

    Files that could not be read are not kept, nor are headers with sequences (multi-frame objects,
    one file each): both are read anew.

    Raises
    ------
    InputError
        When the file is there and is no such index.
    """

    def __init__(self, path: Path) -> None:
        form = f"{FORMAT} {sorted(WANTED)}"
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        try:
            self.base = sqlite3.connect(path)
        except sqlite3.Error as error:
            rule = "the index must be a file that can be made"
            raise InputError(path, rule, str(error), "name another file") from None
        try:
            self.base.executescript(TABLES)
            if self.base.execute("SELECT format FROM about").fetchall() != [(form,)]:
                self.base.execute("DELETE FROM about")
                self.base.execute("DELETE FROM files")
                self.base.execute("INSERT INTO about VALUES (?)", [form])
            self.base.commit()
        except sqlite3.DatabaseError as error:
            self.base.close()
            rule = "an index is a file that an earlier scan wrote"
            raise InputError(path, rule, str(error), "name another file, or a new one") from None

    def __enter__(self) -> HeaderIndex:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.base.close()

    def unchanged_headers(self, files: Sequence[Path]) -> dict[Path, Header | None]:
        """Return the headers of files that have not changed; None for what is no DICOM."""
        rows = {row[0]: row[1:] for row in self.base.execute("SELECT * FROM files")}
        found: dict[Path, Header | None] = {}
        for file in files if rows else ():
            row = rows.get(str(file.absolute()))
            if row is not None and row[:2] == _file_state(file):
                found[file] = _header_from_json(file, row[2])
        return found

    def add(self, read: Mapping[Path, Header | Unreadable | None]) -> None:
        """Keep what was read, all of it or nothing."""
        rows = []
        for file, header in read.items():
            state = _file_state(file)
            if state is None or isinstance(header, Unreadable):
                continue
            if header is None or header.sequences is None:
                rows.append((str(file.absolute()), *state, _header_to_json(header)))
        try:
            with self.base:
                self.base.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", rows)
        except sqlite3.Error as error:
            rule = "the index must be writable; what it holds already is kept"
            raise InputError(
                self.path, rule, str(error), "free some space, or name another"
            ) from None


def _file_state(file: Path) -> tuple[int, int] | None:
    """Return size and time of change, None where the file has vanished."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _header_to_json(header: Header | None) -> str:
    if header is None:
        return ""
    place = [header.pixel_offset, header.implicit, header.little]
    pixels = None if header.pixels is None else astuple(header.pixels)
    return json.dumps([dict(header.values), *place, pixels])


def _header_from_json(file: Path, text: str) -> Header | None:
    if not text:
        return None
    values, offset, implicit, little, pixels = json.loads(text)
    typed = {k: v if isinstance(v, str) else tuple(map(float, v)) for k, v in values.items()}
    place = None if pixels is None else PixelElement(*pixels)
    return Header(file, typed, offset, implicit, little, None, place)
