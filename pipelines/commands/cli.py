"""The command line: ``radiomics --help``. Heavy imports wait until a command needs them."""

from __future__ import annotations

import errno
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from radiomics.pipelines.commands import study
from radiomics.pipelines.commands.batch import batch
from radiomics.pipelines.commands.start import INTERRUPTED

if TYPE_CHECKING:
    import pandas as pd


class _Commands(typer.core.TyperGroup):
    """The commands; each that is interrupted says what becomes of its work."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            typer.echo("interrupted: the same command goes on from what is done", err=True)
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=_Commands,
    help="Radiomics from a DICOM folder to a report.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Output = Annotated[Path | None, typer.Option(help="File to write; the suffix chooses the format.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no notes.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Also what the libraries log.")]

REPAIR = "refuse, all, or some of missing, duplicates, tilt, spacing with commas."

FAILED, WRONG = 1, 2
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


app.command()(batch)


@app.command()
def inspect(
    path: Annotated[Path, typer.Argument(help="A folder, or one file.")],
    output: Output = None,
    gallery: Annotated[
        Path | None, typer.Option(help="Folder for pictures: one a series, masks outlined.")
    ] = None,
    index: Annotated[
        Path | None, typer.Option(help="File that keeps headers: an interrupted scan goes on.")
    ] = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Show what lies at PATH: series with geometry and verdict, masks with their ROI names."""
    from radiomics.io.inspection import inspect as find
    from radiomics.pipelines.commands.progress import Terminal
    from radiomics.pipelines.commands.single import check_suffix
    from radiomics.pipelines.commands.tables import print_findings, write_table

    _log(verbose)
    if output is not None:
        check_suffix(output)
    with Terminal(quiet) as progress:
        found = find(path, progress, index)
        if found and gallery is not None:
            from radiomics.pipelines.commands.gallery import write_gallery

            for missing in write_gallery(path, gallery, progress, index):
                typer.echo(f"not drawn: {missing}", err=True)
    if not found:
        _stop(f"{path}: no DICOM series, no RTSTRUCT and no NIfTI, NRRD or MetaImage file found")
    if output is not None:
        write_table([finding.row() for finding in found], output)
        return
    print_findings(found, path)


