"""Batches under bad conditions and large: ``python -m benchmarks.batch WHAT FOLDER [..]``.

``killed FOLDER [KILLS] [PATIENTS]``: kill -9 of the main process, of a worker, of the whole group,
in turn, at random moments of a batch over phantom patients; started again each time. Checks that
the table has the bytes of an uninterrupted run, that nothing was computed twice after its record
was written, and that nothing else is left in the folder.

``scaling FOLDER [RUNS] [CASES] [THREADS]``: cases per second with 1 and with 2 workers, in turn, on
series of 512 x 512 x 200 voxels; peak memory of the main process. THREADS of each worker (0: its
part of the processors).

``size FOLDER [ROWS]``: a manifest and a store of a million rows: start-up to the first case, resume
check, ``--status``, memory.

``soak FOLDER [CASES]``: memory of main process and workers over many small cases; its slope.

``small FOLDER [RUNS] [CASES]``: where the seconds of a whole command go on a small cohort.
"""

from __future__ import annotations

import json
import os
import platform
import random
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from radiomics.pipelines.batch.memory import resident

COMMAND = [
    sys.executable,
    "-c",
    "from radiomics.pipelines.commands.app import main; main()",
    "batch",
]
SETTINGS = (
    "modality: CT\nfamilies: [morphology, intensity, histogram, glcm, glrlm]\n"
    "spatial_autocorrelation: false\n"
)
KINDS = ("main", "worker", "group")


def start(*words: object, **more: Any) -> subprocess.Popen[bytes]:
    command = [*COMMAND, *map(str, words)]
    null = subprocess.DEVNULL
    return subprocess.Popen(command, stdout=null, stderr=null, start_new_session=True, **more)


def children(pid: int, marks: tuple[bytes, ...] = (b"spawn_main", b"forkserver")) -> list[int]:
    """Return the processes that began below a process: Linux only."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            words = (place / "cmdline").read_bytes()
        except (OSError, IndexError):
            continue
        if parent == pid and any(mark in words for mark in marks):
            found.append(int(place.name))
    return found


def workers_of(pid: int) -> list[int]:
    """Return the copies of a process's fork server: its workers, while it computes."""
    return [worker for server in children(pid, (b"forkserver",)) for worker in children(server)]


def kill(process: subprocess.Popen[bytes], kind: str) -> str:
    """Kill -9 as asked; a worker where there is none yet is the main process."""
    if kind == "group":
        os.killpg(process.pid, signal.SIGKILL)
        return kind
    workers = workers_of(process.pid) if kind == "worker" else []
    os.kill(random.choice(workers) if workers else process.pid, signal.SIGKILL)
    return kind if workers or kind == "main" else "main"


def killed(folder: Path, kills: int = 30, patients: int = 200) -> None:
    from radiomics.datasets import phantom

    manifest = phantom.open(phantom.Options(patients=patients, seed=1, folder=folder / "data"))
    table = manifest.folder / "manifest.csv"
    (folder / "settings.yaml").write_text(SETTINGS)
    words = (table, "--settings", folder / "settings.yaml", "--workers", 2, "--output")
    began = time.perf_counter()
    assert start(*words, folder / "whole").wait() == 0
    whole = time.perf_counter() - began
    print(f"uninterrupted: {len(manifest)} rows, {whole:.1f} s", flush=True)
    random.seed(4711)
    done: Counter[str] = Counter()
    out, log = folder / "killed", folder / "killed.jsonl"
    runs = 0
    while True:
        process = start(*words, out, "--log", log)
        runs += 1
        while sum(done.values()) < kills and process.poll() is None:
            time.sleep(random.uniform(0.2, 3.5))
            if process.poll() is None:
                kind = kill(process, KINDS[sum(done.values()) % 3])
                done[kind] += 1
                if kind != "worker":
                    process.wait()
        if process.wait() == 0:
            break
    same = (out / "features.parquet").read_bytes() == (
        folder / "whole/features.parquet"
    ).read_bytes()
    print(f"kills: {dict(done)}; runs: {runs}; table byte for byte the same: {same}")
    finished = Counter(
        event["id"]
        for line in log.read_text().splitlines()
        if (event := _event(line)).get("event") == "done"
    )
    print(f"cases told done: {len(finished)}; twice: {sum(n > 1 for n in finished.values())}")
    print(f"left in the folder: {sorted(p.name for p in out.iterdir())}")


