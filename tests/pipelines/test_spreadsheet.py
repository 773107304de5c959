"""Mechanics of Excel files: text stays text, what has no room is refused, bytes repeat."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from radiomics.pipelines.batch.request import Request
from radiomics.pipelines.commands.tables import check_suffix, write_table
from radiomics.pipelines.spreadsheet import LONGEST_CELL, MOST_COLUMNS, check_sheet, write_sheet
from radiomics.plugins import ConfigurationError, MissingExtraError
from tests.cohorts import run_inline, table_of, write_cohort

SPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@pytest.fixture
def _writer() -> None:
    pytest.importorskip("xlsxwriter", reason="needs the extra [excel]")


def cells_of(path: Path) -> list[dict[str, tuple[str, str]]]:
    """Return of each row the kind and the text of its cells by their column's letters."""
    with zipfile.ZipFile(path) as book:
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    found = []
    for row in sheet.iter(f"{SPACE}row"):
        cells = {}
        for cell in row.iter(f"{SPACE}c"):
            assert cell.find(f"{SPACE}f") is None  # a formula
            text = "".join(part.text or "" for part in cell.iter() if part.tag[-2:] in ("}t", "}v"))
            cells[re.sub(r"\d", "", cell.attrib["r"])] = (cell.attrib.get("t", "n"), text)
        found.append(cells)
    return found


@pytest.mark.usefixtures("_writer")
def test_text_that_looks_like_a_formula_stays_text(tmp_path: Path) -> None:
    dangerous = ["=cmd|' /C calc'!A0", "@SUM(1)", "+1", "-2", "http://x.y", "001", "{=1}"]
    numbers = [1.5, np.float64(2.5), np.int64(7), 2**60, float("nan"), float("inf"), None, True]
    others = ["a\x07b", "x" * 40_000, (1, 2)]
    rows = [[*dangerous, *numbers, *others]]
    names = ["=name", *(f"c{n}" for n in range(len(rows[0]) - 1))]
    write_sheet(tmp_path / "a.xlsx", names, rows)
    head, row = cells_of(tmp_path / "a.xlsx")
    assert head["A"] == ("inlineStr", "=name")
    found = list(row.values())
    assert found[:7] == [("inlineStr", text) for text in dangerous]
    assert found[7:11] == [("n", "1.5"), ("n", "2.5"), ("n", "7"), ("inlineStr", str(2**60))]
    assert found[11:13] == [("inlineStr", "inf"), ("b", "1")]  # NaN and None are empty
    assert len(found[14][1]) == LONGEST_CELL
    assert found[14][1].endswith("32,767 characters]")
    before = (tmp_path / "a.xlsx").read_bytes()
    write_sheet(tmp_path / "a.xlsx", names, rows)
    assert (tmp_path / "a.xlsx").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.xlsx"]


@pytest.mark.usefixtures("_writer")
def test_what_has_no_room_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_sheet(1_048_575, MOST_COLUMNS, "x")
    with pytest.raises(ConfigurationError, match="1,048,575 rows and 16,384 columns"):
        check_sheet(1_048_576, 1, "x")
    with pytest.raises(ConfigurationError, match="16,385 columns: write"):
        check_suffix(tmp_path / "a.xlsx", columns=16_385)
    monkeypatch.setattr("radiomics.pipelines.spreadsheet.MOST_ROWS", 3)
    with pytest.raises(ConfigurationError, match="a sheet of Excel holds 2 rows"):
        write_sheet(tmp_path / "a.xlsx", ["a"], [[1], [2], [3]])
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConfigurationError, match="has 3 rows"):
        write_table([{"a": 1}] * 3, tmp_path / "a.xlsx")


def test_the_extra_is_named_before_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(MissingExtraError, match=r"radiomics-pipelines\[excel\]"):
        check_suffix(tmp_path / "a.xlsx")
    manifest = write_cohort(tmp_path / "in", 1)
    request = Request(manifest, tmp_path / "out", quiet=True, excel=True)
    with pytest.raises(MissingExtraError, match=r"radiomics-pipelines\[excel\]"):
        run_inline(monkeypatch, request)


@pytest.mark.usefixtures("_writer")
def test_a_batch_writes_its_table_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = write_cohort(tmp_path / "in", 3)
    settings = (str(tmp_path / "in" / "quick.yaml"),)
    request = Request(manifest, tmp_path / "out", settings, quiet=True, excel=True)
    outcome, _, _ = run_inline(monkeypatch, request)
    assert [path.name for path in outcome.written] == ["features.parquet", "features.xlsx"]
    table = table_of(request.output)
    head, *rows = cells_of(request.output / "features.xlsx")
    assert [text for _, text in head.values()] == list(table.columns)
    for row, (_, values) in zip(rows, table.iterrows(), strict=True):
        numbers = [float(text) for kind, text in row.values() if kind == "n"]
        expected = [v for v in values if isinstance(v, float | int) and v == v]
        np.testing.assert_allclose(numbers, expected, rtol=1e-15)
    plain = Request(manifest, tmp_path / "out", settings, quiet=True)
    run_inline(monkeypatch, plain)  # a table of another run would be of nobody knows what
    assert not (request.output / "features.xlsx").exists()


@pytest.mark.usefixtures("_writer")
def test_commands_write_it_by_the_suffix(tmp_path: Path) -> None:
    words = ["-m", "radiomics", "features", "--output", str(tmp_path / "f.xlsx")]
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    assert len(cells_of(tmp_path / "f.xlsx")) == 175
