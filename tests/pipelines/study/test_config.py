"""Mechanics of study configs: shipped ones, overrides, and what is wrong told by key."""

from __future__ import annotations

from pathlib import Path

import pytest

from radiomics.io.files.tables import Manifest
from radiomics.pipelines.study.config import load_config
from radiomics.plugins import ConfigurationError


def test_configs_ship_and_take_overrides() -> None:
    demo = load_config("demo", ["data.patients=20", "evaluation.folds=3", "models.0.C=2"])
    assert demo.data["patients"] == 20
    assert demo.evaluation.folds == 3
    assert demo.models[0]["C"] == 2


def test_the_default_model_takes_overrides_too(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("data: {name: phantom}\n")
    found = load_config(tmp_path / "s.yaml", ["models.0.l1_ratio=1"])
    assert found.models == ({"name": "logistic", "l1_ratio": 1},)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("sed=1", "no key 'sed'. Did you mean 'seed'"),
        ("data.patient=1", "no key 'patient'. Did you mean 'patients'"),
        ("evaluation.folds=1", "evaluation.folds.*greater than or equal to 2; given: 1"),
        ("models.0.CC=1", "models.0: there is no key 'CC'. Did you mean 'C'"),
        ("models=[logistic]", "models.0: write it as {name: ...}; given: 'logistic'"),
        ("positive=null", "key 'positive': .*given: None"),
        ("seed=5000000000", "less than 4294967296"),
        ("models.3.C=1", "'3' is no number from 0 to 0"),
        ("title.x=1", "holds no further keys"),
        ("seed", "write it as key=value"),
        ("seed=[", "not valid YAML"),
        ("extraction=defult", "Did you mean 'default'"),
        ("models.0.name=logistik", "Did you mean 'logistic'"),
        ("data.name=fantom", "Did you mean 'phantom'"),
    ],
)
def test_wrong_overrides_are_named(override: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        load_config("demo", [override])


def test_the_manifest_of_a_config_lies_beside_it(small_cohort: Manifest, tmp_path: Path) -> None:
    path = small_cohort.folder / "study.yaml"
    path.write_text("data: {name: cohort, manifest: manifest.csv}\n")
    assert load_config(path).data["manifest"] == str(small_cohort.folder / "manifest.csv")
    other = load_config(path, ["data.manifest=elsewhere.csv"])
    assert other.data["manifest"] == "elsewhere.csv"
    path.write_text("data: {name: cohort, manifest: null}\n")
    with pytest.raises(ConfigurationError, match="data: key 'manifest'"):
        load_config(path)
    path.unlink()
    with pytest.raises(ConfigurationError, match="no such file"):
        load_config(tmp_path / "none.yaml")
