"""The k nearest neighbours, by scikit-learn."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

TASKS = ("binary", "multiclass", "regression")
GRID = {"neighbours": (25, 15, 7)}


class Options(BaseModel, frozen=True, extra="forbid"):
    """``neighbours`` that are asked, each alike or weighted by its inverse ``distance``."""

    task: Literal["classification", "regression"] = "classification"
    neighbours: Annotated[int, Field(ge=1)] = 15
    weights: Literal["uniform", "distance"] = "uniform"


class _Fewer:
    """Ask all samples where there are fewer than the neighbours wanted."""

    def fit(self, x: object, y: object) -> object:
        self.n_neighbors = min(self.n_neighbors, len(y))  # type: ignore[has-type, arg-type]
        return super().fit(x, y)  # type: ignore[misc]


class Classifier(_Fewer, KNeighborsClassifier):  # type: ignore[misc]
    """Classify by the nearest neighbours, by all where there are fewer."""


class Regressor(_Fewer, KNeighborsRegressor):  # type: ignore[misc]
    """Average the nearest neighbours, or all where there are fewer."""


def build(options: Options, input_shape: tuple[int, ...], outputs: int) -> Classifier | Regressor:
    """Return an unfitted model for samples of shape ``(F,)``.

    Raises
    ------
    ValueError
        When a sample is not a row of features.
    """
    if len(input_shape) != 1 or outputs < 1:
        raise ValueError(f"nearest neighbours take rows of features, not samples {input_shape}")
    kind = Classifier if options.task == "classification" else Regressor
    return kind(n_neighbors=options.neighbours, weights=options.weights)
