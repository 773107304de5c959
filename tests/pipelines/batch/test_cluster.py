"""Mechanics of clusters: the same table from Dask; what dies there loses nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from radiomics.pipelines.batch import chain
from radiomics.pipelines.batch.request import Request
from radiomics.plugins import ConfigurationError
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


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


PORT = free_port()


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigurationError, match=r"radiomics-pipelines\[cluster\]"):
        chain.make_pool(Request(Path("m.csv"), Path("out"), scheduler="local"))


def test_urls_are_fetched_where_they_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fsspec")
    manifest = write_cohort(tmp_path / "in", 2)
    rows = rows_of(2)
    for row in rows:
        for kind in ("image", "mask"):
            row[kind] = f"file://{tmp_path}/in/{row[kind]}"
    settings = (str(tmp_path / "in" / "quick.yaml"),)
    run_inline(monkeypatch, Request(manifest, tmp_path / "a", settings, quiet=True), Inline())
    write_rows(manifest, rows)
    run_inline(monkeypatch, Request(manifest, tmp_path / "b", settings, quiet=True), Inline())
    one, other = ((tmp_path / p / "features.parquet").read_bytes() for p in "ab")
    assert one == other
    rows[0]["image"] = f"file://{tmp_path}/in/gone.nii.gz"
    write_rows(manifest, rows)
    outcome, _, _ = run_inline(monkeypatch, Request(manifest, tmp_path / "b", settings, quiet=True))
    assert outcome.failed == 1
    assert str(tmp_path) not in table_of(tmp_path / "b")["reason"][0]
    assert not list((tmp_path / "b").glob(".scratch/*"))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Start a scheduler and two worker processes, as on a cluster; end them afterwards."""
    pytest.importorskip("distributed", reason="needs dask.distributed")
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    at = f"tcp://127.0.0.1:{PORT}"
    tool = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    common: dict[str, Any] = {"stderr": subprocess.DEVNULL, "env": environment, "cwd": Path.cwd()}
    scheduler = [*tool, "--host", "127.0.0.1", "--port", str(PORT), "--no-dashboard"]
    tool = [sys.executable, "-m", "distributed.cli.dask_worker", at, "--nthreads", "1"]
    worker = [*tool, "--no-dashboard", "--local-directory", str(tmp_path / "dask")]
    processes = [subprocess.Popen(scheduler, **common)]
    processes += [subprocess.Popen(worker, **common, start_new_session=True) for _ in range(2)]
    with pytest.MonkeyPatch.context() as patch:  # a busy machine takes its time
        for name in ("CONNECT_S", "STARTUP_S"):
            patch.setattr(f"radiomics.pipelines.batch.cluster.{name}", LIMIT_S)
        yield processes
    for process in processes:
        process.kill()
        process.wait()


