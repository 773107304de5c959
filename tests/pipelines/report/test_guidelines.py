"""Mechanics of METRICS and CLEAR in a report: each item answered, nothing claimed for free."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from radiomics.io.files.tables import Manifest
from radiomics.pipelines.report import run_study as run
from radiomics.pipelines.report.run_record import AUTHOR, MET, NONE, NOT
from radiomics.pipelines.study.config import StudyConfig
from radiomics.plugins import parse


def answers(folder: Path, name: str) -> dict[int, tuple[str, str, str]]:
    """Return item, state and evidence by number, as the report has them."""
    text = (folder / "report.html").read_text(encoding="utf-8")
    part = text.partition(f"<h2>{name}, item by item</h2>")[2].partition("<h2>")[0]
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", part)]
    cells = [[html.unescape(cell).replace("\xa0", " ") for cell in row] for row in rows if row]
    return {int(n): (item, state, told) for n, item, state, told in cells}


def study(folder: Path, **changes: Any) -> Path:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(60, 4)).round(3), columns=list("abcd"))
    y = (table["a"] > 0).astype(int)
    ids = [f"P{i}" for i in range(60)]
    table.assign(id=ids, target=y, age=range(60)).to_csv(folder / "t.csv", index=False)
    ignore = [] if "covariates" in changes else ["age"]
    values: dict[str, Any] = {
        "data": {"name": "features", "table": str(folder / "t.csv"), "ignore": ignore},
        "evaluation": {"folds": 3, "inner": 2, "resamples": 100},
    }
    run(parse(StudyConfig, values | changes, "test"), folder / "out")
    return folder / "out"


def test_every_item_has_a_state_and_evidence(tmp_path: Path) -> None:
    folder = study(tmp_path)
    for name, count in (("METRICS", 30), ("CLEAR", 58)):
        found = answers(folder, name)
        assert list(found) == list(range(1, count + 1))
        assert {state for _, state, _ in found.values()} <= {MET, NOT, AUTHOR, NONE}
        assert all(item for item, _, _ in found.values())
    assert all(told for _, _, told in found.values())
    # what the text of the manuscript or another tool has to say is never claimed
    written = [*range(1, 9), 10, 11, 13, 14, *range(18, 27), 28, *range(49, 59)]
    assert {found[n][1] for n in written} == {AUTHOR}


@pytest.mark.parametrize(
    ("changes", "states"),
    [
        ({}, {17: NONE, 33: NONE, 41: MET, 42: NOT, 43: MET, 44: NOT, 46: NOT, 48: NOT}),
        ({"covariates": ["age"]}, {17: AUTHOR, 42: MET, 44: MET, 48: MET}),
        ({"selection": [{"name": "mrmr", "count": 2}]}, {33: MET, 46: MET}),
        ({"models": [{"name": "knn", "tune": {}}]}, {43: NOT, 35: MET}),
    ],
)
def test_clear_follows_the_run(
    tmp_path: Path, changes: dict[str, Any], states: dict[int, str]
) -> None:
    found = answers(study(tmp_path, **changes), "CLEAR")
    assert {n: found[n][1] for n in states} == states


def test_clear_names_the_settings_of_images(small_cohort: Manifest, tmp_path: Path) -> None:
    values = {
        "data": {"name": "cohort", "manifest": str(small_cohort.folder / "manifest.csv")},
        "extraction": {"resample": {"spacing": [3, 3, 3]}, "families": ["intensity"]},
        "models": [{"name": "logistic", "C": 1.0}],
        "evaluation": {"folds": 2, "resamples": 100},
        "gallery": 0,
    }
    run(parse(StudyConfig, values, "test"), tmp_path)
    found = answers(tmp_path, "CLEAR")
    assert found[22][1:] == (MET, "spacing (3.0, 3.0, 3.0), order cubic, round_intensities False")
    assert found[26][1:] == (MET, "intensity")
    assert found[27][1:] == (MET, "18 features, 0 covariates")
    assert found[31][1] == NOT
    assert "unit HU, not told;" in found[16][2]


def test_pyradiomics_parameters_speak_for_themselves(
    small_cohort: Manifest, tmp_path: Path
) -> None:
    values = {
        "data": {"name": "cohort", "manifest": str(small_cohort.folder / "manifest.csv")},
        "extraction": {"pyradiomics": {"featureClass": {"firstorder": None}}},
        "volume": "original_firstorder_Energy",
        "models": [{"name": "logistic", "C": 1.0}],
        "evaluation": {"folds": 2, "resamples": 100},
    }
    run(parse(StudyConfig, values, "test"), tmp_path / "out")
    found = answers(tmp_path / "out", "CLEAR")
    assert all("PyRadiomics" in found[n][2] for n in (21, 22, 23, 24, 26))
    assert found[27][2].startswith("18 features")
    assert answers(tmp_path / "out", "METRICS")[12][1] == AUTHOR
