"""What is left to do: rows against records, by content; parts in the store are not made again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.pipelines.batch.case_files import fingerprint_both, short_hash
from radiomics.pipelines.batch.cohort import BLOCK, CELLS, CHOICES, Cohort
from radiomics.pipelines.batch.layouts import Layout, SettingsLayout
from radiomics.pipelines.batch.records import Input, Record, Records
from radiomics.pipelines.batch.tasks import (
    Compute,
    Computed,
    Identified,
    Identify,
    Row,
    Source,
    Task,
)

AT_A_TIME = 256
"""Rows that are compared with the store before the caller is heard again."""
BLOCKS = 8
"""Blocks of rows that are Python's objects at a time."""
LARGEST = 16
"""Rows of one image in one task."""


@dataclass(frozen=True)
class Plan:
    """Settings of a run: what they are, and the number that the store gives their layout."""

    settings: SettingsLayout
    number: int

    @property
    def label(self) -> str:
        """Their name in outputs."""
        return self.settings.label

    @property
    def text(self) -> str:
        """They themselves, as JSON."""
        return self.settings.text

    @property
    def layout(self) -> Layout:
        """Their columns."""
        return self.settings.layout

    def is_for(self, modality: str) -> bool:
        """Tell whether they are for images of a modality; one that is not known may be any."""
        return not (self.settings.modality and modality) or self.settings.modality == modality


def make_plan(settings: SettingsLayout, records: Records) -> Plan:
    """Return the plan of some settings; the store numbers their layout."""
    layout = settings.layout
    number = records.layout(layout.key, layout.stored())
    return Plan(settings, number)


def row_key(cells: dict[str, str]) -> bytes:
    """Return the key of a row in the store, made of its names, not of its files."""
    names = (cells["id"], cells["series"], cells["roi"], cells["label"], cells["segment"])
    return short_hash(repr(names).encode())