def test_a_dask_cluster_gives_the_same_table(
    cluster: list[subprocess.Popen[bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = write_cohort(tmp_path / "in", 12)
    settings = (str(tmp_path / "in" / "quick.yaml"),)
    run_inline(monkeypatch, Request(manifest, tmp_path / "here", settings, quiet=True))
    monkeypatch.undo()
    monkeypatch.setattr(chain, "write_summary_page", lambda *_: [])
    monkeypatch.setattr(chain, "perform", troubled)
    at = f"tcp://127.0.0.1:{PORT}"
    request = Request(manifest, tmp_path / "there", settings, scheduler=at, quiet=True)
    trouble_of(tmp_path / "in" / "image5.nii.gz").write_text("die once")
    outcome = chain.run_batch(request, lambda _: None)
    assert (outcome.done, outcome.failed) == (12, 0)
    one, other = ((tmp_path / p / "features.parquet").read_bytes() for p in ("here", "there"))
    assert one == other


def test_a_scheduler_that_is_gone_is_told(
    cluster: list[subprocess.Popen[bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "write_summary_page", lambda *_: [])
    monkeypatch.setattr(chain, "perform", troubled)
    manifest = write_cohort(tmp_path / "in", 6)
    settings = (str(tmp_path / "in" / "quick.yaml"),)
    at = f"tcp://127.0.0.1:{PORT}"
    log = tmp_path / "log"
    request = Request(manifest, tmp_path / "out", settings, scheduler=at, quiet=True, log=log)
    last = tmp_path / "in" / "image5.nii.gz"
    trouble_of(last).write_text("wait")

    def kill() -> None:
        """End the scheduler when all but the last case are done."""
        wait_until(lambda: log.exists() and log.read_text().count('"done"') == 5)
        wait_until(lambda: is_held_up(last))
        cluster[0].kill()

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(InputError, match="Dask scheduler stays in reach"):
        chain.run_batch(request, lambda _: None)
    killer.join()
    trouble_of(last).unlink()
    monkeypatch.undo()
    outcome, pool, _ = run_inline(monkeypatch, request)
    assert outcome.done == 6
    assert [row for row, _ in pool.computed()] == [5]


def skeleton() -> dict[str, Any]:
    path = Path(__file__).resolve().parents[3] / "docs" / "slurm_batch.py"
    names: dict[str, Any] = {"__name__": "skeleton"}
    exec(compile(path.read_text(), path.name, "exec"), names)
    return names


def test_the_skeleton_for_slurm_makes_a_job() -> None:
    """Its script is what SLURM would be given; SLURM itself is not there to run it."""
    jobqueue = pytest.importorskip("dask_jobqueue", reason="needs dask-jobqueue")
    more = {"n_workers": 0, "scheduler_options": {"dashboard_address": ":0"}}
    with jobqueue.SLURMCluster(**skeleton()["OPTIONS"], **more) as cluster:
        script = cluster.job_script()
    assert "#SBATCH -p PARTITION" in script
    assert "#SBATCH --cpus-per-task=8" in script
    assert "--nthreads 8" in script
    assert "--nworkers" not in script  # with several, dask-jobqueue replaces no job that ended
    assert "--lifetime 225m" in script


def test_the_skeleton_waits_for_the_queue_and_hands_on_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[Any] = []
    ender: list[threading.Thread] = []

    class Queue:
        scheduler_address = "tcp://10.0.0.1:8786"

        def __init__(self, **options: Any) -> None:
            told.append(options["processes"])

        def __enter__(self) -> Queue:
            return self

        def __exit__(self, *_: object) -> None:
            told.append("closed")

        def adapt(self, **jobs: int) -> None:
            told.append(jobs)

        def wait_for_workers(self, count: int) -> None:
            told.append(count)

    begin = subprocess.Popen

    def run(command: list[str]) -> subprocess.Popen[bytes]:
        told.append(command)
        until_now = signal.getsignal(signal.SIGTERM)
        ender.append(threading.Thread(target=end, args=(until_now,)))
        ender[0].start()
        return begin([sys.executable, "-c", "import time; time.sleep(3600)"])

    def end(until_now: object) -> None:
        """End this process when it is ready to hand that on."""
        wait_until(lambda: signal.getsignal(signal.SIGTERM) is not until_now)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setitem(sys.modules, "dask_jobqueue", SimpleNamespace(SLURMCluster=Queue))
    monkeypatch.setattr(subprocess, "Popen", run)
    monkeypatch.setattr(sys, "argv", ["slurm_batch.py", "m.csv", "out", "--settings", "s.yaml"])
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert skeleton()["main"]() != 0  # the batch's own end
    finally:
        ender[0].join()
        signal.signal(signal.SIGTERM, before)
    command = ["radiomics", "batch", "m.csv", "--output", "out"]
    command += ["--scheduler", Queue.scheduler_address, "--settings", "s.yaml"]
    assert told == [1, {"minimum_jobs": 10, "maximum_jobs": 10}, 1, command, "closed"]
