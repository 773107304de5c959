"""Records into tables: one Parquet file for each settings, one row for every case of the manifest.

A table depends on the manifest, on the content of the store and on nothing else: the same bytes
whether the run was interrupted or not.
"""

from __future__ import annotations

import json
import os
import platform
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from radiomics.pipelines.batch.children import call_in_child
from radiomics.pipelines.batch.cohort import ADDED, Cohort
from radiomics.pipelines.batch.modalities import PET, kind_of_unit
from radiomics.pipelines.batch.planning import Plan, Planner, row_key
from radiomics.pipelines.batch.records import Record, Records
from radiomics.pipelines.batch.statuses import DONE, FAILED, LEFT_OUT, WAITING
from radiomics.pipelines.batch.tasks import Source
from radiomics.pipelines.spreadsheet import SUFFIX, check_sheet, write_sheet
from radiomics.pipelines.store import write_whole
from radiomics.plugins import ConfigurationError
from radiomics.types import InputError

AT_A_TIME = 2048
"""Rows in memory, and in one row group of a table."""
MANY = 10**7
"""Values of all tables from which another process writes them."""
PROVENANCE = "provenance.json"
NOT_YET = "not computed yet"
UNRECORDED = "not recorded, by an earlier version"
"""The unit of an image whose record does not tell it."""
CHANGED = "its files have changed, or are others, since values were computed: run the batch"


@dataclass(frozen=True, eq=False)
class Line:
    """A row of a table: which row of the manifest, its ROI, its values or why there are none.

    ``unit`` is that of the image that the values are of, empty where its file knows none.
    """

    row: int
    roi: str
    values: NDArray[np.float64] | None
    status: str
    reason: str = ""
    verdict: str = ""
    notes: str = ""
    unit: str = UNRECORDED


@dataclass(eq=False)
class Counts:
    """Of the lines of a table how many there are by status, and of those done by unit."""

    by_status: Counter[str] = field(default_factory=Counter)
    by_unit: Counter[str] = field(default_factory=Counter)

    def add(self, lines: list[Line]) -> None:
        """Count lines."""
        self.by_status.update(line.status for line in lines)
        self.by_unit.update(line.unit for line in lines if line.values is not None)


@dataclass(frozen=True, eq=False)
class Collected:
    """The tables that were written, and of each settings what stands in theirs."""

    paths: tuple[Path, ...]
    counts: dict[str, Counts]

    @property
    def tables(self) -> tuple[Path, ...]:
        """The Parquet files, one for each settings."""
        return self.paths[: len(self.counts)]


def table_name(label: str, count: int) -> str:
    """Return the name of the table of some settings, of so many in a run."""
    return "features.parquet" if count == 1 else f"features_{label}.parquet"


def check_spreadsheet(planner: Planner) -> None:
    """Demand that all tables fit into Excel files, as far as that is known before work.

    Raises
    ------
    ConfigurationError
        When one does not, or the package that writes them is absent.
    """
    for plan in planner.plans:
        columns = len(_schema(planner.cohort, plan, planner.cohort.carried))
        check_sheet(len(planner.cohort), columns, f"--excel, {plan.label}")


def collect(planner: Planner, folder: Path, excel: bool = False) -> Collected:
    """Write tables and provenance, also as Excel files where that is asked for.

    Many values are written by another process: a table's parts take memory until
    it is whole.
    """
    planner.records.commit()
    columns = sum(len(plan.layout.columns) for plan in planner.plans)
    if len(planner.cohort) * columns < MANY:
        return _write_all(planner, folder, excel)
    cohort = planner.cohort
    small = replace(cohort, order=cohort.order[:0], ends=cohort.ends[:0])  # the run is over
    given = (small, planner.plans, planner.source, planner.checks_files, excel)
    found: Collected = call_in_child(_write_from_store, planner.records.path, folder, *given)
    return found


def _write_from_store(
    store: Path,
    folder: Path,
    cohort: Cohort,
    plans: list[Plan],
    source: Source,
    checks_files: bool,
    excel: bool,
) -> Collected:
    records = Records(store, write=False)
    try:
        planner = Planner(cohort, plans, records, source, False)
        planner.checks_files = checks_files
        return _write_all(planner, folder, excel)
    finally:
        records.base.close()


def _write_all(planner: Planner, folder: Path, excel: bool) -> Collected:
    try:
        before = _tables_before(folder)
        tables, counts = write_tables(planner, planner.cohort.carried, folder)
        sheets = [path.with_suffix(SUFFIX) for path in tables] if excel else []
        write_provenance(planner, folder, [*tables, *sheets], counts)
        for path in before - {*tables, *sheets}:  # of other settings: nobody would know of what
            path.unlink(missing_ok=True)
        for table, sheet in zip(tables, sheets, strict=False):
            _write_sheet(table, sheet)
    except OSError as error:
        rule = "tables must be written; all records are intact, and an earlier table is whole"
        reason = os.strerror(error.errno) if error.errno else str(error)
        remedy = "make room, then run the same command: nothing is computed again"
        raise InputError("--output", rule, reason, remedy) from None
    return Collected((*tables, *sheets), counts)


