"""The rows of a manifest, what is wrong with them, and images with their rows.

Everything that can be known without reading an image is found here, for all rows at once. A row
with a problem stays: it is not computed, and the table says why.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from radiomics.io import has_itk_suffix
from radiomics.pipelines.batch.statuses import FAILED
from radiomics.pipelines.batch.text_tables import read_delimited
from radiomics.types import InputError

NEEDED = ("id", "image", "mask")
TEXT = (*NEEDED, "series", "roi", "label", "segment", "group")
"""Columns that are names, even where they look like numbers: 001 is not 1."""
FILES = ("image", "mask", "series")
"""Columns that say where something lies; no output holds them."""
ABOUT_SERIES = ("description", "date")
"""Columns of a folder that a filter looks at; they may tell names, and days tell patients."""
SHOWN, CHECKED = 5, 10_000


@dataclass(eq=False)
class Manifest:
    """Rows in the order of the manifest.

    ``table`` has the columns of TEXT as text, others as they are; ``codes`` (N,) holds for each
    row 0, or which of ``reasons`` keeps it from being computed, and ``statuses`` what that makes of
    the row; ``notes`` are for the user. ``lines`` tells whether rows are lines of a file.
    """

    table: pa.Table
    folder: str
    codes: NDArray[np.int32]
    reasons: list[str] = field(default_factory=lambda: [""])
    statuses: list[str] = field(default_factory=lambda: [""])
    notes: list[str] = field(default_factory=list)
    lines: bool = True

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def column(self, name: str) -> pa.Array:
        """Return one column as one array."""
        found: pa.Array = self.table.column(name).combine_chunks()
        return found

    def distinct(self, name: str) -> tuple[NDArray[np.int32], list[str]]:
        """Return the cells of a column as texts, each once, and which of them each row (N,) has."""
        text = pc.fill_null(pc.cast(self.column(name), pa.string()), "")
        encoded = text.dictionary_encode()
        return encoded.indices.to_numpy(), encoded.dictionary.to_pylist()

    def refuse(self, row: int, reason: str, status: str = FAILED) -> None:
        """Keep a row from being computed; the first reason stands."""
        if not self.codes[row]:
            self.codes[row] = self._code(reason, status)

    def refuse_all(self, rows: NDArray[Any], reason: str, status: str = FAILED) -> None:
        """Keep rows from being computed for one reason."""
        free = rows[self.codes[rows] == 0]
        if len(free):
            self.codes[free] = self._code(reason, status)

    def _code(self, reason: str, status: str) -> int:
        for code, pair in enumerate(zip(self.reasons, self.statuses, strict=True)):
            if pair == (reason, status):
                return code
        self.reasons.append(reason)
        self.statuses.append(status)
        return len(self.reasons) - 1

    def path(self, name: str) -> str:
        """Return a path of the manifest from where it can be opened; a URL as it is."""
        return opened_from(self.folder, name)

    def order(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the rows that can be computed (M,) by image, and where each image ends in them.

        Images come in the order of first appearance.
        """
        parts = [self.column(name) for name in ("image", "series")]
        if "modality" in self.table.column_names:  # which says how an image is read
            parts.append(pc.fill_null(pc.cast(self.column("modality"), pa.string()), ""))
        names = pc.binary_join_element_wise(*parts, "\n")
        codes = names.dictionary_encode().indices.to_numpy()
        rows = np.flatnonzero(self.codes == 0)
        ordered = rows[np.argsort(codes[rows], kind="stable")]
        ends = np.flatnonzero(np.diff(codes[ordered])) + 1
        return ordered, np.r_[ends, len(ordered)] if len(ordered) else ends

    def problems(self) -> list[str]:
        """Return a line for each reason: how many rows, and the first of them by id."""
        lines = []
        counts = Counter(self.codes[self.codes > 0].tolist())
        ids = self.column("id")
        for code, count in counts.most_common():
            first = np.flatnonzero(self.codes == code)[:SHOWN]
            named = ", ".join(self._named(ids[int(row)].as_py(), int(row)) for row in first)
            rest = ", ..." if count > SHOWN else ""
            lines.append(f"{count} row(s): {self.reasons[code]}: {named}{rest}")
        return lines

    def _named(self, name: str, row: int) -> str:
        return f"{name or '-'} (row {row + 2})" if self.lines else name

    def usable_rows(self, keep_identifiers: bool = False) -> pa.Table:
        """Return the rows that can be computed; what may tell names only where it is kept."""
        left = () if self.lines or keep_identifiers else ABOUT_SERIES
        names = [name for name in self.table.column_names if name not in left]
        filled = [n for n in names if n in NEEDED or self.column(n).unique().to_pylist() != [""]]
        return self.table.select(filled).take(pa.array(np.flatnonzero(self.codes == 0)))


