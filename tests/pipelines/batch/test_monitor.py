"""Mechanics of the live line: all that it says, in terminals of any width."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from radiomics.pipelines.batch.monitor import Monitor, _drawn_line, status_line
from radiomics.types import InputError

STATE: dict[str, Any] = {
    "total": 30,
    "done": 17,
    "failed": 1,
    "running": ["a", "b"],
    "per_second": 1.71,
    "seconds_left": 8,
    "memory_bytes": 2**30,
}


@pytest.mark.parametrize(("width", "lines", "bar"), [(120, 1, 24), (90, 1, 16), (60, 2, 0)])
def test_a_line_fits_its_terminal(width: int, lines: int, bar: int) -> None:
    drawn = io.StringIO()
    Console(file=drawn, width=width).print(_drawn_line(STATE, width))
    text = drawn.getvalue()
    assert len(text.splitlines()) == lines
    assert all(len(line) <= width - len("^C") or not bar for line in text.splitlines())
    done = (STATE["done"] + STATE["failed"]) / STATE["total"]  # without colours only this is drawn
    assert text.count("━") == pytest.approx(bar * done, abs=1)
    for part in status_line(STATE).split():
        assert part in text.split()


def test_a_log_is_added_to_logs_only(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    for _ in range(2):
        with Monitor(tmp_path, log, True) as monitor:
            monitor.report("start", rows=1)
    assert len(log.read_text().splitlines()) == 2
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("id,image,mask\n")
    with pytest.raises(InputError, match="--log"):
        Monitor(tmp_path, manifest, True)
    assert manifest.read_text() == "id,image,mask\n"
