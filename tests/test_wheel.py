"""Mechanics: a wheel built from the tree carries configs and templates and works outside it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def run(*words: object, folder: Path, site: Path | None = None) -> str:
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONSAFEPATH": "1"}
    if site is not None:
        environment["PYTHONPATH"] = str(site)
    command = [sys.executable, *map(str, words)]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder into which the wheel was installed without its dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
    flags = ("--quiet", "--no-deps", "--no-index")
    wheel = ("-m", "pip", "wheel", *flags, "--no-build-isolation", "--wheel-dir", folder, ROOT)
    run(*wheel, folder=folder)
    (built,) = folder.glob("radiomics_pipelines-*.whl")
    run("-m", "pip", "install", *flags, "--target", folder / "site", built, folder=folder)
    return folder / "site"


def test_the_installed_package_is_found_and_complete(site: Path) -> None:
    code = "import radiomics, pipelines, datasets; print(radiomics.__file__, datasets.__file__)"
    assert run("-c", code, folder=site.parent, site=site).count(str(site)) == 2
    assert (site / "radiomics" / "configs" / "demo.yaml").is_file()
    assert (site / "bin" / "radiomics").is_file()
    assert not (site / "tests").exists()


def test_the_demo_runs_outside_the_checkout(site: Path) -> None:
    code = "import sys; sys.argv[0] = 'radiomics';"
    code += "from radiomics.pipelines.commands.app import main; main()"
    words = ("study", "demo", "data.patients=12", "evaluation.folds=2", "--output", "out")
    printed = run("-c", code, *words, folder=site.parent, site=site)
    assert "report: " in printed
    assert (site.parent / "out" / "report.html").is_file()
