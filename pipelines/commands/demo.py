"""``radiomics demo``: a real study on synthetic patients, to see what a study is."""

from __future__ import annotations

from pathlib import Path

from radiomics.pipelines.commands.options import Folder, Quiet, Verbose, Workers
from radiomics.pipelines.commands.study import report_study


def demo(
    output: Folder = Path("demo-output"),
    workers: Workers = 0,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Run the demo study on a synthetic cohort of 60 patients."""
    report_study("demo", [], output, workers, quiet, verbose)
