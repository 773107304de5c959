"""A trained model in one safe archive: skops, safetensors and JSON, no pickle, no clock."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io
from sklearn.pipeline import Pipeline

from radiomics.evaluation.calibration import Recalibration
from radiomics.evaluation.tuning import Fitted, Plan
from radiomics.pipelines.bundle.archive import dump_chain, pack
from radiomics.pipelines.study import embedding
from radiomics.pipelines.study.networks import Applied, Network, architecture
from radiomics.plugins import from_plugin
from radiomics.types import InputError

FORMAT = 3
BUNDLE, CHAIN, NETWORK = "bundle.json", "chain.skops", "network.safetensors"
TRUSTED = (
    "numpy.dtype",
    "radiomics.pipelines.study.embedding.Embedding",
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

    ``fitted`` is a chain, or a network with the preparation of its rows. ``about`` holds the task,
    classes, columns, ranges of the training data, extraction settings, grids, sites, versions and
    estimates; ``columns`` are those that the model reads, and ``tensors`` says whether it sees
    images.
    """

    fitted: Fitted | Applied
    about: dict[str, Any]

    def check(self, table: pd.DataFrame) -> list[list[str]]:
        """Return for each row why the model may not apply: values or sites unlike its training."""
        if not self.about["columns"]:
            return [self._strange(table.iloc[row]) for row in range(len(table))]
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
        levels = dict(self.about["levels"])
        if self.about["sites"] and "site" in row:
            levels["site"] = self.about["sites"]
        return [
            f"{name} {row[name]!s} was not in training"
            for name, known in levels.items()
            if str(row[name]) not in known
        ]


def save(fitted: Fitted | Network, about: Mapping[str, Any], path: Path) -> None:
    """Write a bundle; the file stands there whole or not at all, and the same model is the same."""
    entries: dict[str, bytes] = {}
    if isinstance(fitted, Network):
        from radiomics.training import card

        known = fitted.about({n: e["value"] for n, e in about["estimates"].items()})
        entries[NETWORK] = card.dumps(fitted.trained, known)
        applied = fitted.applied
        if applied is not None and applied.preparation is not None:
            entries[CHAIN] = dump_chain(applied.preparation)
        record = {**about, "threshold": 0.5, "recalibration": None, "times": list(fitted.times)}
    else:
        entries[CHAIN] = dump_chain(_without_images(fitted.chain))
        recalibration = fitted.recalibration
        record = {
            **about,
            "threshold": fitted.threshold,
            "recalibration": vars(recalibration) if recalibration else None,
            "times": list(fitted.plan.times),
        }
    entries[BUNDLE] = json.dumps(record, indent=1, sort_keys=True).encode()
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_bytes(pack(entries))
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
            entries = {name: archive.read(name) for name in archive.namelist()}
        about = json.loads(entries[BUNDLE])
        if about["format"] != FORMAT:
            raise KeyError(f"format {about['format']}, this version reads {FORMAT}")
        if NETWORK not in entries and CHAIN not in entries:
            raise KeyError("no model in it")
        chain = entries.get(CHAIN)
        names = [] if chain is None else skops.io.get_untrusted_types(data=chain)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        rule = "a bundle is the archive model.zip that a study writes"
        raise InputError(path, rule, f"{type(error).__name__}: {error}", "give that file") from None
    foreign = [name for name in names if name not in TRUSTED and not from_plugin(name)]
    if foreign:
        remedy = "do not use this file"
        raise InputError(path, "a bundle holds known classes", ", ".join(foreign[:3]), remedy)
    steps = None if chain is None else skops.io.loads(chain, trusted=names)
    if NETWORK in entries:
        known, applied = _network(entries[NETWORK], steps, about)
        if known["config"] != about["config"] or known["model"] != architecture(about["model"]):
            rule = "a bundle holds the network that it tells of"
            raise InputError(path, rule, "that of another study", "give the file of the study")
        return Bundle(applied, about)
    kept = about["recalibration"]
    fitted = Fitted(
        steps,
        Plan(about["task"], times=tuple(about["times"])),
        recalibration=Recalibration(kept["offset"], kept["factor"]) if kept else None,
        threshold=about["threshold"],
    )
    return Bundle(fitted, about)


