"""The loop of a batch: tasks to workers, results to the store, as much at once as memory allows."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from radiomics.pipelines.batch.checks import Checked
from radiomics.pipelines.batch.planning import Planner, row_key
from radiomics.pipelines.batch.processes import Event, Pool
from radiomics.pipelines.batch.records import KEY, Records
from radiomics.pipelines.batch.tasks import Identify, Result, Row, Task
from radiomics.types import InputError

WAITING, DONE, FAILED = 0, 1, 2
PATIENCE = 8
"""Tasks that may pass one that waits for memory."""
TICK_S = 0.5
TWICE = (
    "its worker died twice while it was computed: too little memory, or files that end a decoder"
)


@dataclass(frozen=True)
class Limits:
    """Bytes that all tasks together may need (0: any), and seconds that one row may take."""

    memory: int = 0
    seconds: float | None = None


class Watcher(Protocol):
    """Who is told what happens."""

    def tell(self, event: str, **values: Any) -> None:
        """Hear of one event."""

    def tick(self, run: Run) -> None:
        """Hear that some time has passed."""


class Run:
    """One run over a cohort; ``states`` (N,) says of each row: waiting, done or failed."""

    def __init__(
        self, cohort: Checked, planner: Planner, pool: Pool, limits: Limits, watcher: Watcher
    ) -> None:
        self.cohort, self.planner, self.pool = cohort, planner, pool
        self.limits, self.watcher = limits, watcher
        self.records: Records = planner.records
        self.states = np.zeros(len(cohort), dtype=np.int8)
        self.states[cohort.codes > 0] = FAILED
        self.counts = [int((self.states == state).sum()) for state in (WAITING, DONE, FAILED)]
        self.computed = 0
        self.waiting: deque[Task] = deque()
        self.died: set[int] = set()
        self.healing = self.records.has_failures()
        self.broken = np.zeros(len(cohort), dtype=bool)
        self.news: list[tuple[str, dict[str, Any]]] = []
        self.passed = 0
        self.stops = 0

    def go(self) -> bool:
        """Do what is left; return whether all was done that could be (False: interrupted).

        Raises
        ------
        InputError
            When records can no longer be written; those that were are intact.
        """
        source = self.planner.tasks()
        more = True
        try:
            with self._signals():
                while self.stops < 2:
                    if not self.stops:
                        more = self._begin(source, more)
                    if not self.pool.running() and (self.stops or not (more or self.waiting)):
                        break
                    for event in self.pool.wait(0.0 if self._looks(more) else TICK_S):
                        self._end(event)
                    self._write()
                    self.watcher.tick(self)
            if not self.stops:
                self._forget()
                self.records.commit()
        except (sqlite3.OperationalError, OSError) as error:
            self.records.drop()
            rule = "records must be written, and workers started; all records are intact"
            remedy = "make room, then run the same command: it goes on from there"
            raise InputError("--output", rule, _reason(error), remedy) from None
        finally:
            self.pool.close()
        return self.stops == 0

    def _write(self) -> None:
        """Write what came, then tell of it: what is said to be done is on disk."""
        self.records.commit()
        for event, values in self.news:
            self.watcher.tell(event, **values)
        self.news.clear()

    def _looks(self, more: bool) -> bool:
        """Tell whether the next round looks for work at once."""
        return more and not self.stops and len(self.waiting) < 2 * self.pool.size

    def _begin(self, source: Iterator[tuple[list[int], Task | None]], more: bool) -> bool:
        """Look for work while workers are free; return whether there may be more."""
        if self._looks(more):
            found = next(source, None)
            more = found is not None
            if found is not None:
                for row in found[0]:
                    self._done(row)
                self.waiting.extend([found[1]] if found[1] is not None else [])
        while self.pool.free() and (task := self._fitting()) is not None:
            seconds = self.limits.seconds
            pieces = len(task.rows) * max(1, len(self.planner.plans))
            self.pool.submit(task, seconds and seconds * pieces)
        return more

    def _fitting(self) -> Task | None:
        """Take the first task that fits into memory; one that was passed too often comes first."""
        running = self.pool.running()
        used = sum(task.need for task in running)
        for place, task in enumerate(self.waiting):
            alone = task.alone or any(other.alone for other in running)
            fits = not self.limits.memory or used + task.need <= self.limits.memory
            if not running or (fits and not alone):
                self.passed = self.passed + 1 if place else 0
                del self.waiting[place]
                return task
            if self.passed >= PATIENCE:
                return None
        return None

    def _end(self, event: Event) -> None:
        task = event.task
        if event.result is None:
            self._trouble(task, event.trouble)
        elif isinstance(task, Identify):
            self._identified(task, event.result)
        else:
            self._computed(task, event.result)

    def _identified(self, task: Task, result: Result) -> None:
        done, tasks = self.planner.identified(task, result.known)
        for number in done:
            self._done(number)
        self.waiting.extendleft(replace(part, alone=task.alone) for part in tasks)
        for row in task.rows:
            if row.number in result.failed:
                self._failed(row, result.failed[row.number])

    def _computed(self, task: Task, result: Result) -> None:
        self.planner.environment = self.records.environment(result.versions)
        for row in task.rows:
            self.computed += 1
            if row.number in result.failed:
                self._failed(row, result.failed[row.number])
                continue
            reasons = {}
            for number, _ in row.wanted:
                done = result.computed.get((row.number, number))
                if done is not None:
                    self.planner.keep(row, number, done)
                else:
                    reasons[number] = result.failed_settings[row.number, number]
            if reasons:
                self._failed_with(row, reasons)
            else:
                self._done(row.number, result.seconds / len(task.rows))

    def _trouble(self, task: Task, trouble: str) -> None:
        """Try rows once more, each by itself, whose worker died or took too long."""
        again = [
            row
            for row in task.rows
            if (row.number not in self.died if trouble == "died" else len(task.rows) > 1)
        ]
        self.watcher.tell(f"worker {trouble}", again=[self.id_of(row.number) for row in again])
        for row in task.rows:
            if row in again:
                self.died.add(row.number)
                self.waiting.append(replace(task, rows=(row,), alone=trouble == "died"))
            elif trouble == "died":
                self._failed(row, TWICE)
            else:
                self._failed(row, f"it took longer than {self.limits.seconds:g} s")

    def _done(self, number: int, seconds: float | None = None) -> None:
        self._state(number, DONE)
        self._heal(number, {})
        if seconds is not None:
            values = {"id": self.id_of(number), "seconds": round(seconds, 3)}
            self.news.append(("done", values))

    def _heal(self, row: int, reasons: dict[int, str]) -> None:
        """Forget why a row had no values under settings under which it has some now."""
        if self.healing:
            key = row_key(self.planner.cells(row))
            for number, plan in enumerate(self.planner.plans):
                if number not in reasons:
                    self.records.heal(key, plan.number)

    def _failed(self, row: Row, reason: str) -> None:
        """Note one reason for all settings that were to be computed; what is known of others stays.

        Where a row's files could not be looked at, nothing is known of any.
        """
        wanted = [number for number, _ in row.wanted] or range(len(self.planner.plans))
        self._failed_with(row, dict.fromkeys(wanted, reason))

    def _failed_with(self, row: Row, reasons: dict[int, str]) -> None:
        self._state(row.number, FAILED)
        for number, reason in reasons.items():
            self._fail_plan(row, number, reason)
        self._heal(row.number, reasons)
        reason = next(iter(reasons.values()))
        self.news.append(("failed", {"id": self.id_of(row.number), "reason": reason}))

    def _fail_plan(self, row: Row, number: int, reason: str) -> None:
        key = row_key(self.planner.cells(row.number))
        self.healing = self.broken[row.number] = True
        self.records.fail(key, self.planner.plans[number].number, reason)

    def _forget(self) -> None:
        """Forget failures of earlier runs: of rows that are done, refused, or no longer there."""
        if self.healing:
            rows = np.flatnonzero(self.broken)
            keys = np.empty(len(rows), dtype=KEY)
            for place, row in enumerate(rows):
                keys[place] = row_key(self.planner.cells(int(row)))
            self.records.forget_but(np.sort(keys))

    def _state(self, number: int, state: int) -> None:
        self.counts[self.states[number]] -= 1
        self.counts[state] += 1
        self.states[number] = state

    def id_of(self, number: int) -> str:
        """Return the id of a row."""
        return self.planner.cells(number)["id"]

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Let the first Ctrl-C finish what runs, the second drop it; SIGTERM drops it at once."""

        def stop(number: int, _: object) -> None:
            self.stops = 2 if number == signal.SIGTERM else self.stops + 1
            self.watcher.tell("interrupted", finishing=len(self.pool.running()), stops=self.stops)

        try:
            before = {n: signal.signal(n, stop) for n in (signal.SIGINT, signal.SIGTERM)}
        except ValueError:  # not in the main thread: whoever calls handles signals
            before = {}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return os.strerror(error.errno) if error.errno else str(error)
    return str(error)