def _write_sheet(table: Path, sheet: Path) -> None:
    """Write a table once more, as an Excel file, a row group at a time."""
    file = pq.ParquetFile(table)
    groups = (file.read_row_group(number).to_pydict() for number in range(file.num_row_groups))
    rows = (row for group in groups for row in zip(*group.values(), strict=True))
    write_sheet(sheet, file.schema_arrow.names, rows)


def _tables_before(folder: Path) -> set[Path]:
    """Return the tables that the last provenance names."""
    try:
        record = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
        labels, named = record["settings"], record.get("tables", {})
    except (OSError, ValueError, KeyError):
        return set()  # none, or one that somebody else wrote
    sheets = {folder / Path(name).name for name in named if name.endswith(SUFFIX)}
    return {folder / table_name(label, len(labels)) for label in labels} | sheets


def write_tables(
    planner: Planner, carried: list[str], folder: Path
) -> tuple[list[Path], dict[str, Counts]]:
    """Write a table for each plan, each whole or not at all; return their paths, and counts."""
    found, counts = [], {}
    for plan in planner.plans:
        path = folder / table_name(plan.label, len(planner.plans))
        temporary = path.with_name(f".{path.name}.part")
        try:
            counts[plan.label] = _write_table(planner, plan, carried, temporary)
            with temporary.open("rb") as stream:
                os.fsync(stream.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        found.append(path)
    return found, counts


def _write_table(planner: Planner, plan: Plan, carried: list[str], path: Path) -> Counts:
    counts = Counts()
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
            counts.add(lines)
    return counts


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
    code = cohort.codes[number]
    if code:
        yield Line(number, roi, None, cohort.statuses[code], cohort.reasons[code])
        return
    modality = cohort.modalities[cohort.kinds[number]]
    if not plan.is_for(modality):
        reason = f"left out: the settings are for {plan.settings.modality}, this is {modality}"
        yield Line(number, roi, None, LEFT_OUT, reason)
        return
    key = row_key(cells)
    files = records.get_input(key)
    if files is not None and planner.has_changed(cells, files):
        yield Line(number, roi, None, WAITING, CHANGED)
        return
    record = None if files is None else records.get(files.content, plan.number)
    failure = records.failure(key, plan.number)
    if record is None or failure is not None:
        yield Line(number, roi, None, FAILED if failure else WAITING, failure or NOT_YET)
        return
    yield from _lines_of(record, number)


def _lines_of(record: Record, number: int) -> Iterator[Line]:
    verdict, notes = record.notes["verdict"], "; ".join(record.notes["notes"])
    unit = record.notes.get("unit", UNRECORDED)
    for region, values in zip(record.regions, record.values, strict=True):
        yield Line(number, region, values, DONE, "", verdict, notes, unit)
    for region, reason in record.notes.get("left_out", ()):
        yield Line(number, region, None, FAILED, reason, verdict, "", unit)


def _table(lines: list[Line], of_rows: pa.Table, schema: pa.Schema, carried: list[str]) -> pa.Table:
    columns: dict[str, Any] = {name: of_rows.column(name) for name in carried}
    columns["roi"] = [line.roi for line in lines]
    columns["status"] = [line.status for line in lines]
    columns["reason"] = [line.reason for line in lines]
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


def _rules(plan: Plan, counts: Counts) -> list[dict[str, Any]]:
    """Return the rules that values were made by, one entry for each unit that images had."""
    found = []
    for unit, lines in sorted(counts.by_unit.items()):
        if unit == UNRECORDED:
            found.append({"lines": lines, "unit": unit, "by_unit": plan.settings.rules})
            continue
        rules = dict(plan.settings.rules[kind_of_unit(unit)])
        if rules.get("unit") == PET:
            rules["unit"] = unit or PET
        found.append({"lines": lines, "unit": unit, **rules})
    return found


def write_provenance(
    planner: Planner, folder: Path, tables: list[Path], counts: dict[str, Counts]
) -> None:
    """Write what the tables were made from: settings, code, environments; no clock, no paths.

    Under ``used`` stand the rules by which grey levels were in fact made, with the number of lines,
    also where the settings leave that to the unit of an image.
    """
    plans = planner.plans
    labels = [plan.label for plan in plans]
    of_table = zip(tables, [*labels, *labels], strict=False)
    environments = planner.records.environments([plan.number for plan in plans])
    record = {
        "settings": {plan.label: json.loads(plan.text) for plan in plans},
        "used": {plan.label: _rules(plan, counts[plan.label]) for plan in plans},
        "modalities": {p.label: p.settings.modality for p in plans if p.settings.modality},
        "filter": planner.cohort.filtered,
        "tables": {path.name: dict(sorted(counts[n].by_status.items())) for path, n in of_table},
        "layouts": {plan.label: plan.layout.key for plan in plans},
        "reading": dict(planner.source.reading),
        "machine": {"system": platform.system(), "processor": platform.machine()},
        "environments": [
            {"records": count, "versions": versions} for versions, count in environments
        ],
    }
    text = json.dumps(record, indent=1, sort_keys=True) + "\n"
    write_whole(folder / PROVENANCE, text)
