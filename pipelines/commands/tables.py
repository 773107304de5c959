"""Tables for people and for programs: a terminal table, CSV, JSON, Parquet, Excel."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from radiomics.pipelines.spreadsheet import SUFFIX as EXCEL
from radiomics.pipelines.spreadsheet import check_sheet, write_sheet
from radiomics.pipelines.store import without_nan, write_whole
from radiomics.plugins import ConfigurationError

if TYPE_CHECKING:
    from radiomics.io.inspection import Finding

Row = Mapping[str, Any]
SUFFIXES = (".csv", ".json", ".parquet", EXCEL)
STANDARD_OUTPUT = Path("-")
"""The name of a file that stands for JSON on standard output."""


def check_suffix(path: Path | None, columns: int = 0) -> None:
    """Demand a suffix that a table can be written to, where a file is asked for.

    Parameters
    ----------
    columns : of the table, as far as that is known: a sheet of Excel has not room for any number

    Raises
    ------
    ConfigurationError
        Naming the suffixes there are, the room, or the extra that is missing.
    """
    if path not in (None, STANDARD_OUTPUT) and path.suffix.lower() not in SUFFIXES:
        suffixes = ", ".join(SUFFIXES)
        rule = f"the suffix of a table is one of {suffixes}; - is JSON on standard output"
        raise ConfigurationError(f"{path}: {rule}")
    if path is not None and path.suffix.lower() == EXCEL:
        check_sheet(0, columns, str(path))


def write_table(rows: Sequence[Row], path: Path) -> None:
    """Write rows as CSV, JSON, Parquet or Excel by suffix, whole or not at all; as JSON for ``-``.

    Raises
    ------
    ConfigurationError
        For another suffix.
    """
    check_suffix(path)
    if path == STANDARD_OUTPUT:
        sys.stdout.write(_json(rows))
        return
    suffix = path.suffix.lower()
    path.parent.mkdir(parents=True, exist_ok=True)
    if suffix == ".json":
        write_whole(path, _json(rows))
        return
    if suffix == ".csv":
        write_whole(path, _csv(rows))
        return
    if suffix == EXCEL:
        columns = list(dict.fromkeys(name for row in rows for name in row))
        check_sheet(len(rows), len(columns), str(path))
        write_sheet(path, columns, ([row.get(name) for name in columns] for row in rows))
        return
    import pandas as pd

    temporary = path.with_name(f".{path.name}.part")
    pd.DataFrame(rows).to_parquet(temporary, index=False)
    temporary.replace(path)


def _csv(rows: Sequence[Row]) -> str:
    """Return rows as CSV, as pandas would write them; its import takes longer than one case."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = list(dict.fromkeys(name for row in rows for name in row))
    writer.writerow(columns)
    for row in rows:
        values = (row.get(name) for name in columns)
        writer.writerow("" if value is None or value != value else value for value in values)
    return text.getvalue()


def print_csv(rows: Sequence[Row]) -> None:
    """Write rows as CSV to standard output; all have the same columns."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerows([rows[0].keys(), *(row.values() for row in rows)])


def write_features(rows: Sequence[Row], record: Row, path: Path) -> None:
    """Write features, and their provenance beside them as ``NAME.provenance.json``.

    On standard output each row holds the provenance under that name.
    """
    if path == STANDARD_OUTPUT:
        write_table([{**row, "provenance": record} for row in rows], path)
        return
    write_table(rows, path)
    text = json.dumps(record, indent=1, sort_keys=True) + "\n"
    write_whole(path.with_name(f"{path.stem}.provenance.json"), text)


def terminal() -> Console:
    """Return standard output as a console: as wide as the terminal, else wide enough."""
    console = Console()
    return console if console.is_terminal else Console(width=200)


def print_table(rows: Sequence[Row]) -> None:
    """Print rows as a table."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in rows[0]:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(escape(str(value)) for value in row.values()))
    terminal().print(table)


def print_findings(found: Sequence[Finding], root: Path) -> None:
    """Print what a folder holds: one row a series, one a mask; defects in words below."""
    rows = []
    for finding in found:
        spacing = finding.spacing and " x ".join(f"{s:.4g}" for s in finding.spacing)
        rows.append(
            {
                "path": _relative(finding.path, root),
                "patient": finding.patient,
                "kind": finding.modality or finding.kind,
                "slices x rows x columns": " x ".join(map(str, finding.shape or ())),
                "spacing mm": spacing or "",
                "verdict": finding.verdict,
                "series or ROI": finding.name if finding.kind != "file" else "",
            }
        )
    print_table(rows)
    console = terminal()
    for finding in found:
        for defect in finding.defects:
            place = _relative(finding.path, root)
            console.print(f"{finding.verdict}: {place}: {defect}", markup=False, soft_wrap=True)


def _relative(path: str, root: Path) -> str:
    return str(Path(path).relative_to(root)) if Path(path).is_relative_to(root) else path


def _json(rows: Sequence[Row]) -> str:
    """Return rows as JSON; NaN is null, which JSON has no number for."""
    return json.dumps([without_nan(row) for row in rows], indent=1) + "\n"