@app.command()
def extract(
    image: Annotated[Path, typer.Argument(help="DICOM series folder, NIfTI, NRRD or MetaImage.")],
    mask: Annotated[
        Path, typer.Argument(help="RTSTRUCT, SEG, or a label image on the grid that it has.")
    ],
    roi: Annotated[
        str | None, typer.Option(help="ROI name in an RTSTRUCT, or a pattern: GTV*, re:.*")
    ] = None,
    label: Annotated[int | None, typer.Option(help="Value in a label image.")] = None,
    segment: Annotated[str | None, typer.Option(help="Number or label in a SEG.")] = None,
    series: Annotated[str | None, typer.Option(help="Series name, as inspect gives it.")] = None,
    suv: Annotated[
        str | None, typer.Option(help="bw, lbm, lbm_james or bsa: PET into SUV.")
    ] = None,
    repair: Annotated[str, typer.Option(help=REPAIR)] = "refuse",
    settings: Annotated[str, typer.Option(help="Preset or YAML file.")] = "default",
    output: Output = None,
    save_preprocessed: Annotated[
        Path | None, typer.Option(help="Folder for the image and masks that were computed on.")
    ] = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Compute the features of one IMAGE inside one MASK; CSV to standard output, or to a file."""
    import csv

    from radiomics.pipelines.commands.single import check_suffix, extract_files

    _log(verbose)
    if output is not None:
        check_suffix(output)
    from_image = {"series": series, "repair": repair, "suv": suv}
    from_mask = {"roi": roi, "label": label, "segment": segment}
    rows, record = extract_files(image, mask, settings, (from_image, from_mask), save_preprocessed)
    for note in [] if quiet else record["notes"]:
        typer.echo(f"note: {note}", err=True)
    if output is not None:
        from radiomics.pipelines.commands.tables import write_features

        write_features(rows, record, output)
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerows([rows[0].keys(), *(row.values() for row in rows)])


@app.command("filter")
def filter_(
    image: Annotated[Path, typer.Argument(help="DICOM series folder, NIfTI, NRRD or MetaImage.")],
    settings: Annotated[str, typer.Option(help="Preset or YAML file with one filter.")],
    output: Annotated[Path, typer.Option(help="NIfTI, NRRD or MetaImage file to write.")],
    series: Annotated[str | None, typer.Option(help="Series name, as inspect gives it.")] = None,
    repair: Annotated[str, typer.Option(help=REPAIR)] = "refuse",
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Write the response of IMAGE to the filter of the settings, on the image's grid."""
    from radiomics.pipelines.commands.single import filter_file

    _log(verbose)
    low, high = filter_file(image, settings, output, {"series": series, "repair": repair})
    if not quiet:
        typer.echo(f"{output}: responses from {low:g} to {high:g}")


app.command()(study.study)
app.command()(study.demo)
app.command()(study.predict)


@app.command()
def features(
    output: Output = None,
    on_request: Annotated[
        bool, typer.Option("--on-request", help="Also families that settings must name.")
    ] = False,
) -> None:
    """Show the catalogue of features: name, family, IBSI code, unit."""
    from radiomics.extraction.catalogue import feature_catalogue
    from radiomics.pipelines.commands.tables import print_table, write_table

    table: pd.DataFrame = feature_catalogue(on_request=on_request)
    rows = [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]
    if output is None:
        print_table(rows)
    else:
        write_table(rows, output)


@app.command()
def verify(
    ct_phantom: Annotated[
        Path | None, typer.Option(help="Folder of IBSI's CT phantom: configurations A to E too.")
    ] = None,
    output: Output = None,
) -> None:
    """Recompute IBSI's digital phantom here and compare with the consensus values."""
    from dataclasses import asdict

    from radiomics.conformance.verification import summary
    from radiomics.conformance.verification import verify as check
    from radiomics.pipelines.commands.single import check_suffix
    from radiomics.pipelines.commands.tables import print_table, write_table

    if output is not None:
        check_suffix(output)
    checks = check(ct_phantom)
    if output is not None:
        write_table([asdict(done) | {"passed": done.passed} for done in checks], output)
    print_table(summary(checks))
    wrong = [done for done in checks if not done.passed]
    for done in wrong:
        typer.echo(f"differs: {done}", err=True)
    typer.echo(f"{len(checks) - len(wrong)} of {len(checks)} values agree with IBSI")
    if wrong:
        raise typer.Exit(FAILED)


@app.command()
def doctor() -> None:
    """Check this installation: versions, devices, packages that shadow ours."""
    import torch

    from radiomics.pipelines.commands.shadows import find_shadows
    from radiomics.pipelines.provenance import installed

    for name, version in installed().items():
        typer.echo(f"{name:22} {version or 'NOT INSTALLED'}")
    devices = [
        f"cuda:{i} {torch.cuda.get_device_name(i)}" for i in range(torch.cuda.device_count())
    ]
    if torch.backends.mps.is_available():
        devices.append("mps")
    typer.echo(f"{'devices':22} {', '.join([*devices, 'cpu'])}")
    typer.echo(f"{'processors':22} {os.cpu_count()}")
    problems = find_shadows() + [f"{n} is not installed" for n, v in installed().items() if not v]
    for problem in problems:
        typer.echo(f"problem: {problem}")
    if problems:
        raise typer.Exit(WRONG)
    typer.echo("all is well")


def _log(verbose: bool) -> None:
    if verbose:
        logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")


def _stop(message: str) -> NoReturn:
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(WRONG)


def main() -> None:
    """Run the command line; a wrong request is told in words, with exit code 2."""
    from radiomics.pipelines.commands.shadows import find_shadows

    problems = find_shadows()
    if problems and sys.argv[1:2] != ["doctor"]:
        typer.echo("error: another package is in the way:\n  " + "\n  ".join(problems), err=True)
        sys.exit(WRONG)
    from radiomics.plugins import ConfigurationError
    from radiomics.types import InputError

    try:
        app()
    except (InputError, ConfigurationError) as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(WRONG)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        reason = error.strerror or str(error).splitlines()[0]
        kept = "; what was finished before is kept" if error.errno in NO_ROOM else ""
        typer.echo(f"error: {place}{reason}{kept}", err=True)
        sys.exit(WRONG)
