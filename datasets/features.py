"""Features that are there already: a table from this package, or from another tool."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from radiomics.io.files.tables import FeatureTable, feature_table, read_table
from radiomics.types import InputError, Progress, silent


class Options(BaseModel, frozen=True, extra="forbid"):
    """``table``: CSV, TSV or Parquet; ``columns`` renames: {id: case, target: diagnosis}.

    Columns named id, group, site, target, time and split have these meanings, those in ``ignore``
    none, covariates are named by the study; all others are features.
    """

    table: Path
    columns: dict[str, str] = {}
    ignore: tuple[str, ...] = ()


def open(options: Options, progress: Progress = silent) -> FeatureTable:  # noqa: A001
    """Read and check the table.

    Raises
    ------
    InputError
        For a missing column, no rows, duplicate ids or infinite values.
    """
    rows = read_table(options.table, tuple(options.columns.values()))
    rows = rows.rename(columns={there: here for here, there in options.columns.items()})
    if "id" not in rows:
        found = f"columns: {', '.join(map(str, rows.columns[:20]))}"
        remedy = "add it, or name another under data.columns: {id: ...}"
        raise InputError(options.table, "the column id is needed", found, remedy)
    progress("rows", len(rows), len(rows))
    return feature_table(rows, options.table, options.ignore)
