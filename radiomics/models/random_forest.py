"""Random forest, by scikit-learn."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

TASKS = ("binary", "multiclass", "regression")
GRID = {"leaf": (10, 3)}


class Options(BaseModel, frozen=True, extra="forbid"):
    """``trees``; ``leaf``: the fewest samples in a leaf; ``features``: share seen at each split.

    Without ``features`` it is the square root of their number, and for a value a third.
    """

    task: Literal["classification", "regression"] = "classification"
    trees: Annotated[int, Field(ge=1)] = 200
    leaf: Annotated[int, Field(ge=1)] = 3
    features: Annotated[float, Field(gt=0, le=1)] | None = None
    seed: int = 0


def build(
    options: Options, input_shape: tuple[int, ...], outputs: int
) -> RandomForestClassifier | RandomForestRegressor:
    """Return an unfitted forest for samples of shape ``(F,)``.

    Raises
    ------
    ValueError
        When a sample is not a row of features.
    """
    if len(input_shape) != 1 or outputs < 1:
        raise ValueError(f"a random forest takes rows of features, not samples {input_shape}")
    classify = options.task == "classification"
    kind = RandomForestClassifier if classify else RandomForestRegressor
    return kind(
        n_estimators=options.trees,
        min_samples_leaf=options.leaf,
        max_features=options.features or ("sqrt" if classify else 1 / 3),
        random_state=options.seed,
    )
