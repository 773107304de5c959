"""A batch from its request to its tables: everything is checked, then run, then collected."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from radiomics.io.dicom.repair import chosen_repairs
from radiomics.pipelines.batch.children import call_in_child
from radiomics.pipelines.batch.cohort import Cohort, check_in_steps
from radiomics.pipelines.batch.collect import UNRECORDED, Collected, check_spreadsheet, collect
from radiomics.pipelines.batch.layouts import SettingsLayout, layouts_of
from radiomics.pipelines.batch.lock import Lock
from radiomics.pipelines.batch.memory import available
from radiomics.pipelines.batch.modalities import kind_of_unit
from radiomics.pipelines.batch.monitor import Monitor
from radiomics.pipelines.batch.planning import Plan, Planner, make_plan, row_key
from radiomics.pipelines.batch.processes import Pool, Processes
from radiomics.pipelines.batch.records import Records
from radiomics.pipelines.batch.request import (
    BESIDE_TABLES,
    SCRATCH,
    STORE,
    UNFINISHED,
    Outcome,
    Request,
)
from radiomics.pipelines.batch.scheduling import FAILED, SPARED, Limits, Run
from radiomics.pipelines.batch.summary_process import SummaryProcess
from radiomics.pipelines.batch.tasks import Source
from radiomics.pipelines.batch.temporary import temporary_files
from radiomics.pipelines.batch.worker import perform
from radiomics.types import InputError

SHARE = 0.8
"""Part of the free memory that tasks may need together."""
PROBED = 1000
"""Rows, first ones and spread ones, of which a store of the same study knows one."""


Say = Callable[[str], None]


def run_batch(request: Request, say: Say, summary: SummaryProcess | None = None) -> Outcome:
    """Run a batch, or go on with it; ``say`` hears what a user should know.

    ``summary`` may be a process for the summary page that was begun before.

    Raises
    ------
    InputError, ConfigurationError
        When the request itself is wrong, or records can no longer be written.
    """
    settings = settings_layouts(request.settings)
    check_reading(dict(request.reading))
    with closing(summary or SummaryProcess()) as summary, closing(check_in_steps(request)) as steps:
        for line in next(steps):
            say(line)
        check_output(request)
        request.output.mkdir(parents=True, exist_ok=True)
        with (
            Lock(request.output),
            Monitor(request.output, request.log, request.quiet) as monitor,
            temporary_files(request.output),
        ):
            cohort = steps.send(request.output)
            steps.close()
            return _run_and_write(request, cohort, settings, monitor, say, summary)


def _run_and_write(
    request: Request,
    cohort: Cohort,
    settings: list[SettingsLayout],
    monitor: Monitor,
    say: Say,
    summary: SummaryProcess,
) -> Outcome:
    """Run over a checked cohort and write what came of it."""
    records = Records(request.output / STORE)
    try:
        planner = make_planner(request, cohort, settings, records)
        check_same_study(planner, request.force)
        for line in check_plans(planner):
            say(line)
        if request.excel:
            check_spreadsheet(planner)
        run = Run(cohort, planner, make_pool(request), limits(request), monitor)
        start = {"refused": run.counts[FAILED], "spared": run.counts[SPARED]}
        monitor.report("start", rows=len(cohort), **start)
        finished = run.execute()
        monitor.close(run.progress())
        monitor.report("end" if finished else "stopped", **counts_by_name(run))
        written: tuple[Path, ...] = ()
        notes: tuple[str, ...] = ()
        if finished:
            made = collect(planner, request.output, request.excel)
            pages = write_summary_page(request, cohort, made.tables, say, summary)
            written, notes = (*made.paths, *pages), advice(planner, made)
        failures = run.failures()
    finally:
        records.close()
    waiting, done, failed, _ = run.counts
    return Outcome(finished, done, failed, waiting, written, run.spared(), failures, notes)


def collect_only(request: Request, say: Say, summary: SummaryProcess | None = None) -> list[Path]:
    """Write the tables of what is in the store now; files of cases are not read.

    Values of files that have changed since are not shown.
    """
    settings = settings_layouts(request.settings)
    with (
        closing(summary or SummaryProcess()) as summary,
        closing(check_in_steps(request, with_files=False)) as steps,
    ):
        for line in next(steps):
            say(line)
        if not (request.output / STORE).is_file():
            raise InputError("--output", "there is a batch to collect", "no store there", "run it")
        with Lock(request.output), temporary_files(request.output):
            cohort = steps.send(request.output)
            steps.close()
            records = Records(request.output / STORE)
            try:
                planner = make_planner(request, cohort, settings, records)
                planner.checks_files = True
                if request.excel:
                    check_spreadsheet(planner)
                made = collect(planner, request.output, request.excel)
                pages = write_summary_page(request, cohort, made.tables, say, summary)
                return [*made.paths, *pages]
            finally:
                records.close()


def write_summary_page(
    request: Request, cohort: Cohort, tables: Sequence[Path], say: Say, summary: SummaryProcess
) -> list[Path]:
    """Write the summary page; that it could not be written is reported, and is no error."""
    if summary.write(request, cohort, tables):
        return [request.output / "summary.html"]
    say("the summary page could not be written; the tables are complete; run it again for the page")
    return []


def check_plans(planner: Planner) -> list[str]:
    """Demand settings for a modality of the cohort; return a line for each that has none.

    Raises
    ------
    InputError
        When all are for others.
    """
    cohort = planner.cohort
    free = cohort.codes == 0
    without = free & planner.without_plan()
    counts = np.bincount(cohort.kinds[without], minlength=len(cohort.modalities)).tolist()
    of_modality = [(n, name) for name, n in zip(cohort.modalities, counts, strict=True) if n]
    if not free.any() or not without[free].all():
        return [f"{n} row(s): left out: no settings are for {name}" for n, name in of_modality]
    asked = ", ".join(f"{p.label} for {p.settings.modality}" for p in planner.plans)
    found = [f"{n} {name}" for n, name in of_modality]
    rule = f"settings are for a modality that is there; these: {asked}"
    remedy = "choose settings for these modalities"
    raise InputError("--settings", rule, f"cases: {', '.join(found)}", remedy)


def advice(planner: Planner, made: Collected) -> tuple[str, ...]:
    """Return what a user should know of how grey levels were made."""
    found = []
    for plan in planner.plans:
        units = made.counts[plan.label].by_unit
        kinds = dict.fromkeys(kind_of_unit(unit) for unit in sorted(units) if unit != UNRECORDED)
        lines = dict.fromkeys(line for kind in kinds for line in plan.settings.advice[kind])
        found += [f"settings {plan.label}: {line}" for line in lines]
    return tuple(found)


def check_reading(reading: dict[str, str]) -> None:
    """Refuse wrong names before a file is read.

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