def opened_from(folder: str, name: str) -> str:
    """Return a path of a manifest in ``folder`` from where it can be opened; a URL as it is."""
    if "://" in name or os.path.isabs(name):  # noqa: PTH117 (of a million names)
        return name
    return f"{folder}{os.sep}{name}"


def read_manifest(
    path: Path,
    with_files: bool = True,
    leave_out: Callable[[Manifest], None] = lambda _: None,
    readable_ids: bool = False,
) -> Manifest:
    """Read a manifest (CSV, TSV, Parquet), or make one of a folder, and check every row.

    Paths are relative to the manifest's folder; ``fsspec`` URLs may stand for them. Without
    ``with_files`` rows are not refused for files that are not there. ``leave_out`` marks the rows
    that are not asked for. With ``readable_ids`` those of a folder are names, not hashes.

    Raises
    ------
    InputError
        When there is no such table, no row in it, or a needed column is missing.
    """
    if path.is_dir():
        from radiomics.pipelines.batch.discovery import find_cases

        found = find_cases(path, readable_ids)
        manifest = manifest_of(found.table, path)
        manifest.lines = False
        manifest.notes += found.notes
        leave_out(manifest)
        for row, (status, reason) in found.unusable.items():
            manifest.refuse(row, reason, status)
        _check_any(manifest)
        return _checked_files(manifest, with_files)
    if path.suffix.lower() == ".parquet":
        manifest = manifest_of(_parquet(path), path)
        leave_out(manifest)
    elif path.suffix.lower() in (".csv", ".tsv"):
        read = read_delimited(path)
        manifest = manifest_of(_typed(read.table), path)
        leave_out(manifest)
        for row, problem in read.ragged.items():
            manifest.refuse(row, problem)
        if read.foreign:
            lines = ", ".join(map(str, read.foreign[:SHOWN]))
            note = f"{len(read.foreign)} line(s) are no UTF-8 and were read as Windows-1252"
            manifest.notes.append(f"{note}: {lines}{', ...' if len(read.foreign) > SHOWN else ''}")
    else:
        kinds = ".csv, .tsv, .parquet"
        rule = f"a manifest is a folder or a table with the suffix {kinds}"
        raise InputError(path, rule, path.name, "convert it first")
    return _checked_files(manifest, with_files)


def _check_any(manifest: Manifest) -> None:
    """Demand that something of a folder can be computed.

    Raises
    ------
    InputError
        When all that was asked for has no mask.
    """
    if (manifest.codes == 0).any():
        return
    counts = Counter(manifest.statuses[code] for code in manifest.codes)
    found = ", ".join(f"{count} {status}" for status, count in counts.most_common())
    rule = "an image with a mask is among those that are asked for"
    raise InputError("the folder", rule, found, "widen the filter, or write a manifest")


def _checked_files(manifest: Manifest, with_files: bool) -> Manifest:
    _check_rows(manifest)
    if with_files:
        _check_files(manifest)
    return manifest


def manifest_of(table: pa.Table, path: Path) -> Manifest:
    """Return a manifest of a table whose rows are not checked yet.

    Raises
    ------
    InputError
        When it has no rows, or a needed column is missing.
    """
    absent = [name for name in NEEDED if name not in table.column_names]
    if absent:
        found = f"no {', '.join(absent)}; columns: {', '.join(table.column_names)}"
        rule = f"the columns {', '.join(NEEDED)} are needed"
        raise InputError(path, rule, found, "add or rename the column")
    if table.num_rows == 0:
        raise InputError(path, "a manifest needs at least one row", "0 rows", "add cases")
    for name in TEXT:
        there = name in table.column_names
        if there:
            text = _text(table.column(name))
            table = table.set_column(table.column_names.index(name), name, text)
        elif name == "group":
            table = table.append_column(name, table.column("id"))
        else:
            table = table.append_column(name, pa.repeat(pa.scalar(""), table.num_rows))
    group = pc.if_else(pc.equal(table.column("group"), ""), table.column("id"), table["group"])
    table = table.set_column(table.column_names.index("group"), "group", group)
    folder = path if path.is_dir() else path.parent
    return Manifest(table, str(folder.absolute()), np.zeros(table.num_rows, dtype=np.int32))


