"""Cases of a study as networks see them: patches around their masks, made once, kept as files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.io.files.cache import cached_arrays, fingerprint
from radiomics.io.files.tables import Manifest
from radiomics.pipelines.study.config import StudyConfig
from radiomics.pipelines.study.features import CohortFeatures
from radiomics.plugins import parse
from radiomics.types import Progress, Samples

Patches = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class _Tensors:
    """How tensors of cases are made and kept."""

    manifest: Manifest
    options: Any
    folder: Path

    def __call__(self, index: int, digests: tuple[str, str]) -> NDArray[np.float32] | str:
        """Return the patch of a case, or the reason why it has none."""
        from radiomics.preprocessing.tensors import VERSION, case_tensor

        row = self.manifest.rows.iloc[index]
        chosen = [row[c] for c in ("series", "roi", "label", "segment")]
        reading = sorted(self.manifest.reading.items())
        key = fingerprint("case tensor", VERSION, *digests, *chosen, reading, self.options)

        def make() -> dict[str, NDArray[Any]]:
            return {"x": case_tensor(self.manifest.load(index), self.options).numpy()}

        try:
            found: NDArray[np.float32] = cached_arrays(key, make, self.folder)["x"]
        except ValueError as error:  # a case is left out and named, as where features fail
            return str(error).replace(f"{self.manifest.folder}{os.sep}", "")
        return found


def case_patches(
    config: StudyConfig,
    manifest: Manifest,
    features: CohortFeatures,
    folder: Path,
    progress: Progress,
) -> tuple[Patches, dict[str, str]]:
    """Return the patch of each case that has features, and why others have none, by id.

    A patch is (C, D, H, W) or (C, H, W), a memory map.
    """
    from radiomics.preprocessing import tensors

    make = _Tensors(manifest, parse(tensors.Options, config.tensors, "tensors"), folder)
    place = {name: number for number, name in enumerate(manifest.rows["id"].tolist())}
    ids = [str(name) for name in features.table.index]
    made: Patches = {}
    failed: dict[str, str] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        digests = [(features.images[i], features.masks[i]) for i in ids]
        for name, found in zip(ids, pool.map(make, [place[i] for i in ids], digests), strict=True):
            if isinstance(found, str):
                failed[name] = found
            else:
                made[name] = found
            progress("tensors", len(made) + len(failed), len(ids))
    return made, failed


def without_failed(features: CohortFeatures, failed: Mapping[str, str]) -> CohortFeatures:
    """Return features of a cohort without the cases that failed later, which it then names."""
    if not failed:
        return features
    table = features.table.drop(index=list(failed))
    gaps = {name: int(table[name].isna().sum()) for name in features.missing}
    return replace(
        features,
        table=table,
        failures={**features.failures, **failed},
        missing={name: count for name, count in gaps.items() if count},
    )


def as_images(table: Samples, made: Patches) -> Samples:
    """Return the same cases as images: (N, C, D, H, W) or (N, C, H, W)."""
    x = np.stack([made[i] for i in table.ids])
    return Samples(table.ids, table.groups, x, table.y, classes=table.classes)
