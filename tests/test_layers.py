"""Mechanics: imports point down, no circles between files, plugins apart, no packed arguments."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
REGISTRIES = (
    "radiomics.filters",
    "radiomics.features",
    "radiomics.models",
    "radiomics.selection",
    "radiomics.datasets",
)
BOTTOM = ("radiomics.types", "radiomics.plugins")
FAMILIES = (
    *BOTTOM,
    "radiomics.kernels",
    "radiomics.io",
    "radiomics.evaluation",
    "radiomics.interchange",
    "radiomics.preprocessing",
    "radiomics.perturbation",
    "radiomics.filters",
    "radiomics.features",
)
STAGES = (
    *FAMILIES,
    "radiomics.extraction",
    "radiomics.compat",
    "radiomics.conformance",
    "radiomics.models",
    "radiomics.training",
    "radiomics.selection",
    "radiomics.datasets",
    "radiomics.reporting",
    "radiomics.explanation",
)
SHARED = (
    "radiomics",
    *STAGES,
    "radiomics.pipelines.store",
    "radiomics.pipelines.provenance",
    "radiomics.pipelines.spreadsheet",
)
STUDIES = ("radiomics.pipelines.study", "radiomics.pipelines.bundle", "radiomics.pipelines.batch")

# who may import what of ours, besides its own room; the longest name that fits counts
ALLOWED: dict[str, tuple[str, ...]] = {
    "radiomics.types": (),
    "radiomics.plugins": (),
    "radiomics.pipelines.store": (),
    "radiomics.pipelines.spreadsheet": ("radiomics.plugins",),
    "radiomics.kernels": ("radiomics.types",),
    "radiomics.io": ("radiomics.types",),
    "radiomics.evaluation": ("radiomics.types",),
    "radiomics.interchange": ("radiomics.types",),
    "radiomics.preprocessing": ("radiomics.types", "radiomics.kernels"),
    "radiomics.perturbation": (*BOTTOM, "radiomics.kernels"),
    "radiomics.filters": (*BOTTOM, "radiomics.kernels", "radiomics.preprocessing.discretise"),
    "radiomics.features": (*BOTTOM, "radiomics.kernels", "radiomics.preprocessing.discretise"),
    "radiomics.compat": FAMILIES,
    "radiomics.extraction": (*FAMILIES, "radiomics.compat"),
    "radiomics.conformance": (*FAMILIES, "radiomics.extraction"),
    "radiomics.models": BOTTOM,
    "radiomics.training": BOTTOM,
    "radiomics.selection": BOTTOM,
    "radiomics.datasets": (*BOTTOM, "radiomics.io", "radiomics.preprocessing"),
    "radiomics.reporting": ("radiomics.types", "radiomics.evaluation"),
    "radiomics.explanation": ("radiomics.types", "radiomics.evaluation"),
    "radiomics.testing": STAGES,
    "radiomics.__main__": ("radiomics.pipelines.commands",),
    "radiomics.pipelines": (),
    "radiomics.pipelines.provenance": ("radiomics", *STAGES, "radiomics.pipelines.store"),
    "radiomics.pipelines.study": (*SHARED, *STUDIES),
    "radiomics.pipelines.bundle": (*SHARED, *STUDIES),
    "radiomics.pipelines.batch": (*SHARED, *STUDIES),
    "radiomics.pipelines.report": (*SHARED, *STUDIES),
    "radiomics.pipelines.commands": (*SHARED, *STUDIES, "radiomics.pipelines.report"),
    "radiomics.pipelines.app": (*SHARED, *STUDIES, "radiomics.pipelines.report"),
}
# where a heavy import may stand; torch and its kin are an extra, and stay out of all else
TORCH = (
    "radiomics/interchange.py",
    "radiomics/kernels/maps/gpu.py",
    "radiomics/preprocessing/tensors.py",
    "radiomics/models/",
    "radiomics/training/",
    "radiomics/testing/",
    "datasets/",
)
HEAVY = {
    "torch": TORCH,
    "torchvision": TORCH,
    "monai": TORCH,
    "safetensors": TORCH,
    "pydicom": ("radiomics/io/",),
    "highdicom": ("radiomics/io/",),
    "SimpleITK": ("radiomics/io/", "radiomics/compat/", "radiomics/interchange.py"),
    "nibabel": ("radiomics/interchange.py",),
    "matplotlib": ("radiomics/reporting/",),
    "jinja2": ("radiomics/reporting/",),
}

FILES = sorted(
    path.relative_to(ROOT)
    for package in ("radiomics", "pipelines", "datasets")
    for path in (ROOT / package).rglob("*.py")
    if not path.relative_to(ROOT)
    .as_posix()
    .startswith(("radiomics/pipelines/", "radiomics/datasets/"))
)


def module_name(path: Path) -> str:
    """Return the name a file is imported by: all of it lies below ``radiomics``."""
    parts = path.with_suffix("").parts
    name = ".".join(parts if parts[0] == "radiomics" else ("radiomics", *parts))
    return name.removesuffix(".__init__")


MODULES = {module_name(path) for path in FILES}


def imports_of(source: str, where: object = "") -> set[str]:
    """Return every module that a source imports, also inside functions and for type checking."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{where}: relative import"
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                found.add(submodule if submodule in MODULES else node.module)
    return found


