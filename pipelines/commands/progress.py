"""A live progress line in the terminal: what, how many, how fast, how long still."""

from __future__ import annotations

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Live
from rich.text import Text


class Rate(ProgressColumn):
    """Items per second."""

    def render(self, task: Task) -> Text:
        """Return the speed as text, empty until it is known."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f}/s", style="dim")


class Terminal:
    """A progress callback that draws; as a context manager it cleans up the line it draws on.

    Where standard error is no terminal, each stage prints one line when it is complete.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.console = Console(file=sys.stderr, quiet=quiet)
        columns = (TextColumn("{task.description}"), BarColumn(30), MofNCompleteColumn(), Rate())
        times = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
        live = self.console.is_terminal and not quiet
        self.live = Live(*columns, *times, console=self.console, disable=not live)
        self.tasks: dict[str, TaskID] = {}
        self.seen: dict[str, int] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` are done; a total of 0 is not known.

        What stands in brackets after a stage's name may change from call to call. A stage that
        begins again, as the epochs of the next network do, counts anew.
        """
        name = stage.partition(" (")[0]
        if name not in self.tasks:
            self.tasks[name] = self.live.add_task(stage, total=total or None)
        task = self.tasks[name]
        if done < self.seen.get(name, 0):
            self.live.reset(task)
        self.seen[name] = done
        self.live.update(task, completed=done, total=total or None, description=stage)
        if done == total and self.live.disable:
            self.console.print(f"{stage}: {done} of {total}")

    def __enter__(self) -> Terminal:
        self.live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.live.stop()
