"""The presets of settings, a line each: for the catalogue and for help texts."""

from __future__ import annotations

from typing import Any

import typer

TITLE = "Presets of --settings"


def preset_lines() -> list[tuple[str, str]]:
    """Return each preset with what it is: the first line of its file."""
    from radiomics.plugins import shipped

    found = []
    for path in sorted(shipped("extraction").glob("*.yaml")):
        with path.open(encoding="utf-8") as stream:
            found.append((path.stem, stream.readline().strip("# \n")))
    return found


class WithPresets(typer.core.TyperCommand):
    """A command whose help ends with the presets."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 (as click calls it)
        """Write the presets, which are read only where help is asked for."""
        with formatter.section(TITLE):
            formatter.write_dl(preset_lines())
