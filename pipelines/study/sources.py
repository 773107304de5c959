"""What a study learns from: its source opened and checked, as rows of features and patches."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radiomics.evaluation import survival
from radiomics.evaluation.duplicates import join_duplicates
from radiomics.evaluation.splits import (
    Split,
    fixed_split,
    leave_one_site_out,
    repeated_folds,
)
from radiomics.evaluation.tuning import stratification
from radiomics.io.files.tables import RESERVED, FeatureTable, Manifest
from radiomics.pipelines.provenance import first_process
from radiomics.pipelines.store import Store
from radiomics.pipelines.study import embedding, patches, samples
from radiomics.pipelines.study.checks import data_warnings
from radiomics.pipelines.study.config import StudyConfig, is_network
from radiomics.pipelines.study.features import CohortFeatures, extract_cohort, table_features
from radiomics.pipelines.study.files import write_features
from radiomics.pipelines.study.results import Learned, Source
from radiomics.plugins import parse_plugin
from radiomics.types import InputError, Progress, Samples


def open_source(config: StudyConfig, folder: Path, progress: Progress) -> Source:
    """Open the data source; one that makes its data gets the study's seed and folder."""
    module, options = parse_plugin("radiomics.datasets", config.data, "data")
    given: dict[str, Any] = {"seed": config.seed, "folder": folder / "data"}
    update = {k: v for k, v in given.items() if k in module.Options.model_fields}
    update = {k: v for k, v in update.items() if k not in config.data}
    source: Source = module.open(options.model_copy(update=update), progress)
    return source


def learn_from(config: StudyConfig, source: Source, folder: Path, progress: Progress) -> Learned:
    """Return the features of cases, the samples of tables and of networks, and warnings.

    Features are written to the folder as soon as they are there.
    """
    seeing = needs_images(config, source)
    if isinstance(source, Samples):
        checked = samples.prepare_samples(config, source)
        return Learned(None, checked, checked, warnings=samples.sample_warnings(checked))
    check_manifest(config, source)
    if isinstance(source, FeatureTable):
        features = table_features(source, config.covariates)
    else:
        store, copies = Store(folder / "store"), config.duplicates == "merge"
        features = extract_cohort(source, config.extraction, store, progress, copies=copies)
    place = folder / "store" / "tensors"
    made: patches.Patches = {}
    if seeing and isinstance(source, Manifest):
        assemble_samples(config, source, features)  # what it refuses, before patches are made
        made, failed = patches.case_patches(config, source, features, place, progress)
        features = patches.without_failed(features, failed)
    if first_process():
        write_features(config, source, features, folder)
    table = assemble_samples(config, source, features)
    warned = data_warnings(config, source.rows, table)
    if not made:
        return Learned(features, table, table, warnings=warned)
    seen = patches.as_images(table, made)
    embedded = any("embedding" in spec for spec in config.models)
    kept = embedding.store_images(seen.x, place) if embedded else None
    return Learned(features, table, seen, kept, warned)


def splits_of(
    config: StudyConfig, source: Source, table: Samples, y: NDArray[Any] | None = None
) -> list[list[Split]]:
    """Return the outer splits of a study's samples, or those for another outcome ``y`` of them."""
    if isinstance(source, Samples):
        return samples.splits_of_samples(config, table)
    rows = source.rows.set_index("id").loc[list(table.ids)]
    return outer_splits(config, rows, table.y if y is None else y, table.groups)


def needs_images(config: StudyConfig, source: object) -> bool:
    """Tell whether models of a source see images of cases: networks, or embeddings of networks.

    Raises
    ------
    InputError
        For an embedding that no network makes, of a model that is a network itself, or where there
        are no images of cases.
    """
    cases = isinstance(source, Manifest)
    for spec in config.models:
        if "embedding" not in spec:
            continue
        name = str(spec["embedding"]["name"])
        if not is_network({k: v for k, v in spec["embedding"].items() if k != "components"}):
            rule = "an embedding is made by a network"
            raise InputError("models", rule, name, "choose one, such as cnn or resnet")
        if is_network(spec):
            rule = "embeddings join the columns of tabular models"
            raise InputError("models", rule, str(spec["name"]), "take its embedding out")
        if not cases:
            rule = "embeddings are made of images of cases"
            found = f"the source {config.data['name']}"
            raise InputError("models", rule, found, "take them out, or give a cohort of images")
    return cases and any(is_network(spec) or "embedding" in spec for spec in config.models)


def check_manifest(config: StudyConfig, manifest: Manifest | FeatureTable) -> None:
    """Demand usable columns, a target that fits the task, and enough patients, before any work."""
    rows = manifest.rows
    wanted = ("target", *config.covariates, *config.harmonisation.preserve)
    wanted += ("time",) if config.task == "survival" else ()
    wanted += ("site",) if _needs_sites(config) else ()
    wanted += ("split",) if config.evaluation.scheme == "external" else ()
    absent = [c for c in wanted if c not in rows]
    if absent:
        raise InputError(
            "manifest",
            f"the study reads the columns {', '.join(dict.fromkeys(wanted))}",
            f"no {', '.join(absent)}; columns: {', '.join(rows.columns)}",
            "add the column, or take it out of the config",
        )
    refused = [c for c in config.covariates if c in RESERVED or config.covariates.count(c) > 1]
    if refused:
        raise InputError(
            "covariates",
            "covariates are other columns than names, files and the target, each named once",
            ", ".join(sorted(set(refused))),
            "take them out: the target as a covariate would be a leak",
        )
    y, _ = outcome_of(config, rows)
    outer_splits(config, rows, y, rows["group"].to_numpy(dtype=str))


