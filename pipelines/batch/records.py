"""The records of a batch, packed in one SQLite file: found by content, written whole or not at all.

A record holds the values of one case under one layout (settings, code versions, columns); the case
is a hash of the bytes of its image and mask and of what was chosen in them. A million records in
files of their own would need a million directory entries and flushes; SQLite packs them, commits
each whole and flushed, survives a kill at any moment, and is read by programs of any language.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.types import InputError

FORMAT = "radiomics batch 1"
TABLES = """
CREATE TABLE IF NOT EXISTS about (format TEXT);
CREATE TABLE IF NOT EXISTS layouts (id INTEGER PRIMARY KEY, key TEXT UNIQUE, parts TEXT);
CREATE TABLE IF NOT EXISTS environments (id INTEGER PRIMARY KEY, versions TEXT UNIQUE);
CREATE TABLE IF NOT EXISTS inputs (
    input BLOB PRIMARY KEY, print BLOB, content BLOB, need INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records (
    id INTEGER PRIMARY KEY, content BLOB, layout INTEGER, environment INTEGER, regions TEXT,
    notes TEXT, data BLOB
);
CREATE UNIQUE INDEX IF NOT EXISTS by_content ON records (content, layout);
CREATE TABLE IF NOT EXISTS names (kept INTEGER);
CREATE TABLE IF NOT EXISTS failures (
    input BLOB, layout INTEGER, reason TEXT, PRIMARY KEY (input, layout)
) WITHOUT ROWID;
"""
PAGES_KIB = 32_768
"""Memory for the store's pages; what does not fit the operating system keeps, for all processes."""
KEY = "S16"
"""Keys of rows in an array, where they compare as bytes."""
AT_A_TIME = 1000
WAIT_S = 60.0

Parts = Sequence[tuple[str, Sequence[str]]]
"""Of each part of a layout its key and its columns."""


@dataclass(frozen=True)
class Input:
    """One row's files, as they were when they were last hashed.

    ``fingerprint`` is theirs when they were hashed (None: not to be relied on), ``content`` the
    hash of their bytes and of what was chosen, ``need`` an estimate of memory in bytes.
    """

    fingerprint: bytes | None
    content: bytes
    need: int


@dataclass(frozen=True, eq=False)
class Record:
    """Values (K, F) float64 of K regions in the columns of a layout, and notes on reading them."""

    regions: tuple[str, ...]
    values: NDArray[np.float64]
    notes: dict[str, Any]
    environment: int = 0


class Records:
    """A store of records, for one writer and any number of readers.

    Raises
    ------
    InputError
        When the file is there and is no such store, or is damaged.
    """

    def __init__(self, path: Path, write: bool = True) -> None:
        self.path = path
        try:
            place = f"{path.absolute().as_uri()}?mode={'rwc' if write else 'ro'}"
            self.base = sqlite3.connect(place, uri=True, timeout=WAIT_S, isolation_level=None)
            self.base.execute(f"PRAGMA cache_size=-{PAGES_KIB}")
            if write:
                self.base.execute("PRAGMA synchronous=EXTRA")
                self.base.executescript(TABLES)
                if not self.base.execute("SELECT format FROM about").fetchall():
                    self.base.execute("INSERT INTO about VALUES (?)", [FORMAT])
            if self.base.execute("SELECT format FROM about").fetchall() != [(FORMAT,)]:
                raise sqlite3.DatabaseError("another format")
        except sqlite3.OperationalError as error:
            rule, remedy = "the store must open", "check space and rights"
            raise InputError("store", rule, str(error), remedy) from None
        except sqlite3.DatabaseError as error:
            rule = "records.sqlite is a store that a batch wrote"
            raise InputError("store", rule, str(error), "move it away to begin anew") from None

    def close(self) -> None:
        """Write what is pending and close."""
        self.commit()
        self.base.close()

    def commit(self) -> None:
        """Write what is pending, all of it or nothing, and flush it to disk."""
        if self.base.in_transaction:
            self.base.execute("COMMIT")

    def drop(self) -> None:
        """Drop what is pending."""
        if self.base.in_transaction:
            self.base.execute("ROLLBACK")

    def keep_names(self) -> None:
        """Note that names of patients may stand here from now on."""
        if not self.has_names():
            self._write("INSERT INTO names VALUES (1)")

    def has_names(self) -> bool:
        """Tell whether names of patients may stand here."""
        return self.base.execute("SELECT 1 FROM names LIMIT 1").fetchone() is not None

    def layout(self, key: str, parts: Parts) -> int:
        """Return the number of a layout, made if needed."""
        found = self.find_layout(key)
        if found is None:
            self._write("INSERT INTO layouts (key, parts) VALUES (?, ?)", key, json.dumps(parts))
            found = self.find_layout(key)
        assert found is not None
        return found

    def find_layout(self, key: str) -> int | None:
        """Return the number of a layout, None where no record was made in it."""
        row = self.base.execute("SELECT id FROM layouts WHERE key = ?", [key]).fetchone()
        return None if row is None else int(row[0])

    def parts(self, layout: int) -> list[tuple[str, list[str]]]:
        """Return the parts of a layout."""
        row = self.base.execute("SELECT parts FROM layouts WHERE id = ?", [layout]).fetchone()
        return [(key, columns) for key, columns in json.loads(row[0])]

    def environment(self, versions: dict[str, str]) -> int:
        """Return the number of an environment, made if needed."""
        text = json.dumps(versions, sort_keys=True)
        query = "SELECT id FROM environments WHERE versions = ?"
        row = self.base.execute(query, [text]).fetchone()
        if row is None:
            self._write("INSERT INTO environments (versions) VALUES (?)", text)
            row = self.base.execute(query, [text]).fetchone()
        return int(row[0])

    def environments(self, layouts: Sequence[int]) -> list[tuple[dict[str, str], int]]:
        """Return the environments that records of these layouts come from, and how many each."""
        marks = ",".join("?" * len(layouts))
        rows = self.base.execute(
            f"SELECT versions, COUNT(*) FROM records JOIN environments ON environments.id = "
            f"environment WHERE layout IN ({marks}) GROUP BY environment ORDER BY environment",
            list(layouts),
        )
        return [(json.loads(versions), count) for versions, count in rows]

    def get_input(self, key: bytes) -> Input | None:
        """Return a row's files as they were last hashed, None where they never were."""
        query = "SELECT print, content, need FROM inputs WHERE input = ?"
        row = self.base.execute(query, [key]).fetchone()
        return None if row is None else Input(*row)

    def put_input(self, key: bytes, files: Input) -> None:
        """Keep a row's files as they were hashed."""
        values = (key, files.fingerprint, files.content, files.need)
        self._write("INSERT OR REPLACE INTO inputs VALUES (?, ?, ?, ?)", *values)

    def has(self, content: bytes, layout: int) -> bool:
        """Tell whether there is a record."""
        query = "SELECT 1 FROM records WHERE content = ? AND layout = ?"
        return self.base.execute(query, [content, layout]).fetchone() is not None

    def get(self, content: bytes, layout: int) -> Record | None:
        """Return a record, None where there is none."""
        query = (
            "SELECT regions, notes, data, environment FROM records WHERE content = ? AND layout = ?"
        )
        row = self.base.execute(query, [content, layout]).fetchone()
        if row is None:
            return None
        regions = tuple(json.loads(row[0]))
        values = np.frombuffer(row[2], dtype="<f8").reshape(len(regions), -1)  # (K, F)
        return Record(regions, values, json.loads(row[1]), row[3])

    def layouts_of(self, content: bytes) -> list[int]:
        """Return the layouts in which there are records of a content, the newest first."""
        query = "SELECT layout FROM records WHERE content = ? ORDER BY layout DESC"
        return [row[0] for row in self.base.execute(query, [content])]

    def put(self, content: bytes, layout: int, record: Record) -> None:
        """Add a record; it is on disk after the next commit."""
        texts = [json.dumps(part, sort_keys=True) for part in (record.regions, record.notes)]
        data = np.ascontiguousarray(record.values, dtype="<f8").tobytes()
        self._write(
            "INSERT OR REPLACE INTO records (content, layout, environment, regions, notes, data) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            *(content, layout, record.environment, *texts, data),
        )

    def put_failure(self, key: bytes, layout: int, reason: str) -> None:
        """Keep the reason why a row has no record."""
        self._write("INSERT OR REPLACE INTO failures VALUES (?, ?, ?)", key, layout, reason)

    def remove_failure(self, key: bytes, layout: int) -> None:
        """Remove why a row had no record."""
        if self.failure(key, layout) is not None:
            self._write("DELETE FROM failures WHERE input = ? AND layout = ?", key, layout)

    def keep_only_failures_of(self, kept: NDArray[np.bytes_]) -> None:
        """Remove all failures but those of some rows, whose keys (M,) come sorted."""
        query = "SELECT DISTINCT input FROM failures WHERE input > ? ORDER BY input LIMIT ?"
        last = b""
        while found := [row[0] for row in self.base.execute(query, [last, AT_A_TIME])]:
            last = found[-1]
            keys = np.array(found, dtype=KEY)
            left, right = (np.searchsorted(kept, keys, side) for side in ("left", "right"))
            for key in (found[place] for place in np.flatnonzero(left == right)):
                self._write("DELETE FROM failures WHERE input = ?", key)

    def failure(self, key: bytes, layout: int) -> str | None:
        """Return why a row has no record, None where that is not known."""
        query = "SELECT reason FROM failures WHERE input = ? AND layout = ?"
        row = self.base.execute(query, [key, layout]).fetchone()
        return None if row is None else str(row[0])

    def counts(self) -> tuple[int, int, int]:
        """Return the numbers of records, of failures, and of inputs."""
        tables = ("records", "failures", "inputs")
        one, two, three = (self._count(name) for name in tables)
        return one, two, three

    def has_failures(self) -> bool:
        """Tell whether there is any row for which there is a reason why it has no record."""
        return self.base.execute("SELECT 1 FROM failures LIMIT 1").fetchone() is not None

    def _count(self, table: str) -> int:
        return int(self.base.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])

    def _write(self, statement: str, *values: Any) -> None:
        if not self.base.in_transaction:
            self.base.execute("BEGIN IMMEDIATE")
        self.base.execute(statement, values)
