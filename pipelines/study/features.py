"""Features of a cohort: each case computed once, found again by content, failures kept apart."""

from __future__ import annotations

import os
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from radiomics.extraction import compute, prepare, versions
from radiomics.extraction.settings import ExtractionSettings, unit_in
from radiomics.io import file_parts
from radiomics.io.files.tables import FeatureTable, Manifest
from radiomics.kernels.fingerprint import fingerprint
from radiomics.pipelines.batch.statuses import DONE, STATUSES
from radiomics.pipelines.store import Store, digest_file, key
from radiomics.types import InputError, Progress, silent

NAMING = re.compile(
    r"^(patient|subject|participant|person|case|scan|mrn|pid)s?"
    r"[ _.-]*(id|no|nr|num|number|name|key|code)?$",
    re.IGNORECASE,
)
"""Names of columns that tell patients apart: as features they let a model know them again."""
BATCH = ("roi", "status", "reason", "verdict", "notes")
"""Columns of a batch's table that are no features."""
KEPT = ("values", "missing", "notes", "verdict", "grid", "voxels")
"""What a stored record has."""


@dataclass(frozen=True, eq=False)
class CohortFeatures:
    """What was computed for a cohort.

    ``table`` is (cases x features), indexed by id; ``failures`` id to reason; ``images`` and
    ``masks`` id to SHA-256; ``missing`` counts the cases in which a feature has no value;
    ``verdicts`` id to what was said of its DICOM series; ``notes`` id to what was noted of, or
    done to, its image or mask while reading; ``grids`` id to spacing (mm) and unit of its image;
    ``voxels`` id to what tells copies of an image, also in another format.
    """

    table: pd.DataFrame
    failures: dict[str, str]
    images: dict[str, str]
    masks: dict[str, str]
    missing: dict[str, int]
    verdicts: dict[str, str]
    notes: dict[str, list[str]]
    reused: int
    grids: dict[str, dict[str, Any]] = field(default_factory=dict)
    voxels: dict[str, str] = field(default_factory=dict)


def extract_cohort(
    manifest: Manifest,
    settings: ExtractionSettings,
    store: Store,
    progress: Progress = silent,
    *,
    copies: bool = False,
) -> CohortFeatures:
    """Extract the features of every case, in threads; the order is that of the manifest.

    A result is taken from the store when image, mask, ROI, settings and code versions are the
    same. A case that fails is recorded with its reason and does not stop the others.

    Raises
    ------
    InputError
        When patients share an image, without ``copies``: they would stand on both sides of a split.
    """
    context = [settings.model_dump(mode="json"), versions(settings)]
    records: list[dict[str, Any]] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = range(len(manifest))
        for record in pool.map(lambda i: _case_record(manifest, i, settings, context, store), jobs):
            records.append(record)
            progress("features", len(records), len(manifest))
    ids = manifest.rows["id"].tolist()
    by_id = dict(zip(ids, records, strict=True))
    values = {i: r["values"] for i, r in by_id.items() if "values" in r}
    images = {i: r["image"] for i, r in by_id.items() if r.get("image")}
    voxels = {i: r.get("voxels") or r["image"] for i, r in by_id.items() if i in images}
    if not copies:
        _check_distinct(manifest, voxels)
    return CohortFeatures(
        pd.DataFrame.from_dict(values, orient="index"),
        {i: r["error"] for i, r in by_id.items() if "error" in r},
        images,
        {i: r["mask"] for i, r in by_id.items() if r.get("mask")},
        dict(sorted(Counter(c for r in records for c in r.get("missing", ())).items())),
        {i: r["verdict"] for i, r in by_id.items() if r.get("verdict")},
        {i: r["notes"] for i, r in by_id.items() if r.get("notes")},
        sum(bool(r.get("reused")) for r in records),
        {i: r["grid"] for i, r in by_id.items() if r.get("grid")},
        voxels,
    )