def settings_layouts(settings: tuple[str, ...]) -> list[SettingsLayout]:
    """Return the layouts of settings; where nothing that computes is loaded, a child finds them."""
    if "radiomics.extraction" in sys.modules:
        return layouts_of(settings)
    return list(call_in_child(layouts_of, settings))


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
    there = list(folder.iterdir()) if folder.is_dir() else []
    others = [p for p in there if p.name not in BESIDE_TABLES and not p.match(UNFINISHED)]
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
    asked_for = planner.cohort.order  # what a filter lets through may be rare
    rows |= {*asked_for[:: max(1, len(asked_for) // PROBED)].tolist()}
    if not any(planner.records.get_input(row_key(planner.cells(row))) for row in rows):
        rule = "an output folder belongs to one study"
        found = f"{inputs} case(s) there, and none of this manifest's among them"
        raise InputError("--output", rule, found, "name another folder, or say --force")


def make_planner(
    request: Request, cohort: Cohort, settings: list[SettingsLayout], records: Records
) -> Planner:
    """Return the planner of a request."""
    try:
        _check_names(records, request)
        plans: list[Plan] = [make_plan(one, records) for one in settings]
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


def counts_by_name(run: Run) -> dict[str, int]:
    """Return the counts of a run by name."""
    waiting, done, failed, spared = run.counts
    return {"done": done, "failed": failed, "waiting": waiting, "spared": spared}
