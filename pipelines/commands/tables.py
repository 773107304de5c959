"""Tables for people and for programs: a terminal table, CSV, JSON, Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from radiomics.pipelines.commands.single import check_suffix
from radiomics.pipelines.store import write_whole

if TYPE_CHECKING:
    from radiomics.io.inspection import Finding

Row = Mapping[str, Any]


def write_table(rows: Sequence[Row], path: Path) -> None:
    """Write rows as CSV, JSON or Parquet by suffix, whole or not at all.

    Raises
    ------
    ConfigurationError
        For another suffix.
    """
    check_suffix(path)
    suffix = path.suffix.lower()
    path.parent.mkdir(parents=True, exist_ok=True)
    if suffix == ".json":
        write_whole(path, json.dumps([_json(row) for row in rows], indent=1) + "\n")
        return
    if suffix == ".csv":
        write_whole(path, _csv(rows))
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


def write_features(rows: Sequence[Row], record: Row, path: Path) -> None:
    """Write features, and their provenance beside them as ``NAME.provenance.json``."""
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
                "path": _below(finding.path, root),
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
            place = _below(finding.path, root)
            console.print(f"{finding.verdict}: {place}: {defect}", markup=False, soft_wrap=True)


def _below(path: str, root: Path) -> str:
    return str(Path(path).relative_to(root)) if Path(path).is_relative_to(root) else path


def _json(row: Row) -> dict[str, Any]:
    """Return a row with NaN as null, which JSON has no number for."""
    return {k: None if isinstance(v, float) and v != v else v for k, v in row.items()}
