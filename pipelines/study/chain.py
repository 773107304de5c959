"""A study from images to models and estimates: read this to see the whole chain."""

from __future__ import annotations

from pathlib import Path

from radiomics.pipelines.provenance import first_process
from radiomics.pipelines.study.config import StudyConfig
from radiomics.pipelines.study.files import external_warnings, write_study
from radiomics.pipelines.study.models import (
    compare_models,
    estimate_models,
    fit_finally,
    permuted_headline,
)
from radiomics.pipelines.study.results import Study
from radiomics.pipelines.study.sources import learn_from, open_source, splits_of
from radiomics.types import Progress, silent


def run(config: StudyConfig, folder: Path, progress: Progress = silent, workers: int = 1) -> Study:
    """Run a study; write features, predictions, metrics, models and provenance to a folder.

    ``workers`` processes share the folds; they change no byte of the results. The report is made
    of what this returns: :func:`radiomics.pipelines.report.write_report`.

    Raises
    ------
    InputError, ConfigurationError
        When data and config do not fit, before any work where that can be known.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # cases with images and masks, a table of features, or labelled pictures
    source = open_source(config, folder, progress)
    # each case: preprocessing, filters, features, patches; what looks like a leak is named
    learned = learn_from(config, source, folder, progress)
    warnings = learned.warnings + external_warnings(config, folder)
    # the outer splits: no patient stands on both sides
    splits = splits_of(config, source, learned.table)
    # every model, network and baseline: all that learns is fitted inside the training parts
    outcomes = estimate_models(config, learned, splits, folder, progress, workers)
    comparisons = compare_models(config, outcomes)
    permuted = permuted_headline(config, source, learned, outcomes, progress, workers)
    study = Study(
        config,
        source,
        folder,
        learned.features,
        learned.table,
        outcomes,
        comparisons,
        permuted,
        warnings,
    )
    # the models to use on new scans, fitted to all cases
    final = fit_finally(config, learned, folder / "training" / "final", progress)
    if first_process():
        write_study(study, final)
    return study
