"""Features of a cohort: each case computed once, found again by content, failures kept apart."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipelines.store import Store, digest_file, key
from radiomics.extraction import ExtractionSettings, compute, prepare, versions
from radiomics.io.table import Manifest
from radiomics.types import InputError, Progress, silent


@dataclass(frozen=True, eq=False)
class CohortFeatures:
    """``table`` (cases x features, indexed by id), ``failures`` (id to reason), ``hashes``."""

    table: pd.DataFrame
    failures: dict[str, str]
    hashes: dict[str, str]
    reused: int


def extract_cohort(
    manifest: Manifest, settings: ExtractionSettings, store: Store, progress: Progress = silent
) -> CohortFeatures:
    """Extract the features of every case, in threads; the order is that of the manifest.

    A result is taken from the store when image, mask, ROI, settings and code versions are the
    same. A case that fails is recorded with its reason and does not stop the others.
    """
    code = versions(settings)
    options = settings.model_dump(mode="json")
    records: list[dict[str, Any]] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = range(len(manifest))
        for record in pool.map(lambda i: _one(manifest, i, settings, [options, code], store), jobs):
            records.append(record)
            progress("features", len(records), len(manifest))
    ids = manifest.rows["id"].tolist()
    values = {i: r["values"] for i, r in zip(ids, records, strict=True) if "values" in r}
    return CohortFeatures(
        pd.DataFrame.from_dict(values, orient="index"),
        {i: r["error"] for i, r in zip(ids, records, strict=True) if "error" in r},
        {i: r["hash"] for i, r in zip(ids, records, strict=True)},
        sum(bool(r.get("reused")) for r in records),
    )


def _one(
    manifest: Manifest, index: int, settings: ExtractionSettings, context: list[Any], store: Store
) -> dict[str, Any]:
    inputs = [digest_file(path) for path in manifest.files(index)]
    roi = str(manifest.rows["roi"].iloc[index])
    name = key([*context, *inputs, roi])
    content = key([*inputs, roi])
    record = store.get(name)
    if record is not None and "values" in record:
        return {**record, "reused": True}
    try:
        case = manifest.load(index)
        if case.mask is None:
            raise ValueError(f"case {case.id} has no mask")
        done = compute(prepare(case.image, case.mask, settings), settings)
        record = {"hash": content, "values": done.features, "missing": done.missing}
    except InputError as error:
        record = {"hash": content, "error": str(error)}
    except Exception as error:  # whatever breaks one case is recorded and stops no other
        record = {"hash": content, "error": f"{type(error).__name__}: {error}"}
    store.put(name, record)
    return record
