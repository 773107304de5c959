"""Penalised logistic regression, by scikit-learn."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field
from sklearn.linear_model import LogisticRegression

TASKS = ("binary", "multiclass")
GRID = {"C": (0.001, 0.01, 0.1, 1.0)}


class Options(BaseModel, frozen=True, extra="forbid"):
    """``C``: inverse strength of the penalty; ``l1_ratio``: 0 is ridge, 1 is LASSO.

    ``balanced`` weights the classes as if they were equally frequent; the predicted probabilities
    then are those of such a population, and no longer calibrated for the one at hand.
    """

    C: Annotated[float, Field(gt=0)] = 1.0
    l1_ratio: Annotated[float, Field(ge=0, le=1)] = 0.0
    balanced: bool = False
    max_iter: Annotated[int, Field(ge=1)] = 10_000
    seed: int = 0


def build(options: Options, input_shape: tuple[int, ...], outputs: int) -> LogisticRegression:
    """Return an unfitted classifier for samples of shape ``(F,)``.

    Raises
    ------
    ValueError
        When a sample is not a row of features.
    """
    if len(input_shape) != 1 or outputs < 1:
        raise ValueError(f"logistic regression takes rows of features, not samples {input_shape}")
    lasso = "liblinear" if outputs == 1 else "saga"  # far faster, but for two classes alone
    return LogisticRegression(
        C=options.C,
        l1_ratio=options.l1_ratio,
        class_weight="balanced" if options.balanced else None,
        solver={0.0: "lbfgs", 1.0: lasso}.get(options.l1_ratio, "saga"),
        max_iter=options.max_iter,
        random_state=options.seed,
    )
