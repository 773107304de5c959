"""Mechanics of processes that check a large manifest: whatever ends them or the main one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from radiomics.pipelines.batch.children import call_in_child, steps_in_child
from radiomics.pipelines.batch.cohort import NAME
from radiomics.pipelines.batch.request import ROWS
from radiomics.types import InputError
from tests.cohorts import HELD_UP, is_held_up, rows_of, settle, trouble_of, write_cohort, write_rows
from tests.waiting import LIMIT_S, wait_until

LARGE = (
    "from radiomics.pipelines.batch import cohort, collect\n"
    "cohort.LARGE, collect.MANY, cohort.is_large = 0, 0, lambda _: True\n" + HELD_UP
)
"""A command line to which every manifest is large, and whose workers may be held up."""


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def refuse() -> None:
    class LocalError(Exception):
        pass

    raise LocalError("what it says")


def count_up(start: int) -> Any:
    more = yield start
    yield start + more


def test_work_in_a_child_is_as_if_it_were_here() -> None:
    steps = steps_in_child(count_up, 5)
    assert (next(steps), steps.send(2)) == (5, 7)
    with pytest.raises(StopIteration):
        next(steps)
    assert call_in_child(pow, 2, 5) == 32
    with pytest.raises(ZeroDivisionError):
        call_in_child(divmod, 1, 0)
    with pytest.raises(InputError, match="ended from outside"):
        call_in_child(die)
    with pytest.raises(RuntimeError, match="LocalError: what it says"):
        call_in_child(refuse)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is a copy")
@pytest.mark.parametrize("orders", [b"", b"\x80\x05\x95"])
def test_a_copy_that_is_left_before_it_has_orders_ends_without_a_word(orders: bytes) -> None:
    code = (
        "import os, sys\n"
        "from multiprocessing import forkserver\n"
        "from radiomics.pipelines.batch.children import start_fork_server\n"
        "start_fork_server()\n"
        "ends, there = forkserver.connect_to_new_process([])\n"
        f"os.write(there, {orders!r})\n"
        "os.close(there)\n"
        "forkserver.read_signed(ends)\n"
        "print('exit', forkserver.read_signed(ends))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("exit 1\n", "")


def begin(*words: object) -> subprocess.Popen[str]:
    """Begin a batch that hears signals also where tests run in the background or by nohup."""
    command = [sys.executable, "-c", LARGE, "batch", *map(str, words)]
    heard = (signal.SIGINT, signal.SIGHUP)
    before = [signal.signal(number, signal.SIG_DFL) for number in heard]
    try:
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    finally:
        for number, handler in zip(heard, before, strict=True):
            signal.signal(number, handler)


def below(pid: int) -> list[int]:
    """Return the processes of a session: Linux only."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            fields = (place / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == pid and fields[0] != "Z":
            found.append(int(place.name))
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_end_during_the_checks_leaves_nothing(number: int, tmp_path: Path) -> None:
    """The manifest is a pipe that nobody writes to: who reads it waits for ever."""
    pipe, out = tmp_path / "m.csv", tmp_path / "out"
    os.mkfifo(pipe)
    process = begin(pipe, "--output", out)
    ends: list[int] = []
    wait_until(lambda: is_read(pipe, ends), process)
    assert len(below(process.pid)) > 1
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    said = process.communicate(timeout=LIMIT_S)
    assert process.returncode == (130 if number == signal.SIGINT else -number), said
    assert "Traceback" not in said[1]
    wait_until(lambda: not below(process.pid))
    assert not out.exists()
    os.close(*ends)


def is_read(pipe: Path, ends: list[int]) -> bool:
    """Tell whether somebody reads a pipe; the end to write to is kept open, so the reader waits."""
    try:
        ends.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_rows_on_disk_end_with_the_run(number: int, tmp_path: Path) -> None:
    manifest = write_cohort(tmp_path / "in", 1)
    rows = rows_of(120)
    for number_ in range(1, 120):
        for kind in ("image", "mask"):
            os.link(tmp_path / f"in/{kind}0.nii.gz", tmp_path / f"in/{kind}{number_}.nii.gz")
    settle(tmp_path / "in" / "image0.nii.gz")
    write_rows(manifest, rows)
    out, log = tmp_path / "out", tmp_path / "log"
    first = tmp_path / "in" / "image0.nii.gz"  # the others have the same content
    trouble_of(first).write_text("wait")
    words = (manifest, "--settings", tmp_path / "in" / "quick.yaml", "--workers", 1)
    process = begin(*words, "--output", out, "--log", log)
    wait_until(lambda: is_held_up(first), process)
    assert '"start"' in log.read_text()
    assert (out / ROWS / NAME).stat().st_mode & 0o777 == 0o600
    process.send_signal(number)
    said = process.communicate(timeout=LIMIT_S)
    assert process.returncode == (-9 if number == signal.SIGKILL else 130), said
    assert "Traceback" not in said[1]
    wait_until(lambda: not below(process.pid))
    assert (out / ROWS).exists() == (number == signal.SIGKILL)
    trouble_of(first).unlink()
    again = begin(*words, "--output", out, "--log", log)
    said = again.communicate(timeout=LIMIT_S)
    assert again.returncode == 0, said
    assert sorted(path.name for path in out.iterdir()) == [
        "features.parquet", "provenance.json", "records.sqlite", "status.json", "summary.html",
    ]  # fmt: skip
