"""``radiomics predict``: a study's model on new scans."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from radiomics.pipelines.commands.exits import FAILED
from radiomics.pipelines.commands.options import Label, Output, Quiet, Roi, Segment, Series


def predict(
    model: Annotated[Path, typer.Argument(help="model.zip of a study, or one of its models/.")],
    image: Annotated[Path, typer.Argument(help="Image, or a manifest or table with many cases.")],
    mask: Annotated[Path | None, typer.Argument(help="Mask; without one IMAGE is a table.")] = None,
    known: Annotated[
        list[str] | None, typer.Option(help="Covariate or site of the scan: name=value.")
    ] = None,
    roi: Roi = None,
    label: Label = None,
    segment: Segment = None,
    series: Series = None,
    output: Output = None,
    quiet: Quiet = False,
) -> None:
    """Apply a study's model to new scans, and say where it may not apply."""
    from radiomics.pipelines.bundle.open import load
    from radiomics.pipelines.bundle.predict import predict_manifest, predict_scan
    from radiomics.pipelines.commands.progress import Terminal
    from radiomics.pipelines.commands.tables import check_suffix, print_table, write_table

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
        print_table([_rounded(row) for row in rows])
    for case, reason in failed.items():
        typer.echo(f"failed: {case}: {reason}", err=True)
    if failed:
        raise typer.Exit(FAILED)


def _pairs(texts: list[str]) -> dict[str, str]:
    """Return values written as name=value."""
    for text in texts:
        if "=" not in text:
            raise typer.BadParameter(f"{text!r}: write it as name=value")
    return {name: value for name, _, value in (text.partition("=") for text in texts)}


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with numbers as people read them."""
    return {k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items()}
