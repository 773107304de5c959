"""The files that a study leaves: features, predictions, metrics, models, provenance."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radiomics.evaluation.nested import grouped_frame
from radiomics.evaluation.tuning import Fitted
from radiomics.extraction import versions
from radiomics.io.files.tables import FeatureTable, Manifest
from radiomics.pipelines.bundle.model import FORMAT
from radiomics.pipelines.bundle.save import save
from radiomics.pipelines.provenance import first_process, installed
from radiomics.pipelines.store import without_nan, write_whole
from radiomics.pipelines.study.config import StudyConfig
from radiomics.pipelines.study.features import CohortFeatures
from radiomics.pipelines.study.networks import Network
from radiomics.pipelines.study.results import Study
from radiomics.plugins import external_plugins, version_of
from radiomics.types import Predictions, Samples

FIRST = "model.zip"
"""The bundle of a study's first model; the others lie under models/."""
NO_COLUMNS: dict[str, Any] = {"columns": [], "ranges": {}, "levels": {}}


def write_features(
    config: StudyConfig,
    source: Manifest | FeatureTable,
    features: CohortFeatures,
    folder: Path,
) -> None:
    """Write the features as Parquet, the failures and the provenance as JSON."""
    table = features.table.rename_axis("id").reset_index()
    _write_parquet(table, folder / "features.parquet")
    _write_json(features.failures, folder / "failures.json")
    _write_json(provenance_of(config, source, features), folder / "provenance.json")


def provenance_of(
    config: StudyConfig, source: Manifest | FeatureTable, features: CohortFeatures
) -> dict[str, Any]:
    """Return all that a reviewer needs to repeat the study; no folders of the machine, no clock."""
    rows = source.rows.drop(columns=["image", "mask"], errors="ignore")
    table = rows.to_csv(index=False, lineterminator="\n")
    return {
        "config": config.published(),
        "versions": installed(),
        "code": versions(config.extraction) | _versions_of_plugins(config),
        "machine": {"system": platform.system(), "processor": platform.machine()},
        "manifest_sha256": sha256(table.encode()).hexdigest(),
        "images_sha256": features.images,
        "masks_sha256": features.masks,
        "verdicts": features.verdicts,
        "notes": features.notes,
        "missing": features.missing,
        "failures": features.failures,
    }


def _versions_of_plugins(config: StudyConfig) -> dict[str, int | str]:
    """Return the versions of the source, models and selectors that other packages add."""
    used = [("datasets", config.data), *(("models", spec) for spec in config.models)]
    used += [("selection", spec) for spec in config.selection]
    return {
        f"{kind}.{spec['name']}": version_of(f"radiomics.{kind}", spec["name"])
        for kind, spec in used
        if spec["name"] in external_plugins(f"radiomics.{kind}")
    }


def write_study(study: Study, final: Mapping[str, Fitted | Network]) -> None:
    """Write what the models reached, the bundles of those fitted to all cases, and networks."""
    write_outcomes(study)
    write_bundles(study, final)
    write_networks(study)


def write_outcomes(study: Study) -> None:
    """Write the predictions as Parquet, the metrics, comparisons and choices as JSON."""
    parts = [
        _prediction_frame(outcome.predictions, outcome.samples.classes).assign(model=name)
        for name, outcome in study.outcomes.items()
    ]
    table = pd.concat(parts, ignore_index=True)
    table.insert(0, "model", table.pop("model"))
    _write_parquet(table, study.folder / "predictions.parquet")
    metrics = {
        name: {metric: vars(estimate) for metric, estimate in outcome.estimates.items()}
        for name, outcome in study.outcomes.items()
    }
    _write_json(metrics, study.folder / "metrics.json")
    compared = {
        "comparisons": [asdict(comparison) for comparison in study.comparisons],
        "permutation": study.permuted and {"p": study.permuted[0], "reached": study.permuted[1]},
        "warnings": study.warnings,
    }
    _write_json(compared, study.folder / "comparisons.json")
    _write_json(_choices(study), study.folder / "choices.json")


def _choices(study: Study) -> dict[str, Any]:
    """Return for each model and outer fold the candidate chosen, its threshold and its columns."""
    found: dict[str, Any] = {}
    for name, outcome in study.outcomes.items():
        folds = [fold for fold in outcome.fitted if hasattr(fold, "chain")]
        if folds and outcome.candidates:
            found[name] = [
                {
                    "candidate": outcome.candidates[fold.chosen],
                    "inner": fold.inner,
                    "threshold": fold.threshold,
                    "columns": [str(c) for c in fold.chain[:-1].get_feature_names_out()],
                    "warnings": list(fold.warnings),
                }
                for fold in folds
            ]
    return found


