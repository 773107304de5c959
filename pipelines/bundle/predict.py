"""A trained study's model on new scans: extraction as in training, then the chain, then checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radiomics.extraction import extract
from radiomics.extraction.settings import ExtractionSettings, unit_in
from radiomics.io import read_image, read_mask
from radiomics.io.files.tables import Manifest, read_manifest, read_table
from radiomics.pipelines.bundle import bundle as bundles
from radiomics.pipelines.bundle.bundle import Bundle
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
    volume = read_image(image, series=series, **_reading(bundle))
    wanted = {key: value for key, value in choice.items() if key != "series"}
    region = read_mask(mask, like=volume, **wanted)
    name = image.resolve().name
    return _predicted(bundle, Case(name, name, volume, region, covariates=known))


def predict_manifest(
    bundle: Bundle, path: Path, progress: Progress = silent
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Predict for a cohort; return the rows, and the reasons of cases that failed."""
    if not bundle.about["images"]["units"]:
        return predict_table(bundle, path), {}
    manifest = read_manifest(path, _reading(bundle))
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
    return bundles.predict(bundle, table.set_axis(index, axis=0))


def _reading(bundle: Bundle) -> dict[str, str]:
    """Return how the images of training were read: repair, suv."""
    data = bundle.about["config"]["data"]
    return {key: data[key] for key in ("repair", "suv") if data.get(key)}


def _case(bundle: Bundle, manifest: Manifest, index: int) -> list[dict[str, Any]]:
    return _predicted(bundle, manifest.load(index))


def _predicted(bundle: Bundle, case: Case) -> list[dict[str, Any]]:
    """Predict for a case: its features, its image as networks see it, then what is unlike."""
    if case.mask is None:
        raise ValueError("no mask")
    row = _row(bundle, case.image, case.mask, dict(case.covariates), case.id)
    images = _tensor(bundle, case) if bundle.about["tensors"] else None
    done = bundles.predict(bundle, pd.DataFrame([row], index=[case.id]), images)
    done[0]["notes"] = "; ".join([n for n in (done[0]["notes"], *_grid(bundle, case.image)) if n])
    return done


def _tensor(bundle: Bundle, case: Case) -> NDArray[np.float32]:
    from radiomics.preprocessing.tensors import Options, case_tensor

    options = Options.model_validate(bundle.about["config"]["tensors"])
    return np.asarray(case_tensor(case, options).numpy())[None]  # (1, C, ...)


def _settings(bundle: Bundle) -> ExtractionSettings:
    return ExtractionSettings.model_validate(bundle.about["config"]["extraction"])


def _row(
    bundle: Bundle, image: Volume, mask: Volume, known: dict[str, Any], where: str
) -> dict[str, Any]:
    site = {"site": known["site"]} if known.get("site") else {}
    if not bundle.about["columns"]:
        return site
    features = extract(image, mask, _settings(bundle))
    wanted = [c for c in bundle.about["columns"] if c not in features]
    absent = [name for name in wanted if name not in known]
    if absent:
        found = f"no {', '.join(absent)}"
        remedy = "give each as --known name=value, or as a column of the manifest"
        raise InputError(where, "the model needs its covariates and site", found, remedy)
    numeric = bundle.about["ranges"]
    own = {n: float(known[n]) if n in numeric else known[n] for n in wanted}
    return {**features, **site, **own}


def _grid(bundle: Bundle, image: Volume) -> list[str]:
    """Say whether spacing or unit of an image are unlike those of training."""
    trained = bundle.about["images"]
    notes: list[str] = []
    unit, told = unit_in(image.unit, _settings(bundle))
    notes += told if bundle.about["columns"] else []
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
