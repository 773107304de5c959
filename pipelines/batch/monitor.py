"""How a user watches a run: a live line, a log of JSON lines, a file that other shells can read."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from radiomics.pipelines.batch.lock import is_held
from radiomics.pipelines.batch.memory import resident
from radiomics.pipelines.batch.records import Records
from radiomics.pipelines.batch.request import STATUS, STORE
from radiomics.pipelines.store import write_whole
from radiomics.types import InputError

BEGINS = b'{"time": '
EVERY_S, PRINTED_EVERY_S = 1.0, 30.0
WINDOW = 200
"""Seconds over which the rate is taken."""
NARROWEST, WIDEST = 8, 24
"""Columns that a bar has."""


def _open_log(path: Path) -> TextIO:
    """Open a log to add to it, one that was written before or a new one.

    Raises
    ------
    InputError
        When the file is something else, which events would damage.
    """
    if path.is_file() and path.stat().st_size:
        with path.open("rb") as stream:
            begins = stream.read(len(BEGINS))
        if begins != BEGINS:
            rule = "events are added to a log of a batch, or to a new file"
            raise InputError("--log", rule, "another file", "name another place")
    return path.open("a", encoding="utf-8")


@dataclass(frozen=True)
class Progress:
    """How far a run is: rows by state, ids at work, rows computed in this run."""

    total: int
    done: int
    failed: int
    waiting: int
    running: list[str]
    computed: int


class Monitor:
    """Shows a run on a terminal, in a log and in the status file; a context manager.

    Where standard error is no terminal, a line is printed every half minute.
    """

    def __init__(self, folder: Path, log: Path | None, quiet: bool) -> None:
        self.folder, self.quiet = folder, quiet
        self.console = Console(file=sys.stderr, quiet=quiet, highlight=False)
        self.is_live = self.console.is_terminal and not quiet
        begun = Text("batch starts")
        self.live = Live(begun, console=self.console, refresh_per_second=4, transient=True)
        self.log: TextIO | None = None if log is None else _open_log(log)
        self.started = self.last = self.printed = time.monotonic()
        self.ends: deque[tuple[float, int]] = deque(maxlen=WINDOW)
        self.memory = 0

    def __enter__(self) -> Monitor:
        if self.is_live:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_live:
            self.live.stop()
        if self.log is not None:
            self.log.close()

    def report(self, event: str, **values: Any) -> None:
        """Write one event to the log; an interrupt, and a worker's end, also to the terminal."""
        if self.log is not None:
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            line = json.dumps({"time": now, "event": event, **values}, ensure_ascii=False)
            self.log.write(line + "\n")
            self.log.flush()
        if event == "interrupted" and values["stops"] < 2:
            count = values["finishing"]
            self.console.print(f"finishing {count} running task(s); Ctrl-C again drops them")
        elif event == "worker died" and values["again"]:
            self.console.print(f"a worker died; tried once more: {', '.join(values['again'])}")

    def is_due(self) -> bool:
        """Tell whether the line and the status file should be renewed: once a second."""
        return time.monotonic() - self.last >= EVERY_S

    def show(self, progress: Progress, memory: int) -> None:
        """Renew the line and the status file; ``memory`` is what the workers take, in bytes."""
        self.last = now = time.monotonic()
        self.ends.append((now, progress.computed))
        self.memory = resident(None) + memory
        state = self.state(progress)
        write_status(self.folder, state)
        if self.is_live:
            self.live.update(_drawn_line(state, self.console.width))
        elif now - self.printed >= PRINTED_EVERY_S:
            self.printed = now
            self.console.print(status_line(state))

    def close(self, progress: Progress) -> None:
        """Write the last state; show that what is still to come are the outputs."""
        state = self.state(progress) | {"running": [], "seconds_left": None}
        write_status(self.folder, state)
        if self.is_live:
            self.live.update(Text(f"batch {status_line(state)}; writing the outputs"))

    def state(self, progress: Progress) -> dict[str, Any]:
        """Return what the status file says of a run."""
        rate = 0.0
        if len(self.ends) > 1 and self.ends[-1][0] > self.ends[0][0]:
            (t0, n0), (t1, n1) = self.ends[0], self.ends[-1]
            rate = (n1 - n0) / (t1 - t0)
        return {
            "total": progress.total,
            "done": progress.done,
            "failed": progress.failed,
            "waiting": progress.waiting,
            "running": progress.running,
            "per_second": round(rate, 3),
            "seconds_left": round(progress.waiting / rate) if rate else None,
            "memory_bytes": self.memory,
            "seconds": round(time.monotonic() - self.started, 1),
        }


def write_status(folder: Path, state: dict[str, Any]) -> None:
    """Write the status file; it is for watching only.

    Windows replaces no file that somebody reads at that moment: the next one is written then.
    """
    try:
        write_whole(folder / STATUS, json.dumps(state) + "\n")
    except PermissionError:
        if os.name != "nt":
            raise


def read_status(folder: Path) -> str:
    """Return in words how far the batch in a folder is.

    Raises
    ------
    InputError
        When there is none.
    """
    if not (folder / STORE).is_file():
        raise InputError("--status", "the folder is the output of a batch", "none there", "name it")
    running = is_held(folder)
    records = Records(folder / STORE, write=not running)  # what a kill left half done is undone
    kept, failures, _ = records.counts()
    records.base.close()
    try:
        state = json.loads((folder / STATUS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        state = None
    lines = ["running" if running else "not running"]
    if state is not None:
        lines.append(status_line(state if running else state | {"running": [], "memory_bytes": 0}))
        if running and state["running"]:
            lines.append(f"at work on: {', '.join(state['running'][:8])}")
    return "\n".join([*lines, f"store: {kept} record(s), {failures} failure(s)"])


def status_line(state: dict[str, Any]) -> str:
    """Return a state in one line.

    >>> status_line({"total": 5, "done": 2, "failed": 1, "running": ["a"], "per_second": 0.5,
    ...        "seconds_left": 4, "memory_bytes": 2**31})
    '2 done, 1 failed, 1 running of 5; 0.50/s; 0:04 left; 2.0 GiB'
    """
    parts = f"{state['done']} done, {state['failed']} failed, {len(state['running'])} running"
    text = [f"{parts} of {state['total']}"]
    text += [f"{state['per_second']:.2f}/s"] if state["per_second"] else []
    text += [f"{_clock(state['seconds_left'])} left"] if state["seconds_left"] else []
    text += [f"{state['memory_bytes'] / 2**30:.1f} GiB"] if state["memory_bytes"] else []
    return "; ".join(text)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _drawn_line(state: dict[str, Any], width: int) -> Table | Text:
    """Return a state as a line, with a bar where the terminal is wide enough for one."""
    text = Text(status_line(state))
    room = width - len(text) - len("batch  ") - len("^C ")  # echoed there by the terminal
    if room < NARROWEST:
        return Text("batch ").append_text(text)
    total = state["total"]
    bar = ProgressBar(total, state["done"] + state["failed"], width=min(WIDEST, room))
    table = Table.grid(padding=(0, 1))
    table.add_row(Text("batch"), bar, text)
    return table
