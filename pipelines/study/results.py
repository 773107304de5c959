"""What a study learns from, what its models reached, and all of it together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from radiomics.evaluation.delong import Difference
from radiomics.evaluation.intervals import Estimate
from radiomics.io.files.tables import FeatureTable, Manifest
from radiomics.pipelines.study.config import StudyConfig
from radiomics.pipelines.study.embedding import ROW, Images
from radiomics.pipelines.study.features import CohortFeatures
from radiomics.types import Predictions, Samples

Source = Manifest | FeatureTable | Samples
"""Where a study's data come from: images, a table of features, or samples."""


@dataclass(frozen=True, eq=False)
class Learned:
    """What the models of a study learn from.

    ``features`` is None where the source holds samples instead of cases. ``table`` are the samples
    of tabular models, ``seen`` those of networks; ``images`` are kept for embeddings.
    """

    features: CohortFeatures | None
    table: Samples
    seen: Samples
    images: Images | None = None
    warnings: list[str] = field(default_factory=list)

    def rows(self) -> Samples:
        """Return the table with the place of each case's image, where embeddings need it."""
        if self.images is None:
            return self.table
        place = np.arange(len(self.table.ids), dtype=np.int64)
        x = np.column_stack([self.table.x.astype(object), place])
        return replace(self.table, x=x, columns=(*self.table.columns, ROW))


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one model reached: predictions, estimates by measure, and its fitted folds.

    ``samples`` are those that it learnt from. ``apparent`` holds the same measures of networks on
    the samples that each fold was fitted to, mean over folds: far above the estimates they tell of
    overfitting. ``candidates`` are the specs among which each fold chose.
    """

    samples: Samples
    predictions: Predictions
    estimates: dict[str, Estimate]
    fitted: list[Any]
    apparent: dict[str, float] = field(default_factory=dict)
    candidates: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Comparison:
    """One model against another in the headline measure, with the p-value after Holm."""

    model: str
    other: str
    difference: Difference
    p_holm: float
    p_delong: float | None = None


@dataclass(frozen=True, eq=False)
class Study:
    """A finished study: its config and source, where its files are, and what is in them.

    ``features`` is None where the source holds samples instead of cases; ``table`` are the samples
    of the tabular models. ``permuted`` holds the p-value of the first model's headline and what
    permuted outcomes reached.
    """

    config: StudyConfig
    source: Source
    folder: Path
    features: CohortFeatures | None
    table: Samples
    outcomes: dict[str, Outcome]
    comparisons: list[Comparison] = field(default_factory=list)
    permuted: tuple[float, list[float]] | None = None
    warnings: list[str] = field(default_factory=list)
