"""Mechanics: the schema for editors, and the study of a table that ships with the package."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from radiomics.datasets import NAMES as DATASETS
from radiomics.extraction.settings import ABOUT_IMAGES, ExtractionSettings
from radiomics.filters import NAMES as FILTERS
from radiomics.models import NAMES as MODELS
from radiomics.pipelines.commands.app import app
from radiomics.pipelines.study import schema as config_schema
from radiomics.pipelines.study.config import StudyConfig, is_network, load_config
from radiomics.plugins import ConfigurationError, load
from radiomics.preprocessing.tensors import Options as Tensors
from radiomics.selection import NAMES as SELECTIONS
from radiomics.training import Options as Recipe

ROOT = Path(__file__).resolve().parents[3]


def test_the_schema_knows_every_key() -> None:
    done = CliRunner().invoke(app, ["study", "--schema"])
    assert done.exit_code == 0
    schema = json.loads(done.output)
    assert set(schema["properties"]) == set(StudyConfig.model_fields)


def test_the_schema_knows_the_options_of_every_plugin_and_recipe() -> None:
    keys = config_schema.schema()["properties"]
    assert set(keys["training"]["properties"]) == set(Recipe.model_fields)
    assert set(keys["tensors"]["properties"]) == set(Tensors.model_fields)
    assert "flip" in keys["training"]["properties"]["augment"]["properties"]
    found = {e["title"]: e for e in keys["models"]["items"]["anyOf"]}
    for name in MODELS:
        own = set(load("radiomics.models", name).Options.model_fields) | {"name"}
        network = is_network({"name": name})
        more = {"training"} if network else {"embedding", "tune"}
        assert set(found[name]["properties"]) == own | more
        assert not found[name]["additionalProperties"]
    inside = {e["title"]: e for e in found["logistic"]["properties"]["embedding"]["anyOf"]}
    assert {"components", "training", "channels"} <= set(inside["cnn"]["properties"])
    assert "logistic" not in inside
    assert {e["title"] for e in keys["data"]["anyOf"]} == set(DATASETS)
    assert {e["title"] for e in keys["selection"]["items"]["anyOf"]} == set(SELECTIONS)
    plugins = [keys[k] for k in ("training", "tensors", "models", "selection", "data")]
    assert "$ref" not in json.dumps(plugins)


def test_the_settings_page_names_every_option_of_networks_and_pictures() -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    networks = [load("radiomics.models", n) for n in MODELS if is_network({"name": n})]
    pictures = [load("radiomics.datasets", n) for n in ("mnist", "cifar10", "class_folders")]
    for key in {key for module in networks + pictures for key in module.Options.model_fields}:
        assert f"`{key}`" in text, key
    for key in ("tensors", "training", "evaluation.validation"):
        assert f"| `{key}` |" in text


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
