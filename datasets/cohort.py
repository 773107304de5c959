"""A cohort of your own: a manifest table with one row a case."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from radiomics.io.table import Manifest, read_manifest
from radiomics.types import Progress, silent


class Options(BaseModel, frozen=True, extra="forbid"):
    """``manifest``: CSV, TSV or Parquet with the columns id, image, mask, and others."""

    manifest: Path


def open(options: Options, progress: Progress = silent) -> Manifest:  # noqa: A001
    """Read and check the manifest; images and masks are read case by case later."""
    manifest = read_manifest(options.manifest)
    progress("manifest", len(manifest), len(manifest))
    return manifest
