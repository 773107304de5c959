"""What a bundle holds: a fitted model and what it takes to apply it to a new scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from radiomics.evaluation.tuning import Fitted
from radiomics.pipelines.study.embedding import Embedding
from radiomics.pipelines.study.networks import Applied

FORMAT = 3
BUNDLE, CHAIN, NETWORK = "bundle.json", "chain.skops", "network.safetensors"
TRUSTED = (
    "numpy.dtype",
    "radiomics.pipelines.study.embedding.Embedding",
    "radiomics.models.cox.Cox",
    "radiomics.models.elastic_net.RidgeMean",
    "radiomics.models.knn.Classifier",
    "radiomics.models.knn.Regressor",
    "radiomics.preprocessing.combat.ComBat",
    "radiomics.preprocessing.site_scaling.SiteScaler",
    "radiomics.selection.correlation.Correlation",
    "radiomics.selection.elastic_net.ElasticNetSelector",
    "radiomics.selection.mrmr.Mrmr",
    "radiomics.selection.stability.Options",
    "radiomics.selection.stability.Stability",
    "radiomics.selection.univariate.Univariate",
    "radiomics.selection.variance.Variance",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.tree._tree.Tree",
)
"""Classes that a bundle may hold besides those that skops trusts by itself."""


@dataclass(frozen=True, eq=False)
class Bundle:
    """A model with all that it takes to apply it to a new scan.

    ``fitted`` is a chain, or a network with the preparation of its rows. ``description`` holds the
    task, classes, columns, ranges of the training data, extraction settings, grids, sites, versions
    and estimates; its ``columns`` are those that the model reads, and its ``tensors`` says whether
    it sees images.
    """

    fitted: Fitted | Applied
    description: dict[str, Any]

    def check(self, table: pd.DataFrame) -> list[list[str]]:
        """Return for each row why the model may not apply: values or sites unlike its training."""
        if not self.description["columns"]:
            return [self._strange(table.iloc[row]) for row in range(len(table))]
        ranges = pd.DataFrame(self.description["ranges"]).T  # columns low, high
        numbers = table[list(ranges.index)].to_numpy(dtype=np.float64)
        low, high = (ranges[side].to_numpy(dtype=np.float64) for side in ("low", "high"))
        outside = (numbers < low) | (numbers > high)
        notes: list[list[str]] = []
        for row in range(len(table)):
            names = [str(n) for n in ranges.index[outside[row]]]
            gaps = int(np.isnan(numbers[row]).sum())
            found = [f"{len(names)} values outside the training range: {', '.join(names[:5])}"]
            found = found if names else []
            found += [f"{gaps} values missing"] if gaps else []
            notes.append(found + self._strange(table.iloc[row]))
        return notes

    def _strange(self, row: pd.Series[Any]) -> list[str]:
        levels = dict(self.description["levels"])
        if self.description["sites"] and "site" in row:
            levels["site"] = self.description["sites"]
        return [
            f"{name} {row[name]!s} was not in training"
            for name, known in levels.items()
            if str(row[name]) not in known
        ]


def embeddings_in(chain: Pipeline) -> list[Embedding]:
    """Return the networks that a fitted chain holds."""
    parts = [
        part
        for _, step in chain.steps
        for _, part, _ in getattr(step, "transformers_", ())
        if isinstance(part, Pipeline)
    ]
    return [s for part in parts for _, s in part.steps if isinstance(s, Embedding)]
