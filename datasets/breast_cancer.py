"""Wisconsin's breast cancer data: 30 features of cell nuclei in fine needle aspirates [1]_.

569 patients, of whom 212 had a malignant mass; the data come with scikit-learn.

References
----------
.. [1] Street, Wolberg, Mangasarian, Proceedings of SPIE 1905 (1993) 861-870.
"""

from __future__ import annotations

from pydantic import BaseModel
from sklearn.datasets import load_breast_cancer

from radiomics.io.files.tables import FeatureTable, feature_table
from radiomics.types import Progress, silent


class Options(BaseModel, frozen=True, extra="forbid"):
    """Nothing to choose."""


def open(options: Options, progress: Progress = silent) -> FeatureTable:  # noqa: A001
    """Return the table; ``target`` is malignant or benign."""
    del options
    data = load_breast_cancer(as_frame=True)
    rows = data.data.rename(columns=lambda name: name.replace(" ", "_"))
    rows.insert(0, "id", [f"W{i:03d}" for i in range(1, len(rows) + 1)])
    rows["target"] = data.target.map({0: "malignant", 1: "benign"})
    progress("rows", len(rows), len(rows))
    return feature_table(rows, "breast_cancer")
