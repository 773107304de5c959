"""``radiomics filter``: the response of a whole image to one filter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from radiomics.pipelines.commands.options import (
    Channel,
    Image,
    Quiet,
    Repair,
    Series,
    Spacing,
    Verbose,
    log_libraries,
)


def filter_image(
    image: Image,
    settings: Annotated[str, typer.Option(help="Preset or YAML file with one filter.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="NIfTI, NRRD or MetaImage file to write.")
    ],
    series: Series = None,
    repair: Repair = "refuse",
    spacing: Spacing = None,
    channel: Channel = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Write the response of IMAGE to the filter of the settings, on the image's grid."""
    log_libraries(verbose)
    reading = {"series": series, "repair": repair, "spacing": spacing, "channel": channel}
    low, high = filter_file(image, settings, output, reading)
    if not quiet:
        typer.echo(f"{output}: responses from {low:g} to {high:g}")


def filter_file(
    image: Path, settings: str, output: Path, reading: dict[str, Any]
) -> tuple[float, float]:
    """Write the response of the settings' one filter to a whole image; return its range.

    The image is resampled first where the settings say so.

    Raises
    ------
    ConfigurationError
        When the settings ask for several images.
    InputError
        When the image cannot be read, or the filter does not fit it.
    """
    from radiomics.extraction.images import filtered, resampled
    from radiomics.extraction.settings import load_settings
    from radiomics.io import read_image, write_volume
    from radiomics.plugins import ConfigurationError

    checked = load_settings(settings)
    if checked.pyradiomics is not None:
        raise ConfigurationError(f"{settings}: a map is of one of our filters, not of PyRadiomics'")
    read = read_image(image, **reading)
    if read.length_unit == "px":
        typer.echo("note: no spacing: lengths are in pixels, and 1 mm in the file", err=True)
    volume = resampled(read, checked)
    responses = [pair for spec in checked.filters for pair in filtered(volume, spec)]
    if len(responses) != 1:
        found = ", ".join(name for name, _ in responses)
        raise ConfigurationError(f"{settings}: a map is of one filter and one band; found: {found}")
    response = responses[0][1]
    write_volume(response, output)
    return float(response.array.min()), float(response.array.max())
