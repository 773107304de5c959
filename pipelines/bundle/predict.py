"""A trained study's model on new scans: extraction as in training, then the chain, then checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radiomics.extraction import compute, prepare
from radiomics.extraction.settings import ExtractionSettings, unit_in
from radiomics.io import read_image, read_mask
from radiomics.io.files.tables import Manifest, read_manifest, read_table
from radiomics.pipelines.bundle.model import Bundle, embeddings_in
from radiomics.pipelines.study import embedding
from radiomics.pipelines.study.networks import Applied
from radiomics.types import Case, InputError, Progress, Volume, silent


def predict_scan(
    bundle: Bundle, image: Path, mask: Path, choice: dict[str, Any], known: dict[str, str]
) -> list[dict[str, Any]]:
    """Predict for one scan, read as those of training were: repaired, and PET as SUV.

    Parameters
    ----------
    choice : ``series`` of the image, and ``roi``, ``label`` or ``segment`` of the mask
    known : covariates and site
    """
    series = choice.get("series")
    volume = read_image(image, series=series, **_reading_options(bundle))
    wanted = {key: value for key, value in choice.items() if key != "series"}
    region = read_mask(mask, like=volume, **wanted)
    name = image.resolve().name
    return _predict_case(bundle, Case(name, name, volume, region, covariates=known))


def predict_manifest(
    bundle: Bundle, path: Path, progress: Progress = silent
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Predict for a cohort; return the rows, and the reasons of cases that failed."""
    if not bundle.description["images"]["units"]:
        return predict_table(bundle, path), {}
    manifest = read_manifest(path, _reading_options(bundle))
    rows: list[dict[str, Any]] = []
    failed: dict[str, str] = {}
    for index in range(len(manifest)):
        name = str(manifest.rows["id"].iloc[index])
        try:
            rows += _case(bundle, manifest, index)
        except (InputError, ValueError, OSError) as error:
            failed[name] = str(error).splitlines()[0]
        progress("cases", index + 1, len(manifest))
    return rows, failed


def predict_table(bundle: Bundle, path: Path) -> list[dict[str, Any]]:
    """Predict for the rows of a table of features."""
    table = read_table(path)
    index = table["id"] if "id" in table else pd.RangeIndex(1, len(table) + 1)
    return predict_rows(bundle, table.set_axis(index, axis=0))


def _reading_options(bundle: Bundle) -> dict[str, str]:
    """Return how the images of training were read: repair, suv, spacing, channel."""
    data = bundle.description["config"]["data"]
    names = ("repair", "suv", "spacing", "channel")
    return {key: str(data[key]) for key in names if data.get(key)}


def _case(bundle: Bundle, manifest: Manifest, index: int) -> list[dict[str, Any]]:
    return _predict_case(bundle, manifest.load(index))


def _predict_case(bundle: Bundle, case: Case) -> list[dict[str, Any]]:
    """Predict for a case: its features, its image as networks see it, then what is unlike."""
    if case.mask is None:
        raise ValueError("no mask")
    row = _feature_row(bundle, case.image, case.mask, dict(case.covariates), case.id)
    images = _tensor(bundle, case) if bundle.description["tensors"] else None
    done = predict_rows(bundle, pd.DataFrame([row], index=[case.id]), images)
    done[0]["notes"] = "; ".join(
        [n for n in (done[0]["notes"], *_grid_notes(bundle, case.image)) if n]
    )
    return done


def _tensor(bundle: Bundle, case: Case) -> NDArray[np.float32]:
    from radiomics.preprocessing.tensors import Options, case_tensor

    options = Options.model_validate(bundle.description["config"]["tensors"])
    return np.asarray(case_tensor(case, options).numpy())[None]  # (1, C, ...)


def _settings(bundle: Bundle) -> ExtractionSettings:
    return ExtractionSettings.model_validate(bundle.description["config"]["extraction"])


