"""Mechanics: the schema for editors, and the study of a table that ships with the package."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.config import StudyConfig, load_config
from radiomics.plugins import ConfigurationError


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