def _event(line: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:
        return {}  # cut short by a kill
    return found


def scaling(folder: Path, runs: int = 3, cases: int = 24, threads: int = 0) -> None:
    manifest = _large_cases(folder, cases)
    (folder / "settings.yaml").write_text(SETTINGS)
    rates: dict[int, list[float]] = {1: [], 2: []}
    peaks = []
    for run in range(runs):
        for workers in (1, 2):
            out = folder / f"out-{run}-{workers}"
            words = (manifest, "--settings", folder / "settings.yaml", "--threads", threads)
            log = folder / f"log-{run}-{workers}"
            process = start(*words, "--workers", workers, "--output", out, "--log", log)
            peak = 0.0  # not that of wait4, which counts the workers, too
            while process.poll() is None:
                peak = max(peak, resident(process.pid) / 2**20)
                time.sleep(0.1)
            assert process.returncode == 0
            events = [json.loads(line) for line in log.read_text().splitlines()]
            seconds = seconds_of(events[-1]["time"]) - seconds_of(events[0]["time"])
            rates[workers].append(cases / seconds)
            peaks.append(peak)
            print(f"{workers} worker(s): {cases / seconds:.3f} cases/s", flush=True)
    one, two = (statistics.median(rates[n]) for n in (1, 2))
    print(f"median {one:.3f} and {two:.3f} cases/s, n {runs} each: {two / one:.2f} times")
    print(f"peak memory of the main process: {max(peaks):.0f} MiB")


def seconds_of(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


def _large_cases(folder: Path, cases: int) -> Path:
    """Write images of 512 x 512 x 200 voxels, each different, and one lesion in each."""
    from radiomics import Volume, write_volume

    rows = ["id,image,mask"]
    z, y, x = np.ogrid[:200, :512, :512]
    inside = ((z - 100) / 25) ** 2 + ((y - 256) / 40) ** 2 + ((x - 256) / 40) ** 2 < 1
    affine = np.diag([0.8, 0.8, 1.5, 1.0])[:, [2, 1, 0, 3]]
    folder.mkdir(parents=True, exist_ok=True)
    write_volume(Volume(inside, affine), folder / "mask.mha")
    for case in range(cases):
        path = folder / f"image{case}.mha"
        if not path.exists():
            rng = np.random.default_rng(case)
            array = rng.normal(40, 30, (200, 512, 512)).astype(np.int16)
            write_volume(Volume(array, affine, "HU"), path)
        rows.append(f"c{case},{path.name},mask.mha")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    return folder / "manifest.csv"


def size(folder: Path, rows: int = 1_000_000) -> None:
    """One image and mask with a million names: hard links, so that each is a file to look at."""
    from benchmarks.batch_store import fill_store

    manifest, out = fill_store(folder, rows)
    words = (manifest, "--settings", folder / "settings.yaml", "--output", out, "--workers", 1)
    log = folder / "size.jsonl"
    log.unlink(missing_ok=True)
    began = time.time()
    process = start(*words, "--log", log)
    peaks: dict[int, float] = {}
    first: dict[str, Any] = {}
    asked = 0.0
    while process.poll() is None:
        for pid in (process.pid, *children(process.pid), *workers_of(process.pid)):
            peaks[pid] = max(peaks.get(pid, 0.0), _peak(pid))
        time.sleep(0.1)
        text = log.read_text() if log.exists() and not first else ""
        for event in map(json.loads, text.splitlines()):
            if event["event"] == "done":
                first = event
                asked = time.perf_counter()
                assert start("--status", out).wait() == 0
                asked = time.perf_counter() - asked
    total = time.time() - began
    events = [json.loads(line) for line in log.read_text().splitlines()]
    begun, done = (seconds_of(event["time"]) - began for event in (events[0], first))
    print(f"{rows} rows: manifest checked after {begun:.1f} s, first case done after {done:.1f} s")
    print(f"resume check: {(done - begun) / rows * 1e6:.1f} us a row (all but the last are known)")
    print(f"--status: {asked:.2f} s, start of Python included")
    print(f"to the table and the summary: {total:.0f} s, exit {process.returncode}")
    print(f"peak memory of the main process, until its end: {peaks.pop(process.pid):.0f} MiB")
    others = ", ".join(f"{peak:.0f}" for _, peak in sorted(peaks.items()))
    print(
        f"of the others (fork server, checks, worker, table, summary, by their start): {others} MiB"
    )


def _peak(pid: int) -> float:
    """Return the most memory that a process held so far, in MiB; 0 where it is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
        return int(text.split("VmHWM:")[1].split()[0]) / 1024
    except (OSError, IndexError):
        return 0.0


def soak(folder: Path, cases: int = 2000) -> None:
    from tests.cohorts import write_cohort

    manifest = write_cohort(folder / "data", cases)
    words = (manifest, "--settings", folder / "data/quick.yaml", "--workers", 2)
    process = start(*words, "--output", folder / "out")
    measured: list[tuple[float, float, float]] = []
    began = time.time()
    state: dict[str, Any] = {}
    while process.poll() is None:
        time.sleep(0.5)
        try:
            state = json.loads((folder / "out/status.json").read_text())
        except (OSError, ValueError):
            continue
        if state["done"] == cases:
            break
        workers = sum(resident(pid) for pid in workers_of(process.pid)) / 2**20
        measured.append((state["done"], resident(process.pid) / 2**20, workers))
    process.wait()
    values = np.array(measured)
    late = values[values[:, 0] > cases / 4]  # after every kernel was loaded
    print(f"{cases} cases in {time.time() - began:.0f} s, exit {process.returncode}")
    for name, column in (("main", 1), ("2 workers", 2)):
        slope = np.polyfit(late[:, 0], late[:, column], 1)[0] * 1000
        low, high = late[:, column].min(), late[:, column].max()
        told = f"{low:.0f} to {high:.0f} MiB, slope {slope:+.2f} MiB per 1000 cases"
        print(f"{name}: {told}, n {len(late)}")


def small(folder: Path, runs: int = 5, cases: int = 30) -> None:
    from tests.cohorts import write_cohort

    manifest = write_cohort(folder / "data", cases)
    names = ("to the start of the run", "to the first case", "to the last", "to the table")
    found: list[list[float]] = []
    for run in range(runs + 1):  # the first warms up
        out, log = folder / f"out-{run}", folder / f"log-{run}"
        words = (manifest, "--settings", folder / "data/quick.yaml", "--workers", 2)
        marks = [time.time()]
        assert start(*words, "--output", out, "--log", log).wait() == 0
        events = [json.loads(line) for line in log.read_text().splitlines()]
        done = [seconds_of(event["time"]) for event in events if event["event"] == "done"]
        marks += [seconds_of(events[0]["time"]), done[0], done[-1]]
        marks += [(out / name).stat().st_mtime for name in ("features.parquet", "summary.html")]
        marks.append(time.time())
        found.append([*np.diff(marks), marks[-1] - marks[0]])
    every = zip(
        (*names, "to the page", "to the end", "whole"), zip(*found[1:], strict=True), strict=True
    )
    for name, seconds in every:
        told = f"{min(seconds):.2f} to {max(seconds):.2f}, n {runs}"
        print(f"{name}: median {statistics.median(seconds):.2f} s ({told})")


def main() -> None:
    what, folder, *numbers = sys.argv[1:]
    kinds: tuple[Callable[..., None], ...] = (killed, scaling, size, soak, small)
    {kind.__name__: kind for kind in kinds}[what](Path(folder).absolute(), *map(int, numbers))
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors")


if __name__ == "__main__":
    main()
