"""Oracle: the examples in docstrings, small enough to check by eye."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for package in ("radiomics", "pipelines", "datasets")
    for path in sorted((ROOT / package).rglob("*.py"))
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name: str) -> None:
    module = import_module(name)
    assert module.__doc__
    assert doctest.testmod(module).failed == 0
