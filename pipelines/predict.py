"""A trained study's model on new scans: extraction as in training, then the chain, then checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipelines import bundle as bundles
from pipelines.bundle import Bundle
from radiomics.extraction import extract
from radiomics.io import read_image, read_mask
from radiomics.io.table import Manifest, read_manifest, read_table
from radiomics.settings import ExtractionSettings
from radiomics.types import InputError, Progress, Volume, silent


def predict_scan(
    bundle: Bundle, image: Path, mask: Path, choice: dict[str, Any], known: dict[str, str]
) -> list[dict[str, Any]]:
    """Predict for one scan; ``known`` holds its covariates and site, ``choice`` the ROI."""
    volume = read_image(image, repair=bundle.about["config"]["data"].get("repair", "refuse"))
    region = read_mask(mask, like=volume, **choice)
    row = _row(bundle, volume, region, known, str(image))
    done = bundles.predict(bundle, pd.DataFrame([row], index=[image.name]))
    done[0]["notes"] = "; ".join([n for n in (done[0]["notes"], *_grid(bundle, volume)) if n])
    return done


def predict_manifest(
    bundle: Bundle, path: Path, progress: Progress = silent
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Predict for a cohort; return the rows, and the reasons of cases that failed."""
    if not bundle.about["images"]["units"]:
        return predict_table(bundle, path), {}
    manifest = read_manifest(path)
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


def _case(bundle: Bundle, manifest: Manifest, index: int) -> list[dict[str, Any]]:
    case = manifest.load(index)
    if case.mask is None:
        raise ValueError("no mask")
    row = _row(bundle, case.image, case.mask, dict(case.covariates), case.id)
    done = bundles.predict(bundle, pd.DataFrame([row], index=[case.id]))
    done[0]["notes"] = "; ".join([n for n in (done[0]["notes"], *_grid(bundle, case.image)) if n])
    return done


def _row(
    bundle: Bundle, image: Volume, mask: Volume, known: dict[str, Any], where: str
) -> dict[str, Any]:
    settings = ExtractionSettings.model_validate(bundle.about["config"]["extraction"])
    features = extract(image, mask, settings)
    wanted = [c for c in bundle.about["columns"] if c not in features]
    absent = [name for name in wanted if name not in known]
    if absent:
        found = f"no {', '.join(absent)}"
        remedy = "give them as name=value, or as columns of the manifest"
        raise InputError(where, "the model needs its covariates and site", found, remedy)
    numeric = bundle.about["ranges"]
    own = {n: float(known[n]) if n in numeric else known[n] for n in wanted}
    return {**features, **own}


def _grid(bundle: Bundle, image: Volume) -> list[str]:
    """Say whether spacing or unit of an image are unlike those of training."""
    trained = bundle.about["images"]
    notes = []
    if trained["units"] and image.unit not in trained["units"]:
        notes.append(f"unit {image.unit}, in training {', '.join(trained['units'])}")
    if trained["spacing_low"]:
        low, high = np.array(trained["spacing_low"]), np.array(trained["spacing_high"])
        spacing = np.array(image.spacing)
        if np.any(spacing < 0.9 * low) or np.any(spacing > 1.1 * high):
            shown = " x ".join(f"{s:.3g}" for s in spacing)
            notes.append(f"spacing {shown} mm lies outside that of training")
    return notes
