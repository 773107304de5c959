"""Mechanics of interrupts: whatever ends a batch, the same command goes on, to the same bytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from radiomics.pipelines.batch import collect
from radiomics.pipelines.batch.lock import STALE_S, Lock, is_held
from radiomics.pipelines.batch.records import Records
from radiomics.pipelines.batch.request import OWNER, Request
from radiomics.types import InputError
from tests.cohorts import (
    HELD_UP,
    rows_of,
    run_inline,
    table_of,
    trouble_of,
    write_case,
    write_cohort,
    write_rows,
)
from tests.waiting import LIMIT_S, wait_until

CODE = "from radiomics.pipelines.commands.app import main; main()"


def begin(*words: object, code: str = CODE) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, "batch"]
    pipe: Any = subprocess.PIPE
    words_ = [*command, *map(str, words)]
    return subprocess.Popen(words_, stdout=pipe, stderr=pipe, text=True, start_new_session=True)


def events(log: Path) -> list[dict[str, Any]]:
    lines = log.read_text().splitlines() if log.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def wait_for(log: Path, event: str, process: subprocess.Popen[str]) -> None:
    wait_until(lambda: any(found["event"] == event for found in events(log)), process)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a manifest of 60 images."""
    folder = tmp_path_factory.mktemp("cohort")
    manifest = write_cohort(folder, 1)
    write_case(folder, 0, (40, 96, 96))
    for number in range(1, 60):
        os.link(folder / "image0.nii.gz", folder / f"image{number}.nii.gz")
        os.link(folder / "mask0.nii.gz", folder / f"mask{number}.nii.gz")
    rows = [row | {"label": 1 + number % 2} for number, row in enumerate(rows_of(60))]
    return write_rows(manifest, rows)


