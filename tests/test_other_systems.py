"""Mechanics of other systems: where our code finds no Unix it gives the same bytes.

That no name is used which Windows lacks, mypy says: ``mypy --platform win32``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from radiomics.io.files.tables import Manifest
from tests.cohorts import rows_of, write_cohort, write_rows
from tests.without_unix import environment

MAIN = (
    "from radiomics.pipelines.commands.start import main\n\nif __name__ == '__main__':\n    main()"
)
LARGE = (
    "from radiomics.pipelines.batch import cohort, collect\n"
    "collect.MANY, cohort.is_large = 0, lambda _: True\n"
)
"""A command line to which every manifest and every table is large: both have their own process."""
STUDY = """
data: {{name: cohort, manifest: {manifest}}}
covariates: [age, sex]
extraction: {{modality: CT, families: [intensity, morphology], resample: {{spacing: [2, 2, 2]}}}}
models: [{{name: logistic, C: 0.1}}]
evaluation: {{folds: 2, resamples: 100}}
gallery: 2
"""

Answer = subprocess.CompletedProcess[str]


def run(variables: dict[str, str], *words: object, code: str = MAIN) -> Answer:
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=variables)


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return environment(tmp_path_factory.mktemp("site"))


def both(windows: dict[str, str], *words: object, code: str = MAIN) -> tuple[Answer, Answer]:
    """Run a command here and there; OUTPUT in its words stands for ``here`` and ``there``."""
    found = []
    for place, variables in (("here", dict(os.environ)), ("there", windows)):
        named = [str(word).replace("OUTPUT", place) for word in words]
        found.append(run(variables, *named, code=code))
    return found[0], found[1]


def lines_of(answer: Answer) -> list[str]:
    """Return what a batch reported, without how far it was after each half minute."""
    return [line for line in answer.stderr.splitlines() if " running of " not in line]


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder that hold results, by their place."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name not in ("status.json", "records.sqlite")
    }


def test_our_code_finds_windows_there(windows: dict[str, str]) -> None:
    code = (
        "exec(compile('''"
        "import multiprocessing, os, signal, sys\n"
        "print(os.name, sys.platform, hasattr(os, 'fork'), hasattr(signal, 'SIGHUP'))\n"
        "for wrong in ('import fcntl', 'from os import pwrite', 'os.sysconf'):\n"
        "    try:\n"
        "        exec(wrong)\n"
        "    except (ImportError, AttributeError) as error:\n"
        "        print(type(error).__name__)\n"
        "try:\n"
        "    multiprocessing.get_context('forkserver')\n"
        "except ValueError as error:\n"
        "    print(error)\n"
        "''', 'x', 'exec'), {'__name__': 'radiomics.x'})\n"
        "import os; print(os.name)"
    )
    answer = run(windows, code=code)
    assert answer.stdout.splitlines() == [
        "nt win32 False False",
        "ModuleNotFoundError",
        "ImportError",
        "AttributeError",
        "cannot find context for 'forkserver'",
        os.name,
    ], answer.stderr


@pytest.mark.parametrize("large", [False, True])
def test_a_batch(windows: dict[str, str], tmp_path: Path, large: bool) -> None:
    manifest = write_cohort(tmp_path / "in", 5)
    rows = [*rows_of(5), rows_of(1)[0] | {"id": "second", "label": 2}]
    rows[3]["label"] = 7  # there is none
    write_rows(manifest, rows)
    words = ("batch", manifest, "--settings", tmp_path / "in" / "quick.yaml", "--workers", 2)
    words = (*words, "--output", tmp_path / "OUTPUT", "--pseudonymise", tmp_path / "key")
    code = LARGE * large + MAIN
    here, there = both(windows, *words, "--log", tmp_path / "OUTPUT.jsonl", code=code)
    assert (here.returncode, there.returncode) == (1, 1), here.stderr + there.stderr
    assert lines_of(there) == lines_of(here)
    assert there.stdout.replace("there", "here") == here.stdout
    assert files_of(tmp_path / "there") == files_of(tmp_path / "here")
    names = {"features.parquet", "provenance.json", "records.sqlite", "status.json", "summary.html"}
    assert {path.name for path in (tmp_path / "there").iterdir()} == names
    again = run(windows, *(str(w).replace("OUTPUT", "there") for w in words), code=code)
    assert again.stdout == there.stdout
    status = run(windows, "batch", "--status", tmp_path / "there")
    assert status.stdout.startswith("not running\n5 done, 1 failed"), status.stderr


def test_a_study(windows: dict[str, str], small_cohort: Manifest, tmp_path: Path) -> None:
    text = STUDY.format(manifest=small_cohort.folder / "manifest.csv")
    (tmp_path / "study.yaml").write_text(text, encoding="utf-8")
    words = ("study", tmp_path / "study.yaml", "--output", tmp_path / "OUTPUT")
    here, there = both(windows, *words)
    assert (here.returncode, there.returncode) == (0, 0), here.stderr + there.stderr
    one, other = (files_of(tmp_path / place) for place in ("here", "there"))
    assert {"metrics.json", "predictions.parquet", "report.html"} < set(one)
    assert other == one


def test_the_command_line(windows: dict[str, str], small_cohort: Manifest, tmp_path: Path) -> None:
    image, mask = (small_cohort.folder / small_cohort.rows[n][0] for n in ("image", "mask"))
    here, there = both(windows, "inspect", small_cohort.folder)
    assert (here.returncode, there.returncode) == (0, 0), here.stderr + there.stderr
    assert there.stdout == here.stdout
    words = ("--roi", small_cohort.rows["roi"][0], "--output", tmp_path / "OUTPUT" / "features.csv")
    here, there = both(windows, "extract", image, mask, *words)
    assert (here.returncode, there.returncode) == (0, 0), here.stderr + there.stderr
    assert files_of(tmp_path / "there") == files_of(tmp_path / "here")
    assert {"features.csv", "features.provenance.json"} <= set(files_of(tmp_path / "there"))
