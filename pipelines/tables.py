"""Tables for people and for programs: a terminal table, CSV, JSON, Parquet."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from pipelines.store import write_whole
from radiomics.io import Finding
from radiomics.plugins import ConfigurationError

Row = Mapping[str, Any]
SUFFIXES = (".csv", ".json", ".parquet")


def write_table(rows: Sequence[Row], path: Path) -> None:
    """Write rows as CSV, JSON or Parquet by suffix, whole or not at all.

    Raises
    ------
    ConfigurationError
        For another suffix.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ConfigurationError(f"{path}: the suffix of a table is one of {', '.join(SUFFIXES)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    if suffix == ".json":
        write_whole(path, json.dumps([_json(row) for row in rows], indent=1) + "\n")
    elif suffix == ".csv":
        write_whole(path, pd.DataFrame(rows).to_csv(index=False, lineterminator="\n"))
    else:
        temporary = path.with_name(f".{path.name}.part")
        pd.DataFrame(rows).to_parquet(temporary, index=False)
        temporary.replace(path)


def write_features(rows: Sequence[Row], record: Row, path: Path) -> None:
    """Write features, and their provenance beside them as ``NAME.provenance.json``."""
    write_table(rows, path)
    text = json.dumps(record, indent=1, sort_keys=True) + "\n"
    write_whole(path.with_name(f"{path.stem}.provenance.json"), text)


def print_table(rows: Sequence[Row], console: Console | None = None) -> None:
    """Print rows as a table that fits the terminal."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in rows[0]:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()), style=None)
    (console or Console()).print(table, markup=False)


def print_findings(found: Sequence[Finding]) -> None:
    """Print what a folder holds: one row a series, one a mask; defects in words below."""
    rows = []
    for finding in found:
        spacing = finding.spacing and " x ".join(f"{s:.4g}" for s in finding.spacing)
        shape = finding.shape and " x ".join(map(str, finding.shape))
        rows.append(
            {
                "kind": finding.kind,
                "modality": finding.modality,
                "shape (slices, rows, columns)": shape or "",
                "spacing mm": spacing or "",
                "verdict": finding.verdict,
                "name": finding.name,
                "path": finding.path,
            }
        )
    print_table(rows)
    console = Console()
    for finding in found:
        for defect in finding.defects:
            console.print(f"{finding.verdict}: {finding.path}: {defect}", markup=False)


def _json(row: Row) -> dict[str, Any]:
    """Return a row with NaN as null, which JSON has no number for."""
    return {k: None if isinstance(v, float) and v != v else v for k, v in row.items()}
