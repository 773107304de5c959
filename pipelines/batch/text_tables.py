"""CSV and TSV as tables of text: any encoding of a row, any length of a row, a million rows."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from radiomics.types import InputError

CHUNK = 50_000
"""Rows that stand in memory as Python's strings at a time."""
LONGEST_CELL = 2**20


@dataclass(eq=False)
class Delimited:
    """A table of text; ``ragged`` row number to what is wrong; ``foreign`` rows in no UTF-8.

    Row numbers count from 0 without the header.
    """

    table: pa.Table
    ragged: dict[int, str] = field(default_factory=dict)
    foreign: list[int] = field(default_factory=list)


def read_delimited(path: Path) -> Delimited:
    """Read a CSV (comma or semicolon) or TSV file, each row in UTF-8, else in Windows-1252.

    A UTF-16 file is known by its byte order mark.

    Raises
    ------
    InputError
        For a file without a header, with a name twice in it, or that is no text.
    """
    lines = _Lines(path)
    try:
        delimiter = _delimiter(path, lines.head)
        rows = csv.reader(lines, delimiter=delimiter)
        csv.field_size_limit(LONGEST_CELL)
        header = [name.strip() for name in next(rows, [])]
        _check_header(path, header)
        found = Delimited(pa.table({}))
        batches = list(_batches(rows, header, found, delimiter))
    except csv.Error as error:
        reason = f"line {lines.number}: {error}"
        raise InputError(path, "a manifest is a table of text", reason, "check the file") from None
    schema = pa.schema([(name, pa.string()) for name in header])
    found.table = pa.Table.from_batches(batches, schema)
    found.foreign = lines.foreign
    return found


class _Lines:
    """The lines of a file as text; remembers which of them were no UTF-8."""

    def __init__(self, path: Path) -> None:
        self.path, self.number = path, 0
        self.foreign: list[int] = []
        with path.open("rb") as stream:
            start = stream.read(4096)
        self.utf16 = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = start.decode("utf-16" if self.utf16 else "cp1252", errors="replace")
        self.head = text.splitlines()[0] if text.strip() else ""

    def __iter__(self) -> Iterator[str]:
        if self.utf16:
            with self.path.open(encoding="utf-16", newline="", errors="replace") as text:
                for self.number, decoded in enumerate(text, start=1):
                    yield decoded
            return
        with self.path.open("rb") as stream:
            for self.number, raw in enumerate(stream, start=1):
                line = raw.removeprefix(codecs.BOM_UTF8) if self.number == 1 else raw
                try:
                    yield line.decode("utf-8")
                except UnicodeDecodeError:
                    self.foreign.append(self.number)
                    yield line.decode("cp1252", errors="replace")


def _delimiter(path: Path, head: str) -> str:
    if path.suffix.lower() == ".tsv":
        return "\t"
    return ";" if head.count(";") > head.count(",") else ","


def _check_header(path: Path, header: list[str]) -> None:
    twice = sorted({name for name in header if header.count(name) > 1})
    if not header or twice:
        found = f"twice: {', '.join(map(repr, twice))}" if twice else "an empty file"
        rule = "a manifest begins with a line of column names, each once"
        raise InputError(path, rule, found, "write the names in its first line")


def _batches(
    rows: Any, header: list[str], found: Delimited, delimiter: str
) -> Iterator[pa.RecordBatch]:
    """Yield chunks of rows as columns; what is missing at the end of a row is empty.

    Rows inside a quote that was never closed would be lost without a word.
    """
    columns: list[list[str]] = [[] for _ in header]
    position, line = 0, rows.line_num
    for row in rows:
        first, line = line + 1, rows.line_num
        if not row:
            continue  # an empty line is no case
        if line > first and _swallowed(row, len(header), delimiter):
            raise csv.Error(f"a quote that opens in line {first} or before is not closed there")
        if len(row) != len(header):
            found.ragged[position] = f"the row has {len(row)} cells, the header {len(header)}"
            row = [*row[: len(header)], *[""] * (len(header) - len(row))]
        for column, cell in zip(columns, row, strict=True):
            column.append(cell.strip())
        position += 1
        if position % CHUNK == 0:
            yield _batch(columns, header)
            columns = [[] for _ in header]
    if columns[0]:
        yield _batch(columns, header)


def _swallowed(row: list[str], width: int, delimiter: str) -> bool:
    """Tell whether a row of several lines has others in it: by a quote that was not closed."""
    inner = [line for cell in row for line in cell.splitlines()[1:]]
    rows = any(line.count(delimiter) == width - 1 for line in inner)
    return rows or len(row) != width or row[-1].endswith(("\n", "\r"))  # up to the file's end


def _batch(columns: list[list[str]], header: list[str]) -> pa.RecordBatch:
    return pa.record_batch([pa.array(c, pa.string()) for c in columns], names=header)
