"""Keep the features that a LASSO or an elastic net gives a weight."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.validation import check_is_fitted

from radiomics import models
from radiomics.selection import training_part


class Options(BaseModel, frozen=True, extra="forbid"):
    """``strength`` of the penalty per sample; ``l1_ratio``: 1 is the LASSO; ``count``: at most."""

    strength: Annotated[float, Field(gt=0)] = 0.05
    l1_ratio: Annotated[float, Field(gt=0, le=1)] = 1.0
    count: Annotated[int, Field(ge=1)] | None = None


class ElasticNetSelector(SelectorMixin, BaseEstimator):  # type: ignore[misc]
    """Keep the features with a weight, the ``count`` largest; where none has, the most relevant.

    Gaps (NaN) and infinity are refused: impute before. It passes all of scikit-learn's
    ``check_estimator``.

    Parameters
    ----------
    task : ``binary``, ``multiclass``, ``regression`` or ``survival``, what ``y`` holds
    strength : of the penalty per sample
    l1_ratio : 1 is the LASSO
    count : of features, at most

    Attributes
    ----------
    support_ : (F,) bool, the features that are kept
    n_features_in_, feature_names_in_ : the number of columns in ``fit``, and their names, if any
    """

    def __init__(
        self,
        task: str = "binary",
        strength: float = 0.05,
        l1_ratio: float = 1.0,
        count: int | None = None,
    ) -> None:
        self.task = task
        self.strength = strength
        self.l1_ratio = l1_ratio
        self.count = count

    def fit(self, x: Any, y: Any) -> ElasticNetSelector:
        """Fit the penalised model of the task to ``x`` (N, F) and ``y`` (N,).

        Raises
        ------
        ValueError
            For fewer than two samples, NaN or infinity; for an outcome that is not the task's.
        """
        values, outcome = training_part(self, x, y, self.task)
        size = np.abs(self._weights(values, outcome))
        if not size.any():  # the feature that would enter first as the penalty shrinks
            size = _first_to_enter(values, outcome, self.task)
        number = int(np.sum(size > 1e-10))
        order = np.argsort(-size, kind="stable")
        self.support_ = np.zeros(values.shape[1], dtype=np.bool_)
        self.support_[order[: min(number, self.count or number)]] = True
        return self

    def _weights(self, values: NDArray[np.float64], y: NDArray[Any]) -> NDArray[np.float64]:
        shape = (values.shape[1],)
        mix: dict[str, Any] = {"input_shape": shape, "l1_ratio": self.l1_ratio}
        if self.task == "survival":
            model = models.build("cox", strength=self.strength, **mix)
        elif self.task == "regression":
            spread = float(y.std()) or 1.0
            model = models.build("elastic_net", strength=self.strength * spread, **mix)
        else:
            classes = len(np.unique(y))
            outputs = 1 if self.task == "binary" and classes == 2 else classes
            inverse = 1 / (self.strength * len(y))
            model = models.build("logistic", outputs=outputs, C=inverse, **mix)
        found = np.atleast_2d(model.fit(values, y).coef_)
        return np.asarray(np.abs(found).max(axis=0))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self)
        return self.support_


def build(options: Options, task: str) -> ElasticNetSelector:
    """Return an unfitted selector."""
    return ElasticNetSelector(task, options.strength, options.l1_ratio, options.count)


def _first_to_enter(values: NDArray[np.float64], y: NDArray[Any], task: str) -> NDArray[np.float64]:
    from radiomics.association import strength

    found = strength(values, y, task)  # type: ignore[arg-type]
    size = np.zeros_like(found)
    size[int(np.argmax(found))] = 1.0
    return size
