"""What every plugin has: a docstring, all parts of its contract, options that are checked."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from pydantic import BaseModel, ValidationError

from radiomics.plugins import missing_parts


def check_options(package: str, module: ModuleType, **options: Any) -> BaseModel:
    """Check that a module has what its registry asks for, and return its options.

    Parameters
    ----------
    package : the registry, such as ``"radiomics.features"``
    options : those that the module cannot do without

    Raises
    ------
    AssertionError
        When a part is missing, or options can be changed or take keys that they do not know.
    """
    name = module.__name__
    lacking = missing_parts(package, module)
    assert not lacking, f"{name} lacks {', '.join(lacking)}"
    assert module.__doc__, f"{name} has no docstring"
    if "VERSION" in vars(module):
        assert module.VERSION >= 1, f"{name}.VERSION counts from 1; found {module.VERSION}"
    kind: type[BaseModel] = module.Options
    config = kind.model_config
    assert config.get("frozen"), f"{name}.Options can be changed: write it with frozen=True"
    closed = config.get("extra") == "forbid"
    assert closed, f'{name}.Options takes any key: write it with extra="forbid"'
    try:
        return kind(**options)
    except ValidationError as error:
        text = f"{name}.Options does not take {options or 'no options'}: {error}"
        raise AssertionError(text) from None
