"""``radiomics doctor``: whether this installation is whole, and what it can do."""

from __future__ import annotations

import os

import typer

from radiomics.pipelines.commands.exits import WRONG


def doctor() -> None:
    """Check this installation: versions, extras, devices, packages that are in the way."""
    from radiomics.pipelines.commands.shadows import find_shadows
    from radiomics.pipelines.provenance import extras, installed

    problems = find_shadows()
    for name, version in installed().items():
        typer.echo(f"{name:22} {version or 'not installed'}")
    for extra, absent in extras().items():
        remedy = f"without {', '.join(absent)}: pip install 'radiomics-pipelines[{extra}]'"
        typer.echo(f"{'extra ' + extra:22} {remedy if absent else 'installed'}")
    for line, problem in _plugins():
        typer.echo(line)
        problems += [problem] if problem else []
    typer.echo(f"{'devices':22} {', '.join(_devices())}")
    typer.echo(f"{'processors':22} {os.cpu_count()}")
    for problem in problems:
        typer.echo(f"problem: {problem}")
    if problems:
        raise typer.Exit(WRONG)
    typer.echo("all is well")


def _plugins() -> list[tuple[str, str]]:
    """Return a line for each module that another package adds, and what is wrong with it."""
    from importlib.util import find_spec

    from radiomics.plugins import REGISTRIES, ConfigurationError, external_plugins, load

    found = []
    for package in (name for name in REGISTRIES if find_spec(name) is not None):
        for name, plugin in external_plugins(package).items():
            whose = f"{plugin.module} of {plugin.distribution} {plugin.version}"
            try:
                load(package, name)
                problem = ""
            except ConfigurationError as error:
                problem = str(error)
            found.append((f"{'plugin ' + name:22} {whose}, for {package}", problem))
    return found


def _devices() -> list[str]:
    """Return where networks can be trained: graphics cards first, the processor always."""
    from radiomics.plugins import MissingExtraError

    try:
        from radiomics.training.devices import devices
    except MissingExtraError:
        return ["cpu"]
    return devices()
