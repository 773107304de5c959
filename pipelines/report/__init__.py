"""Reports: one file a section, and the guidelines answered from the record of a run."""

from __future__ import annotations

from pathlib import Path

from radiomics.pipelines.provenance import first_process
from radiomics.pipelines.report.cohort import render_cohort
from radiomics.pipelines.report.samples import render_samples
from radiomics.pipelines.store import write_whole
from radiomics.pipelines.study.chain import run
from radiomics.pipelines.study.config import StudyConfig
from radiomics.pipelines.study.results import Study
from radiomics.types import Progress, Samples, silent

REPORT = "report.html"


def run_study(
    config: StudyConfig, folder: Path, progress: Progress = silent, workers: int = 1
) -> Study:
    """Run a study and write its report: images to report in one call.

    Parameters and errors are those of :func:`radiomics.pipelines.study.chain.run`.
    """
    study = run(config, folder, progress, workers)
    if first_process():
        write_report(study)
        progress("report", 1, 1)
    return study


def write_report(study: Study) -> Path:
    """Write the report of a finished study into its folder, as one HTML file; return its path."""
    path = study.folder / REPORT
    images = isinstance(study.source, Samples)
    write_whole(path, render_samples(study) if images else render_cohort(study))
    return path