def _parquet(path: Path) -> pa.Table:
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise InputError(path, "the table must be readable", reason, "check the file") from None
    nested = [field.name for field in table.schema if pa.types.is_nested(field.type)]
    if nested:
        rule, remedy = "a cell holds one text, number or date", "leave the columns out"
        raise InputError(path, rule, f"lists or structures in {', '.join(nested)}", remedy)
    return table


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return cells as text: a whole number without its point, a gap as nothing."""
    if pa.types.is_floating(column.type):
        whole = pc.equal(column, pc.floor(column))
        texts = pc.cast(pc.cast(pc.if_else(whole, column, None), pa.int64()), pa.string())
        column = pc.coalesce(texts, pc.cast(column, pa.string()))
    return pc.utf8_trim_whitespace(pc.fill_null(pc.cast(column, pa.string()), ""))


def _typed(table: pa.Table) -> pa.Table:
    """Turn columns of text into numbers where every cell is one and none begins with a zero."""
    for position, name in enumerate(table.column_names):
        if name in TEXT:
            continue
        cells = table.column(name)
        filled = pc.if_else(pc.equal(cells, ""), None, cells)
        coded = pc.any(pc.match_substring_regex(cells, r"^[+-]?0\d|^\+")).as_py()
        for kind in () if coded else (pa.int64(), pa.float64()):
            try:
                filled = pc.cast(filled, kind)
                break
            except pa.ArrowInvalid:
                continue
        table = table.set_column(position, name, filled)
    return table


def _check_rows(manifest: Manifest) -> None:
    """Refuse rows with an empty cell, a label that is no number, or a name that another has."""
    for name in NEEDED:
        empty = np.flatnonzero(pc.equal(manifest.column(name), "").to_numpy(zero_copy_only=False))
        manifest.refuse_all(empty, f"the cell {name!r} is empty")
    number = pc.match_substring_regex(manifest.column("label"), r"^-?\d*$")
    wrong = np.flatnonzero(~number.to_numpy(zero_copy_only=False))
    manifest.refuse_all(wrong, "the label is no whole number (names of ROIs stand in 'roi')")
    parts = [manifest.column(name) for name in ("id", "roi", "label", "segment")]
    codes = pc.binary_join_element_wise(*parts, "\n").dictionary_encode().indices.to_numpy()
    counts = np.bincount(codes)
    rows = np.flatnonzero(counts[codes] > 1)
    named = pc.not_equal(manifest.column("id"), "").to_numpy(zero_copy_only=False)
    manifest.refuse_all(rows[named[rows]], "the id is repeated with the same ROI")


def _check_files(manifest: Manifest) -> None:
    """Refuse rows whose files are not there, or are of the wrong kind; each path is asked once."""
    for column in ("image", "mask"):
        encoded = manifest.column(column).dictionary_encode()
        codes, names = encoded.indices.to_numpy(), encoded.dictionary
        found = np.zeros(len(names), dtype=np.int32)
        reasons: list[str] = [""]
        for start in range(0, len(names), CHECKED):
            for number, name in enumerate(names.slice(start, CHECKED).to_pylist(), start=start):
                reason = _wrong_file(manifest.path(name), column) if name else ""
                if reason:
                    reasons += [] if reason in reasons else [reason]
                    found[number] = reasons.index(reason)
        for code, reason in enumerate(reasons[1:], start=1):
            manifest.refuse_all(np.flatnonzero(found[codes] == code), reason)


def _wrong_file(path: str, column: str) -> str:
    """Return what is wrong with a path, nothing where it is fine or known later only (a URL)."""
    if "://" in path:
        return ""
    try:
        if os.path.isfile(path):  # noqa: PTH113 (twice as fast, for a million of them)
            return ""
        place = Path(path)
        if not place.is_dir():
            return f"the {column} is not there"
        if has_itk_suffix(place):
            return f"the {column} is a folder, its name is that of a file"
        return "" if any(place.iterdir()) else f"the {column} is an empty folder"
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no valid path"
        return f"the {column} cannot be looked at: {reason}"
