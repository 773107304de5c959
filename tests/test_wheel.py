"""Mechanics: what is installed has one import name, works outside the tree, and lives with others.

The wheel is built from the sdist, as package indexes and packagers do.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from copy import copy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def run(*words: object, folder: Path, expected: int = 0, search: Path | None = None) -> str:
    """Run a command away from the tree; return what it printed on both streams.

    Python looks into the folder ``search`` before it looks into its own.
    """
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONSAFEPATH": "1"}
    environment.pop("PYTHONPATH", None)
    if search is not None:
        environment["PYTHONPATH"] = str(search)
    done = subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expected, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel that was built from an sdist of the tree."""
    folder = tmp_path_factory.mktemp("wheel")
    build = (sys.executable, "-m", "build", "--no-isolation", "--outdir", folder)
    run(*build, "--sdist", ROOT, folder=folder)
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (source,) = (folder / "unpacked").iterdir()
    run(*build, "--wheel", source, folder=folder)
    (built,) = folder.glob("*.whl")
    return built


class Environment:
    """A fresh environment that sees the dependencies of this one, and nothing of the tree."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.absent: Path | None = None
        run(sys.executable, "-m", "venv", "--without-pip", folder, folder=folder.parent)
        self.bin = folder / ("Scripts" if os.name == "nt" else "bin")
        values = {"base": str(folder), "platbase": str(folder)}
        self.site = Path(sysconfig.get_path("purelib", vars=values))
        (self.site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def without(self, *packages: str) -> Environment:
        """Return the same environment in which some packages cannot be imported."""
        other = copy(self)
        other.absent = self.folder / "absent"
        other.absent.mkdir()
        for package in packages:
            raising = f"raise ModuleNotFoundError('blocked', name={package!r})\n"
            (other.absent / f"{package}.py").write_text(raising)
        return other

    def python(self, *words: object, expected: int = 0) -> str:
        return self.run(self.bin / "python", *words, expected=expected)

    def pip(self, *words: object) -> str:
        return run(
            sys.executable, "-m", "pip", "--python", self.bin / "python", *words, folder=self.folder
        )

    def radiomics(self, *words: object, expected: int = 0) -> str:
        return self.run(self.bin / "radiomics", *words, expected=expected)

    def run(self, *words: object, expected: int) -> str:
        return run(*words, folder=self.folder, expected=expected, search=self.absent)


@pytest.fixture
def fresh(tmp_path: Path) -> Environment:
    return Environment(tmp_path / "env")


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Return an environment with the wheel, in which the kernels are compiled once."""
    environment = Environment(tmp_path_factory.mktemp("installed") / "env")
    environment.pip("install", "--quiet", "--no-deps", "--no-index", wheel)
    return environment


def stand_in(folder: Path, name: str, package: str, version: str) -> Path:
    """Write a small wheel of another distribution with one package."""
    path, info = folder / f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.dist-info"
    entries = {
        f"{package}/__init__.py": f"__version__ = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{entry},,\n" for entry in (*entries, f"{info}/RECORD"))
    with zipfile.ZipFile(path, "w") as archive:
        for entry, text in {**entries, f"{info}/RECORD": record}.items():
            archive.writestr(entry, text)
    return path


def test_a_wheel_holds_one_package(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"radiomics"}
    assert len(names) == len(set(names))
    for part in ("pipelines/study/chain.py", "datasets/phantom.py", "configs/demo.yaml"):
        assert f"radiomics/{part}" in names
    tracked = ("py.typed", "reporting/report.html.j2", "conformance/digital_phantom.csv")
    assert {f"radiomics/{part}" for part in tracked} <= set(names)
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests")]


def test_an_installed_wheel_runs_a_study(installed: Environment) -> None:
    where = (
        "import radiomics.pipelines as p, radiomics.datasets as d; print(p.__file__, d.__file__)"
    )
    assert installed.python("-c", where).count(str(installed.site)) == 2
    for top in ("pipelines", "datasets", "configs"):
        installed.python("-c", f"import {top}", expected=1)
    words = ("study", "demo", "data.patients=12", "evaluation.folds=2", "--output", "out")
    assert "report: " in installed.radiomics(*words)
    assert (installed.folder / "out" / "report.html").is_file()
    assert "all is well" in installed.python("-m", "radiomics", "doctor")


