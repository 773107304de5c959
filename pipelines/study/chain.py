"""A study from images to report: read this to see the whole chain."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from radiomics.evaluation.splits import Split
from radiomics.io.files.tables import FeatureTable, Manifest
from radiomics.pipelines.environment import first_process
from radiomics.pipelines.report import samples as samples_report
from radiomics.pipelines.report import study as study_report
from radiomics.pipelines.store import Store, write_whole
from radiomics.pipelines.study import embedding, samples, sources
from radiomics.pipelines.study import patches as study_images
from radiomics.pipelines.study.checks import warnings_of
from radiomics.pipelines.study.config import StudyConfig, is_network
from radiomics.pipelines.study.estimates import (
    Comparison,
    Outcome,
    compare,
    estimates_of,
    fused,
    permutation_test,
    plan_of,
    weights_of,
)
from radiomics.pipelines.study.features import CohortFeatures, extract_cohort, given_features
from radiomics.pipelines.study.files import (
    log_opening,
    sites_of,
    write_bundles,
    write_features,
    write_networks,
    write_outcomes,
)
from radiomics.pipelines.study.models import (
    Learned,
    estimate_network,
    estimate_tables,
    fit_finally,
    names_of,
    needs_images,
)
from radiomics.types import InputError, Progress, Samples, silent


@dataclass(frozen=True, eq=False)
class Study:
    """A finished study: where its files are, and what is in them.

    ``features`` is None where the source holds samples instead of cases; ``table`` are the samples
    of the tabular models. ``permuted`` holds the p-value of the first model's headline and what
    permuted outcomes reached.
    """

    folder: Path
    features: CohortFeatures | None
    table: Samples
    outcomes: dict[str, Outcome]
    comparisons: list[Comparison] = field(default_factory=list)
    permuted: tuple[float, list[float]] | None = None
    warnings: list[str] = field(default_factory=list)


def run(config: StudyConfig, folder: Path, progress: Progress = silent, workers: int = 1) -> Study:
    """Run a study and write features, predictions, metrics, provenance and report to a folder.

    ``workers`` processes share the folds; they change no byte of the results.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = sources.open_source(config, folder, progress)
    learned = _learn_from(config, source, folder, progress)
    table, warned = learned.table, learned.warnings
    if config.evaluation.scheme == "external" and first_process():
        warned = [*warned, *log_opening(config, folder)]
    splits, names = _splits(config, source, table), names_of(config)
    outcomes = estimate_tables(config, learned, splits, (workers, progress))
    for number, spec in enumerate(config.models):
        if is_network(spec):
            where = (folder / "training" / names[number], progress)
            outcomes[names[number]] = estimate_network(config, spec, learned, splits, where)
        progress("models", number + 1, len(config.models))
    outcomes = {n: outcomes[n] for n in [*names, *outcomes]}
    weights = weights_of(config, next(iter(outcomes.values())).predictions)
    plan = plan_of(config, table.y)
    for parts in config.fusion:
        predictions = fused(outcomes, _known(parts, outcomes), config.task)
        made = estimates_of(predictions, plan, weights)
        outcomes[" + ".join(parts)] = Outcome(table, predictions, made, [])
    compared = compare(outcomes, config.task, weights) if len(outcomes) > 1 else []
    permuted = _permuted(config, source, learned, outcomes, (workers, progress))
    study = Study(folder, learned.features, table, outcomes, compared, permuted, warned)
    final = fit_finally(config, learned, folder / "training" / "final", progress)
    if first_process():
        write_outcomes(study)
        write_bundles(config, study, final, sites_of(source))
        write_networks(study)
        write_whole(folder / "report.html", _report(config, source, table, study))
        progress("report", 1, 1)
    return study


def _learn_from(
    config: StudyConfig, source: sources.Source, folder: Path, progress: Progress
) -> Learned:
    """Return the features of cases, the samples of tables and of networks, and warnings."""
    seeing = needs_images(config, source)
    if isinstance(source, Samples):
        checked = samples.checked_samples(config, source)
        return Learned(None, checked, checked, warnings=samples.warnings_of_samples(checked))
    sources.check_manifest(config, source)
    if isinstance(source, FeatureTable):
        features = given_features(source, config.covariates)
    else:
        store, copies = Store(folder / "store"), config.duplicates == "merge"
        features = extract_cohort(source, config.extraction, store, progress, copies=copies)
    place = folder / "store" / "tensors"
    patches: study_images.Patches = {}
    if seeing and isinstance(source, Manifest):
        sources.assemble(config, source, features)  # what it refuses, before patches are made
        patches, failed = study_images.patches(config, source, features, place, progress)
        features = study_images.without(features, failed)
    if first_process():
        write_features(config, source, features, folder)
    table = sources.assemble(config, source, features)
    warned = warnings_of(config, source.rows, table)
    if not patches:
        return Learned(features, table, table, warnings=warned)
    seen = study_images.images(table, patches)
    kept = embedding.stored(seen.x, place) if any("embedding" in s for s in config.models) else None
    return Learned(features, table, seen, kept, warned)


def _splits(
    config: StudyConfig, source: sources.Source, table: Samples, y: Any = None
) -> list[list[Split]]:
    y = table.y if y is None else y
    if isinstance(source, Samples):
        return samples.splits_of_samples(config, table)
    rows = source.rows.set_index("id").loc[list(table.ids)]
    return sources.repeats(config, rows, y, table.groups)


def _permuted(
    config: StudyConfig,
    source: sources.Source,
    learned: Learned,
    outcomes: dict[str, Outcome],
    run: tuple[int, Progress],
) -> tuple[float, list[float]] | None:
    if not config.evaluation.permutations:
        return None
    first = outcomes[names_of(config)[0]]
    reached = next(iter(first.estimates.values())).value

    def deal(y: NDArray[Any]) -> list[list[Split]]:
        return _splits(config, source, learned.table, y)

    return permutation_test(config, (learned.rows(), learned.images), deal, reached, run)


def _report(config: StudyConfig, source: sources.Source, table: Samples, study: Study) -> str:
    if isinstance(source, Samples):
        return samples_report.render_study(config, study)
    return study_report.render_study(config, source, table, study)


def _known(names: tuple[str, ...], outcomes: dict[str, Outcome]) -> tuple[str, ...]:
    absent = [name for name in names if name not in outcomes]
    if absent:
        remedy = f"choose of {', '.join(outcomes)}"
        raise InputError("fusion", "models to fuse are in the study", absent[0], remedy)
    return names
