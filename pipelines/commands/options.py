"""Options that several commands share, each written once."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

TABLE = (
    "File to write: .csv, .json, .parquet or .xlsx by its suffix; - writes JSON to standard output."
)

Image = Annotated[
    Path, typer.Argument(help="DICOM folder, file or ZIP; NIfTI, NRRD, MetaImage; PNG, JPEG, TIFF.")
]
Output = Annotated[Path | None, typer.Option("--output", "-o", help=TABLE)]
Roi = Annotated[str | None, typer.Option(help="ROI name in an RTSTRUCT, or a pattern: GTV*, re:.*")]
Label = Annotated[int | None, typer.Option(help="Value in a label image.")]
Segment = Annotated[str | None, typer.Option(help="Number or label in a SEG.")]
Series = Annotated[
    str | None, typer.Option(help="SeriesInstanceUID, where IMAGE holds several series.")
]
Repair = Annotated[
    str,
    typer.Option(help="refuse, all, or some of missing, duplicates, tilt, spacing with commas."),
]
Spacing = Annotated[
    str | None,
    typer.Option(help="mm between pixels of a picture: 0.1, or 0.1,0.2 (rows, columns)."),
]
Channel = Annotated[str | None, typer.Option(help="Of colours: red, green, blue or luminance.")]
Like = Annotated[
    Path | None, typer.Option(help="Image on whose grid IMAGE is wanted, such as a dose's CT.")
]
Suv = Annotated[str | None, typer.Option(help="PET into SUV: bw, lbm, lbm_james or bsa.")]
Folder = Annotated[
    Path, typer.Option("--output", "-o", help="Folder for the results; made if needed.")
]
Workers = Annotated[int, typer.Option(min=0, help="Processes; 0: one a processor.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no notes.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Also what the libraries log.")]


def log_libraries(verbose: bool) -> None:
    """Show what libraries log, on standard error, where that is asked for."""
    if verbose:
        logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
