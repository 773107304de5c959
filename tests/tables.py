"""A table of features with a known signal, and the config of a study on it: for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radiomics.pipelines.study.config import StudyConfig
from radiomics.plugins import parse

FAST = {"folds": 3, "inner": 3, "resamples": 100}


def rows(seed: int = 0, patients: int = 60) -> pd.DataFrame:
    """Two rows a patient; f0 goes with the outcome, the volume hardly."""
    rng = np.random.default_rng(seed)
    latent = np.repeat(rng.normal(size=patients), 2)
    table = pd.DataFrame(rng.normal(size=(2 * patients, 8)), columns=[f"f{i}" for i in range(8)])
    table["f0"] += 1.5 * latent
    return table.assign(
        original_morphology_volume=rng.uniform(1, 9, 2 * patients) + 0.3 * latent,
        id=[f"c{i:03d}" for i in range(2 * patients)],
        group=np.repeat([f"P{i:02d}" for i in range(patients)], 2),
        site=np.repeat(np.array(["n", "s", "w"])[np.arange(patients) % 3], 2),
        age=np.repeat(rng.uniform(40, 80, patients), 2).round(1),
        target=(latent > 0).astype(int),
        time=np.exp(-latent).round(4),
        split=np.repeat(np.where(np.arange(patients) < 40, "train", "test"), 2),
    )


def config(path: Path, table: pd.DataFrame | None = None, **changes: Any) -> StudyConfig:
    file = path / "features.csv"
    (rows() if table is None else table).to_csv(file, index=False)
    values: dict[str, Any] = {
        "data": {"name": "features", "table": str(file)},
        "covariates": ["age"],
        "models": [{"name": "logistic", "tune": {"C": [0.01, 1.0]}}],
        "evaluation": FAST,
    }
    return parse(StudyConfig, values | changes, "test")
