"""Penalised logistic regression, by scikit-learn."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field
from sklearn.linear_model import LogisticRegression


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
    return LogisticRegression(
        C=options.C,
        l1_ratio=options.l1_ratio,
        class_weight="balanced" if options.balanced else None,
        solver="lbfgs" if options.l1_ratio == 0 else "saga",
        max_iter=options.max_iter,
        random_state=options.seed,
    )
