"""A trained study in one safe archive: chain by skops, everything else as JSON, no pickle."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io
from numpy.typing import NDArray

from pipelines.config import StudyConfig
from pipelines.environment import installed
from radiomics.evaluation.calibration import Recalibration
from radiomics.evaluation.nested import grouped_frame
from radiomics.evaluation.tuning import Fitted, Plan
from radiomics.types import InputError, Samples

FORMAT = 1
TRUSTED = (
    "numpy.dtype",
    "radiomics.models.cox.Cox",
    "radiomics.models.elastic_net.RidgeMean",
    "radiomics.models.knn.Classifier",
    "radiomics.models.knn.Regressor",
    "radiomics.preprocessing.combat.ComBat",
    "radiomics.preprocessing.site_scaling.SiteScaler",
    "radiomics.selection.correlation.Correlation",
    "radiomics.selection.elastic_net.ElasticNetSelector",
    "radiomics.selection.mrmr.Mrmr",
    "radiomics.selection.stability.Options",
    "radiomics.selection.stability.Stability",
    "radiomics.selection.univariate.Univariate",
    "radiomics.selection.variance.Variance",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.tree._tree.Tree",
)
"""Classes that a bundle may hold besides those that skops trusts by itself."""


@dataclass(frozen=True, eq=False)
class Bundle:
    """A model with all that it takes to apply it to a new scan.

    ``about`` holds the task, classes, columns, ranges of the training data, extraction settings,
    grids, sites, versions and estimates.
    """

    fitted: Fitted
    about: dict[str, Any]

    def check(self, table: pd.DataFrame) -> list[list[str]]:
        """Return for each row why the model may not apply: values or sites unlike its training."""
        ranges = pd.DataFrame(self.about["ranges"]).T  # columns low, high
        numbers = table[list(ranges.index)].to_numpy(dtype=np.float64)
        low, high = (ranges[side].to_numpy(dtype=np.float64) for side in ("low", "high"))
        outside = (numbers < low) | (numbers > high)
        notes: list[list[str]] = []
        for row in range(len(table)):
            names = [str(n) for n in ranges.index[outside[row]]]
            gaps = int(np.isnan(numbers[row]).sum())
            found = [f"{len(names)} values outside the training range: {', '.join(names[:5])}"]
            found = found if names else []
            found += [f"{gaps} values missing"] if gaps else []
            notes.append(found + self._strange(table.iloc[row]))
        return notes

    def _strange(self, row: pd.Series[Any]) -> list[str]:
        return [
            f"{name} {row[name]!s} was not in training"
            for name, known in self.about["levels"].items()
            if str(row[name]) not in known
        ]


def describe(config: StudyConfig, samples: Samples, grids: Mapping[str, Any]) -> dict[str, Any]:
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


def save(fitted: Fitted, about: Mapping[str, Any], path: Path) -> None:
    """Write a bundle; the file stands there whole or not at all."""
    recalibration = fitted.recalibration
    record = {
        **about,
        "threshold": fitted.threshold,
        "recalibration": vars(recalibration) if recalibration else None,
        "times": list(fitted.plan.times),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bundle.json", json.dumps(record, indent=1, sort_keys=True))
        archive.writestr("chain.skops", skops.io.dumps(fitted.chain))
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_bytes(buffer.getvalue())
    temporary.replace(path)


def load(path: Path) -> Bundle:
    """Read a bundle; nothing in it is run, and no class from elsewhere is made.

    Raises
    ------
    InputError
        For a file that is no bundle, another format, or one that names classes it should not.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            about = json.loads(archive.read("bundle.json"))
            chain = archive.read("chain.skops")
        if about["format"] != FORMAT:
            raise KeyError(f"format {about['format']}")
        names = skops.io.get_untrusted_types(data=chain)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        rule = "a bundle is the archive model.zip that a study writes"
        raise InputError(path, rule, f"{type(error).__name__}: {error}", "give that file") from None
    foreign = [name for name in names if name not in TRUSTED]
    if foreign:
        remedy = "do not use this file"
        raise InputError(path, "a bundle holds known classes", ", ".join(foreign[:3]), remedy)
    plan = Plan(about["task"], times=tuple(about["times"]))
    kept = about["recalibration"]
    recalibration = Recalibration(kept["offset"], kept["factor"]) if kept else None
    fitted = Fitted(
        skops.io.loads(chain, trusted=names),
        plan,
        recalibration=recalibration,
        threshold=about["threshold"],
    )
    return Bundle(fitted, about)


def predict(bundle: Bundle, table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a prediction for each row of a table with the bundle's columns, with notes.

    Raises
    ------
    InputError
        When columns are missing.
    """
    columns = bundle.about["columns"]
    absent = [name for name in columns if name not in table]
    if absent:
        found = f"{len(absent)} missing: {', '.join(absent[:5])}"
        raise InputError("table", "the model needs the columns of its training", found, "add them")
    known = table[columns]
    scores: NDArray[np.float64] = bundle.fitted.predict(known)
    notes = bundle.check(known)
    return [
        {"id": str(name), **_said(bundle, score), "notes": "; ".join(found)}
        for name, score, found in zip(table.index, scores, notes, strict=True)
    ]


def _said(bundle: Bundle, score: Any) -> dict[str, Any]:
    task, classes = bundle.about["task"], bundle.about["classes"]
    if task == "binary":
        called = classes[int(score >= bundle.fitted.threshold)]
        threshold = bundle.fitted.threshold
        return {f"probability_{classes[1]}": float(score), "threshold": threshold, "called": called}
    if task == "multiclass":
        each = {f"probability_{c}": float(s) for c, s in zip(classes, score, strict=True)}
        return each | {"called": classes[int(np.argmax(score))]}
    if task == "survival":
        times = bundle.fitted.plan.times
        return {f"event_by_{t:g}": float(s) for t, s in zip(times, score, strict=True)}
    return {"predicted": float(score)}