@pytest.fixture(scope="module")
def hugging_face(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel of Hugging Face's datasets, from the package index that pip knows."""
    folder = tmp_path_factory.mktemp("datasets")
    words = ("download", "--quiet", "--no-deps", "--dest", folder, "datasets")
    done = subprocess.run(
        [sys.executable, "-m", "pip", *map(str, words)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip("needs a package index that has the distribution datasets")
    (found,) = folder.glob("datasets-*.whl")
    return found


@pytest.mark.parametrize(("first", "leaves"), [("ours", "theirs"), ("theirs", "ours")])
def test_hugging_faces_datasets_beside_ours(
    wheel: Path, hugging_face: Path, fresh: Environment, first: str, leaves: str
) -> None:
    order = (wheel, hugging_face) if first == "ours" else (hugging_face, wheel)
    for distribution in order:
        fresh.pip("install", "--quiet", "--no-deps", "--no-index", distribution)
    assert "all is well" in fresh.radiomics("doctor")
    named = "import importlib.util as u; print(u.find_spec('datasets').origin)"
    assert "arrow_dataset.py" in os.listdir(Path(fresh.python("-c", named).strip()).parent)  # noqa: PTH208
    plan = ("study", "breast_cancer", "--dry-run")
    assert "569" in fresh.radiomics(*plan)
    name = "radiomics-pipelines" if leaves == "ours" else "datasets"
    fresh.pip("uninstall", "--quiet", "--yes", name)
    if leaves == "theirs":
        assert "569" in fresh.radiomics(*plan)
    else:
        assert str(fresh.site) in fresh.python("-c", named)
        assert not (fresh.site / "radiomics").exists()


@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_the_remedy_for_pyradiomics_works_to_the_letter(
    wheel: Path, fresh: Environment, tmp_path: Path, first: str
) -> None:
    rival = stand_in(tmp_path, "pyradiomics", "radiomics", "3.1.0")
    for distribution in (wheel, rival) if first == "ours" else (rival, wheel):
        fresh.pip("install", "--quiet", "--no-deps", "--no-index", distribution)
    told = fresh.radiomics("features", expected=2)
    assert "pyradiomics 3.1.0 also installs the import name 'radiomics'" in told
    assert "problem: pyradiomics 3.1.0" in fresh.radiomics("doctor", expected=2)
    lines = [line.strip() for line in told.splitlines() if "python -m pip" in line]
    assert len(lines) == 2
    for line in lines:
        words = [word.strip('"') for word in line.removeprefix("python -m pip ").split()]
        extra = ("--no-deps", "--no-index") if words[0] == "install" else ()
        fresh.pip(*words, *extra)
    assert "all is well" in fresh.radiomics("doctor")
    assert "174" in fresh.python(
        "-c", "import radiomics; print(len(radiomics.feature_catalogue()))"
    )


def test_without_extras_what_needs_them_says_so_before_any_work(installed: Environment) -> None:
    extras = ("torch", "torchvision", "monai", "safetensors", "dask", "distributed")
    fresh = installed.without(*extras)
    for package in extras:
        assert "blocked" in fresh.python("-c", f"import {package}", expected=1)
    networks = "pip install 'radiomics-pipelines[networks]'"
    for words in (
        ("study", "nodules_cnn3d"),
        ("study", "validation/mnist_mlp"),
        ("study", "demo", "models=[{name: resnet, dims: 2}]"),
        ("study", "demo", "training.epochs=3"),
    ):
        told = fresh.radiomics(*words, "--output", "none", expected=2)
        assert networks in told
        assert "Traceback" not in told
        assert not list((fresh.folder / "none").glob("*"))
    training = "from radiomics.training import fit"
    assert networks in fresh.python("-c", training, expected=1)
    words = ("study", "demo", "data.patients=12", "evaluation.folds=2", "--output", "small")
    assert "report: " in fresh.radiomics(*words)
    manifest = next((fresh.folder / "small" / "data").glob("*/manifest.csv"))
    assert "notes" in fresh.radiomics("predict", "small/model.zip", manifest)
    assert "good" in fresh.radiomics("inspect", manifest.parent / "P001")
    told = fresh.radiomics("batch", manifest, "--scheduler", "local", "--output", "b", expected=2)
    assert "pip install 'radiomics-pipelines[cluster]'" in told
    assert "done, 0 failed" in fresh.radiomics("batch", manifest, "--output", "b", "--quiet")
    scan = manifest.parent / "P001"
    log = fresh.folder / "log.yaml"
    log.write_text("filters: [{name: log, sigma_mm: 2}]\nfamilies: [intensity]\n")
    mask = (scan / "rtstruct.dcm", "--roi", "Lesion 1", "--settings", log)
    assert "log_2mm_3d_intensity_mean" in fresh.radiomics("extract", scan / "ct", *mask)
    assert "responses from" in fresh.radiomics(
        "filter", scan / "ct", "--settings", log, "--output", "map.nii.gz"
    )
    assert "482 of 482" in fresh.radiomics("verify")
