"""``radiomics verify``: agreement with the consensus values of IBSI on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radiomics.pipelines.commands.exits import FAILED
from radiomics.pipelines.commands.options import Output


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
    from radiomics.pipelines.commands.tables import (
        STANDARD_OUTPUT,
        check_suffix,
        print_table,
        write_table,
    )

    check_suffix(output)
    checks = check(ct_phantom)
    if output is not None:
        write_table([asdict(done) | {"passed": done.passed} for done in checks], output)
    if output != STANDARD_OUTPUT:
        print_table(summary(checks))
    wrong = [done for done in checks if not done.passed]
    for done in wrong:
        typer.echo(f"differs: {done}", err=True)
    typer.echo(
        f"{len(checks) - len(wrong)} of {len(checks)} values agree with IBSI",
        err=output == STANDARD_OUTPUT,
    )
    if wrong:
        raise typer.Exit(FAILED)
