"""The command line: ``radiomics --help``. Heavy imports wait until a command needs them."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from radiomics import __version__
from radiomics.pipelines.commands.batch import batch
from radiomics.pipelines.commands.demo import demo
from radiomics.pipelines.commands.doctor import doctor
from radiomics.pipelines.commands.exits import INTERRUPTED, WRONG
from radiomics.pipelines.commands.extract import extract
from radiomics.pipelines.commands.features import features
from radiomics.pipelines.commands.filter import filter_image
from radiomics.pipelines.commands.inspect import inspect
from radiomics.pipelines.commands.predict import predict
from radiomics.pipelines.commands.presets import WithPresets
from radiomics.pipelines.commands.study import study
from radiomics.pipelines.commands.verify import verify

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
WHOLE = 10_000
"""More letters than the first sentence of any help text has."""


class _Commands(typer.core.TyperGroup):
    """The commands; each that is interrupted says what becomes of its work."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            typer.echo("interrupted: the same command goes on from what is done", err=True)
            raise typer.Exit(INTERRUPTED) from None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List every command with its whole first sentence, never cut with dots."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, c.get_short_help_str(WHOLE)) for name, c in commands if c is not None]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS: dict[str, Callable[..., None]] = {
    "inspect": inspect,
    "extract": extract,
    "filter": filter_image,
    "batch": batch,
    "study": study,
    "predict": predict,
    "features": features,
    "verify": verify,
    "doctor": doctor,
    "demo": demo,
}
WITH_SETTINGS = ("extract", "batch", "features")
for _name, _command in COMMANDS.items():
    app.command(_name, cls=WithPresets if _name in WITH_SETTINGS else None)(_command)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"radiomics {__version__}")
        raise typer.Exit


@app.callback()
def _radiomics(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            "-V",
            help="Show the version and exit.",
            callback=_show_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Radiomics from a DICOM folder to a report."""


def main() -> None:
    """Run the command line; a wrong request is told in words, with exit code 2."""
    from radiomics.plugins import ConfigurationError, missing_extra
    from radiomics.types import InputError

    try:
        app()
    except (InputError, ConfigurationError) as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(WRONG)
    except ModuleNotFoundError as error:
        absent = missing_extra(error, "this")
        if absent is error:
            raise
        typer.echo(f"error: {absent}", err=True)
        sys.exit(WRONG)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        reason = error.strerror or str(error).splitlines()[0]
        kept = "; what was finished before is kept" if error.errno in NO_ROOM else ""
        typer.echo(f"error: {place}{reason}{kept}", err=True)
        sys.exit(WRONG)
