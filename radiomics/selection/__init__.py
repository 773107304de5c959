"""Ways to choose features, one module each, loaded by name.

A way has ``Options`` and ``build(options, task)``, which returns an unfitted scikit-learn
transformer. It is fitted inside each training part, sees the features alone, imputed and scaled
(where ``BEFORE_SCALING`` is true: imputed only), and keeps at least one.
"""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.validation import validate_data

from radiomics.association import Task
from radiomics.models.cox import event_and_time
from radiomics.plugins import parse_plugin

CONTRACT = ("Options", "build")
"""What a module must define."""
NAMES = ("variance", "correlation", "univariate", "mrmr", "elastic_net", "stability")


def build(name: str, *, task: str = "binary", **options: Any) -> Any:
    """Build an unfitted selector: ``build("mrmr", count=10)``.

    Parameters
    ----------
    task : ``binary``, ``multiclass``, ``regression`` or ``survival``
    options : those of the module

    Raises
    ------
    ConfigurationError
        For an unknown name or option.
    """
    module, checked = parse_plugin(__name__, {"name": name, **options}, f"selection '{name}'")
    return module.build(checked, task)


def training_part(
    selector: Any, x: Any, y: Any, task: str
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Return the features (N, F) and the outcome (N,) that a selector is fitted to.

    Parameters
    ----------
    selector : notes how many features there are, and their names
    x : (N, F) numbers
    y : (N,) classes, values, or a survival outcome as :func:`radiomics.models.cox.event_and_time`
        takes it
    task : ``binary``, ``multiclass``, ``regression`` or ``survival``

    Raises
    ------
    ValueError
        For fewer than two samples, and for NaN or infinity in ``x``; for another task; for an
        outcome with gaps, of another length or of another kind than the task's; for a single class.
    """
    if task not in get_args(Task):
        raise ValueError(f"the task is one of {', '.join(get_args(Task))}; found {task!r}")
    if y is None:
        name = type(selector).__name__
        raise ValueError(f"{name} requires y to be passed, but the target y is None")
    values = validate_data(selector, x, dtype=np.float64, ensure_min_samples=2)
    if task == "survival":
        outcome = event_and_time(y)
    else:
        outcome = column_or_1d(y, warn=True)
        if task == "regression":
            outcome = check_array(outcome, ensure_2d=False, dtype="numeric", input_name="y")
        else:
            _check_classes(outcome)
    check_consistent_length(values, outcome)
    return np.asarray(values), outcome


def _check_classes(y: NDArray[Any]) -> None:
    if pd.isna(y).any():
        raise ValueError(f"every sample needs a class; found {int(pd.isna(y).sum())} without one")
    if y.dtype.kind == "f" and not np.all(y % 1 == 0):
        raise ValueError(
            "classes are whole numbers or words; found other numbers: give the task 'regression'"
        )
    if len(np.unique(y)) < 2:
        raise ValueError(f"a selection by classes needs two of them; found {np.unique(y).tolist()}")