def predict(bundle: Bundle, table: pd.DataFrame, images: Any = None) -> list[dict[str, Any]]:
    """Return a prediction for each row of a table with the bundle's columns, with notes.

    Parameters
    ----------
    table : (N, F), its index naming the cases
    images : (N, C, ...) of the same cases, for a model that sees images

    Raises
    ------
    InputError
        When columns, or the images, are missing; for words or infinities among the numbers.
    """
    columns = bundle.about["columns"]
    absent = [name for name in columns if name not in table]
    if absent:
        found = f"{len(absent)} missing: {', '.join(absent[:5])}"
        raise InputError("table", "the model needs the columns of its training", found, "add them")
    if bundle.about["tensors"] and images is None:
        remedy = "give image and mask, or a manifest of them"
        raise InputError("table", "this model sees images", "a table alone", remedy)
    known = _checked(bundle, table[columns])
    scores = bundle.fitted.predict(_given(bundle, known, images))
    site = [table["site"].astype(str)] if "site" in table and "site" not in known else []
    notes = bundle.check(pd.concat([known, *site], axis=1))
    return [
        {"id": str(name), **_said(bundle, score), "notes": "; ".join(found)}
        for name, score, found in zip(table.index, scores, notes, strict=True)
    ]


def _checked(bundle: Bundle, table: pd.DataFrame) -> pd.DataFrame:
    """Demand finite numbers, or gaps, where training had numbers."""
    numbers = {name: pd.to_numeric(table[name], errors="coerce") for name in bundle.about["ranges"]}
    for name, column in numbers.items():
        wrong = (column.isna() & table[name].notna()) | np.isinf(column.astype(np.float64))
        if wrong.any():
            found = f"{name}: {table[name][wrong].iloc[0]} in {table.index[wrong][0]}"
            remedy = "correct the table; a gap is imputed as in training"
            raise InputError("table", "the model takes finite numbers here", found, remedy)
    return table.assign(**numbers)


def _given(bundle: Bundle, table: pd.DataFrame, images: Any) -> Any:
    """Return what the model is given: images, a table, or a table that says where images lie."""
    if not bundle.about["tensors"]:
        return table
    if isinstance(bundle.fitted, Applied):
        return images
    for step in _embeddings(bundle.fitted.chain):
        step.images = embedding.Images(array=images)
    return table.assign(**{embedding.ROW: np.arange(len(table), dtype=np.int64)})


def _network(
    data: bytes, steps: Pipeline | None, about: Mapping[str, Any]
) -> tuple[dict[str, Any], Applied]:
    """Return what the card of a network says, and the network."""
    from radiomics.training import card

    kept: dict[str, Any] = {}

    def build(told: dict[str, Any]) -> Any:
        kept.update(told)
        return embedding.from_card(told)

    trained = card.loads(data, build)
    hazard = kept.get("baseline_hazard")
    known = None
    if hazard is not None:
        known = np.array(hazard["times"]), np.array(hazard["cumulative"])
    return kept, Applied(trained, steps, tuple(about["times"]), known)


def _embeddings(chain: Pipeline) -> list[embedding.Embedding]:
    """Return the networks that a fitted chain holds."""
    parts = [
        part
        for _, step in chain.steps
        for _, part, _ in getattr(step, "transformers_", ())
        if isinstance(part, Pipeline)
    ]
    return [s for part in parts for _, s in part.steps if isinstance(s, embedding.Embedding)]


def _without_images(chain: Pipeline) -> Pipeline:
    """Return a chain that names no file of this machine."""
    if not _embeddings(chain):
        return chain
    bare = deepcopy(chain)
    for _, step in bare.steps:
        for _, part, _ in getattr(step, "transformers", ()):
            for _, inner in part.steps if isinstance(part, Pipeline) else ():
                if isinstance(inner, embedding.Embedding):
                    inner.images = None
    for inner in _embeddings(bare):
        inner.images = None
    return bare


def _said(bundle: Bundle, score: Any) -> dict[str, Any]:
    task, classes = bundle.about["task"], bundle.about["classes"]
    if task == "binary":
        threshold = bundle.about["threshold"]
        called = classes[int(score >= threshold)]
        return {f"probability_{classes[1]}": float(score), "threshold": threshold, "called": called}
    if task == "multiclass":
        each = {f"probability_{c}": float(s) for c, s in zip(classes, score, strict=True)}
        return each | {"called": classes[int(np.argmax(score))]}
    if task == "survival":
        times = bundle.about["times"]
        return {f"event_by_{t:g}": float(s) for t, s in zip(times, score, strict=True)}
    return {"predicted": float(score)}
