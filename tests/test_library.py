"""Mechanics: every block of docs/library.md runs, in its order; its package is built by pip."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from radiomics import read_image, read_mask, write_volume
from radiomics.datasets import phantom

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(?:python|toml)\n(.*?)```", TEXT, flags=re.DOTALL)
FILES = {
    match[1]: block for block in BLOCKS if (match := re.match(r"# (\S+\.(?:py|toml))\n", block))
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an image and a mask as other programs leave them."""
    folder = tmp_path_factory.mktemp("library")
    manifest = phantom.open(phantom.Options(patients=2, folder=folder / "data"))
    row = manifest.rows[manifest.rows["mask"].str.endswith(".nii.gz")].iloc[0]
    image = read_image(manifest.folder / row["image"])
    write_volume(image, folder / "ct.nii.gz")
    write_volume(read_mask(manifest.folder / row["mask"], like=image), folder / "lesion.nii.gz")
    return folder


def run(folder: Path, code: str, *places: Path) -> str:
    known = [*map(str, places), str(ROOT), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, known))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_snippets_run_as_one_notebook(place: Path) -> None:
    printed = run(place, "\n".join(block for block in BLOCKS if block not in FILES.values()))
    assert "original_glcm_joint_entropy" in printed
    assert (place / "slice.png").stat().st_size > 10_000
    assert (place / "response.nii.gz").is_file()


def test_the_package_is_built_tested_and_used(place: Path) -> None:
    source, site = place / "package", place / "site"
    for name, text in FILES.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (source / "rim_radiomics" / "__init__.py").touch()
    flags = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target", str(site))
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *flags, str(source)],
        check=True,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    run(place, FILES["test_rim.py"], site)
    printed = run(place, FILES["use_rim.py"], site)
    assert "original_rim_rim_share" in printed