@pytest.fixture(scope="module")
def whole_table(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the table of a batch that nothing interrupts."""
    place = tmp_path_factory.mktemp("whole")
    settings = cohort.parent / "quick.yaml"
    process = begin(cohort, "--settings", settings, "--workers", 1, "--output", place)
    assert process.communicate(timeout=LIMIT_S)
    return (place / "features.parquet").read_bytes()


@pytest.mark.parametrize(
    ("number", "group", "code", "words"),
    [
        (signal.SIGINT, True, 130, "the same command goes on"),
        (signal.SIGTERM, False, 130, "the same command goes on"),
        (signal.SIGKILL, False, -9, ""),
    ],
)
def test_an_interrupted_batch_goes_on(
    number: int,
    group: bool,
    code: int,
    words: str,
    cohort: Path,
    whole_table: bytes,
    tmp_path: Path,
) -> None:
    request = ("--settings", cohort.parent / "quick.yaml", "--workers", 1)
    out, log = tmp_path / "out", tmp_path / "log"
    trouble = trouble_of(cohort.parent / "image1.nii.gz")
    trouble.write_text("wait")
    process = begin(cohort, *request, "--output", out, "--log", log, code=HELD_UP)
    wait_for(log, "done", process)
    (os.killpg if group else os.kill)(process.pid, number)
    if number == signal.SIGINT:  # the running case is finished
        wait_for(log, "interrupted", process)
        trouble.unlink()
    said = process.communicate(timeout=LIMIT_S)
    assert process.returncode == code, said
    assert words in said[1]
    assert "Traceback" not in said[1]
    done = sum(event["event"] == "done" for event in events(log))
    assert 0 < done < 60
    trouble.unlink(missing_ok=True)
    if number != signal.SIGKILL:
        assert not list(out.glob("*-journal"))
        assert not is_held(out)
    again = begin(cohort, *request, "--output", out, "--log", log)
    assert again.communicate(timeout=LIMIT_S)
    assert again.returncode == 0
    counts = Counter(event["id"] for event in events(log) if event["event"] == "done")
    assert max(counts.values()) == 1
    names = sorted(path.name for path in out.iterdir())
    written = ["features.parquet", "provenance.json", "records.sqlite", "status.json"]
    assert names == [*written, "summary.html"]
    assert (out / "features.parquet").read_bytes() == whole_table


def test_status_is_told_while_a_batch_runs_and_after(cohort: Path, tmp_path: Path) -> None:
    out, log = tmp_path / "out", tmp_path / "log"
    settings = cohort.parent / "quick.yaml"
    words = (cohort, "--settings", settings, "--workers", 1, "--output", out)
    trouble = trouble_of(cohort.parent / "image1.nii.gz")
    trouble.write_text("wait")
    process = begin(*words, "--log", log, code=HELD_UP)
    wait_for(log, "start", process)
    os.kill(process.pid, signal.SIGSTOP)  # it runs for as long as it is looked at
    asked = begin("--status", out).communicate(timeout=LIMIT_S)[0]
    assert asked.startswith("running\n"), asked
    second = begin(*words)
    said = second.communicate(timeout=LIMIT_S)[1]
    assert second.returncode == 2
    assert f"process {process.pid} on" in said
    process.kill()
    process.communicate()
    trouble.unlink()
    asked = begin("--status", out).communicate(timeout=LIMIT_S)[0]
    assert asked.startswith("not running\n")
    assert "record(s)" in asked
    nothing = begin("--status", tmp_path)
    assert "is the output of a batch" in nothing.communicate(timeout=LIMIT_S)[1]
    assert nothing.returncode == 2


def test_a_lock_ends_with_its_owner_and_tells_other_machines(tmp_path: Path) -> None:
    code = (
        "import os, sys, pathlib\nfrom radiomics.pipelines.batch.lock import Lock\n"
        f"with Lock(pathlib.Path({str(tmp_path)!r})):\n"
        "    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code]
    pipe: Any = subprocess.PIPE
    owner = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
    assert owner.stdout is not None
    assert owner.stdout.readline() == "held\n"
    assert is_held(tmp_path)
    with pytest.raises(
        InputError, match=rf"process {owner.pid} on .*, since 20\d\d-.*, is at work there"
    ):
        Lock(tmp_path).__enter__()
    owner.kill()
    owner.communicate()
    with Lock(tmp_path):
        assert is_held(tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / OWNER).write_text('{"host": "elsewhere", "pid": 7}')
    soon = time.time() + 3600  # however long this takes, less than a second has passed since
    os.utime(tmp_path / OWNER, (soon, soon))
    with pytest.raises(InputError, match="process 7 on elsewhere showed life 0 s ago"):
        Lock(tmp_path).__enter__()
    long_ago = time.time() - STALE_S - 1
    os.utime(tmp_path / OWNER, (long_ago, long_ago))
    with Lock(tmp_path):
        pass


def test_a_full_disk_stops_and_leaves_the_store_intact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = write_cohort(tmp_path / "in", 40)
    settings = tmp_path / "in" / "quick.yaml"
    request = Request(manifest, tmp_path / "out", (str(settings),), quiet=True)
    open_ = Records.__init__

    def small(self: Records, path: Path, write: bool = True) -> None:
        open_(self, path, write)
        (pages,) = self.base.execute("PRAGMA page_count").fetchone()
        self.base.execute(f"PRAGMA max_page_count={pages + 3}")

    with monkeypatch.context() as patch:
        patch.setattr(Records, "__init__", small)
        with pytest.raises(InputError, match="database or disk is full"):
            run_inline(patch, request)
    records = Records(tmp_path / "out" / "records.sqlite")
    before = records.counts()[0]
    assert records.base.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    records.close()
    assert 0 < before < 40
    outcome, pool, _ = run_inline(monkeypatch, request)
    assert outcome.done == 40
    assert len(pool.computed()) == 40 - before
    assert table_of(tmp_path / "out")["status"].eq("done").all()


@pytest.mark.parametrize("many", [10**7, 0])  # the tables are written here, or apart
def test_a_disk_that_fills_while_tables_are_written_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    manifest = write_cohort(tmp_path / "in", 3)
    request = Request(
        manifest, tmp_path / "out", (str(tmp_path / "in" / "quick.yaml"),), quiet=True
    )
    monkeypatch.setattr(collect, "MANY", many)
    outcome, _, _ = run_inline(monkeypatch, request)
    assert outcome.done == 3
    before = (tmp_path / "out" / "features.parquet").read_bytes()
    limit = "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000));"
    limit += f"from radiomics.pipelines.batch import collect; collect.MANY = {many};"
    limit += (
        "from radiomics.pipelines.commands.app import main; sys.argv[1:] = sys.argv[2:]; main()"
    )
    words = ["batch", manifest, "--output", request.output, "--settings", *request.settings]
    command = [sys.executable, "-c", limit, "_", *map(str, words), "--collect"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 2
    assert "all records are intact" in found.stderr
    assert "File too large" in found.stderr
    assert "Traceback" not in found.stderr
    assert (tmp_path / "out" / "features.parquet").read_bytes() == before
    assert not list((tmp_path / "out").glob(".*.part"))


def test_an_output_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    manifest = write_cohort(tmp_path / "in", 1)
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        process = begin(manifest, "--output", place)
        said = process.communicate(timeout=LIMIT_S)[1]
        assert process.returncode == 2
        assert said.splitlines()[-1].startswith(("error: ", "  "))
        assert "Traceback" not in said


@pytest.mark.skipif(sys.platform == "win32", reason="signals to groups")
@pytest.mark.parametrize("after", [0.3, 0.6, 1.0])
def test_ctrl_c_while_processes_begin_is_no_traceback(tmp_path: Path, after: float) -> None:
    manifest = write_cohort(tmp_path / "in", 12)
    quick = str(tmp_path / "in" / "quick.yaml")
    code = "from radiomics.pipelines.commands.start import main; print('up', flush=True); main()"
    command = [sys.executable, "-c", code, "batch"]
    words = [str(manifest), "--output", str(tmp_path / "out"), "--settings", quick]
    process = subprocess.Popen(
        [*command, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    time.sleep(after)
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=LIMIT_S)[1]
    assert "Traceback" not in said
    assert process.returncode in (0, 130)
