"""One HTML file that needs no other: text, tables and figures, readable on screen and on paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined


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


def render(title: str, summary: Mapping[str, str], sections: Sequence[Section]) -> str:
    """Render a report: headline figures first, then the sections in their order."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = files("radiomics.reporting").joinpath("report.html.j2").read_text(encoding="utf-8")
    template = environment.from_string(source)
    return template.render(title=title, summary=summary, sections=sections) + "\n"
