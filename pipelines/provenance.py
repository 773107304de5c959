"""What a result was made from: config, versions, seeds, input hashes."""

from __future__ import annotations

import platform
from typing import Any

from pipelines.cohort_features import CohortFeatures
from pipelines.config import StudyConfig
from pipelines.environment import installed
from radiomics.extraction import versions


def record(config: StudyConfig, features: CohortFeatures) -> dict[str, Any]:
    """Return all that a reviewer needs to repeat the study; no paths, no clock."""
    dump = config.model_dump(mode="json")
    dump["data"] = {k: v for k, v in dump["data"].items() if k not in ("folder", "manifest")}
    return {
        "config": dump,
        "versions": installed(),
        "code": versions(config.extraction),
        "machine": {"system": platform.system(), "processor": platform.machine()},
        "inputs_sha256": features.hashes,
        "failures": features.failures,
    }
