"""Mechanics: one decorator for what Numba compiles, which is kept on disk for its own file."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import radiomics

SOURCE = """
from radiomics.kernels.compiling import kernel


@kernel(inline="always")
def square(x):
    return x * x


@kernel(fastmath=True, error_model="numpy")
def ratio(x, y):
    return square(x) / y


@kernel
def twice(x):
    return 2 * x
"""


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("made_for_a_test", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_compiled_code_is_kept_for_its_own_file(tmp_path: Path) -> None:
    path = tmp_path / "made_for_a_test.py"
    path.write_text(SOURCE, encoding="utf-8")
    first = load(path)
    assert first.ratio(3.0, 2.0) == 4.5
    assert first.ratio(1.0, 0.0) == float("inf")  # as numpy divides
    assert first.twice(4) == 8
    folder = Path(first.ratio.stats.cache_path)
    kept = {file.name.split("-")[0] for file in folder.glob("*.nbi")}
    assert {"made_for_a_test.ratio", "made_for_a_test.twice"} <= kept
    again = load(path)
    assert again.ratio(3.0, 2.0) == 4.5
    assert sum(again.ratio.stats.cache_hits.values()) == 1
    assert not again.ratio.stats.cache_misses


def test_nothing_else_imports_numba() -> None:
    root = Path(radiomics.__file__).parent
    importing = [
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if re.search(r"^\s*(from|import) numba", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert importing == ["kernels/compiling.py"]
