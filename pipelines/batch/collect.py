"""Records into tables: one Parquet file for each settings, one row for every case of the manifest.

A table depends on the manifest, on the content of the store and on nothing else: the same bytes
whether the run was interrupted or not.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from radiomics.pipelines.batch.children import call_in_child
from radiomics.pipelines.batch.cohort import ADDED, Cohort
from radiomics.pipelines.batch.planning import Plan, Planner, row_key
from radiomics.pipelines.batch.records import Record, Records
from radiomics.pipelines.batch.tasks import Source
from radiomics.pipelines.store import write_whole
from radiomics.plugins import ConfigurationError
from radiomics.types import InputError

AT_A_TIME = 2048
"""Rows in memory, and in one row group of a table."""
MANY = 10**7
"""Values of all tables from which another process writes them."""
PROVENANCE = "provenance.json"
NOT_YET = "not computed yet"
CHANGED = "its files have changed, or are others, since values were computed: run the batch"


@dataclass(frozen=True, eq=False)
class Line:
    """A row of a table: which row of the manifest, its ROI, its values or why there are none."""

    row: int
    roi: str
    values: NDArray[np.float64] | None
    reason: str = ""
    verdict: str = ""
    notes: str = ""


def table_name(label: str, count: int) -> str:
    """Return the name of the table of some settings, of so many in a run."""
    return "features.parquet" if count == 1 else f"features_{label}.parquet"


def collect(planner: Planner, folder: Path) -> list[Path]:
    """Write tables and provenance; return the paths of the tables.

    Many values are written by another process: a table's parts take memory until
    it is whole.
    """
    planner.records.commit()
    columns = sum(len(plan.layout.columns) for plan in planner.plans)
    if len(planner.cohort) * columns < MANY:
        return _write_all(planner, folder)
    cohort = planner.cohort
    small = replace(cohort, order=cohort.order[:0], ends=cohort.ends[:0])  # the run is over
    given = (small, planner.plans, planner.source, planner.checks_files)
    return list(call_in_child(_write_from_store, planner.records.path, folder, *given))


def _write_from_store(
    store: Path,
    folder: Path,
    cohort: Cohort,
    plans: list[Plan],
    source: Source,
    checks_files: bool,
) -> list[Path]:
    records = Records(store, write=False)
    try:
        planner = Planner(cohort, plans, records, source, False)
        planner.checks_files = checks_files
        return _write_all(planner, folder)
    finally:
        records.base.close()


def _write_all(planner: Planner, folder: Path) -> list[Path]:
    try:
        before = _tables_before(folder)
        tables = write_tables(planner, planner.cohort.carried, folder)
        write_provenance(planner, folder)
        for path in before - set(tables):  # of other settings: nobody would know of what
            path.unlink(missing_ok=True)
    except OSError as error:
        rule = "tables must be written; all records are intact, and an earlier table is whole"
        reason = os.strerror(error.errno) if error.errno else str(error)
        remedy = "make room, then run the same command: nothing is computed again"
        raise InputError("--output", rule, reason, remedy) from None
    return tables


def _tables_before(folder: Path) -> set[Path]:
    """Return the tables that the last provenance names."""
    try:
        labels = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))["settings"]
    except (OSError, ValueError, KeyError):
        return set()  # none, or one that somebody else wrote
    return {folder / table_name(label, len(labels)) for label in labels}


def write_tables(planner: Planner, carried: list[str], folder: Path) -> list[Path]:
    """Write a table for each plan, each whole or not at all; return their paths."""
    found = []
    for plan in planner.plans:
        path = folder / table_name(plan.label, len(planner.plans))
        temporary = path.with_name(f".{path.name}.part")
        try:
            _write_table(planner, plan, carried, temporary)
            with temporary.open("rb") as stream:
                os.fsync(stream.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        found.append(path)
    return found


def _write_table(planner: Planner, plan: Plan, carried: list[str], path: Path) -> None:
    cohort = planner.cohort
    clash = sorted(set(carried) & set(plan.layout.columns))
    if clash:
        raise ConfigurationError(
            f"manifest: rename the column {', '.join(clash)}: a feature has it"
        )
    schema = _schema(cohort, plan, carried)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, len(cohort), AT_A_TIME):
            numbers = range(start, min(start + AT_A_TIME, len(cohort)))
            lines = [line for number in numbers for line in _lines(planner, plan, number)]
            part = cohort.rows.read(start, len(numbers))
            of_rows = part.take(pa.array([line.row - start for line in lines]))
            writer.write_table(_table(lines, of_rows, schema, carried))


def _schema(cohort: Cohort, plan: Plan, carried: list[str]) -> pa.Schema:
    text = pa.string()
    fields = [pa.field("id", text), pa.field("roi", text)]
    kinds = cohort.rows.schema
    fields += [pa.field(name, kinds.field(name).type) for name in carried if name != "id"]
    fields += [pa.field(name, text) for name in ADDED]
    return pa.schema([*fields, *(pa.field(name, pa.float64()) for name in plan.layout.columns)])


def _lines(planner: Planner, plan: Plan, number: int) -> Iterator[Line]:
    """Yield the lines of one row: one, or one a region where its ROI is a pattern."""
    cohort, records = planner.cohort, planner.records
    cells = planner.cells(number)
    roi = cells["roi"]
    if cohort.codes[number]:
        yield Line(number, roi, None, cohort.reasons[cohort.codes[number]])
        return
    key = row_key(cells)
    files = records.get_input(key)
    if files is not None and planner.has_changed(cells, files):
        yield Line(number, roi, None, CHANGED)
        return
    record = None if files is None else records.get(files.content, plan.number)
    failure = records.failure(key, plan.number)
    if record is None or failure is not None:
        yield Line(number, roi, None, failure or "")
        return
    yield from _lines_of(record, number)


def _lines_of(record: Record, number: int) -> Iterator[Line]:
    verdict, notes = record.notes["verdict"], "; ".join(record.notes["notes"])
    for region, values in zip(record.regions, record.values, strict=True):
        yield Line(number, region, values, "", verdict, notes)
    for region, reason in record.notes.get("left_out", ()):
        yield Line(number, region, None, reason, verdict)


def _table(lines: list[Line], of_rows: pa.Table, schema: pa.Schema, carried: list[str]) -> pa.Table:
    columns: dict[str, Any] = {name: of_rows.column(name) for name in carried}
    columns["roi"] = [line.roi for line in lines]
    columns["status"] = [_status(line) for line in lines]
    columns["reason"] = [line.reason or (NOT_YET if line.values is None else "") for line in lines]
    columns["verdict"] = [line.verdict for line in lines]
    columns["notes"] = [line.notes for line in lines]
    names = schema.names[schema.names.index(ADDED[-1]) + 1 :]
    values = np.full((len(lines), len(names)), np.nan)
    for place, line in enumerate(lines):
        if line.values is not None:
            values[place] = line.values
    empty = np.array([line.values is None for line in lines])
    arrays = [pa.array(values[:, place], mask=empty) for place in range(len(names))]
    ordered = [columns[name] for name in schema.names[: len(schema.names) - len(names)]]
    made = [
        column.combine_chunks()
        if isinstance(column, pa.ChunkedArray)
        else pa.array(column, pa.string())
        for column in ordered
    ]
    return pa.Table.from_arrays([*made, *arrays], schema=schema)


def _status(line: Line) -> str:
    if line.values is not None:
        return "done"
    return "failed" if line.reason and line.reason != CHANGED else "waiting"


def write_provenance(planner: Planner, folder: Path) -> None:
    """Write what the tables were made from: settings, code, environments; no clock, no paths."""
    plans = planner.plans
    environments = planner.records.environments([plan.number for plan in plans])
    record = {
        "settings": {plan.label: json.loads(plan.text) for plan in plans},
        "layouts": {plan.label: plan.layout.key for plan in plans},
        "reading": dict(planner.source.reading),
        "machine": {"system": platform.system(), "processor": platform.machine()},
        "environments": [
            {"records": count, "versions": versions} for versions, count in environments
        ],
    }
    text = json.dumps(record, indent=1, sort_keys=True) + "\n"
    write_whole(folder / PROVENANCE, text)
