"""Mechanics: imports point down only, plugins never import each other, heavy imports stay home."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PLUGINS = (
    "radiomics.filters",
    "radiomics.features",
    "radiomics.models",
    "radiomics.selection",
    "datasets",
)
STAGES = ("radiomics.preprocessing", "radiomics.kernels", "radiomics.types", "radiomics.plugins")

# who may import which of our packages (besides itself and what __init__ re-exports lazily)
ALLOWED: dict[str, tuple[str, ...]] = {
    "radiomics.types": (),
    "radiomics.plugins": (),
    "pipelines.store": (),
    "radiomics.kernels": ("radiomics.types",),
    "radiomics.io": ("radiomics.types",),
    "radiomics.evaluation": ("radiomics.types",),
    "radiomics.preprocessing": ("radiomics.types", "radiomics.kernels"),
    "radiomics.filters": (
        "radiomics.types",
        "radiomics.kernels",
        "radiomics.plugins",
        "radiomics.preprocessing.discretise",
    ),
    "radiomics.features": (
        "radiomics.types",
        "radiomics.kernels",
        "radiomics.preprocessing.discretise",
    ),
    "radiomics.settings": (
        *STAGES,
        "radiomics.filters",
        "radiomics.features",
        "radiomics.compat",
    ),
    "radiomics.catalogue": ("radiomics.features", "radiomics.plugins"),
    "radiomics.checks": STAGES,
    "radiomics.derived": (*STAGES, "radiomics.filters", "radiomics.settings"),
    "radiomics.regions": (*STAGES, "radiomics.checks", "radiomics.derived", "radiomics.settings"),
    "radiomics.extraction": (
        *STAGES,
        "radiomics.checks",
        "radiomics.compat",
        "radiomics.derived",
        "radiomics.regions",
        "radiomics.io",
        "radiomics.filters",
        "radiomics.features",
        "radiomics.settings",
    ),
    "radiomics.compat": (
        *STAGES,
        "radiomics.features",
        "radiomics.filters",
    ),
    "radiomics.ibsi1": (),
    "radiomics.verification": (
        "radiomics.extraction",
        "radiomics.ibsi1",
        "radiomics.io",
        "radiomics.types",
    ),
    "radiomics.models": ("radiomics.types", "radiomics.plugins"),
    "radiomics.association": (),
    "radiomics.selection": (
        "radiomics.types",
        "radiomics.plugins",
        "radiomics.association",
        "radiomics.models",
    ),
    "radiomics.training": ("radiomics.types",),
    "datasets": ("radiomics.types", "radiomics.io", "radiomics.preprocessing"),
    "radiomics.reporting": ("radiomics.types", "radiomics.evaluation"),
    "pipelines": ("radiomics", "datasets"),
}
HEAVY = {
    "torch": (
        "radiomics/kernels/gpu.py",
        "radiomics/preprocessing/tensors.py",
        "radiomics/models/",
        "radiomics/training/",
        "datasets/",
        "pipelines/cli.py",
    ),
    "pydicom": ("radiomics/io/",),
    "highdicom": ("radiomics/io/",),
    "SimpleITK": ("radiomics/io/", "radiomics/compat/"),  # PyRadiomics' interface is SimpleITK's
    "matplotlib": ("radiomics/reporting/",),
    "jinja2": ("radiomics/reporting/",),
}
ORDER = (
    "chains",
    "config",
    "cohort_features",
    "provenance",
    "outcomes",
    "study",
    "predict",
    "study_commands",
    "batch_cli",
    "cli",
)

FILES = sorted(
    path.relative_to(ROOT)
    for package in ("radiomics", "pipelines", "datasets")
    for path in (ROOT / package).rglob("*.py")
)


def module_name(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> set[str]:
    """Return every module that a file imports, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            known = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = {module_name(f) for f in FILES}
            found |= {name for name in known if name in modules} or {node.module}
    return found


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports_point_down(path: Path) -> None:
    name = module_name(path)
    if name == "radiomics":
        return  # the public namespace names everything and loads it lazily: see test_exports
    room = max((r for r in ALLOWED if within(name, r)), key=len)
    ours = {i for i in imports(path) if i.split(".")[0] in ("radiomics", "pipelines", "datasets")}
    wrong = {
        i for i in ours if not within(i, room) and not any(within(i, a) for a in ALLOWED[room])
    }
    assert not wrong, f"{path} imports {sorted(wrong)}"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_plugins_do_not_import_each_other(path: Path) -> None:
    name = module_name(path)
    package = next((p for p in PLUGINS if name.startswith(f"{p}.")), None)
    if package:
        siblings = {i for i in imports(path) if i.startswith(f"{package}.") and i != name}
        assert not siblings


@pytest.mark.parametrize("path", FILES, ids=str)
def test_heavy_imports_stay_home(path: Path) -> None:
    for name in imports(path):
        homes = HEAVY.get(name.split(".")[0])
        assert homes is None or path.as_posix().startswith(homes), f"{path} imports {name}"


def test_pipelines_build_on_each_other_in_order() -> None:
    for position, name in enumerate(ORDER):
        later = {f"pipelines.{other}" for other in ORDER[position + 1 :]}
        assert not imports(Path(f"pipelines/{name}.py")) & later


def test_the_rules_can_see_a_violation() -> None:
    assert "radiomics.io.series" in imports(Path("datasets/phantom.py"))
    assert "pipelines.study" in imports(Path("pipelines/study_commands.py"))
