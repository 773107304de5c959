"""Mechanics: what users expect of any command line: versions, help, completion, JSON in pipes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from radiomics import __version__
from radiomics.io.files.tables import Manifest
from radiomics.pipelines.commands.app import COMMANDS


def radiomics(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "radiomics", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_told(option: str) -> None:
    done = radiomics(option)
    assert (done.returncode, done.stdout) == (0, f"radiomics {__version__}\n")


def test_short_and_long_help_are_the_same_and_whole() -> None:
    short, long = radiomics("-h"), radiomics("--help")
    assert short.stdout == long.stdout
    words = " ".join(long.stdout.split())
    for name, command in COMMANDS.items():
        (first, *_) = (command.__doc__ or "").split("\n\n")
        assert f"{name} {' '.join(first.split())}" in words


@pytest.mark.parametrize("command", list(COMMANDS))
def test_no_help_text_is_cut(command: str) -> None:
    done = radiomics(command, "-h", COLUMNS="60")
    assert done.returncode == 0
    _, told = done.stdout.split("\n\n", 1)  # behind the usage, where dots mean repetition
    assert not [line for line in told.splitlines() if line.endswith("...")]
    first = (COMMANDS[command].__doc__ or "").split("\n\n")[0]
    assert " ".join(first.split()) in " ".join(done.stdout.split())


def test_shells_complete_commands_and_options() -> None:
    shown = radiomics("--show-completion", "bash", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert "complete" in shown.stdout
    asked = {
        "_RADIOMICS_COMPLETE": "complete_bash",
        "COMP_WORDS": "radiomics ex",
        "COMP_CWORD": "1",
    }
    done = subprocess.run(
        [str(Path(sys.executable).parent / "radiomics")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **asked},
    )
    assert done.stdout.split() == ["extract"]


def test_tables_go_to_standard_output_as_json(small_cohort: Manifest) -> None:
    patient = next(path.parent for path in small_cohort.folder.glob("P*/ct"))
    scan = (patient / "ct", patient / "rtstruct.dcm", "--roi", "Lesion *")
    done = radiomics("extract", *scan, "--settings", "ibsi_c", "--output", "-")
    row, *_ = json.loads(done.stdout)
    assert row["original_morphology_volume"] > 0
    assert row["provenance"]["settings"]["modality"] == "CT"
    found = json.loads(radiomics("inspect", patient, "-o", "-").stdout)
    assert {"good"} <= {entry["verdict"] for entry in found}
    assert len(json.loads(radiomics("features", "--output", "-").stdout)) == 174
    checks = radiomics("verify", "--output", "-")
    assert len(json.loads(checks.stdout)) == 482
    assert "482 of 482" in checks.stderr
    assert not Path("-").exists()


def test_another_suffix_is_refused_before_work(tmp_path: Path) -> None:
    done = radiomics("inspect", tmp_path, "--output", tmp_path / "found.xls")
    assert done.returncode == 2
    assert ".csv, .json, .parquet, .xlsx; - is JSON on standard output" in done.stderr