def _needs_sites(config: StudyConfig) -> bool:
    by_site = config.evaluation.by_site or config.evaluation.scheme == "leave_one_site_out"
    return by_site or config.harmonisation.method != "none"


def outcome_of(config: StudyConfig, rows: pd.DataFrame) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return the target of rows as numbers, and the names of the classes that they count.

    Raises
    ------
    InputError
        For gaps, or values that do not fit the task.
    """
    target = rows["target"]
    values = sorted(target.dropna().unique().tolist(), key=str)
    gaps = int(target.isna().sum())
    if config.task == "regression":
        numeric = np.array([float(v) if _is_number(v) else np.nan for v in target.tolist()])
        if not np.isfinite(numeric).all() or len(values) < 2:
            rule = "every case needs a number as its target, and they differ"
            found = f"{gaps} without one; values {values[:6]}"
            raise InputError("manifest", rule, found, "correct these rows, or set another task")
        return numeric, ()
    if config.task == "multiclass":
        if gaps or len(values) < 3:
            rule = "every case needs one of at least three classes"
            found = f"{gaps} without one; values {values[:6]}"
            raise InputError("manifest", rule, found, "fill those rows, or set task: binary")
        numbers = np.array([values.index(v) for v in target.tolist()], dtype=np.int64)
        return numbers, tuple(map(str, values))
    if gaps or len(values) != 2 or config.positive not in values:
        raise InputError(
            "manifest",
            f"every case needs one of two outcomes, one of them {config.positive!r} ('positive')",
            f"{gaps} without one; values {values[:6]}",
            "fill or remove those rows, or set 'positive' (in YAML, quote yes and no)",
        )
    other = next(v for v in values if v != config.positive)
    event = (target == config.positive).to_numpy().astype(np.int64)
    if config.task == "survival":
        return survival.outcome(event, _times(rows["time"])), ()
    return event, (str(other), str(config.positive))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _times(column: pd.Series[Any]) -> NDArray[np.float64]:
    times = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    wrong = np.flatnonzero(~(np.isfinite(times) & (times > 0)))
    if wrong.size:
        found = f"{wrong.size} rows, first {column.iloc[wrong[0]]} in row {wrong[0] + 2}"
        raise InputError("time", "survival times are numbers above 0", found, "correct these rows")
    return times


def outer_splits(
    config: StudyConfig, rows: pd.DataFrame, y: NDArray[Any], groups: NDArray[Any]
) -> list[list[Split]]:
    """Return the outer splits of rows, every patient on one side: once, or several times."""
    options = config.evaluation
    strata = stratification(y, config.task)
    if options.scheme == "external":
        return [fixed_split(rows["split"].to_numpy(), groups, _classes(config, strata))]
    sites = rows["site"].astype(str).to_numpy(dtype=str) if _needs_sites(config) else None
    if options.scheme == "leave_one_site_out" and sites is not None:
        return [leave_one_site_out(strata, groups, sites)]
    seeds = [config.seed + number for number in range(options.repeats)]
    spread = sites if options.by_site else None
    return repeated_folds(strata, groups, options.folds, seeds, spread)


def _classes(config: StudyConfig, strata: NDArray[Any]) -> NDArray[Any] | None:
    """Return what both parts of a split need each of: classes, or events and none."""
    return None if config.task == "regression" else strata


def assemble_samples(
    config: StudyConfig, manifest: Manifest | FeatureTable, features: CohortFeatures
) -> Samples:
    """Join features, covariates and site of the cases that were computed to Samples."""
    if features.table.empty:
        listed = "\n".join(f"{i}: {reason}" for i, reason in [*features.failures.items()][:10])
        raise InputError("features", "at least one case must succeed", listed, "see failures.json")
    rows = manifest.rows.set_index("id").loc[features.table.index]
    clash = [c for c in config.covariates if c in features.table]
    if clash:
        raise InputError(
            "covariates", "covariates and features have different names", ", ".join(clash), "rename"
        )
    joined = [*config.covariates, *config.harmonisation.preserve]
    joined += ["site"] if config.harmonisation.method != "none" else []
    table = features.table.join(rows[list(dict.fromkeys(joined))])
    y, classes = outcome_of(config, rows)
    ids = tuple(map(str, table.index))
    digests = features.voxels or {
        i: sha256(row.tobytes()).hexdigest()
        for i, row in zip(ids, features.table.to_numpy(dtype=np.float64), strict=True)
    }
    groups = rows["group"].to_numpy(dtype=str)
    return Samples(
        ids,
        join_duplicates(groups, digests, ids, config.duplicates),
        table.to_numpy(),
        y,
        tuple(map(str, table.columns)),
        classes=classes,
    )
