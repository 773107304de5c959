"""Commands about studies: study, demo, predict. The command line registers them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

FAILED = 1

Folder = Annotated[Path, typer.Option(help="Folder for the results; made if needed.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no notes.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Also what the libraries log.")]
Workers = Annotated[int, typer.Option(min=0, help="Processes; 0: one a processor.")]


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

        from radiomics.pipelines.study import schema as config_schema

        typer.echo(json.dumps(config_schema.schema(), indent=1, sort_keys=True))
        return
    if config is None:
        raise typer.BadParameter("name a config, or ask for --schema")
    if dry_run:
        _show_plan(config, overrides or [], output, workers)
        return
    run_study(config, overrides or [], output, workers, (quiet, verbose))


def demo(
    output: Folder = Path("demo-output"),
    workers: Workers = 0,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Run the demo study on a synthetic cohort of 60 patients."""
    run_study("demo", [], output, workers, (quiet, verbose))


def predict(
    model: Annotated[Path, typer.Argument(help="model.zip of a study, or one of its models/.")],
    image: Annotated[Path, typer.Argument(help="Image, or a manifest or table with many cases.")],
    mask: Annotated[Path | None, typer.Argument(help="Mask; without one IMAGE is a table.")] = None,
    known: Annotated[
        list[str] | None, typer.Option(help="Covariate or site of the scan: name=value.")
    ] = None,
    roi: Annotated[str | None, typer.Option(help="ROI name in an RTSTRUCT.")] = None,
    label: Annotated[int | None, typer.Option(help="Value in a label image.")] = None,
    segment: Annotated[str | None, typer.Option(help="Number or label in a SEG.")] = None,
    series: Annotated[
        str | None, typer.Option(help="SeriesInstanceUID, where IMAGE holds several series.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="File to write; the suffix chooses the format.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Apply a study's model to new scans, and say where it may not apply."""
    from radiomics.pipelines.bundle.open import load
    from radiomics.pipelines.bundle.predict import predict_manifest, predict_scan
    from radiomics.pipelines.commands.progress import Terminal
    from radiomics.pipelines.commands.single import check_suffix
    from radiomics.pipelines.commands.tables import print_table, write_table

    if output is not None:
        check_suffix(output)
    bundle = load(model)
    failed: dict[str, str] = {}
    if mask is not None:
        given = _pairs(known or [])
        choice = {"series": series, "roi": roi, "label": label, "segment": segment}
        rows = predict_scan(bundle, image, mask, choice, given)
    else:
        with Terminal(quiet) as progress:
            rows, failed = predict_manifest(bundle, image, progress)
    if output is not None:
        write_table(rows, output)
    elif rows:
        print_table([_short(row) for row in rows])
    for case, reason in failed.items():
        typer.echo(f"failed: {case}: {reason}", err=True)
    if failed:
        raise typer.Exit(FAILED)


def run_study(
    config: str, overrides: list[str], output: Path, workers: int, manner: tuple[bool, bool]
) -> None:
    """Run a study with progress on the terminal, and say what came out."""
    import logging
    import os

    from radiomics.pipelines.commands.progress import Terminal
    from radiomics.pipelines.provenance import first_process
    from radiomics.pipelines.study.chain import run
    from radiomics.pipelines.study.config import load_config
    from radiomics.pipelines.study.estimates import BASELINES, label

    quiet, verbose = manner
    if verbose:
        logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    checked = load_config(config, overrides)
    output.mkdir(parents=True, exist_ok=True)
    with Terminal(quiet or not first_process()) as progress:
        finished = run(checked, output, progress, workers or os.cpu_count() or 1)
    if not first_process():
        return
    for warning in [] if quiet else finished.warnings:
        typer.echo(f"warning: {warning}", err=True)
    for name, outcome in finished.outcomes.items():
        headline, estimate = next(iter(outcome.estimates.items()))
        if name not in BASELINES:
            typer.echo(f"{name}: {label(headline)} {estimate}")
    typer.echo(f"report: {output / 'report.html'}")
    failures = finished.features.failures if finished.features is not None else {}
    for case, reason in failures.items():
        typer.echo(f"failed: {case}: {reason}", err=True)
    if failures:
        raise typer.Exit(FAILED)


def _show_plan(config: str, overrides: list[str], output: Path, workers: int) -> None:
    import os
    import tempfile

    from radiomics.pipelines.commands.tables import print_table
    from radiomics.pipelines.study.config import load_config
    from radiomics.pipelines.study.dry_run import plan
    from radiomics.types import silent

    checked = load_config(config, overrides)
    with tempfile.TemporaryDirectory() as scratch:  # a source that makes its data makes them there
        place = output if output.is_dir() else Path(scratch)
        print_table(plan(checked, place, silent, workers or os.cpu_count() or 1))


def _pairs(texts: list[str]) -> dict[str, str]:
    for text in texts:
        if "=" not in text:
            raise typer.BadParameter(f"{text!r}: write it as name=value")
    return {name: value for name, _, value in (text.partition("=") for text in texts)}


def _short(row: dict[str, Any]) -> dict[str, Any]:
    return {k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items()}
