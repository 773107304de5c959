"""What a source of cases or samples must give."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from radiomics.io.files.tables import FeatureTable, Manifest
from radiomics.testing.options import check_options
from radiomics.types import Case, Samples, silent


def check_source(
    module: ModuleType, *, opened_with: Mapping[str, Any] | None = None, **options: Any
) -> None:
    """Check that a source keeps the contract of ``radiomics.datasets``.

    Parameters
    ----------
    opened_with : options to open it with, which may take files; without, it stays closed
    options : those that the source cannot do without

    Raises
    ------
    AssertionError
        Saying what is wrong: what ``open`` takes, what it gives, or a source without a row.
    """
    name = module.__name__
    check_options("radiomics.datasets", module, **(opened_with or options))
    parameters = list(inspect.signature(module.open).parameters.values())
    text = f"{name}.open takes options and progress; found {[p.name for p in parameters]}"
    assert len(parameters) >= 2, text
    needed = [p.name for p in parameters[2:] if p.default is p.empty and p.kind < p.VAR_POSITIONAL]
    assert not needed, text
    if opened_with is None:
        return
    source = module.open(module.Options(**opened_with), silent)
    kinds = (Manifest, FeatureTable, Samples)
    given = type(source).__name__
    text = f"{name}.open gives a Manifest, a FeatureTable or Samples, not {given}"
    assert isinstance(source, kinds), text
    assert len(source), f"{name}: the source is empty"
    if isinstance(source, Manifest):
        first = next(iter(source))
        assert isinstance(first, Case), f"{name} yields {type(first).__name__}, not Case"
