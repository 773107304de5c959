"""Mechanics: every entry of every registry keeps its contract, before its author writes a test."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from radiomics import testing
from radiomics.plugins import ConfigurationError, load, missing_parts, parse_plugin

ROOT = Path(__file__).resolve().parent.parent
REGISTRIES = (
    "radiomics.features",
    "radiomics.filters",
    "radiomics.models",
    "radiomics.selection",
    "radiomics.datasets",
)
ENTRIES = [(package, name) for package in REGISTRIES for name in import_module(package).NAMES]
ON_REQUEST = import_module("radiomics.features").ON_REQUEST
REQUIRED: dict[tuple[str, str], dict[str, Any]] = {
    ("radiomics.filters", "mean"): {"support": 3},
    ("radiomics.filters", "gaussian"): {"sigma_mm": 1},
    ("radiomics.filters", "log"): {"sigma_mm": 1.5},
    ("radiomics.filters", "laws"): {"kernel": "L5E5S5", "pooling": "max", "energy": 2},
    ("radiomics.filters", "gabor"): {"sigma_mm": 2, "lambda_mm": 3, "theta_step": 45},
    ("radiomics.filters", "wavelet"): {"family": "coif1"},
    ("radiomics.filters", "riesz"): {"order": (1, 0, 1), "level": 1},
    ("radiomics.datasets", "cohort"): {"manifest": "m.csv"},
    ("radiomics.datasets", "features"): {"table": "t.csv"},
    ("radiomics.datasets", "class_folders"): {"root": "pictures"},
}
"""Options of entries that need some."""


def names(package: str) -> tuple[str, ...]:
    found: tuple[str, ...] = import_module(package).NAMES
    return found


@pytest.mark.parametrize("package", REGISTRIES)
def test_a_registry_lists_exactly_its_modules(package: str) -> None:
    folder = Path(str(import_module(package).__file__)).parent
    shared = getattr(import_module(package), "SHARED", ())
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert files == {*names(package), *shared}


@pytest.mark.parametrize("package", REGISTRIES)
def test_an_unknown_name_offers_the_nearest(package: str) -> None:
    known = names(package)[0]
    with pytest.raises(ConfigurationError, match=f"Did you mean '{known}'"):
        parse_plugin(package, {"name": f"{known}x"}, "here")


@pytest.mark.parametrize(("package", "name"), ENTRIES)
def test_an_unknown_option_is_refused(package: str, name: str) -> None:
    required = REQUIRED.get((package, name), {})
    with pytest.raises(ConfigurationError, match="there is no key 'colour'"):
        parse_plugin(package, {"name": name, "colour": 1, **required}, "here")


@pytest.mark.parametrize("name", names("radiomics.features"))
def test_a_family_keeps_its_contract(name: str) -> None:
    flat, coded = name == "morphology_2d", name not in ON_REQUEST  # IBSI knows no others
    testing.check_family(load("radiomics.features", name), flat=flat, coded=coded)


@pytest.mark.parametrize("name", names("radiomics.filters"))
def test_a_filter_keeps_its_contract(name: str) -> None:
    required = REQUIRED.get(("radiomics.filters", name), {})
    testing.check_filter(load("radiomics.filters", name), **required)


@pytest.mark.parametrize("name", names("radiomics.models"))
def test_a_model_keeps_its_contract(name: str) -> None:
    module = load("radiomics.models", name)
    testing.check_model(module)
    if hasattr(module, "TASKS"):
        assert module.GRID is not None
    else:  # each network of ours takes images
        testing.check_model(module, shapes=[(3, 64, 64)])


@pytest.mark.parametrize("name", names("radiomics.selection"))
def test_a_selector_keeps_its_contract(name: str) -> None:
    testing.check_selector(load("radiomics.selection", name))


@pytest.mark.parametrize("name", names("radiomics.datasets"))
def test_a_source_keeps_its_contract(name: str, tmp_path: Path) -> None:
    offline = {
        "phantom": {"patients": 2, "folder": tmp_path},
        "temperature": {},
        "breast_cancer": {},
    }
    required = REQUIRED.get(("radiomics.datasets", name), {})
    module = load("radiomics.datasets", name)
    testing.check_source(module, opened_with=offline.get(name), **required)


def test_options_cannot_be_changed_after_checking() -> None:
    options = load("radiomics.models", "logistic").Options()
    with pytest.raises(ValidationError):
        options.C = 2.0


class Closed(BaseModel, frozen=True, extra="forbid"):
    """Options as they should be."""


class Open(BaseModel):
    """Options that take any key."""


def changed(package: str, name: str, **parts: Any) -> ModuleType:
    """Return one of our modules with parts exchanged."""
    module = ModuleType("a_stranger", "A module of another package.")
    vars(module).update({k: v for k, v in vars(load(package, name)).items() if k[0] != "_"})
    vars(module).update(parts)
    return module


def intensity(**parts: Any) -> ModuleType:
    return changed("radiomics.features", "intensity", **parts)


def without(module: ModuleType, name: str) -> ModuleType:
    delattr(module, name)
    return module


@pytest.mark.parametrize(
    ("module", "wrong"),
    [
        (without(intensity(), "UNITS"), "lacks UNITS"),
        (intensity(VERSION=0), "counts from 1"),
        (intensity(Options=Open), "frozen=True"),
        (intensity(Options=dict), "lacks Options as a model of pydantic"),
        (intensity(__doc__=None), "no docstring"),
        (intensity(UNITS={"mean": "1"}), "UNITS and IBSI name other features"),
        (intensity(IBSI={"Mean": ""}, UNITS={"Mean": "1"}), "'Mean' is no name"),
        (intensity(IBSI={"mean": "Q4"}, UNITS={"mean": "1"}), "the code 'Q4'"),
        (intensity(features=lambda *_: {"mean": 1.0}), "other names than IBSI"),
        (intensity(IBSI={"a": ""}, UNITS={"a": ""}, features=lambda *_: {"a": 1}), "type int"),
        (
            intensity(IBSI={"a": ""}, UNITS={"a": ""}, features=lambda *_: {"a": float("inf")}),
            "infinite",
        ),
    ],
)
def test_a_family_that_breaks_its_contract_is_told(module: ModuleType, wrong: str) -> None:
    with pytest.raises(AssertionError, match=wrong):
        testing.check_family(module)


def test_other_breaches_are_told() -> None:
    shrunk = changed("radiomics.filters", "square", apply=lambda array, *_: array[1:])
    with pytest.raises(AssertionError, match="a response of shape"):
        testing.check_filter(shrunk)
    near = changed("radiomics.filters", "gaussian", reach=lambda *_: (0, 0, 0))
    with pytest.raises(AssertionError, match="looks farther than its reach"):
        testing.check_filter(near, sigma_mm=1)
    blind = changed("radiomics.models", "logistic", GRID={"alpha": (1,)})
    with pytest.raises(AssertionError, match="GRID names no options: alpha"):
        testing.check_model(blind)
    narrow = changed("radiomics.datasets", "breast_cancer", open=lambda _options: None)
    with pytest.raises(AssertionError, match="open takes options and progress"):
        testing.check_source(narrow)

    def nothing(options: Any, progress: Any) -> Any:
        return SimpleNamespace()

    empty = changed("radiomics.datasets", "breast_cancer", open=nothing)
    with pytest.raises(AssertionError, match="not SimpleNamespace"):
        testing.check_source(empty, opened_with={})


@pytest.mark.parametrize("package", REGISTRIES)
def test_what_a_contract_asks_for_is_named(package: str) -> None:
    contract: tuple[str, ...] = import_module(package).CONTRACT
    assert missing_parts(package, ModuleType("empty")) == list(contract)
