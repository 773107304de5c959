"""What a result was made from: config, versions, seeds, input hashes."""

from __future__ import annotations

import platform
from hashlib import sha256
from typing import Any

from radiomics.extraction import versions
from radiomics.io.files.tables import FeatureTable, Manifest
from radiomics.pipelines.environment import installed
from radiomics.pipelines.study.config import StudyConfig
from radiomics.pipelines.study.features import CohortFeatures


def record(
    config: StudyConfig, manifest: Manifest | FeatureTable, features: CohortFeatures
) -> dict[str, Any]:
    """Return all that a reviewer needs to repeat the study; no folders of the machine, no clock."""
    rows = manifest.rows.drop(columns=["image", "mask"], errors="ignore")
    table = rows.to_csv(index=False, lineterminator="\n")
    return {
        "config": config.published(),
        "versions": installed(),
        "code": versions(config.extraction),
        "machine": {"system": platform.system(), "processor": platform.machine()},
        "manifest_sha256": sha256(table.encode()).hexdigest(),
        "images_sha256": features.images,
        "masks_sha256": features.masks,
        "verdicts": features.verdicts,
        "notes": features.notes,
        "missing": features.missing,
        "failures": features.failures,
    }
