"""Gradient boosting of small trees, by scikit-learn."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

TASKS = ("binary", "multiclass", "regression")
GRID = {"depth": (1, 3)}


class Options(BaseModel, frozen=True, extra="forbid"):
    """``trees`` of ``depth``, each adding ``rate`` of its fit to a ``share`` of the samples."""

    task: Literal["classification", "regression"] = "classification"
    trees: Annotated[int, Field(ge=1)] = 100
    depth: Annotated[int, Field(ge=1)] = 2
    rate: Annotated[float, Field(gt=0, le=1)] = 0.05
    share: Annotated[float, Field(gt=0, le=1)] = 0.8
    seed: int = 0


def build(
    options: Options, input_shape: tuple[int, ...], outputs: int
) -> GradientBoostingClassifier | GradientBoostingRegressor:
    """Return an unfitted ensemble for samples of shape ``(F,)``.

    Raises
    ------
    ValueError
        When a sample is not a row of features.
    """
    if len(input_shape) != 1 or outputs < 1:
        raise ValueError(f"gradient boosting takes rows of features, not samples {input_shape}")
    classify = options.task == "classification"
    kind = GradientBoostingClassifier if classify else GradientBoostingRegressor
    return kind(
        n_estimators=options.trees,
        max_depth=options.depth,
        learning_rate=options.rate,
        subsample=options.share,
        max_features="sqrt",
        random_state=options.seed,
    )
