"""The loop of a run: tasks to workers, results to the store, as much at once as memory allows."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from radiomics.pipelines.batch.cohort import Cohort
from radiomics.pipelines.batch.monitor import Monitor, Progress
from radiomics.pipelines.batch.planning import Planner, row_key
from radiomics.pipelines.batch.processes import Event, Pool
from radiomics.pipelines.batch.records import KEY, Records
from radiomics.pipelines.batch.request import SHOWN
from radiomics.pipelines.batch.statuses import FAILED as REFUSED
from radiomics.pipelines.batch.statuses import LEFT_OUT
from radiomics.pipelines.batch.tasks import Identify, Result, Row, Task
from radiomics.types import InputError

WAITING, DONE, FAILED, SPARED = 0, 1, 2, 3
"""States of a row; one that is spared is not to be computed: without a mask, or left out."""
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


class Run:
    """One run over a cohort; ``states`` (N,) says of each row: waiting, done, failed or spared."""

    def __init__(
        self, cohort: Cohort, planner: Planner, pool: Pool, limits: Limits, monitor: Monitor
    ) -> None:
        self.cohort, self.planner, self.pool = cohort, planner, pool
        self.limits, self.monitor = limits, monitor
        self.records: Records = planner.records
        self.states = np.zeros(len(cohort), dtype=np.int8)
        is_failure = np.array([status == REFUSED for status in cohort.statuses])
        self.states[cohort.codes > 0] = SPARED
        self.states[is_failure[cohort.codes]] = FAILED
        self.states[(cohort.codes == 0) & planner.without_plan()] = SPARED
        self.counts = [int((self.states == s).sum()) for s in (WAITING, DONE, FAILED, SPARED)]
        self.computed = 0
        self.waiting: deque[Task] = deque()
        self.died: set[int] = set()
        self.has_failures = self.records.has_failures()
        self.failed_now = np.zeros(len(cohort), dtype=bool)
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.passed = 0
        self.stops = 0

    def execute(self) -> bool:
        """Do what is left; return whether all was done that could be (False: interrupted).

        Raises
        ------
        InputError
            When records can no longer be written; those that were are intact.
        """
        source = self.planner.tasks()
        more = True
        try:
            with self._interruptible():
                while self.stops < 2:
                    if not self.stops:
                        more = self._submit_tasks(source, more)
                    if not self.pool.running() and (self.stops or not (more or self.waiting)):
                        break
                    for event in self.pool.wait(0.0 if self._wants_tasks(more) else TICK_S):
                        self._handle(event)
                    self._write()
                    if self.monitor.is_due():
                        self.monitor.show(self.progress(), self.pool.memory())
            if not self.stops:
                self._remove_old_failures()
                self.records.commit()
        except (sqlite3.OperationalError, OSError) as error:
            self.records.drop()
            rule = "records must be written, and workers started; all records are intact"
            remedy = "make room, then run the same command: it goes on from there"
            raise InputError("--output", rule, _error_text(error), remedy) from None
        finally:
            self.pool.close()
        return self.stops == 0

    def _write(self) -> None:
        """Write what came, then report it: what is reported as done is on disk."""
        self.records.commit()
        for event, values in self.events:
            self.monitor.report(event, **values)
        self.events.clear()

    def _wants_tasks(self, more: bool) -> bool:
        """Tell whether the next round looks for tasks at once."""
        return more and not self.stops and len(self.waiting) < 2 * self.pool.size

    def _submit_tasks(self, source: Iterator[tuple[list[int], Task | None]], more: bool) -> bool:
        """Submit tasks while workers are free; return whether there may be more."""
        if self._wants_tasks(more):
            found = next(source, None)
            more = found is not None
            if found is not None:
                for row in found[0]:
                    self._mark_done(row)
                self.waiting.extend([found[1]] if found[1] is not None else [])
        while self.pool.free() and (task := self._take_fitting()) is not None:
            seconds = self.limits.seconds
            plans = self.planner.plans_of(task.rows[0].number)
            pieces = len(task.rows) * max(1, len(plans))
            self.pool.submit(task, seconds and seconds * pieces)
        return more

    def _take_fitting(self) -> Task | None:
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

    def _handle(self, event: Event) -> None:
        task = event.task
        if event.result is None:
            self._retry(task, event.trouble)
        elif isinstance(task, Identify):
            self._keep_identified(task, event.result)
        else:
            self._keep_computed(task, event.result)

    def _keep_identified(self, task: Task, result: Result) -> None:
        done, tasks = self.planner.keep_identified(task, result.identified)
        for number in done:
            self._mark_done(number)
        self.waiting.extendleft(replace(part, alone=task.alone) for part in tasks)
        for row in task.rows:
            if row.number in result.failed:
                self._mark_failed(row, result.failed[row.number])

    def _keep_computed(self, task: Task, result: Result) -> None:
        self.planner.environment = self.records.environment(result.versions)
        for row in task.rows:
            self.computed += 1
            if row.number in result.failed:
                self._mark_failed(row, result.failed[row.number])
                continue
            reasons = {}
            for number, _ in row.wanted:
                done = result.computed.get((row.number, number))
                if done is not None:
                    self.planner.keep_values(row, number, done)
                else:
                    reasons[number] = result.failed_settings[row.number, number]
            if reasons:
                self._mark_failed_with(row, reasons)
            else:
                self._mark_done(row.number, result.seconds / len(task.rows))

    def _retry(self, task: Task, trouble: str) -> None:
        """Try rows once more, each by itself, whose worker died or took too long."""
        again = [
            row
            for row in task.rows
            if (row.number not in self.died if trouble == "died" else len(task.rows) > 1)
        ]
        self.monitor.report(f"worker {trouble}", again=[self.id_of(row.number) for row in again])
        for row in task.rows:
            if row in again:
                self.died.add(row.number)
                self.waiting.append(replace(task, rows=(row,), alone=trouble == "died"))
            elif trouble == "died":
                self._mark_failed(row, TWICE)
            else:
                self._mark_failed(row, f"it took longer than {self.limits.seconds:g} s")

    def _mark_done(self, number: int, seconds: float | None = None) -> None:
        self._set_state(number, DONE)
        self._remove_failures(number, {})
        if seconds is not None:
            values = {"id": self.id_of(number), "seconds": round(seconds, 3)}
            self.events.append(("done", values))

    def _remove_failures(self, row: int, reasons: dict[int, str]) -> None:
        """Remove why a row had no values under settings under which it has some now."""
        if self.has_failures:
            key = row_key(self.planner.cells(row))
            kept = {self.planner.plans[number].number for number in reasons}
            for plan in self.planner.plans:
                if plan.number not in kept:  # the same settings may be for several modalities
                    self.records.remove_failure(key, plan.number)

    def _mark_failed(self, row: Row, reason: str) -> None:
        """Note one reason for all settings that were to be computed; reasons of others stay.

        A row whose files could not be read fails under all settings.
        """
        wanted = [number for number, _ in row.wanted] or self.planner.plans_of(row.number)
        self._mark_failed_with(row, dict.fromkeys(wanted, reason))

    def _mark_failed_with(self, row: Row, reasons: dict[int, str]) -> None:
        self._set_state(row.number, FAILED)
        for number, reason in reasons.items():
            self._put_failure(row, number, reason)
        self._remove_failures(row.number, reasons)
        reason = next(iter(reasons.values()))
        self.events.append(("failed", {"id": self.id_of(row.number), "reason": reason}))

    def _put_failure(self, row: Row, number: int, reason: str) -> None:
        key = row_key(self.planner.cells(row.number))
        self.has_failures = self.failed_now[row.number] = True
        self.records.put_failure(key, self.planner.plans[number].number, reason)

    def _remove_old_failures(self) -> None:
        """Remove failures of earlier runs: of rows that are done, refused, or no longer there."""
        if self.has_failures:
            rows = np.flatnonzero(self.failed_now)
            keys = np.empty(len(rows), dtype=KEY)
            for place, row in enumerate(rows):
                keys[place] = row_key(self.planner.cells(int(row)))
            self.records.keep_only_failures_of(np.sort(keys))

    def _set_state(self, number: int, state: int) -> None:
        self.counts[self.states[number]] -= 1
        self.counts[state] += 1
        self.states[number] = state

    def progress(self) -> Progress:
        """Return how far the run is."""
        waiting, done, failed, _ = self.counts
        running = [self.id_of(row.number) for task in self.pool.running() for row in task.rows]
        total = waiting + done + failed
        return Progress(total, done, failed, waiting, running, self.computed)

    def spared(self) -> tuple[tuple[str, int], ...]:
        """Return how many rows are not to be computed, by their status."""
        found: Counter[str] = Counter()
        codes, counts = np.unique(self.cohort.codes[self.states == SPARED], return_counts=True)
        for code, count in zip(codes.tolist(), counts.tolist(), strict=True):
            found[self.cohort.statuses[code] or LEFT_OUT] += count  # by settings for others
        return tuple(sorted(found.items()))

    def failures(self) -> tuple[tuple[str, str], ...]:
        """Return the ids of the first failed rows with the reason of each."""
        found = []
        for number in map(int, np.flatnonzero(self.states == FAILED)[:SHOWN]):
            cells = self.planner.cells(number)
            code = int(self.cohort.codes[number])
            plans = [self.planner.plans[n] for n in self.planner.plans_of(number)]
            told = dict.fromkeys(
                f"{plan.label}: {reason}" if len(plans) > 1 else reason
                for plan in plans
                if not code and (reason := self.records.failure(row_key(cells), plan.number))
            )
            found += [(cells["id"], reason) for reason in told or [self.cohort.reasons[code]]]
        return tuple(found)

    def id_of(self, number: int) -> str:
        """Return the id of a row."""
        return self.planner.cells(number)["id"]

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Let the first Ctrl-C finish what runs, the second drop it; SIGTERM drops it at once."""

        def stop(number: int, _: object) -> None:
            self.stops = 2 if number == signal.SIGTERM else self.stops + 1
            self.monitor.report("interrupted", finishing=len(self.pool.running()), stops=self.stops)

        try:
            before = {n: signal.signal(n, stop) for n in (signal.SIGINT, signal.SIGTERM)}
        except ValueError:  # not in the main thread: whoever calls handles signals
            before = {}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _error_text(error: Exception) -> str:
    if isinstance(error, OSError):
        return os.strerror(error.errno) if error.errno else str(error)
    return str(error)
