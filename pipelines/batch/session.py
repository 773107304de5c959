"""A batch from its request to its tables: everything is checked, then run, then collected."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from radiomics.io.dicom.repair import chosen_repairs
from radiomics.pipelines.batch.apart import call_apart
from radiomics.pipelines.batch.checks import Checked, checks
from radiomics.pipelines.batch.collect import collect
from radiomics.pipelines.batch.lock import Lock
from radiomics.pipelines.batch.page import Page
from radiomics.pipelines.batch.parts import Described, describe
from radiomics.pipelines.batch.passing import PASSING, SCRATCH, cleared
from radiomics.pipelines.batch.planning import Plan, Planner, plan, row_key
from radiomics.pipelines.batch.processes import Pool, Processes, available
from radiomics.pipelines.batch.records import Records
from radiomics.pipelines.batch.run import FAILED, Limits, Run
from radiomics.pipelines.batch.tasks import Source
from radiomics.pipelines.batch.view import STORE, View
from radiomics.pipelines.batch.work import perform
from radiomics.types import InputError

SHARE = 0.8
"""Part of the free memory that tasks may need together."""
PROBED = 1000
"""Rows, first ones and spread ones, of which a store of the same study knows one."""
OURS = (STORE, f"{STORE}-journal", "batch.lock", "status.json", *PASSING)


@dataclass(frozen=True)
class Request:
    """What a user asked for, see ``radiomics batch --help``."""

    manifest: Path
    output: Path
    settings: tuple[str, ...] = ("default",)
    workers: int = 0
    scheduler: str = ""
    memory_gib: float = 0.0
    seconds: float | None = None
    reading: tuple[tuple[str, str], ...] = (("repair", "refuse"),)
    rehash: bool = False
    force: bool = False
    keep_identifiers: bool = False
    pseudonymise: Path | None = None
    log: Path | None = None
    quiet: bool = False
    threads: int = 0


@dataclass(frozen=True)
class Outcome:
    """What came of a batch; ``finished`` is False where it was interrupted."""

    finished: bool
    done: int
    failed: int
    waiting: int
    written: tuple[Path, ...]


Say = Callable[[str], None]


def batch(request: Request, say: Say, page: Page | None = None) -> Outcome:
    """Run a batch, or go on with it; ``say`` hears what a user should know.

    ``page`` may be a process for the summary page that was begun before.

    Raises
    ------
    InputError, ConfigurationError
        When the request itself is wrong, or records can no longer be written.
    """
    named = described(request.settings)
    check_reading(dict(request.reading))
    with closing(page or Page()) as page, closing(checks(request)) as steps:
        for line in next(steps):
            say(line)
        check_output(request)
        request.output.mkdir(parents=True, exist_ok=True)
        with (
            Lock(request.output),
            View(request.output, request.log, request.quiet) as view,
            cleared(request.output),
        ):
            cohort = steps.send(request.output)
            steps.close()
            return _work(request, cohort, named, view, say, page)


def _work(
    request: Request, cohort: Checked, named: list[Described], view: View, say: Say, page: Page
) -> Outcome:
    """Run over a checked cohort and write what came of it."""
    records = Records(request.output / STORE)
    try:
        planner = make_planner(request, cohort, named, records)
        check_same_study(planner, request.force)
        run = Run(cohort, planner, make_pool(request), limits(request), view)
        view.tell("start", rows=len(cohort), refused=run.counts[FAILED])
        finished = run.go()
        view.close(run)
        view.tell("end" if finished else "stopped", **words_of(run))
        tables = collect(planner, request.output) if finished else []
        pages = summarise(request, cohort, tables, say, page) if tables else []
    finally:
        records.close()
    waiting, done, failed = run.counts
    return Outcome(finished, done, failed, waiting, (*tables, *pages))


def collect_only(request: Request, say: Say, page: Page | None = None) -> list[Path]:
    """Write the tables of what is in the store now; files of cases are not read.

    Of files that are there is looked whether they have changed: their old values are not shown.
    """
    named = described(request.settings)
    with closing(page or Page()) as page, closing(checks(request, with_files=False)) as steps:
        for line in next(steps):
            say(line)
        if not (request.output / STORE).is_file():
            raise InputError("--output", "there is a batch to collect", "no store there", "run it")
        with Lock(request.output), cleared(request.output):
            cohort = steps.send(request.output)
            steps.close()
            records = Records(request.output / STORE)
            try:
                planner = make_planner(request, cohort, named, records)
                planner.looking = True
                tables = collect(planner, request.output)
                return [*tables, *summarise(request, cohort, tables, say, page)]
            finally:
                records.close()


def summarise(
    request: Request, cohort: Checked, tables: Sequence[Path], say: Say, page: Page
) -> list[Path]:
    """Write the summary page; that it could not be written is said, and no error."""
    if page.write(request, cohort, tables):
        return [request.output / "summary.html"]
    say("the summary page could not be written; the tables are complete; run it again for the page")
    return []


def check_reading(reading: dict[str, str]) -> None:
    """Refuse wrong names before a file is looked at.

    Raises
    ------
    InputError
        For a repair or a kind of SUV that there is not.
    """
    chosen_repairs(reading.get("repair", "refuse"))
    if "suv" in reading:
        from radiomics.io.dicom.suv import (
            check_kind,  # brings pydicom, which others can spare
        )

        check_kind(reading["suv"])


def described(settings: tuple[str, ...]) -> list[Described]:
    """Return what settings lead to; who has not loaded what computes features asks another."""
    if "radiomics.extraction" in sys.modules:
        return describe(settings)
    return list(call_apart(describe, settings))


def check_output(request: Request) -> None:
    """Demand a folder that is new, empty, or a batch's.

    Raises
    ------
    InputError
        When other files lie there.
    """
    folder = request.output
    if folder.exists() and not folder.is_dir():
        raise InputError("--output", "results need a folder", "a file", "name another place")
    others = [p for p in folder.iterdir() if p.name not in OURS] if folder.is_dir() else []
    if others and not (folder / STORE).is_file() and not request.force:
        rule = "the folder is new, empty, or that of a batch"
        found = f"{len(others)} other file(s) and no store of a batch"
        raise InputError("--output", rule, found, "name another folder, or say --force")


def check_same_study(planner: Planner, force: bool) -> None:
    """Refuse a store that knows none of this manifest's rows: it is another study's.

    Raises
    ------
    InputError
        Unless ``force`` is set.
    """
    inputs = planner.records.counts()[2]
    if force or not inputs:
        return
    total = len(planner.cohort)
    step = max(1, total // PROBED)
    rows = {*range(min(PROBED, total)), *range(0, total, step)}
    if not any(planner.records.input(row_key(planner.cells(row))) for row in rows):
        rule = "an output folder belongs to one study"
        found = f"{inputs} case(s) there, and none of this manifest's among them"
        raise InputError("--output", rule, found, "name another folder, or say --force")


def make_planner(
    request: Request, cohort: Checked, named: list[Described], records: Records
) -> Planner:
    """Return the planner of a request."""
    try:
        _check_names(records, request)
        plans: list[Plan] = [plan(one, records) for one in named]
        records.commit()
    except sqlite3.OperationalError as error:
        records.drop()
        rule, remedy = "records must be written", "make room, then run the same command"
        raise InputError("--output", rule, str(error), remedy) from None
    scratch = str((request.output / SCRATCH).absolute())
    source = Source("", "", request.reading, scratch, request.keep_identifiers)
    return Planner(cohort, plans, records, source, request.rehash)


def _check_names(records: Records, request: Request) -> None:
    """Refuse a store that holds names where none are wanted: they would come back in tables.

    Raises
    ------
    InputError
        When a batch with ``--keep-identifiers`` wrote there.
    """
    if request.keep_identifiers:
        records.keep_names()
    elif records.has_names():
        rule = "an output that names may stand in keeps them"
        found = "records of a batch with --keep-identifiers"
        remedy = "name another folder, or say --keep-identifiers again"
        raise InputError("--output", rule, found, remedy)


def make_pool(request: Request) -> Pool:
    """Return the workers that a request asks for."""
    if request.scheduler:
        from radiomics.pipelines.batch.cluster import Cluster

        return Cluster(request.scheduler, request.workers, perform)
    return Processes(request.workers or os.cpu_count() or 1, perform, request.threads or None)


def limits(request: Request) -> Limits:
    """Return the limits of a request; a cluster's memory is its scheduler's business."""
    if request.scheduler:
        return Limits(0, request.seconds)
    memory = int(request.memory_gib * 2**30) or int(SHARE * available())
    return Limits(memory, request.seconds)


def words_of(run: Run) -> dict[str, int]:
    """Return the counts of a run by name."""
    waiting, done, failed = run.counts
    return {"done": done, "failed": failed, "waiting": waiting}
