"""Linear regression with an elastic-net penalty, by scikit-learn."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import ElasticNet, Ridge
from sklearn.utils.validation import check_is_fitted, validate_data

TASKS = ("regression",)
GRID = {"strength": (1.0, 0.3, 0.1, 0.03, 0.01)}


class Options(BaseModel, frozen=True, extra="forbid"):
    """``strength`` of the penalty per sample; ``l1_ratio``: 0 is ridge, 1 is LASSO."""

    strength: Annotated[float, Field(gt=0)] = 0.1
    l1_ratio: Annotated[float, Field(ge=0, le=1)] = 0.5
    max_iter: Annotated[int, Field(ge=1)] = 100_000


def build(options: Options, input_shape: tuple[int, ...], outputs: int) -> ElasticNet | RidgeMean:
    """Return an unfitted regressor for samples of shape ``(F,)``.

    Raises
    ------
    ValueError
        When a sample is not a row of features.
    """
    if len(input_shape) != 1 or outputs != 1:
        raise ValueError(f"linear regression takes rows of features, not samples {input_shape}")
    if options.l1_ratio == 0:
        return RidgeMean(options.strength)
    return ElasticNet(alpha=options.strength, l1_ratio=options.l1_ratio, max_iter=options.max_iter)


class RidgeMean(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Ridge regression whose penalty is per sample, as that of the elastic net.

    It passes all of scikit-learn's ``check_estimator``.

    Parameters
    ----------
    strength : of the penalty per sample

    Attributes
    ----------
    coef_ : (F,)
    intercept_ : float
    n_features_in_, feature_names_in_ : the number of columns in ``fit``, and their names, if any
    """

    def __init__(self, strength: float = 0.1) -> None:
        self.strength = strength

    def fit(self, x: Any, y: Any) -> RidgeMean:
        """Fit to ``x`` (N, F) and ``y`` (N,).

        Raises
        ------
        ValueError
            For NaN or infinity.
        """
        values, outcome = validate_data(self, x, y, dtype=np.float64, y_numeric=True)
        model = Ridge(alpha=self.strength * len(outcome)).fit(values, outcome)
        self.coef_, self.intercept_ = model.coef_, model.intercept_
        return self

    def predict(self, x: Any) -> NDArray[np.float64]:
        """Return the expected values: (N,).

        Raises
        ------
        NotFittedError
            Before ``fit``.
        """
        check_is_fitted(self)
        values = validate_data(self, x, dtype=np.float64, reset=False)
        return np.asarray(values @ self.coef_ + self.intercept_)