def _prediction_frame(p: Predictions, classes: tuple[str, ...]) -> pd.DataFrame:
    """Return a row a sample; of many classes, the probability of each and the most probable."""
    columns: dict[str, Any] = {"id": p.ids, "group": p.groups, "fold": p.fold, "y_true": p.y_true}
    if p.y_true.dtype.names:
        columns |= {"y_true": p.y_true["event"], "time": p.y_true["time"]}
        each = {f"event_{k}": p.y_score[:, k] for k in range(p.y_score.shape[1])}
        return pd.DataFrame(columns | each)
    if p.y_score.ndim == 1:
        return pd.DataFrame(columns | {"y_score": p.y_score, "threshold": p.threshold})
    each = {f"score_{name}": p.y_score[:, k] for k, name in enumerate(classes)}
    return pd.DataFrame(columns | {"y_pred": p.y_score.argmax(axis=1)} | each)


def write_networks(study: Study) -> None:
    """Write the network of each fold, with its card, and the history of its training as CSV."""
    for name, outcome in study.outcomes.items():
        values = without_nan({metric: e.value for metric, e in outcome.estimates.items()})
        for fold, model in enumerate(outcome.fitted):
            if not hasattr(model, "save"):
                continue
            folder = study.folder / "networks" / name
            folder.mkdir(parents=True, exist_ok=True)
            model.save(folder / f"fold-{fold}.safetensors", values)
            history = pd.DataFrame(model.trained.history)
            text = history.to_csv(index=False, lineterminator="\n")
            write_whole(folder / f"fold-{fold}-history.csv", text)


def sites_of(source: Any) -> list[str]:
    """Return the sites of a cohort or table, none where it does not tell them."""
    rows = getattr(source, "rows", None)
    if rows is None or "site" not in rows:
        return []
    return sorted(rows["site"].dropna().astype(str).unique().tolist())


def write_bundles(study: Study, final: Mapping[str, Fitted | Network]) -> None:
    """Write a bundle of each model that was fitted to all cases."""
    if study.features is None:
        return
    config = study.config
    training = describe_training(config, study.table, study.features.grids)
    training |= {"sites": sites_of(study.source)}
    for number, (name, fitted) in enumerate(final.items()):
        reached = without_nan({n: vars(e) for n, e in study.outcomes[name].estimates.items()})
        spec = config.models[number]
        path = study.folder / FIRST
        if number:
            path = study.folder / "models" / f"{name.replace(' ', '_')}.zip"
            path.parent.mkdir(exist_ok=True)
        tensors = "embedding" in spec
        model: dict[str, Any] = {"model": spec, "estimates": reached}
        if isinstance(fitted, Network):
            tensors = fitted.design is None
            model |= NO_COLUMNS if tensors else {}
        save(fitted, {**training, **model, "tensors": tensors}, path)


def describe_training(
    config: StudyConfig, samples: Samples, grids: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a bundle tells of its training data, besides the model."""
    table = grouped_frame(samples)
    numbers = table.select_dtypes("number")
    spacing = np.array([g["spacing"] for g in grids.values()]) if grids else np.zeros((0, 3))
    return {
        "format": FORMAT,
        "task": config.task,
        "classes": list(samples.classes),
        "columns": list(table.columns),
        "features": [c for c in table if c not in {*config.covariates, "site"}],
        "covariates": list(config.covariates),
        "ranges": {
            str(c): {"low": float(numbers[c].min()), "high": float(numbers[c].max())}
            for c in numbers
        },
        "levels": {
            str(c): sorted(table[c].astype(str).unique().tolist())
            for c in table
            if c not in numbers
        },
        "images": {
            "spacing_low": spacing.min(axis=0).tolist() if len(spacing) else None,
            "spacing_high": spacing.max(axis=0).tolist() if len(spacing) else None,
            "units": sorted({g["unit"] for g in grids.values()}),
        },
        "patients": len(np.unique(samples.groups)),
        "config": config.published(),
        "versions": installed(),
    }


def external_warnings(config: StudyConfig, folder: Path) -> list[str]:
    """Note that the external part was opened with a config; return a warning after the first.

    The same config again is the same opening. The log lies beside the results. Studies without an
    external part, and all processes but the first, note nothing.
    """
    if config.evaluation.scheme != "external" or not first_process():
        return []
    path = folder / "external.json"
    opened: list[str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    key = sha256(json.dumps(config.published(), sort_keys=True).encode()).hexdigest()
    if key not in opened:
        opened.append(key)
    write_whole(path, json.dumps(opened, indent=1) + "\n")
    if len(opened) == 1:
        return []
    return [
        f"the external part was opened with {len(opened)} configs: choices may have followed it"
    ]


def _write_json(values: dict[str, Any], path: Path) -> None:
    text = json.dumps(without_nan(values), indent=1, sort_keys=True, allow_nan=False)
    write_whole(path, text + "\n")


def _write_parquet(table: pd.DataFrame, path: Path) -> None:
    temporary = path.with_name(f".{path.name}.part")
    table.to_parquet(temporary, index=False)
    temporary.replace(path)
