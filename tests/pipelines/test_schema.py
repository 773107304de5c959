"""Mechanics: the schema for editors, and the study of a table that ships with the package."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.config import StudyConfig, load_config
from radiomics.filters import NAMES as FILTERS
from radiomics.plugins import ConfigurationError, load
from radiomics.settings import ABOUT_IMAGES, ExtractionSettings


def test_the_schema_knows_every_key() -> None:
    done = CliRunner().invoke(app, ["study", "--schema"])
    assert done.exit_code == 0
    schema = json.loads(done.output)
    assert set(schema["properties"]) == set(StudyConfig.model_fields)


def test_the_shipped_breast_cancer_study_is_valid() -> None:
    shipped = load_config("breast_cancer")
    assert shipped.positive == "malignant"
    with pytest.raises(ConfigurationError, match=r"selection\.0: .*Did you mean 'mrmr'"):
        load_config("breast_cancer", ["selection=[{name: mrm}]"])


def test_the_schema_knows_every_filter_and_its_options() -> None:
    items = ExtractionSettings.model_json_schema()["properties"]["filters"]["items"]["anyOf"]
    known = {item["properties"]["name"]["const"]: item for item in items}
    assert tuple(known) == FILTERS
    for name, item in known.items():
        options = set(load("radiomics.filters", name).Options.model_fields)
        assert set(item["properties"]) == options | {"name", *ABOUT_IMAGES}
        assert not item["additionalProperties"]
        assert "$ref" not in json.dumps(item)
    assert known["wavelet"]["properties"]["decimated"]["default"] is False
    assert "tensor_sigma_mm" in known["riesz"]["properties"]
    assert known["mean"]["required"] == ["name", "support"]