def _feature_row(
    bundle: Bundle, image: Volume, mask: Volume, known: dict[str, Any], where: str
) -> dict[str, Any]:
    site = {"site": known["site"]} if known.get("site") else {}
    if not bundle.description["columns"]:
        return site
    settings = _settings(bundle)
    features = compute(prepare(image, mask, settings), settings).features
    wanted = [c for c in bundle.description["columns"] if c not in features]
    absent = [name for name in wanted if name not in known]
    if absent:
        found = f"no {', '.join(absent)}"
        remedy = "give each as --known name=value, or as a column of the manifest"
        raise InputError(where, "the model needs its covariates and site", found, remedy)
    numeric = bundle.description["ranges"]
    own = {n: float(known[n]) if n in numeric else known[n] for n in wanted}
    return {**features, **site, **own}


def _grid_notes(bundle: Bundle, image: Volume) -> list[str]:
    """Say whether spacing or unit of an image are unlike those of training."""
    trained = bundle.description["images"]
    notes: list[str] = []
    unit, told = unit_in(image.unit, _settings(bundle))
    notes += told if bundle.description["columns"] else []
    if trained["units"] and unit not in trained["units"]:
        usual = ", ".join(unit or "not told" for unit in trained["units"])
        notes.append(f"unit {unit or 'not told'}, in training {usual}")
    if trained["spacing_low"]:
        low, high = np.array(trained["spacing_low"]), np.array(trained["spacing_high"])
        spacing = np.array(image.spacing)
        if np.any(spacing < 0.9 * low) or np.any(spacing > 1.1 * high):
            shown = " x ".join(f"{s:.3g}" for s in spacing)
            notes.append(f"spacing {shown} mm lies outside that of training")
    return notes


def predict_rows(bundle: Bundle, table: pd.DataFrame, images: Any = None) -> list[dict[str, Any]]:
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
    columns = bundle.description["columns"]
    absent = [name for name in columns if name not in table]
    if absent:
        found = f"{len(absent)} missing: {', '.join(absent[:5])}"
        raise InputError("table", "the model needs the columns of its training", found, "add them")
    if bundle.description["tensors"] and images is None:
        remedy = "give image and mask, or a manifest of them"
        raise InputError("table", "this model sees images", "a table alone", remedy)
    known = _check_numbers(bundle, table[columns])
    scores = bundle.fitted.predict(_model_input(bundle, known, images))
    site = [table["site"].astype(str)] if "site" in table and "site" not in known else []
    notes = bundle.check(pd.concat([known, *site], axis=1))
    return [
        {"id": str(name), **_prediction(bundle, score), "notes": "; ".join(found)}
        for name, score, found in zip(table.index, scores, notes, strict=True)
    ]


def _check_numbers(bundle: Bundle, table: pd.DataFrame) -> pd.DataFrame:
    """Demand finite numbers, or gaps, where training had numbers."""
    numbers = {
        name: pd.to_numeric(table[name], errors="coerce") for name in bundle.description["ranges"]
    }
    for name, column in numbers.items():
        wrong = (column.isna() & table[name].notna()) | np.isinf(column.astype(np.float64))
        if wrong.any():
            found = f"{name}: {table[name][wrong].iloc[0]} in {table.index[wrong][0]}"
            remedy = "correct the table; a gap is imputed as in training"
            raise InputError("table", "the model takes finite numbers here", found, remedy)
    return table.assign(**numbers)


def _model_input(bundle: Bundle, table: pd.DataFrame, images: Any) -> Any:
    """Return what the model is given: images, a table, or a table that says where images lie."""
    if not bundle.description["tensors"]:
        return table
    if isinstance(bundle.fitted, Applied):
        return images
    for step in embeddings_in(bundle.fitted.chain):
        step.images = embedding.Images(array=images)
    return table.assign(**{embedding.ROW: np.arange(len(table), dtype=np.int64)})


def _prediction(bundle: Bundle, score: Any) -> dict[str, Any]:
    """Return one score in the words of its task."""
    task, classes = bundle.description["task"], bundle.description["classes"]
    if task == "binary":
        threshold = bundle.description["threshold"]
        called = classes[int(score >= threshold)]
        return {f"probability_{classes[1]}": float(score), "threshold": threshold, "called": called}
    if task == "multiclass":
        each = {f"probability_{c}": float(s) for c, s in zip(classes, score, strict=True)}
        return each | {"called": classes[int(np.argmax(score))]}
    if task == "survival":
        times = bundle.description["times"]
        return {f"event_by_{t:g}": float(s) for t, s in zip(times, score, strict=True)}
    return {"predicted": float(score)}
