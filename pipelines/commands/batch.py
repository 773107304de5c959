"""``radiomics batch``: its options, and what it says at the end."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from radiomics.pipelines.commands.exits import FAILED, INTERRUPTED, WRONG
from radiomics.pipelines.commands.options import Channel, Quiet, Spacing, Suv, Workers

if TYPE_CHECKING:
    from radiomics.pipelines.batch.filtering import CohortFilter
    from radiomics.pipelines.batch.request import Outcome, Request
    from radiomics.pipelines.batch.summary_process import SummaryProcess

LONGEST = 600
"""Letters of a reason in the terminal; the table has all of it."""

Manifest = Annotated[
    Path | None,
    typer.Argument(help="CSV, TSV or Parquet (id, image, mask, roi, group, ...), or a folder."),
]
Output = Annotated[Path, typer.Option(help="Folder for the results; an earlier run goes on there.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        help="Preset or YAML file; several: one table each. CT=FILE: for one modality; a file "
        "whose keys are modalities: for each."
    ),
]
Scheduler = Annotated[
    str, typer.Option(help="Dask: tcp://HOST:PORT, or local. Needs the extra [cluster].")
]
Memory = Annotated[
    float, typer.Option(min=0, help="GiB that all cases at work may need; 0: 80% of what is free.")
]
Threads = Annotated[
    int, typer.Option(min=0, help="Threads of each worker; 0: its part of the processors.")
]
Limit = Annotated[float | None, typer.Option(min=0.001, help="Seconds that one case may take.")]
Log = Annotated[Path | None, typer.Option(help="File for events, one line of JSON each.")]
Status = Annotated[
    Path | None, typer.Option(help="Say how far the batch in this folder is, and end.")
]
Key = Annotated[
    Path | None, typer.Option(help="File with a key (made if absent): ids become keyed hashes.")
]
Keep = Annotated[
    bool, typer.Option("--keep-identifiers", help="Leave paths, UIDs and names in the outputs.")
]
Found = Annotated[
    Path | None, typer.Option(help="Write the manifest that a folder gives as CSV, and end.")
]
Modality = Annotated[
    list[str] | None, typer.Option(help="Only these: CT, PET, MR, ...; repeat it for several.")
]
Description = Annotated[
    list[str] | None,
    typer.Option(help="Only series described so: 'THORAX*', re:...; repeat it for several."),
]
After = Annotated[str | None, typer.Option(help="Only series of this day or later: 2020-01-31.")]
Before = Annotated[str | None, typer.Option(help="Only series of this day or earlier.")]
Excel = Annotated[
    bool, typer.Option("--excel", help="Also write .xlsx beside .parquet. Needs the extra [excel].")
]


def batch(
    manifest: Manifest = None,
    output: Output = Path("batch-output"),
    settings: Settings = None,
    modality: Modality = None,
    description: Description = None,
    after: After = None,
    before: Before = None,
    excel: Excel = False,
    workers: Workers = 0,
    threads: Threads = 0,
    scheduler: Scheduler = "",
    memory: Memory = 0.0,
    time_limit: Limit = None,
    repair: Annotated[str, typer.Option(help="As for extract, for all cases.")] = "refuse",
    suv: Suv = None,
    spacing: Spacing = None,
    channel: Channel = None,
    log: Log = None,
    status: Status = None,
    collect: Annotated[bool, typer.Option("--collect", help="Only write the tables.")] = False,
    rehash: Annotated[bool, typer.Option("--rehash", help="Hash unchanged files anew.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Use another study's folder.")] = False,
    keep_identifiers: Keep = False,
    pseudonymise: Key = None,
    write_manifest: Found = None,
    quiet: Quiet = False,
) -> None:
    """Compute the features of a cohort; interrupted, the same command goes on where it stopped."""
    from radiomics.pipelines.batch.children import import_for, start_fork_server
    from radiomics.pipelines.batch.filtering import checked_filter
    from radiomics.pipelines.batch.request import Request
    from radiomics.pipelines.batch.summary_process import SummaryProcess

    if status is not None or manifest is None:
        _status(status)
        return
    wanted = checked_filter(modality or (), description or (), after, before)
    if write_manifest is not None:
        _write_manifest(manifest, write_manifest, wanted, keep_identifiers)
        return
    chosen = tuple(settings or ["default"])
    import_for(chosen)
    start_fork_server()  # what children need is imported while this process imports
    with closing(SummaryProcess()) as summary:
        summary.start_early(manifest)
        given = {"repair": repair, "suv": suv, "spacing": spacing, "channel": channel}
        reading = tuple((name, value) for name, value in given.items() if value)
        request = Request(
            manifest, output, chosen, workers, scheduler, memory, time_limit, reading, rehash,
            force, keep_identifiers, pseudonymise, log, quiet, threads, wanted, excel,
        )  # fmt: skip
        _run(request, collect, summary)


def _status(folder: Path | None) -> None:
    from radiomics.pipelines.batch.monitor import read_status

    if folder is None:
        typer.echo("error: name a MANIFEST, or --status DIR", err=True)
        raise typer.Exit(WRONG)
    typer.echo(read_status(folder))


def _run(request: Request, collect: bool, summary: SummaryProcess) -> None:
    from radiomics.pipelines.batch.chain import collect_only, run_batch
    from radiomics.pipelines.batch.privacy import quiet_libraries

    def say(line: str) -> None:
        if not request.quiet:
            typer.echo(line, err=True)

    quiet_libraries()
    if collect:
        for path in collect_only(request, say, summary):
            typer.echo(f"written: {path}")
        return
    outcome = run_batch(request, say, summary)
    _print_outcome(outcome, request.quiet)
    if not outcome.finished:
        raise typer.Exit(INTERRUPTED)
    if outcome.failed:
        raise typer.Exit(FAILED)


def _print_outcome(outcome: Outcome, quiet: bool) -> None:
    total = outcome.done + outcome.failed + outcome.waiting
    from radiomics.pipelines.batch.request import SHOWN
    from radiomics.pipelines.batch.statuses import IN_WORDS

    others = "".join(f"; {count} {IN_WORDS[status]}" for status, count in outcome.others)
    typer.echo(f"{outcome.done} of {total} done, {outcome.failed} failed{others}")
    for name, reason in outcome.failures:
        text = reason if len(reason) <= LONGEST else f"{reason[:LONGEST]} ..."
        typer.echo(f"failed: {name}: {text}", err=True)
    if outcome.failed > SHOWN:
        typer.echo(
            f"failed: {outcome.failed - SHOWN} more; the column 'reason' of the table has all",
            err=True,
        )
    for note in () if quiet else outcome.notes:
        typer.echo(f"note: {note}", err=True)
    if not outcome.finished:
        typer.echo(
            f"interrupted: {outcome.waiting} left; the same command goes on from there", err=True
        )
    for path in outcome.written:
        typer.echo(f"written: {path}")


def _write_manifest(folder: Path, path: Path, wanted: CohortFilter, keep_identifiers: bool) -> None:
    from radiomics.pipelines.batch.discovery import write_manifest
    from radiomics.pipelines.batch.filtering import leave_out_others
    from radiomics.pipelines.batch.manifest import read_manifest
    from radiomics.types import InputError

    if not folder.is_dir():
        raise InputError(
            "--write-manifest", "a folder is looked through", "a file", "name a folder"
        )
    leave_out = partial(leave_out_others, wanted=wanted)
    manifest = read_manifest(folder, leave_out=leave_out, readable_ids=keep_identifiers)
    for line in (*manifest.notes, *manifest.problems()):
        typer.echo(line, err=True)
    table = manifest.usable_rows(keep_identifiers)
    write_manifest(table, path, folder)
    typer.echo(f"{path}: {table.num_rows} case(s); paths are relative to the file")
