"""A cohort of your own: a manifest table with one row a case."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from radiomics.io.dicom.repair import chosen_repairs
from radiomics.io.files.tables import Manifest, read_manifest
from radiomics.io.planes import parse_spacing
from radiomics.types import Progress, silent


class Options(BaseModel, frozen=True, extra="forbid"):
    """``manifest``: CSV, TSV or Parquet with the columns id, image, mask, and others.

    ``repair``, ``suv``, ``spacing`` and ``channel`` are those of :func:`radiomics.read_image`, for
    all cases.
    """

    manifest: Path
    repair: str = "refuse"
    suv: Literal["bw", "lbm", "lbm_james", "bsa"] | None = None
    spacing: float | str | None = None
    channel: Literal["red", "green", "blue", "luminance"] | None = None


def open(options: Options, progress: Progress = silent) -> Manifest:  # noqa: A001
    """Read and check the manifest; images and masks are read case by case later."""
    given = {"suv": options.suv, "spacing": options.spacing, "channel": options.channel}
    reading = {"repair": options.repair} | {k: str(v) for k, v in given.items() if v is not None}
    chosen_repairs(options.repair)
    parse_spacing(options.spacing)
    manifest = read_manifest(options.manifest, reading)
    progress("manifest", len(manifest), len(manifest))
    return manifest
