"""The k nearest neighbours, by scikit-learn."""

from __future__ import annotations

from copy import copy
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.utils.validation import check_is_fitted

Model = TypeVar("Model", bound="Classifier | Regressor")

TASKS = ("binary", "multiclass", "regression")
GRID = {"neighbours": (25, 15, 7)}


class Options(BaseModel, frozen=True, extra="forbid"):
    """``neighbours`` that are asked, each alike or weighted by its inverse ``distance``."""

    task: Literal["classification", "regression"] = "classification"
    neighbours: Annotated[int, Field(ge=1)] = 15
    weights: Literal["uniform", "distance"] = "uniform"


class Classifier(KNeighborsClassifier):  # type: ignore[misc]
    """Classify by the nearest neighbours, by all where there are fewer than asked for.

    It passes all of scikit-learn's ``check_estimator``.
    """

    def predict(self, x: Any) -> Any:
        """Return the class of each sample (N, F): (N,)."""
        return super(Classifier, _with_neighbours(self)).predict(x)

    def predict_proba(self, x: Any) -> Any:
        """Return the share of each class among the neighbours of each sample (N, F): (N, K)."""
        return super(Classifier, _with_neighbours(self)).predict_proba(x)


class Regressor(KNeighborsRegressor):  # type: ignore[misc]
    """Average the nearest neighbours, or all where there are fewer than asked for.

    It passes all of scikit-learn's ``check_estimator``.
    """

    def predict(self, x: Any) -> Any:
        """Return the expected value of each sample (N, F): (N,)."""
        return super(Regressor, _with_neighbours(self)).predict(x)


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


def _with_neighbours(model: Model) -> Model:
    """Return a fitted model that asks no more neighbours than there are samples."""
    check_is_fitted(model)
    if model.n_neighbors <= model.n_samples_fit_:
        return model
    fewer = copy(model)
    fewer.n_neighbors = model.n_samples_fit_
    return fewer
