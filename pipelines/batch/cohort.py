"""The cohort of a batch: all rows of a manifest, checked, in memory or on disk.

What looks at whole columns (repeated ids, columns that may identify patients, pseudonyms, the order
of images) holds them all in memory. For a large manifest that is the memory of a process which ends
before the run begins, and the rows lie on disk, where a block of them is read at a time.

A file of rows is uncompressed Arrow IPC in small record batches. It is read, not mapped: mapped
pages would count as memory of the process. It holds the paths of the manifest, so only its owner
may read it, and the batch removes it at its end.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from radiomics.pipelines.batch.children import Steps, steps_in_child
from radiomics.pipelines.batch.filtering import leave_out_others
from radiomics.pipelines.batch.manifest import (
    ABOUT_SERIES,
    FILES,
    TEXT,
    Manifest,
    opened_from,
    read_manifest,
)
from radiomics.pipelines.batch.modalities import modality_code
from radiomics.pipelines.batch.privacy import dropped_columns, pseudonymised, read_key
from radiomics.pipelines.batch.request import ROWS, Request
from radiomics.plugins import ConfigurationError

CHOICES = ("roi", "label", "segment")
CELLS = ("id", "image", "mask", "series", *CHOICES)
"""Columns by which a run knows a row and its files."""
KEPT_IF_FILLED = ("label", "segment")
OF_FOLDERS = ("modality", *ABOUT_SERIES)
ADDED = ("status", "reason", "verdict", "notes")
"""Columns that tables have besides those of the manifest."""
LARGE = 4 * 2**20
"""Bytes of a manifest from which it is checked in another process."""
BYTES_A_CELL = 16
ARRAYS = ("codes", "order", "ends", "kinds")
BLOCK = 2048
"""Rows of one record batch, and rows that are Python's objects at a time."""
NAME = "rows.arrow"


class Rows(Protocol):
    """Rows in the order of the manifest."""

    @property
    def schema(self) -> pa.Schema:
        """The columns."""

    @property
    def count(self) -> int:
        """How many rows there are."""

    def read(self, start: int, count: int) -> pa.Table:
        """Return so many rows from ``start`` on, fewer at the end."""


@dataclass(frozen=True, eq=False)
class RowsInMemory:
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

    def read(self, start: int, count: int) -> pa.Table:
        """Return so many rows from ``start`` on, fewer at the end."""
        return self.table.slice(start, count)


@dataclass(frozen=True, eq=False)
class RowsOnDisk:
    """Rows of a file that :func:`store_rows` wrote; the file is open only while it is read."""

    path: Path
    schema: pa.Schema
    count: int
    block: int

    def read(self, start: int, count: int) -> pa.Table:
        """Return so many rows from ``start`` on, fewer at the end."""
        end = min(start + count, self.count)
        with pa.OSFile(str(self.path)) as stream, pa.ipc.open_file(stream) as reader:
            first = start // self.block
            numbers = range(first, -(-end // self.block))
            found = pa.Table.from_batches([reader.get_batch(n) for n in numbers], self.schema)
            return found.slice(start - first * self.block, end - start).combine_chunks()


def store_rows(table: pa.Table, output: Path, block: int = BLOCK) -> RowsOnDisk:
    """Write rows to a file in a folder of its own in the output, both for their owner only."""
    folder = output / ROWS
    folder.mkdir(mode=0o700, exist_ok=True)
    with (
        _new_file(folder / NAME) as stream,
        pa.ipc.new_file(stream, table.schema) as writer,
    ):
        for start in range(0, table.num_rows, block):
            writer.write_table(table.slice(start, block).combine_chunks())
    return RowsOnDisk(folder / NAME, table.schema, table.num_rows, block)


def _store_array(array: NDArray[Any], output: Path, name: str) -> None:
    """Write an array beside the rows."""
    with _new_file(output / ROWS / f"{name}.npy") as stream:
        np.save(stream, array)


def _stored_array(output: Path, name: str) -> NDArray[Any]:
    """Return an array that lies beside the rows."""
    found: NDArray[Any] = np.load(output / ROWS / f"{name}.npy")
    return found


def _new_file(path: Path) -> IO[bytes]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, 0o600), "wb")


@dataclass(frozen=True, eq=False)
class Cohort:
    """A cohort whose rows are all checked.

    ``codes`` (N,) holds for each row 0, or which of ``reasons`` keeps it from being computed, and
    ``statuses`` what that makes of the row; ``kinds`` (N,) which of ``modalities`` each row has,
    empty where it is not known. ``order`` (M,) holds the rows that can be computed, those of one
    image together, and ``ends`` where each image ends in it. ``carried`` are the columns that
    tables hold, ``messages`` what a user should know, ``filtered`` is the filter as provenance has
    it.
    """

    rows: Rows
    folder: str
    codes: NDArray[np.int32]
    reasons: list[str]
    order: NDArray[np.int32]
    ends: NDArray[np.int32]
    carried: list[str]
    messages: list[str]
    statuses: list[str]
    kinds: NDArray[np.int8]
    modalities: list[str]
    filtered: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.rows.count

    def without_arrays(self) -> Cohort:
        """Return it without the arrays of a number for each row: to be sent to another process."""
        return replace(self, **{name: getattr(self, name)[:0] for name in ARRAYS})

    def path(self, name: str) -> str:
        """Return a path of the manifest from where it can be opened; a URL as it is."""
        return opened_from(self.folder, name)

    def images(self) -> Iterator[NDArray[np.int32]]:
        """Yield the rows of each image that can be computed, in the order of first appearance."""
        start = 0
        for stop in self.ends:
            yield self.order[start:stop]
            start = stop


