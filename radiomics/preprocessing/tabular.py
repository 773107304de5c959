"""Tabular preprocessing as one scikit-learn transformer: impute, scale, one-hot encode.

It is fitted inside each training fold, never before the split.
"""

from __future__ import annotations

from typing import Literal

import pandas as pd
from pydantic import BaseModel
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler

SCALERS = {"standard": StandardScaler, "robust": RobustScaler, "min_max": MinMaxScaler}


class Options(BaseModel, frozen=True, extra="forbid"):
    """``impute`` numeric gaps, ``scale`` numeric columns; text columns are one-hot encoded."""

    impute: Literal["median", "mean"] = "median"
    scale: Literal["standard", "robust", "min_max", "none"] = "standard"


def build(table: pd.DataFrame, options: Options) -> ColumnTransformer:
    """Return an unfitted transformer for the columns of a table.

    Numeric columns (bool included) are imputed and scaled; all others are imputed by the most
    frequent value and one-hot encoded, with categories unseen in training as all zeros.

    >>> table = pd.DataFrame({"age": [50.0, None, 70.0], "sex": ["F", "M", "F"]})
    >>> build(table, Options(scale="none")).fit_transform(table).tolist()
    [[50.0, 1.0, 0.0], [60.0, 0.0, 1.0], [70.0, 1.0, 0.0]]
    """
    numeric = [c for c in table if pd.api.types.is_numeric_dtype(table[c])]
    text = [c for c in table if c not in numeric]
    steps: list[tuple[str, object]] = [
        ("impute", SimpleImputer(strategy=options.impute, keep_empty_features=True))
    ]
    if options.scale != "none":
        steps.append(("scale", SCALERS[options.scale]()))
    encode = Pipeline(
        [
            ("impute", SimpleImputer(strategy="most_frequent")),
            ("encode", OneHotEncoder(handle_unknown="ignore", sparse_output=False)),
        ]
    )
    parts = [("numeric", Pipeline(steps), numeric), ("text", encode, text)]
    return ColumnTransformer([part for part in parts if part[2]], verbose_feature_names_out=False)
