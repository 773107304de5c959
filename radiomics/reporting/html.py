"""One HTML file that needs no other: text, tables and figures, readable on screen and on paper."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

INTERVAL = re.compile(r"\(([-+.\d]+) to ([-+.\d]+)\)")
EMPTY = ("", "-")


@dataclass(frozen=True)
class Table:
    """A table: column names, and rows of cells."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Section:
    """A part of the report; ``figures`` are SVG or img elements, ``code`` is shown as it is."""

    title: str
    text: str = ""
    table: Table | None = None
    figures: Sequence[str] = ()
    code: str = ""


def without_empty_columns(table: Table) -> Table:
    """Return a table without named columns in which no row says anything."""
    kept = [
        place
        for place, name in enumerate(table.columns)
        if not name or not table.rows or any(str(row[place]) not in EMPTY for row in table.rows)
    ]
    rows = [[row[place] for place in kept] for row in table.rows]
    return Table([table.columns[place] for place in kept], rows)


def split_columns(table: Table, fixed: int, most: int) -> list[Table]:
    """Return a table whose columns fit on a page: the fixed ones, and at most so many others.

    >>> wide = Table(["", "a", "b", "c"], [["x", 1, 2, 3]])
    >>> [part.columns for part in split_columns(wide, 1, 2)]
    [['', 'a', 'b'], ['', 'c']]
    """
    others = range(fixed, len(table.columns))
    kept = [[*range(fixed), *others[start : start + most]] for start in range(0, len(others), most)]
    return [
        Table([table.columns[k] for k in part], [[row[k] for k in part] for row in table.rows])
        for part in kept
    ]


def unbroken_intervals(value: Any) -> str:
    r"""Return a text whose intervals are not broken over lines.

    >>> unbroken_intervals("0.8 (0.7 to 0.9)") == "0.8 (0.7\xa0to\xa00.9)"
    True
    """
    return INTERVAL.sub("(\\1\xa0to\xa0\\2)", str(value))


def render(title: str, summary: Mapping[str, str], sections: Sequence[Section]) -> str:
    """Render a report: headline figures first, then the sections in their order."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["whole"] = unbroken_intervals
    source = files("radiomics.reporting").joinpath("report.html.j2").read_text(encoding="utf-8")
    template = environment.from_string(source)
    return template.render(title=title, summary=summary, sections=sections) + "\n"
