"""``radiomics features``: the catalogue of features, and the presets of settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from radiomics.pipelines.commands.options import Output

if TYPE_CHECKING:
    import pandas as pd


def features(
    output: Output = None,
    on_request: Annotated[
        bool, typer.Option("--on-request", help="Also families that settings must name.")
    ] = False,
) -> None:
    """Show the catalogue of features: name, family, IBSI code, unit; and presets of settings."""
    from radiomics.extraction.catalogue import feature_catalogue
    from radiomics.pipelines.commands.presets import TITLE, preset_lines
    from radiomics.pipelines.commands.tables import check_suffix, print_table, write_table

    check_suffix(output)
    table: pd.DataFrame = feature_catalogue(on_request=on_request)
    rows = [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]
    if output is None:
        print_table(rows)
        typer.echo(f"\n{TITLE}:")
        print_table([{"preset": name, "what it is": text} for name, text in preset_lines()])
    else:
        write_table(rows, output)
