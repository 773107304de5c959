"""Small cohorts as files, and a pool that works in this process: for tests of batches."""

from __future__ import annotations

import csv
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radiomics import Volume, write_volume
from radiomics.pipelines.batch import chain
from radiomics.pipelines.batch.processes import Event
from radiomics.pipelines.batch.request import Outcome, Request
from radiomics.pipelines.batch.tasks import Compute, Result, Task
from radiomics.pipelines.batch.worker import perform

QUICK = (
    "families: [intensity, histogram]\ndiscretisation: {method: fixed_bin_size, bin_width: 25}\n"
)
AFFINE = np.diag([2.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]]
LONG_AGO = 1_600_000_000
HELD_UP = (
    "from radiomics.pipelines.batch import chain\n"
    "from tests.cohorts import troubled\n"
    "chain.perform = troubled\n"
    "from radiomics.pipelines.commands.app import main\n"
    "if __name__ == '__main__':\n"
    "    main()\n"
)
"""A command line whose workers have trouble: a batch is at work for as long as one waits."""


def write_case(folder: Path, number: int, shape: tuple[int, int, int] = (6, 12, 12)) -> None:
    """Write one image and one mask with labels 1 and 2; their times lie long ago."""
    rng = np.random.default_rng(number)
    image = rng.normal(40, 30, shape).round().astype(np.int16)
    mask = np.zeros(shape, np.uint8)
    mask[1:-1, 2:6, 2:-2] = 1
    mask[1:-1, 6:-2, 2:-2] = 2
    for name, array in (("image", image), ("mask", mask)):
        write_volume(Volume(array, AFFINE), folder / f"{name}{number}.nii.gz")
        settle(folder / f"{name}{number}.nii.gz")


def settle(path: Path) -> None:
    os.utime(path, (LONG_AGO, LONG_AGO))


def rows_of(count: int) -> list[dict[str, Any]]:
    return [
        {
            "id": f"C{number:03d}",
            "image": f"image{number}.nii.gz",
            "mask": f"mask{number}.nii.gz",
            "label": 1,
            "site": "north" if number % 2 else "south",
            "target": number % 2,
            "code": f"0{number}",
        }
        for number in range(count)
    ]


def write_rows(path: Path, rows: list[dict[str, Any]], encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_cohort(folder: Path, count: int) -> Path:
    """Write cases and their manifest; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        write_case(folder, number)
    (folder / "quick.yaml").write_text(QUICK)
    return write_rows(folder / "manifest.csv", rows_of(count))


class Inline:
    """A pool that does each task when it is asked for, and keeps what it was given."""

    size = 1

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.ended: list[Event] = []
        self.begun: list[Task] = []

    def free(self) -> bool:
        return not self.begun

    def submit(self, task: Task, _: float | None) -> None:
        self.tasks.append(task)
        self.begun.append(task)

    def wait(self, _: float) -> list[Event]:
        events = [self.do(task) for task in self.begun]
        self.begun.clear()
        return events

    def do(self, task: Task) -> Event:
        result: Result = perform(task)
        return Event(task, result)

    def running(self) -> list[Task]:
        return list(self.begun)

    def memory(self) -> int:
        return 0

    def close(self) -> None:
        self.begun.clear()

    def computed(self) -> list[tuple[int, tuple[str, ...]]]:
        """Return the number of each row that was computed, with the families."""
        return [
            (row.number, families)
            for task in self.tasks
            if isinstance(task, Compute)
            for row in task.rows
            for _, families in row.wanted
        ]


def run_inline(
    monkeypatch: Any, request: Request, pool: Inline | None = None
) -> tuple[Outcome, Inline, list[str]]:
    """Run a batch in this process; return its outcome, its pool, and what was said."""
    pool = pool or Inline()
    said: list[str] = []
    monkeypatch.setattr(chain, "make_pool", lambda _: pool)
    monkeypatch.setattr(chain, "write_summary_page", lambda *_: [])  # a process of its own: slow
    return chain.run_batch(request, said.append), pool, said


def table_of(output: Path, name: str = "features.parquet") -> pd.DataFrame:
    return pd.read_parquet(output / name)


def trouble_of(image: Path) -> Path:
    """Return the file that brings trouble to the computation of an image."""
    return image.with_name(f"{image.name}.trouble")


def is_held_up(image: Path) -> bool:
    """Tell whether a worker has come to an image at which it waits."""
    return image.with_name(f"{image.name}.waiting").exists()


def troubled(task: Task) -> Result:
    """Do a task, or what the file of trouble beside its image says: die, die once, wait.

    A worker that waits does its task when the file is gone.
    """
    image = Path(task.source.image)
    trouble = trouble_of(image)
    if isinstance(task, Compute) and trouble.is_file():
        kind = trouble.read_text()
        if kind == "die once":
            trouble.unlink()
        if kind == "wait":
            image.with_name(f"{image.name}.waiting").touch()
            while trouble.exists():
                time.sleep(0.02)
            return perform(task)
        os.kill(os.getpid(), signal.SIGKILL)
    return perform(task)