class Planner:
    """Compares the rows of a cohort with the store and makes tasks of what is missing."""

    def __init__(
        self, cohort: Cohort, plans: list[Plan], records: Records, source: Source, rehash: bool
    ) -> None:
        self.cohort, self.plans, self.records = cohort, plans, records
        self.source, self.rehash = source, rehash
        self.blocks: dict[int, list[dict[str, str]]] = {}
        self.plans_for = [
            tuple(number for number, plan in enumerate(plans) if plan.is_for(modality))
            for modality in cohort.modalities
        ]

    def plans_of(self, row: int) -> tuple[int, ...]:
        """Return the numbers of the plans that are for the modality of a row."""
        return self.plans_for[int(self.cohort.kinds[row])]

    def without_plan(self) -> NDArray[np.bool_]:
        """Return for each row (N,) whether no plan is for its modality."""
        lacking = np.array([not plans for plans in self.plans_for])
        return lacking[self.cohort.kinds]

    def cells(self, row: int) -> dict[str, str]:
        """Return the names and files of a row; rows near those asked for last come quickly."""
        number, place = divmod(row, BLOCK)
        block = self.blocks.get(number)
        if block is None:
            if len(self.blocks) >= BLOCKS:
                del self.blocks[next(iter(self.blocks))]
            part = self.cohort.rows.read(number * BLOCK, BLOCK)
            rows = zip(*(part.column(name).to_pylist() for name in CELLS), strict=True)
            block = [dict(zip(CELLS, cells, strict=True)) for cells in rows]
            self.blocks[number] = block
        return block[place]

    def tasks(self) -> Iterator[tuple[list[int], Task | None]]:
        """Yield rows that are done already with the next task; no task gives time to do others."""
        done: list[int] = []
        seen = 0
        for rows in self.cohort.images():
            parts = -(-len(rows) // LARGEST)
            for part in np.array_split(rows, parts) if parts > 1 else [rows]:
                if not self.plans_of(int(part[0])):  # one image, one modality
                    continue
                finished, tasks = self._compare(part)
                done += finished
                seen += len(part)
                for task in tasks:
                    yield done, task
                    done = []
            if seen >= AT_A_TIME:
                yield done, None
                done, seen = [], 0
        yield done, None

    def _compare(self, numbers: NDArray[np.int32]) -> tuple[list[int], list[Task]]:
        """Return which rows of one image are done, and the tasks for the others."""
        done: list[int] = []
        unhashed: list[Row] = []
        hashed: list[Row] = []
        need = 0
        image = ""
        for number in map(int, numbers):
            cells = self.cells(number)
            image, mask = self.cohort.path(cells["image"]), self.cohort.path(cells["mask"])
            before = None if self.rehash else self._unchanged(row_key(cells), image, mask)
            wanted = () if before is None else self.missing_families(number, before.content)
            if before is not None and not wanted:
                done.append(number)
                continue
            choice = tuple((name, cells[name]) for name in CHOICES if cells[name])
            (unhashed if before is None else hashed).append(Row(number, mask, choice, None, wanted))
            need = max(need, 0 if before is None else before.need)
        if not unhashed and not hashed:
            return done, []
        modality = self.cohort.modalities[self.cohort.kinds[numbers[0]]]
        source = source_of(self.source, image, cells["series"], modality)
        tasks: list[Task] = [Identify(source, tuple(unhashed))] if unhashed else []
        return done, tasks + self._computing(source, hashed, need)

    def _unchanged(self, key: bytes, image: str, mask: str) -> Input | None:
        """Return the files of a row that look as they did when they were hashed, else None."""
        before = self.records.get_input(key)
        if before is None or before.fingerprint is None:
            return None
        try:
            now = fingerprint_both(image, mask)
        except OSError:
            return None
        return before if now.digest == before.fingerprint else None

    def keep_identified(
        self, task: Task, identified: dict[int, Identified]
    ) -> tuple[list[int], list[Task]]:
        """Keep what was found of rows' files; return which are done, and the tasks for others."""
        done: list[int] = []
        rows: list[Row] = []
        need = 0
        for row in task.rows:
            found = identified.get(row.number)
            if found is None:
                continue
            content = content_key(task.source, row, found.content)
            settled = found.fingerprint.is_settled(time.time_ns())
            self.records.put_input(
                row_key(self.cells(row.number)),
                Input(found.fingerprint.digest if settled else None, content, found.need),
            )
            wanted = self.missing_families(row.number, content)
            if wanted:
                rows.append(replace(row, fingerprint=found.fingerprint, wanted=wanted))
                need = max(need, found.need)
            else:
                done.append(row.number)
        return done, self._computing(task.source, rows, need)

    def _computing(self, source: Source, rows: list[Row], need: int) -> list[Task]:
        texts = tuple(plan.text for plan in self.plans)
        return [Compute(source, tuple(rows), need, settings=texts)] if rows else []

    def missing_families(self, row: int, content: bytes) -> tuple[tuple[int, tuple[str, ...]], ...]:
        """Return the families to compute by number of the plan, none where a record is there."""
        found = []
        for number in self.plans_of(row):
            plan = self.plans[number]
            if self.records.has(content, plan.number):
                continue
            reused = self._reusable(content, plan)
            families = tuple(name for name in plan.layout.parts if name not in reused)
            if families:
                found.append((number, families))
            else:
                self._put(content, plan, None, reused)
        return tuple(found)

    def keep_values(self, row: Row, number: int, done: Computed) -> None:
        """Put the values of a row into the store, with parts from other records."""
        before = self.records.get_input(row_key(self.cells(row.number)))
        assert before is not None
        plan = self.plans[number]
        self._put(before.content, plan, done, self._reusable(before.content, plan))

    def _reusable(self, content: bytes, plan: Plan) -> dict[str, tuple[list[str], Record]]:
        """Return by family the columns and the record that hold its values for this content."""
        found: dict[str, tuple[list[str], Record]] = {}
        for layout in self.records.layouts_of(content):
            parts = dict(self.records.parts(layout))
            record = None
            for family, key in plan.layout.parts.items():
                if key in parts and family not in found:
                    record = record or self.records.get(content, layout)
                    assert record is not None
                    everything = [c for columns in parts.values() for c in columns]
                    found[family] = (everything, record)
        return found

    def _put(
        self,
        content: bytes,
        plan: Plan,
        done: Computed | None,
        reused: dict[str, tuple[list[str], Record]],
    ) -> None:
        """Write a record in the order of its layout's parts, of new values and of older ones."""
        fresh = set() if done is None else set(done.columns)
        blocks: list[NDArray[np.float64]] = []
        older: dict[str, int] = {}
        origin: Any = done
        for family in plan.layout.parts:
            columns = plan.layout.columns_of(family)
            if done is not None and fresh.issuperset(columns):
                blocks.append(done.values[:, [done.columns.index(c) for c in columns]])
                continue
            names, record = reused[family]
            origin, older[family] = origin or record, record.environment
            blocks.append(record.values[:, [names.index(c) for c in columns]])
        notes = {key: value for key, value in origin.notes.items() if key != "older"}
        notes |= {"older": older} if done is not None and older else {}
        made = self.environment if done is not None else origin.environment
        values = np.concatenate(blocks, axis=1)
        self.records.put(content, plan.number, Record(origin.regions, values, notes, made))

    environment = 0
    """Number of the environment of the values that are kept next."""
    checks_files = False
    """Whether tables leave out values of files that have changed since."""

    def has_changed(self, cells: dict[str, str], files: Input) -> bool:
        """Tell whether a row's files are there and are not those that its values are of."""
        if not self.checks_files or files.fingerprint is None:
            return False
        try:
            now = fingerprint_both(
                self.cohort.path(cells["image"]), self.cohort.path(cells["mask"])
            )
        except OSError:  # tables are written where the files need not be
            return False
        return now.digest != files.fingerprint


def source_of(source: Source, image: str, series: str, modality: str) -> Source:
    """Return how to read an image: SUV are asked of PET, and of what nobody knows."""
    reading = source.reading
    if modality not in ("", "PT"):
        reading = tuple((name, value) for name, value in reading if name != "suv")
    return replace(source, image=image, series=series, reading=reading)


def content_key(source: Source, row: Row, content: bytes) -> bytes:
    """Return the hash of a case: the bytes of its files, and what was chosen in them."""
    choice = json.dumps([source.series, source.reading, row.choice]).encode()
    return short_hash(content, choice)
