"""Mechanics: a user's ``mypy --strict`` sees our types, from what is installed alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
USER = """\
from radiomics import Samples, Volume, extract, filters, inspect, read_image, read_mask, show

image = read_image("ct")
reveal_type(image)
reveal_type(image.spacing)
mask = read_mask("mask.nii.gz", like=image)
reveal_type(extract(image, mask, features=["volume"]))
reveal_type(extract(image, {"lesion": mask}))
reveal_type(filters.apply("log", image, sigma_mm=2))
reveal_type(Volume.from_array([[[1.0]]], spacing=(1, 1, 1)))
reveal_type(show(image, mask))
read_image(3)
image.spcing
"""
REVEALED = [
    "radiomics.types.Volume",
    "tuple[float, float, float]",
    "dict[str, float]",
    "pandas.DataFrame",
    "radiomics.types.Volume",
    "radiomics.types.Volume",
    "matplotlib.figure.Figure",
]


def test_a_users_type_checker_sees_the_public_names(tmp_path: Path) -> None:
    site = tmp_path / "site"
    ignored = shutil.ignore_patterns("__pycache__", "*.json", "*.csv", "*.yaml")
    shutil.copytree(ROOT / "radiomics", site / "radiomics", ignore=ignored)
    (tmp_path / "user.py").write_text(USER, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache"]
    done = subprocess.run(
        [*map(str, command), "user.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    shown = [line.split('"')[1] for line in lines if "Revealed type" in line]
    assert [kind.split(".")[-1] for kind in shown] == [kind.split(".")[-1] for kind in REVEALED]
    errors = [line for line in lines if "error:" in line]
    assert len(errors) == 2, done.stdout + done.stderr
    assert 'incompatible type "int"; expected "str | Path"' in errors[0]
    assert '"Volume" has no attribute "spcing"' in errors[1]
