"""Support vector machine, by scikit-learn; a study turns its margins to probabilities."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field
from sklearn.svm import SVC, SVR

TASKS = ("binary", "regression")
GRID = {"C": (0.1, 1.0, 10.0)}


class Options(BaseModel, frozen=True, extra="forbid"):
    """``C``: inverse strength of the penalty; ``kernel``."""

    task: Literal["classification", "regression"] = "classification"
    C: Annotated[float, Field(gt=0)] = 1.0
    kernel: Literal["rbf", "linear"] = "rbf"
    balanced: bool = False


def build(options: Options, input_shape: tuple[int, ...], outputs: int) -> SVC | SVR:
    """Return an unfitted machine for samples of shape ``(F,)``.

    Raises
    ------
    ValueError
        When a sample is not a row of features, or there are several outputs.
    """
    if len(input_shape) != 1 or outputs != 1:
        raise ValueError(f"a support vector machine takes rows of features, not {input_shape}")
    if options.task == "regression":
        return SVR(C=options.C, kernel=options.kernel)
    weight = "balanced" if options.balanced else None
    return SVC(C=options.C, kernel=options.kernel, class_weight=weight)
