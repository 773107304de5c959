"""Tables as Excel files: text stays text, what a sheet cannot hold is refused before work.

A cell that begins with ``=`` would be run as a formula by who opens the file; here it is text.
Numbers keep 16 digits. The same rows give the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from radiomics.plugins import ConfigurationError, missing_extra

SUFFIX = ".xlsx"
MOST_ROWS, MOST_COLUMNS, LONGEST_CELL = 1_048_576, 16_384, 32_767
CUT = " [cut: a cell of Excel holds 32,767 characters]"
EXACT = 10**15
"""Whole numbers from here on would be rounded: they are written as text."""
OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "use_zip64": True,
}
MADE = datetime(2000, 1, 1)
"""When files say that they were made: the same rows give the same bytes."""


def check_sheet(rows: int, columns: int, where: str) -> None:
    """Demand that a table can be written: the package that does it, and room in a sheet.

    Parameters
    ----------
    rows : of the table, at least; without the line of names

    Raises
    ------
    ConfigurationError
        When it has more rows or columns than a sheet, or XlsxWriter is absent.
    """
    try:
        import xlsxwriter  # noqa: F401
    except ModuleNotFoundError as error:
        raise missing_extra(error, "an Excel file") from None
    if rows + 1 > MOST_ROWS or columns > MOST_COLUMNS:
        limits = f"{MOST_ROWS - 1:,} rows and {MOST_COLUMNS:,} columns"
        raise ConfigurationError(
            f"{where}: a sheet of Excel holds {limits}; the table has {rows:,} rows and "
            f"{columns:,} columns: write .parquet or .csv, or ask for fewer features"
        )


def write_sheet(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows as one sheet, whole or not at all.

    Raises
    ------
    ConfigurationError
        When they are more than a sheet holds.
    """
    import xlsxwriter
    from xlsxwriter.exceptions import FileCreateError

    temporary = path.with_name(f".{path.name}.part")
    book = xlsxwriter.Workbook(str(temporary), OPTIONS)
    try:
        try:
            _fill_sheet(book, columns, rows, path.name)
        finally:
            book.close()  # which also removes the files that it keeps rows in
        temporary.replace(path)
    except FileCreateError as error:
        raise OSError(*error.args[0].args) from None
    finally:
        temporary.unlink(missing_ok=True)


def _fill_sheet(
    book: Any, columns: Sequence[str], rows: Iterable[Sequence[Any]], where: str
) -> None:
    book.set_properties({"created": MADE})
    sheet = book.add_worksheet("features")
    sheet.freeze_panes(1, 1)
    bold = book.add_format({"bold": True})
    for place, name in enumerate(columns):
        sheet.write_string(0, place, str(name), bold)
    for number, row in enumerate(rows, start=1):
        if number >= MOST_ROWS:
            check_sheet(number, len(columns), where)
        for place, value in enumerate(row):
            _write_cell(sheet, number, place, value)


def _write_cell(sheet: Any, row: int, column: int, value: Any) -> None:
    if value is None or value != value:
        return
    if isinstance(value, bool | np.bool_):
        sheet.write_boolean(row, column, bool(value))
    elif _is_number(value):
        sheet.write_number(row, column, value)
    else:
        text = str(value).encode("utf-8", "replace").decode()  # a file's name may be no Unicode
        if len(text) > LONGEST_CELL:
            text = text[: LONGEST_CELL - len(CUT)] + CUT
        sheet.write_string(row, column, text)


def _is_number(value: Any) -> bool:
    """Tell whether a sheet can hold a value as a number; it knows no infinity."""
    if isinstance(value, int | np.integer):
        return abs(int(value)) < EXACT
    return isinstance(value, float | np.floating) and math.isfinite(value)
