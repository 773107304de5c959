"""Linear regression with an elastic-net penalty, by scikit-learn."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field
from sklearn.linear_model import ElasticNet, Ridge

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


class RidgeMean(Ridge):  # type: ignore[misc]
    """Ridge regression whose penalty is per sample, as that of the elastic net."""

    def __init__(self, strength: float = 0.1) -> None:
        super().__init__()
        self.strength = strength

    def fit(self, x: object, y: object) -> RidgeMean:
        """Fit to ``x`` (N, F) and ``y`` (N,)."""
        self.alpha = self.strength * len(y)  # type: ignore[arg-type]
        super().fit(x, y)
        return self
