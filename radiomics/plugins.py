"""Load one module of a registry by name, check its options, find files that ship with the package.

A registry is a package whose ``__init__`` holds a tuple ``NAMES``; each name is a module in it.
What a module must define stands in the tuple ``CONTRACT`` beside it.

Another package adds to a registry by an entry point of the group with the registry's name, whose
value is a module: in its ``pyproject.toml``,

.. code-block:: toml

    [project.entry-points."radiomics.features"]
    fractal = "my_package.fractal"

Ours come first: one that has the name of ours is left out, with a warning. Two packages that give
one name are both left out, so that no result depends on which of them was found first. One that
cannot be imported, or lacks what the contract asks for, is refused in words where it is named, and
disturbs nothing else. What a plugin computes is stored under its ``VERSION`` and the version of its
distribution, so that neither an update nor an exchange finds old values again.
"""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
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
    "xlsxwriter": "excel",
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
    every = sorted(known)
    near = difflib.get_close_matches(name, every, n=1)
    return f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(every)}."


@dataclass(frozen=True)
class Plugin:
    """A module of another package that adds to a registry, as its entry point names it."""

    name: str
    module: str
    distribution: str
    version: str


REGISTRIES = (
    "radiomics.features",
    "radiomics.filters",
    "radiomics.perturbation",
    "radiomics.models",
    "radiomics.selection",
    "radiomics.datasets",
)
"""Packages whose modules are found by name, and groups of entry points that add to them."""


class PluginWarning(UserWarning):
    """A plugin of another package that is left out, with the reason."""


def names(package: str) -> tuple[str, ...]:
    """Return the names of a registry: ours, then those of other packages in their order."""
    ours: tuple[str, ...] = import_module(package).NAMES
    return (*ours, *external_plugins(package))


def external_plugins(package: str) -> dict[str, Plugin]:
    """Return what other packages add to a registry, by name; nothing of it is imported.

    Warns once of each that is left out because its name is taken or cannot be one.
    """
    return _external_plugins(package, tuple(sys.path))


@cache
def _external_plugins(package: str, path: tuple[str, ...]) -> dict[str, Plugin]:
    del path  # what is installed changes with it
    ours: tuple[str, ...] = import_module(package).NAMES
    found: dict[str, list[Plugin]] = {}
    for point in entry_points(group=package):
        dist = point.dist
        whose = (dist.name, dist.version) if dist is not None else ("an unknown package", "")
        found.setdefault(point.name, []).append(Plugin(point.name, point.value, *whose))
    kept = {}
    for name, plugins in sorted(found.items()):
        one = plugins[0]
        whose_names = " and ".join(sorted(plugin.distribution for plugin in plugins))
        if name in ours:
            reason = "we have one of that name, which is used"
        elif len(plugins) > 1:
            reason = "two of one name are both left out: uninstall one of the packages"
        elif not name.isidentifier() or name != name.lower():
            reason = "a name has small letters, digits and underscores: it becomes part of columns"
        else:
            kept[name] = one
            continue
        text = f"{package}: '{name}' of {whose_names} is left out: {reason}"
        warnings.warn(text, PluginWarning, stacklevel=2)
    return kept


def load(package: str, name: str) -> ModuleType:
    """Import the module ``name`` of the registry ``package``, ours or another package's.

    Raises
    ------
    ConfigurationError
        When the registry has no such name (the message offers the nearest), or when the module of
        another package cannot be imported or lacks something.
    """
    if name in import_module(package).NAMES:
        try:
            return import_module(f"{package}.{name}")
        except ModuleNotFoundError as error:
            raise missing_extra(error, f"'{name}' of {package}") from None
    found = external_plugins(package)
    if name in found:
        return _import_external(package, found[name])
    kind = package.rpartition(".")[2]
    raise ConfigurationError(f"{kind}: there is no '{name}'. {did_you_mean(name, names(package))}")


def modules(package: str) -> dict[str, ModuleType]:
    """Return every module of a registry that can be used here, by name.

    What needs an extra that is not installed is left out, what is wrong with one of another package
    is warned of.
    """
    found = {}
    for name in names(package):
        try:
            found[name] = load(package, name)
        except MissingExtraError:
            continue
        except ConfigurationError as error:
            warnings.warn(str(error), PluginWarning, stacklevel=2)
    return found


def version_of(package: str, name: str) -> int | str:
    """Return the version that results of a module are stored under.

    It is the module's ``VERSION``, where it has one; of another package's the distribution and its
    version, too.
    """
    version: int | None = getattr(load(package, name), "VERSION", None)
    other = (
        external_plugins(package).get(name) if name not in import_module(package).NAMES else None
    )
    if other is None:
        return 0 if version is None else version
    whose = f"{other.distribution} {other.version}"
    return whose if version is None else f"{version} of {whose}"


def is_from_plugin(class_name: str) -> bool:
    """Tell whether a class, by its full name, is defined in a module that adds a model or selector.

    Such a module was installed by the user, and its name stands in an entry point.
    """
    module = class_name.rpartition(".")[0]
    packages = ("radiomics.models", "radiomics.selection")
    return any(
        plugin.module == module
        for package in packages
        for plugin in external_plugins(package).values()
    )


def missing_parts(package: str, module: ModuleType) -> list[str]:
    """Return in words what a module lacks of the contract of a registry."""
    contract: tuple[str, ...] = import_module(package).CONTRACT
    lacking = [name for name in contract if not hasattr(module, name)]
    options = getattr(module, "Options", None)
    if options is not None and not _is_model(options):
        lacking.append("Options as a model of pydantic")
    version = getattr(module, "VERSION", None)
    if "VERSION" in contract and version is not None and not isinstance(version, int):
        lacking.append("VERSION as a whole number")
    return lacking


def _import_external(package: str, plugin: Plugin) -> ModuleType:
    """Import another package's module, or say in words what is wrong with it."""
    whose = f"{plugin.distribution} {plugin.version}".strip()
    where = f"{package}: '{plugin.name}' of {whose}"
    remedy = f"correct or uninstall {plugin.distribution}"
    try:
        module = import_module(plugin.module)
    except (Exception, SystemExit) as error:  # whatever a package's module does
        if isinstance(error, ModuleNotFoundError):
            extra = missing_extra(error, where)
            if extra is not error:
                raise extra from None
        reason = f"cannot be imported ({type(error).__name__}: {error})"
        raise ConfigurationError(f"{where}: {plugin.module} {reason}: {remedy}.") from error
    lacking = missing_parts(package, module)
    if lacking:
        reason = f"lacks {', '.join(lacking)}"
        raise ConfigurationError(f"{where}: {plugin.module} {reason}: {remedy}.")
    return module


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
        known = ", ".join(names(package))
        raise ConfigurationError(f"{where}: the key 'name' is missing. Known: {known}.")
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
