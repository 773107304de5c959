"""The plan of a study before it runs: what it would do, with how much, and for how long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from radiomics.evaluation.tuning import stratification
from radiomics.io.files.tables import FeatureTable
from radiomics.pipelines.study import sources
from radiomics.pipelines.study.chains import candidates
from radiomics.pipelines.study.checks import events_per_variable
from radiomics.pipelines.study.config import StudyConfig, is_network
from radiomics.pipelines.study.estimates import BASELINES
from radiomics.pipelines.study.models import names_of
from radiomics.pipelines.study.samples import prepare_samples, splits_of_samples
from radiomics.types import Progress, Samples

SECONDS = {"random_forest": 0.3, "gradient_boosting": 0.15, "cox": 0.1}
"""Rough seconds of one fit on a processor of 2024; 0.03 for other models."""
PREPARE, EXTRACT = 0.1, 1.0
"""Rough seconds to prepare a training part, and to compute the features of a case."""


def plan(
    config: StudyConfig, folder: Path, progress: Progress, workers: int
) -> list[dict[str, Any]]:
    """Return the plan as rows of ``what`` and ``how much``; the data are opened and checked."""
    source = sources.open_source(config, folder, progress)
    if isinstance(source, Samples):
        checked = prepare_samples(config, source)
        y, groups, splits = checked.y, checked.groups, splits_of_samples(config, checked)
        columns = int(np.prod(source.x.shape[1:]))
    else:
        sources.check_manifest(config, source)
        rows = source.rows
        y, _ = sources.outcome_of(config, rows)
        groups = rows["group"].to_numpy(dtype=str)
        splits = sources.outer_splits(config, rows, y, groups)
        columns = _columns(config, source)
    strata = stratification(y, config.task)
    counts = {str(k): int((strata == k).sum()) for k in np.unique(strata)}
    lines: list[tuple[str, Any]] = [
        ("task", config.task),
        ("cases", len(y)),
        ("patients", len(np.unique(groups))),
        ("cases by class or stratum", ", ".join(f"{k}: {n}" for k, n in counts.items())),
        ("columns", columns),
        ("events per variable", f"{events_per_variable(strata, groups, columns):.2g}"),
        ("outer splits", sum(len(repeat) for repeat in splits)),
    ]
    steps = [config.harmonisation.method, *(str(s["name"]) for s in config.selection)]
    steps = ["impute", "scale", *(step for step in steps if step != "none")]
    lines.append(("fitted inside the folds", ", ".join(steps)))
    numbered = enumerate(zip(names_of(config), config.models, strict=True), start=1)
    tried = {f"{i}. {name}": _tried(config, spec) for i, (name, spec) in numbered}
    lines += [(f"model {name}", f"{n} candidates" if n else "network") for name, n in tried.items()]
    lines.append(("baselines", ", ".join(BASELINES)))
    trainings = _trainings(config, sum(len(r) for r in splits), isinstance(source, Samples))
    lines += [("trainings of networks", trainings)] if trainings else []
    seconds = _seconds(config, sum(len(r) for r in splits), workers)
    cases = 0 if isinstance(source, Samples | FeatureTable) else len(y)
    lines.append(("estimated time, extraction", f"{cases * EXTRACT / workers:.0f} s"))
    lines.append(("estimated time, tabular models", f"{seconds:.0f} s"))
    return [{"what": what, "how much": str(how)} for what, how in lines]


def _columns(config: StudyConfig, source: Any) -> int:
    if isinstance(source, FeatureTable):
        return len(source.features)
    from radiomics.extraction.catalogue import feature_catalogue

    if config.extraction.pyradiomics is not None:
        from radiomics.compat.volumes import columns

        return len(columns(config.extraction.pyradiomics)) + len(config.covariates)
    families = config.extraction.families
    catalogue = feature_catalogue(on_request=True)
    one = int(catalogue["family"].isin(families).sum())
    return one * max(1, len(config.extraction.filters)) + len(config.covariates)


def _tried(config: StudyConfig, spec: dict[str, Any]) -> int:
    return 0 if is_network(spec) else len(candidates(spec, config.task))


def _trainings(config: StudyConfig, splits: int, samples: bool) -> int:
    """Return how often networks are trained at most: in each part, and of cohorts on all cases."""
    parts = splits + (0 if samples else 1)
    inner = config.evaluation.inner
    return sum(
        parts if is_network(spec) else parts * (inner + 1) if "embedding" in spec else 0
        for spec in config.models
    )


def _seconds(config: StudyConfig, splits: int, workers: int) -> float:
    options = config.evaluation
    rounds = splits * (1 + options.permutations)
    fits = PREPARE * (options.inner + 1)
    for spec in config.models:
        once = SECONDS.get(str(spec["name"]), 0.03)
        fits += once * (options.inner * _tried(config, spec) + 1)
    return rounds * fits / workers