def _case_record(
    manifest: Manifest, index: int, settings: ExtractionSettings, context: list[Any], store: Store
) -> dict[str, Any]:
    record: dict[str, Any] = {"image": "", "mask": ""}
    name = ""
    try:
        image, mask = manifest.files(index)
        record = {"image": _digest(image), "mask": _digest(mask)}
        row = manifest.rows.iloc[index]
        choice = [row[column] for column in ("series", "roi", "label", "segment")]
        name = key([*context, *record.values(), *choice, dict(manifest.reading)])
        known = store.get(name)
        if known is not None and set(KEPT) <= set(known):
            return {**known, **record, "reused": True}
        case = manifest.load(index)
        if case.mask is None:
            raise ValueError(f"case {case.id} has no mask")
        prepared = prepare(case.image, case.mask, settings)
        done = compute(prepared, settings)
        notes = [*case.image.history, *case.mask.history, *done.notes]
        record |= {"values": done.features, "missing": done.missing, "notes": notes}
        record |= {"verdict": case.image.verdict, "voxels": fingerprint(case.image.array)}
        unit = unit_in(case.image.unit, settings)[0]
        record["grid"] = {"spacing": list(case.image.spacing), "unit": unit}
    except InputError as error:
        record["error"] = _without_folder(str(error), manifest)
    except Exception as error:  # whatever breaks one case is recorded and stops no other
        record["error"] = _without_folder(f"{type(error).__name__}: {error}", manifest)
    if name:
        store.put(name, record)
    return record


def _digest(path: Any) -> str:
    """Return the SHA-256 of all the files behind a path."""
    parts = [digest_file(part) for part in file_parts(path)]
    return parts[0] if len(parts) == 1 else key(parts)


def _without_folder(text: str, manifest: Manifest) -> str:
    """Name files relative to the manifest: results hold no paths of the machine."""
    return text.replace(f"{manifest.folder}{os.sep}", "")


def _check_distinct(manifest: Manifest, images: dict[str, str]) -> None:
    rows = manifest.rows.assign(digest=manifest.rows["id"].map(images))
    rows = rows[rows["digest"].notna()]
    patients = rows.groupby("digest")["group"].nunique()
    shared = rows[rows["digest"].isin(patients.index[patients > 1])]
    if len(shared):
        named = ", ".join(f"{r.id} of {r.group}" for r in shared.itertuples(index=False))
        raise InputError(
            "manifest",
            "different patients (column 'group') have different images, voxel for voxel",
            f"one image under several patients: {named[:300]}",
            "give these rows one group, leave the copies out, or set duplicates: merge",
        )


def table_features(table: FeatureTable, covariates: tuple[str, ...]) -> CohortFeatures:
    """Return the features of a table that has them already; covariates are none of them.

    Of the table of a batch the cases that are not done are left out, with the batch's reasons.

    Raises
    ------
    InputError
        For a column that names patients, one of text that is no covariate, or no feature at all.
    """
    names = [name for name in table.features if name not in covariates]
    rows, failures = table.rows, dict[str, str]()
    if set(BATCH) <= set(rows) and rows["status"].isin(STATUSES).all():
        done = rows["status"] == DONE
        failures = dict(zip(rows["id"][~done], rows["reason"][~done].astype(str), strict=True))
        names = [name for name in names if name not in BATCH]
        rows = rows[done]
    naming = [n for n in names if NAMING.search(str(n))]
    if naming:
        rule, remedy = "a column that names patients is no feature", "call it group, or ignore it"
        raise InputError("data", rule, ", ".join(naming), f"{remedy} (data.ignore)")
    text = [n for n in names if not pd.api.types.is_numeric_dtype(rows[n])]
    if text or not names:
        found = f"text in {', '.join(text[:5])}" if text else "no feature"
        remedy = "name such columns under covariates, or under data.ignore"
        raise InputError("data", "features are numbers, one column or more", found, remedy)
    values = rows.set_index("id")[names].astype("float64").copy()
    missing = {str(n): int(count) for n, count in values.isna().sum().items() if count}
    return CohortFeatures(values, failures, {}, {}, missing, {}, {}, len(values))
