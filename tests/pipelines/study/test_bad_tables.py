"""Mechanics: what is wrong with a table of a study is told in words, before any work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from radiomics import InputError
from radiomics.pipelines.report import run_study as run
from tests.tables import FAST, config, rows


def wrong_tables() -> list[tuple[str, pd.DataFrame, dict[str, Any], str]]:
    t = rows()
    gaps = t.assign(target=t["target"].where(t.index > 2))
    infinite = t.assign(f1=np.where(t.index == 0, np.inf, t["f1"]))
    few = t[t["group"].isin(["P00", "P01", "P02"])]
    both = t.assign(split=np.where(t.index % 2, "train", "test"))
    survive = {"task": "survival", "models": [{"name": "cox"}]}
    scheme = {"evaluation": FAST | {"scheme": "external"}}
    one = t.assign(target=np.where(t["split"] == "test", 1, t["target"]))
    gap = t.assign(split=t["split"].where(t.index > 1))
    zero = t.assign(time=t["time"].where(t.index != 5, 0))
    deep = {"models": [{"name": "logistic", "embedding": {"name": "cnn"}}]}
    return [
        ("missing outcome", gaps, {}, "3 without one"),
        ("constant outcome", t.assign(target=1), {}, r"values \[1\]"),
        ("fewer patients than folds", few, {}, "patients of class"),
        ("duplicate ids", t.assign(id="a"), {}, "ids are unique"),
        ("one level", t.assign(age=5.0), {}, "a covariate has two values"),
        ("infinite", infinite, {}, "features are finite"),
        ("times", t.assign(time=t["time"] - 2), survive, "survival times are numbers above 0"),
        ("no time", t.drop(columns="time"), survive, "no time"),
        ("a time of zero", zero, survive, r"1 rows, first 0\.0 in row 7"),
        ("a part of one class", one, scheme, "test has no case of class 0"),
        ("a row of neither part", gap, scheme, "2 rows with another value, or none"),
        ("an embedding without images", t, deep, "made of images of cases"),
        ("a network of images", t, {"models": [{"name": "cnn"}]}, "a network fits its samples"),
        ("two sides", both, scheme, "no patient is in both"),
        ("no split", t.drop(columns="split"), scheme, "no split"),
        ("no site", t.drop(columns="site"), {"harmonisation": {"method": "combat"}}, "no site"),
        ("text", t.assign(f1="x"), {}, "text in f1"),
        ("no rows", t.iloc[:0], {}, "0 rows"),
        ("no id", t.drop(columns="id"), {}, "the column id is needed"),
        ("wrong fusion", t, {"fusion": [["logistic", "svm"]]}, "models to fuse"),
    ]


@pytest.mark.parametrize(("name", "table", "changes", "words"), wrong_tables())
def test_bad_input_is_told(
    tmp_path: Path, name: str, table: pd.DataFrame, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        run(config(tmp_path, table, **changes), tmp_path / "out")
