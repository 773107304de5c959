"""Mechanics of workers: one that dies or hangs costs its case and nothing else; memory is kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from radiomics.kernels.threads import bound_threads, side_by_side
from radiomics.pipelines.batch import chain
from radiomics.pipelines.batch.memory import available, resident
from radiomics.pipelines.batch.processes import Processes
from radiomics.pipelines.batch.request import Request
from radiomics.pipelines.batch.scheduling import PATIENCE, TWICE, Limits, Run
from radiomics.pipelines.batch.tasks import Result, Source, Task
from radiomics.pipelines.batch.worker import ALWAYS, PER_VOXEL, identify
from radiomics.types import InputError
from tests.cohorts import (
    Inline,
    is_held_up,
    rows_of,
    run_inline,
    table_of,
    trouble_of,
    troubled,
    write_cohort,
    write_rows,
)
from tests.waiting import LIMIT_S, wait_until


def test_deaths_and_delays_cost_their_case_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = write_cohort(tmp_path / "in", 6)
    a = rows_of(1)[0]
    write_rows(manifest, [*rows_of(6), a | {"id": "second", "label": 2}])
    images = [tmp_path / "in" / f"image{number}.nii.gz" for number in range(6)]
    for number, kind in ((0, "die once"), (2, "die"), (4, "wait")):
        trouble_of(images[number]).write_text(kind)
    pool = Processes(2, troubled)

    def now() -> float:
        """Let time pass only while nothing but the case that waits is at work."""
        at_work = {task.source.image for task in pool.running()}
        return 100.0 if at_work == {str(images[4])} and is_held_up(images[4]) else 0.0

    monkeypatch.setattr("radiomics.pipelines.batch.processes.time", SimpleNamespace(monotonic=now))
    monkeypatch.setattr(chain, "make_pool", lambda _: pool)
    settings = (str(tmp_path / "in" / "quick.yaml"),)
    request = Request(manifest, tmp_path / "out", settings, seconds=8.0, quiet=True)
    outcome = chain.run_batch(request, lambda _: None)
    assert (outcome.done, outcome.failed) == (5, 2)
    table = table_of(tmp_path / "out").set_index("id")
    assert table["reason"]["C002"] == TWICE
    assert table["reason"]["C004"] == "it took longer than 8 s"
    assert table["status"].drop(["C002", "C004"]).eq("done").all()


def test_a_pool_shares_threads_and_knows_its_memory() -> None:
    pool = Processes(max(1, os.cpu_count() or 1), troubled)
    assert pool.threads == 1
    assert Processes(1, troubled).threads == os.cpu_count()
    assert pool.memory() == 0
    assert resident(None) > 2**20
    assert resident(-5) == 0
    assert available() > 2**28


class Deadly:
    """Work that ends each process that it is handed to."""

    def __reduce__(self) -> tuple[Callable[[int], Any], tuple[int]]:
        return os._exit, (3,)

    def __call__(self, task: Task) -> Result:
        raise NotImplementedError


def test_workers_that_never_start_end_the_run_and_blame_no_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = write_cohort(tmp_path / "in", 6)
    monkeypatch.setattr(chain, "make_pool", lambda _: Processes(2, Deadly()))
    settings = (str(tmp_path / "in" / "quick.yaml"),)
    request = Request(manifest, tmp_path / "out", settings, quiet=True)
    with pytest.raises(InputError, match="worker processes die while they start"):
        chain.run_batch(request, lambda _: None)
    monkeypatch.undo()
    outcome, _, _ = run_inline(monkeypatch, request)
    assert outcome.done == 6


def test_threads_can_be_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    from radiomics.kernels import threads

    monkeypatch.setattr(threads, "_bound", [])
    bound_threads(1)
    seen = side_by_side([lambda: threads.threading.get_ident() for _ in range(8)])
    assert set(seen) == {threads.threading.get_ident()}


def loop(sizes: list[int], memory: int, running: list[Task], slots: int) -> Run:
    """Return a run that has only its queue."""
    run = object.__new__(Run)
    run.waiting = deque(Task(Source(str(n)), (), size) for n, size in enumerate(sizes))
    run.limits, run.passed = Limits(memory), 0
    run.pool = Inline()
    run.pool.size = slots
    run.pool.begun = running
    return run


def test_admission_keeps_the_memory_and_starves_nobody() -> None:
    running = [Task(Source("x"), (), 60)]
    run = loop([50, 30, 30], 100, running, 4)
    taken = run._take_fitting()
    assert taken is not None
    assert taken.source.image == "1"  # the first does not fit, the second does
    running.append(taken)
    assert run._take_fitting() is None
    running.clear()
    alone = run._take_fitting()
    assert alone is not None
    assert alone.need == 50
    starved = loop([90, *[10] * (PATIENCE + 3)], 100, [Task(Source("x"), (), 20)], 99)
    assert sum(starved._take_fitting() is not None for _ in range(PATIENCE + 3)) == PATIENCE
    huge = loop([10**9], 100, [], 1)
    assert huge._take_fitting() is not None  # larger than allowed: by itself


def test_a_task_that_killed_a_worker_runs_by_itself() -> None:
    run = loop([], 0, [Task(Source("x"), (), 1)], 4)
    run.waiting.append(Task(Source("y"), (), 1, alone=True))
    assert run._take_fitting() is None
    run.pool.running().clear()
    run.pool.begun.clear()
    assert run._take_fitting() is not None


def test_memory_is_estimated_from_headers(tmp_path: Path) -> None:
    from radiomics.pipelines.batch.tasks import Identify, Row

    write_cohort(tmp_path, 1)
    row = Row(0, str(tmp_path / "mask0.nii.gz"), ())
    found = identify(Identify(Source(str(tmp_path / "image0.nii.gz")), (row,)))
    assert found.identified[0].need == ALWAYS + 6 * 12 * 12 * PER_VOXEL


def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    """A killed main process leaves no worker behind, not even one in the middle of a case."""
    import sys

    write_cohort(tmp_path, 1)
    trouble_of(tmp_path / "image0.nii.gz").write_text("wait")
    code = (
        "import os\n"
        "from pathlib import Path\n"
        "from radiomics.pipelines.batch.processes import Processes\n"
        "from radiomics.pipelines.batch.tasks import Compute, Source\n"
        "from tests.cohorts import is_held_up, troubled\n"
        "if __name__ == '__main__':\n"
        "    pool = Processes(1, troubled)\n"
        f"    pool.submit(Compute(Source({str(tmp_path / 'image0.nii.gz')!r}), ()), None)\n"
        f"    while not is_held_up(Path({str(tmp_path / 'image0.nii.gz')!r})):\n"
        "        pool.wait(0.1)\n"
        "    print(pool.pids()[0], flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    pid = int(done.stdout)
    wait_until(lambda: not Path(f"/proc/{pid}/cmdline").exists() or not resident(pid))


@pytest.mark.skipif(sys.platform != "linux", reason="processes are copies on Linux only")
def test_the_process_that_others_are_copies_of_may_die(tmp_path: Path) -> None:
    from multiprocessing import forkserver

    from radiomics.pipelines.batch.tasks import Identify, Row

    write_cohort(tmp_path, 1)
    row = Row(0, str(tmp_path / "mask0.nii.gz"), ())
    task = Identify(Source(str(tmp_path / "image0.nii.gz")), (row,))
    pool = Processes(2, troubled)
    servers = []
    for turn in range(3):
        for _ in range(1 + turn):  # each turn needs a new process
            pool.submit(task, None)
        events = []
        while len(events) < 1 + turn:
            events += pool.wait(5.0)
        assert all(event.result is not None and event.result.identified for event in events)
        servers.append(forkserver._forkserver._forkserver_pid)  # type: ignore[attr-defined]
        os.kill(servers[-1], signal.SIGKILL)
        os.waitid(os.P_PID, servers[-1], os.WEXITED | os.WNOWAIT)
        os.kill(pool.pids()[0], signal.SIGKILL)
        pool.workers[0].process.join()
        pool.wait(LIMIT_S)
    pids = pool.pids()
    pool.close()
    assert len(set(servers)) > 1
    wait_until(lambda: not any(resident(pid) for pid in pids))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere workers are no copies")
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("pyradiomics", True),
        ("default", False),
        ("imageType: {Original: {}}\n", True),
        ('{"setting": {"binWidth": 25}}', True),
        ("# settings: none\nfamilies: [glcm]\n", False),
        ("modality: CT\npyradiomics:\n  setting: {}\n", True),
    ],
)
def test_copies_have_what_the_settings_need(settings: str, expected: bool, tmp_path: Path) -> None:
    """Where SimpleITK is needed it is there; it is never loaded for others."""
    name = settings
    if len(settings.split()) > 1:
        name = str(tmp_path / "settings.yaml")
        Path(name).write_text(settings)
    code = (
        "import sys; from radiomics.pipelines.batch import children as c\n"
        "c.import_for(sys.argv[1:])\n"
        "print(c.call_in_child(eval, \"'SimpleITK' in __import__('sys').modules\"))"
    )
    words = [sys.executable, "-c", code, "none", name]
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    assert found.stdout.split() == [str(expected)], found.stderr