def check_in_steps(request: Request, with_files: bool = True) -> Steps:
    """Check a manifest in two steps, so that nothing is written before all problems are reported.

    Yields the lines to report; is sent the output folder, and yields the :class:`Cohort`.

    Raises
    ------
    InputError, ConfigurationError
        When the manifest is none, or has a column that tables add.
    """
    if is_large(request.manifest):
        with closing(steps_in_child(_check_large, request, with_files)) as steps:
            output = yield next(steps)
            cohort = steps.send(output)
        arrays = {name: _stored_array(output, name) for name in ARRAYS}
        yield replace(cohort, **arrays)
    else:
        cohort = checked_cohort(request, with_files)
        yield cohort.messages
        yield cohort


def _check_large(request: Request, with_files: bool) -> Steps:
    """Check a manifest and write its rows to the folder that is sent."""
    cohort = checked_cohort(request, with_files)
    output = yield cohort.messages
    assert isinstance(cohort.rows, RowsInMemory)
    rows = store_rows(cohort.rows.table, output)
    for name in ARRAYS:
        _store_array(getattr(cohort, name), output, name)
    yield replace(cohort.without_arrays(), rows=rows)


def checked_cohort(request: Request, with_files: bool = True) -> Cohort:
    """Read and check a manifest, all of it in memory."""
    keep = request.keep_identifiers
    leave_out = partial(leave_out_others, wanted=request.wanted)
    manifest = read_manifest(request.manifest, with_files, leave_out, readable_ids=keep)
    if request.pseudonymise is not None:
        key = read_key(request.pseudonymise, request.output)
        manifest.table = pseudonymised(manifest.table, key)
    return replace(cohort_of(manifest, keep), filtered=request.wanted.recorded(keep))


def cohort_of(manifest: Manifest, keep_identifiers: bool = False) -> Cohort:
    """Return what a run needs of a manifest; columns that nobody needs are gone."""
    kinds, modalities = _modalities(manifest)
    if not manifest.lines:
        told = () if keep_identifiers else ABOUT_SERIES
        empty = [n for n in OF_FOLDERS if manifest.column(n).unique().to_pylist() == [""]]
        manifest.table = manifest.table.drop_columns(sorted({*told, *empty}))
    carried = carried_columns(manifest, keep_identifiers)
    names = [n for n in manifest.table.column_names if n in CELLS or n in carried]
    order, ends = manifest.order()
    return Cohort(
        RowsInMemory(manifest.table.select(names).unify_dictionaries().combine_chunks()),
        manifest.folder,
        manifest.codes,
        manifest.reasons,
        order.astype(np.int32),
        ends.astype(np.int32),
        carried,
        [*manifest.notes, *manifest.problems()],
        manifest.statuses,
        kinds,
        modalities,
    )


def _modalities(manifest: Manifest) -> tuple[NDArray[np.int8], list[str]]:
    """Return the modalities that the rows of a manifest have, and which each row (N,) has."""
    if "modality" not in manifest.table.column_names:
        return np.zeros(len(manifest), dtype=np.int8), [""]
    codes, cells = manifest.distinct("modality")
    found = [modality_code(cell) for cell in cells]
    names = ["", *sorted(set(found) - {""})]
    places = np.array([names.index(name) for name in found], dtype=np.int8)
    return places[codes], names


def is_large(manifest: Path) -> bool:
    """Tell whether a manifest takes much memory: nothing tells that of a folder beforehand."""
    if manifest.suffix.lower() == ".parquet" and manifest.is_file():
        import pyarrow.parquet as pq

        try:
            found = pq.read_metadata(manifest)
        except (OSError, pa.ArrowException):
            return False  # who reads it says what is wrong
        return bool(found.num_rows * found.num_columns * BYTES_A_CELL >= LARGE)
    return manifest.is_dir() or (manifest.is_file() and manifest.stat().st_size >= LARGE)


def carried_columns(manifest: Manifest, keep_identifiers: bool) -> list[str]:
    """Return the columns of the manifest that tables hold, and note those that are left out.

    Raises
    ------
    ConfigurationError
        When one has the name of a column that is added.
    """
    names = [n for n in manifest.table.column_names if n not in TEXT or n in KEPT_IF_FILLED]
    empty = [n for n in KEPT_IF_FILLED if manifest.column(n).unique().to_pylist() == [""]]
    names = ["id", "group", *(name for name in names if name not in empty)]
    clash = sorted(set(names) & set(ADDED))
    if clash:
        raise ConfigurationError(f"manifest: rename the column {', '.join(clash)}: tables have it")
    if keep_identifiers:
        return [*names, *(name for name in FILES if name in manifest.table.column_names)]
    left = dropped_columns(manifest.table, FILES)
    if left:
        note = f"left out of all outputs, may identify patients: {', '.join(left)}"
        manifest.notes.append(f"{note} (--keep-identifiers keeps them)")
    return [name for name in names if name not in left]
