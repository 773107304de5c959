"""Load one module of a registry by name, check its options, find files that ship with the package.

A registry is a package whose ``__init__`` holds a tuple ``NAMES``; each name is a module in it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)


EXTRAS = {
    "torch": "networks",
    "torchvision": "networks",
    "monai": "networks",
    "safetensors": "networks",
    "dask": "cluster",
    "distributed": "cluster",
    "fsspec": "cluster",
}
"""Packages that come with an extra of ours, and which."""


class ConfigurationError(ValueError):
    """A name or an option that does not exist, or a value that breaks its rule."""


class MissingExtraError(ConfigurationError, ImportError):
    """Something that was asked for needs packages that an extra installs."""


def missing_extra(error: ModuleNotFoundError, what: str) -> ImportError:
    """Return what to raise for a package that is absent: how to install it, if an extra has it.

    >>> print(missing_extra(ModuleNotFoundError(name="torch"), "a network"))
    a network needs PyTorch and its kin: pip install 'radiomics-pipelines[networks]'
    """
    extra = EXTRAS.get((error.name or "").partition(".")[0])
    if extra is None:
        return error
    kin = "PyTorch and its kin" if extra == "networks" else str(error.name)
    return MissingExtraError(f"{what} needs {kin}: pip install 'radiomics-pipelines[{extra}]'")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a sentence with the nearest known name, or with all known names.

    >>> did_you_mean("morfology", ["intensity", "morphology"])
    "Did you mean 'morphology'?"
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(names)}."


def load(package: str, name: str) -> ModuleType:
    """Import the module ``name`` of the registry ``package``.

    Raises
    ------
    ConfigurationError
        When the registry has no such name; the message offers the nearest.
    """
    names: tuple[str, ...] = import_module(package).NAMES
    if name not in names:
        kind = package.rpartition(".")[2]
        raise ConfigurationError(f"{kind}: there is no '{name}'. {did_you_mean(name, names)}")
    try:
        return import_module(f"{package}.{name}")
    except ModuleNotFoundError as error:
        raise missing_extra(error, f"'{name}' of {package}") from None


def parse(model: type[Model], values: Mapping[str, Any], where: str) -> Model:
    """Check ``values`` against an options model; ``where`` is the file or key they come from.

    Raises
    ------
    ConfigurationError
        One line for each broken rule: place, key, rule, value given, nearest known key.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        lines: dict[str, str] = {}
        for item in error.errors():  # of a choice between types the first complaint is enough
            place = [str(p) for p in item["loc"] if p not in ("bool", "int", "float", "str")]
            lines.setdefault(".".join(place), _explain(model, {**item, "loc": place}, where))
        raise ConfigurationError("\n".join(lines.values())) from None


def parse_plugin(package: str, values: Mapping[str, Any], where: str) -> tuple[ModuleType, Any]:
    """Load the module named by ``values['name']`` and check the other values as its ``Options``."""
    if "name" not in values:
        names: tuple[str, ...] = import_module(package).NAMES
        raise ConfigurationError(f"{where}: the key 'name' is missing. Known: {', '.join(names)}.")
    try:
        module = load(package, str(values["name"]))
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error}") from None
    rest = {key: value for key, value in values.items() if key != "name"}
    return module, parse(module.Options, rest, where)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file of keys and values; an empty one has none.

    Raises
    ------
    ConfigurationError
        When it is no valid YAML, or holds something else.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(values, Mapping):
        raise ConfigurationError(f"{path}: it must hold keys and values; found: {values!r}")
    return dict(values)


def shipped(*parts: str) -> Path:
    """Return the path of a file under ``configs``: inside an installed wheel or a checkout."""
    here = Path(__file__).resolve().parent
    installed = here / "configs"
    return (installed if installed.is_dir() else here.parent / "configs").joinpath(*parts)


def _explain(model: type[BaseModel], item: Any, where: str) -> str:
    location = [str(part) for part in item["loc"]]
    key = ".".join(location) or "(top level)"
    if item["type"] == "extra_forbidden":
        known = _keys_at(model, location[:-1])
        return f"{where}: there is no key '{key}'. {did_you_mean(location[-1], known)}"
    if item["type"] == "missing":
        return f"{where}: the key '{key}' is missing."
    rule = str(item["msg"]).removeprefix("Value error, ")
    told = f"{where}: key '{key}': {rule}" if location else f"{where}: {rule}"
    if _holds_keys(item["input"]):  # the whole of it would bury the rule
        return told if told.endswith((".", "?")) else f"{told}."
    return f"{told}; given: {item['input']!r}."


def _holds_keys(value: Any) -> bool:
    listed = value if isinstance(value, list | tuple) else [value]
    return any(isinstance(part, Mapping) for part in listed)


def _keys_at(model: type[BaseModel], location: list[str]) -> list[str]:
    """Return the keys that the model knows at a location, following nested models."""
    current: type[BaseModel] = model
    for part in location:
        field = current.model_fields.get(part)
        nested = [] if field is None else [t for t in _members(field.annotation) if _is_model(t)]
        if nested:
            current = nested[0]
    return list(current.model_fields)


def _members(annotation: Any) -> list[Any]:
    return [annotation, *getattr(annotation, "__args__", ())]


def _is_model(candidate: Any) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, BaseModel)
