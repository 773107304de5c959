"""The JSON Schema of a study's config for editors, with the options of every plugin."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import Any

from pydantic import BaseModel

from radiomics.pipelines.study.config import StudyConfig, is_network
from radiomics.plugins import MissingExtraError, load


def schema() -> dict[str, Any]:
    """Return the schema: what sources, models, selections, tensors and recipes take as well."""
    found = StudyConfig.model_json_schema()
    keys = found["properties"]
    recipe: dict[str, Any] = {}
    with suppress(ImportError):  # without the extra for networks their options are not offered
        from radiomics.preprocessing import tensors
        from radiomics.training import Options

        recipe = _schema_of(Options)
        recipe["required"] = []  # the task is that of the study
        keys["training"] |= recipe
        keys["tensors"] |= _schema_of(tensors.Options)
    keys["data"] |= {"anyOf": _entries("radiomics.datasets")}
    keys["selection"]["items"] = {"anyOf": _entries("radiomics.selection")}
    keys["models"]["items"] = {"anyOf": _models(recipe)}
    return found


def _models(recipe: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the entries of all models; tabular ones may take the embedding of a network."""
    entries = _entries("radiomics.models")
    networks = [entry for entry in entries if is_network({"name": entry["title"]})]
    extra = {"training": recipe, "components": {"type": "integer", "minimum": 1}}
    embedding = {"anyOf": [e | {"properties": e["properties"] | extra} for e in networks]}
    for entry in entries:
        own = {"training": recipe} if entry in networks else {"embedding": embedding}
        tune = {} if entry in networks else {"tune": {"type": "object"}}
        entry["properties"] = entry["properties"] | own | tune
    return entries


def _entries(package: str) -> list[dict[str, Any]]:
    """Return the schema of an entry ``{name: ...}`` of each plugin of a registry."""
    found = []
    for name in import_module(package).NAMES:
        try:
            entry = _schema_of(load(package, name).Options)
        except MissingExtraError:
            continue  # what cannot be used here is not offered either
        entry["properties"] = {"name": {"const": name}, **entry.get("properties", {})}
        entry["required"] = ["name", *entry.get("required", [])]
        found.append(entry | {"title": name})
    return found


def _schema_of(options: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of options with what it refers to put in place."""
    whole = options.model_json_schema()
    parts = whole.pop("$defs", {})

    def placed(value: Any) -> Any:
        if isinstance(value, list):
            return [placed(item) for item in value]
        if not isinstance(value, dict):
            return value
        name = str(value.get("$ref", "")).removeprefix("#/$defs/")
        rest = {key: placed(item) for key, item in value.items() if key != "$ref"}
        return {**placed(parts[name]), **rest} if name else rest

    found: dict[str, Any] = placed(whole)
    return found