def imports(path: Path) -> set[str]:
    return imports_of((ROOT / path).read_text(encoding="utf-8"), path)


def within(name: str, package: str) -> bool:
    """Tell whether a module lies in a room; ``radiomics`` alone is the public namespace only."""
    if package == "radiomics":
        return name == package
    return name == package or name.startswith(f"{package}.")


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the groups of files that import each other, directly or around corners."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:  # Tarjan's strongly connected components
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in sorted(graph[name] & set(graph)):
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(group) > 1 or name in graph[name]:
                found.append(sorted(group))

    for name in graph:
        if name not in index:
            visit(name)
    return found


def packed_arguments(source: str) -> Iterator[str]:
    """Yield the parameters whose annotation is a tuple of unlike things, with their function."""

    def choices(node: ast.expr) -> Iterator[ast.expr]:
        if isinstance(node, ast.BinOp):
            yield from choices(node.left)
            yield from choices(node.right)
        else:
            yield node

    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        arguments = node.args
        for parameter in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            for kind in choices(parameter.annotation) if parameter.annotation else ():
                if isinstance(kind, ast.Subscript) and ast.unparse(kind.value) == "tuple":
                    inner = kind.slice.elts if isinstance(kind.slice, ast.Tuple) else [kind.slice]
                    if len({ast.unparse(part) for part in inner} - {"..."}) > 1:
                        yield f"{node.name}({parameter.arg}: {ast.unparse(kind)})"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports_point_down(path: Path) -> None:
    name = module_name(path)
    if name == "radiomics":
        return  # the public namespace names everything and loads it lazily: see test_exports
    room = max((r for r in ALLOWED if within(name, r)), key=len)
    ours = {i for i in imports(path) if i.split(".")[0] == "radiomics"}
    wrong = {
        i for i in ours if not within(i, room) and not any(within(i, a) for a in ALLOWED[room])
    }
    assert not wrong, f"{path} imports {sorted(wrong)}"


def test_no_two_files_import_each_other() -> None:
    graph = {
        module_name(path): imports(path) for path in FILES if path != Path("radiomics/__init__.py")
    }
    assert circles(graph) == []


@pytest.mark.parametrize("path", FILES, ids=str)
def test_one_import_name(path: Path) -> None:
    assert not {i for i in imports(path) if i.split(".")[0] in ("pipelines", "datasets", "configs")}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_plugins_do_not_import_each_other(path: Path) -> None:
    name = module_name(path)
    package = next((p for p in REGISTRIES if name.startswith(f"{p}.")), None)
    if package:
        plugins = {f"{package}.{other}" for other in import_module(package).NAMES}
        assert not imports(path) & (plugins - {name})


@pytest.mark.parametrize("path", FILES, ids=str)
def test_heavy_imports_stay_home(path: Path) -> None:
    for name in imports(path):
        homes = HEAVY.get(name.split(".")[0])
        assert homes is None or path.as_posix().startswith(homes), f"{path} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_no_argument_packs_unlike_things(path: Path) -> None:
    packed = list(packed_arguments((ROOT / path).read_text(encoding="utf-8")))
    assert not packed, f"{path}: pass both, or give the pair a name and a dataclass"


def test_the_rules_can_see_a_violation() -> None:
    assert "radiomics.io.dicom.series" in imports(Path("datasets/phantom.py"))
    planted = (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from radiomics.io import VERSION"
    )
    assert imports_of(planted) == {"typing", "radiomics.io"}
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}) == [["a", "b", "c"]]
    assert circles({"a": {"b"}, "b": set()}) == []
    assert list(
        packed_arguments("def f(run: tuple[Path, Progress] | None, x: tuple[int, int]): ...")
    ) == ["f(run: tuple[Path, Progress])"]
    assert not list(packed_arguments("def f(x: tuple[str, ...]) -> tuple[int, str]: ..."))
