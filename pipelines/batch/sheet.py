"""The rows of a cohort: as a table in memory, or on disk, where a block of them is read at a time.

A file on disk is uncompressed Arrow IPC in small record batches. It is read, not mapped: mapped
pages would count as memory of the process. It holds the paths of the manifest, so only its owner
may read it, and the batch removes it at its end.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

BLOCK = 2048
"""Rows of one record batch, and rows that are Python's objects at a time."""
FOLDER, NAME = ".rows", "rows.arrow"


class Sheet(Protocol):
    """Rows in the order of the manifest."""

    @property
    def schema(self) -> pa.Schema:
        """The columns."""

    @property
    def count(self) -> int:
        """How many rows there are."""

    def part(self, start: int, count: int) -> pa.Table:
        """Return so many rows from ``start`` on, fewer at the end."""


@dataclass(frozen=True, eq=False)
class InMemory:
    """Rows of a table."""

    table: pa.Table

    @property
    def schema(self) -> pa.Schema:
        """The columns."""
        return self.table.schema

    @property
    def count(self) -> int:
        """How many rows there are."""
        return int(self.table.num_rows)

    def part(self, start: int, count: int) -> pa.Table:
        """Return so many rows from ``start`` on, fewer at the end."""
        return self.table.slice(start, count)


@dataclass(frozen=True, eq=False)
class OnDisk:
    """Rows of a file that :func:`write_sheet` wrote; the file is open only while it is read."""

    path: Path
    schema: pa.Schema
    count: int
    block: int

    def part(self, start: int, count: int) -> pa.Table:
        """Return so many rows from ``start`` on, fewer at the end."""
        end = min(start + count, self.count)
        with pa.OSFile(str(self.path)) as stream, pa.ipc.open_file(stream) as reader:
            first = start // self.block
            numbers = range(first, -(-end // self.block))
            found = pa.Table.from_batches([reader.get_batch(n) for n in numbers], self.schema)
            return found.slice(start - first * self.block, end - start).combine_chunks()


def write_sheet(table: pa.Table, output: Path, block: int = BLOCK) -> OnDisk:
    """Write rows to a file in a folder of its own in the output, both for their owner only."""
    folder = output / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    with (
        _new_file(folder / NAME) as stream,
        pa.ipc.new_file(stream, table.schema) as writer,
    ):
        for start in range(0, table.num_rows, block):
            writer.write_table(table.slice(start, block).combine_chunks())
    return OnDisk(folder / NAME, table.schema, table.num_rows, block)


def write_array(array: NDArray[Any], output: Path, name: str) -> None:
    """Write an array beside the rows."""
    with _new_file(output / FOLDER / f"{name}.npy") as stream:
        np.save(stream, array)


def read_array(output: Path, name: str) -> NDArray[Any]:
    """Return an array that lies beside the rows."""
    found: NDArray[Any] = np.load(output / FOLDER / f"{name}.npy")
    return found


def _new_file(path: Path) -> IO[bytes]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, 0o600), "wb")
