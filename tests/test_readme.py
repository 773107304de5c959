"""Mechanics: every command and every snippet of the README runs, in the README's order."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, flags=re.DOTALL)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which the README's shell commands were run, as a user would."""
    folder = tmp_path_factory.mktemp("readme")
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    script = "\n".join(line for line in lines if not line.startswith("make "))
    assert script.count("radiomics ") >= 5
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_the_commands_left_what_they_promise(place: Path) -> None:
    assert (place / "demo-output" / "report.html").stat().st_size > 100_000
    assert list(place.rglob("features.json"))
    assert list(place.rglob("small-study/report.html"))
    assert list(place.rglob("batch/features.parquet"))


def test_the_python_snippets_run(place: Path) -> None:
    snippet = "\n".join(blocks("python"))
    done = subprocess.run(
        [sys.executable, "-c", snippet], cwd=place, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "mm^3\n" in done.stdout
    assert done.stdout.endswith("(64,) (21, 5)\n")
    assert (place / "ct.nii.gz").exists()


def test_the_config_in_the_readme_is_valid(tmp_path: Path) -> None:
    from radiomics.pipelines.study.config import load_config

    (config,) = blocks("yaml")
    (tmp_path / "study.yaml").write_text(config, encoding="utf-8")
    assert load_config(tmp_path / "study.yaml").models[1]["l1_ratio"] == 1


def test_the_two_commands_exist_in_the_makefile() -> None:
    make = shutil.which("make")
    if make is None:
        pytest.skip("needs make")
    for target in ("demo", "test"):
        assert f"make {target}" in TEXT
        command = [make, "--dry-run", "--no-print-directory", target]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        assert ("radiomics demo" if target == "demo" else "pytest") in done.stdout


def test_every_file_that_the_documents_name_exists() -> None:
    for document in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
