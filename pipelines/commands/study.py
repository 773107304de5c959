"""``radiomics study``: a study from its config to its report."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from radiomics.pipelines.commands.exits import FAILED
from radiomics.pipelines.commands.options import (
    Folder,
    Quiet,
    Verbose,
    Workers,
    log_libraries,
)


def study(
    config: Annotated[
        str | None, typer.Argument(help="YAML file, or the name of a shipped study.")
    ] = None,
    overrides: Annotated[list[str] | None, typer.Argument(help="key=value, dotted keys.")] = None,
    output: Folder = Path("study-output"),
    workers: Workers = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan, run nothing.")
    ] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of a config, for editors.")
    ] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Run the study of CONFIG: images to report."""
    if schema:
        import json

        from radiomics.pipelines.study.schema import schema as schema_of

        typer.echo(json.dumps(schema_of(), indent=1, sort_keys=True))
        return
    if config is None:
        raise typer.BadParameter("name a config, or ask for --schema")
    if dry_run:
        _show_plan(config, overrides or [], output, workers)
        return
    report_study(config, overrides or [], output, workers, quiet, verbose)


def report_study(
    config: str, overrides: list[str], output: Path, workers: int, quiet: bool, verbose: bool
) -> None:
    """Run a study with progress on the terminal, and say what came out."""
    from radiomics.pipelines.commands.progress import Terminal
    from radiomics.pipelines.provenance import first_process
    from radiomics.pipelines.report import REPORT, run_study
    from radiomics.pipelines.study.config import load_config
    from radiomics.pipelines.study.estimates import BASELINES, label

    log_libraries(verbose)
    checked = load_config(config, overrides)
    output.mkdir(parents=True, exist_ok=True)
    with Terminal(quiet or not first_process()) as progress:
        finished = run_study(checked, output, progress, workers or os.cpu_count() or 1)
    if not first_process():
        return
    for warning in [] if quiet else finished.warnings:
        typer.echo(f"warning: {warning}", err=True)
    for name, outcome in finished.outcomes.items():
        headline, estimate = next(iter(outcome.estimates.items()))
        if name not in BASELINES:
            typer.echo(f"{name}: {label(headline)} {estimate}")
    typer.echo(f"report: {output / REPORT}")
    failures = finished.features.failures if finished.features is not None else {}
    for case, reason in failures.items():
        typer.echo(f"failed: {case}: {reason}", err=True)
    if failures:
        raise typer.Exit(FAILED)


def _show_plan(config: str, overrides: list[str], output: Path, workers: int) -> None:
    """Print what a study would do; nothing is written."""
    import tempfile

    from radiomics.pipelines.commands.tables import print_table
    from radiomics.pipelines.study.config import load_config
    from radiomics.pipelines.study.dry_run import plan
    from radiomics.types import silent

    checked = load_config(config, overrides)
    with tempfile.TemporaryDirectory() as scratch:  # a source that makes its data makes them there
        place = output if output.is_dir() else Path(scratch)
        print_table(plan(checked, place, silent, workers or os.cpu_count() or 1))
