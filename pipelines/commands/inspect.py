"""``radiomics inspect``: what lies in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radiomics.pipelines.commands.exits import WRONG
from radiomics.pipelines.commands.options import Output, Quiet, Verbose, log_libraries

PRESETS = {"CT": "ct", "PT": "pet (read with --suv bw)", "MR": "mr"}
"""Presets that are made for a modality."""


def inspect(
    path: Annotated[Path, typer.Argument(help="A folder, or one file.")],
    output: Output = None,
    gallery: Annotated[
        Path | None, typer.Option(help="Folder for pictures: one a series, masks outlined.")
    ] = None,
    index: Annotated[
        Path | None, typer.Option(help="File that keeps headers: an interrupted scan goes on.")
    ] = None,
    pixels: Annotated[
        bool, typer.Option("--pixels", help="Decode all pixels, too: decides what is undecided.")
    ] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """List the scans at PATH: series with geometry and verdict, masks with their ROI names."""
    from radiomics.io.inspection import inspect as find
    from radiomics.pipelines.commands.progress import Terminal
    from radiomics.pipelines.commands.tables import check_suffix, print_findings, write_table

    log_libraries(verbose)
    check_suffix(output)
    with Terminal(quiet) as progress:
        found = find(path, progress, index, pixels=pixels)
        if found and gallery is not None:
            from radiomics.pipelines.commands.gallery import write_gallery

            for missing in write_gallery(path, gallery, progress, index):
                typer.echo(f"not drawn: {missing}", err=True)
    if not found:
        message = "no DICOM series, no RTSTRUCT, no NIfTI, NRRD, MetaImage file or picture found"
        typer.echo(f"error: {path}: {message}", err=True)
        raise typer.Exit(WRONG)
    if output is not None:
        write_table([finding.row() for finding in found], output)
        return
    print_findings(found, path)
    undecided = sum(finding.verdict == "undecided" for finding in found)
    if undecided:
        typer.echo(f"{undecided} series undecided: --pixels decodes what is compressed", err=True)
    presets = [text for code, text in PRESETS.items() if any(f.modality == code for f in found)]
    if presets and not quiet:
        listed = ", ".join(presets)
        typer.echo(f"\nsettings made for these images: {listed}; see radiomics features", err=True)
