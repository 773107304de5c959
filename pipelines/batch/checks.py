"""A manifest from its file to what a run needs of it; a large one is checked in another process.

What looks at whole columns (repeated ids, columns that may identify patients, pseudonyms, the order
of images) holds them all in memory. For a large manifest that is the memory of a process which ends
before the run begins, and the rows lie on disk.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from radiomics.pipelines.batch.apart import apart
from radiomics.pipelines.batch.manifest import FILES, TEXT, Cohort, opened_from, read_cohort
from radiomics.pipelines.batch.privacy import dropped_columns, pseudonymised, read_key
from radiomics.pipelines.batch.sheet import InMemory, Sheet, read_array, write_array, write_sheet
from radiomics.plugins import ConfigurationError

if TYPE_CHECKING:
    from radiomics.pipelines.batch.session import Request

CHOICES = ("roi", "label", "segment")
CELLS = ("id", "image", "mask", "series", *CHOICES)
"""Columns by which a run knows a row and its files."""
CHOSEN = ("label", "segment")
ADDED = ("status", "reason", "verdict", "notes")
"""Columns that tables have besides those of the manifest."""
LARGE = 4 * 2**20
"""Bytes of a manifest from which it is checked in another process."""
BYTES_A_CELL = 16
ARRAYS = ("codes", "order", "ends")

Steps = Generator[Any, Any, Any]


@dataclass(frozen=True, eq=False)
class Checked:
    """A cohort whose rows are all checked.

    ``codes`` (N,) holds for each row 0, or which of ``reasons`` keeps it from being computed;
    ``order`` (M,) the rows that can be computed, those of one image together, and ``ends`` where
    each image ends in it. ``carried`` are the columns that tables hold, ``told`` what to say.
    """

    sheet: Sheet
    folder: str
    codes: NDArray[np.int32]
    reasons: list[str]
    order: NDArray[np.int32]
    ends: NDArray[np.int32]
    carried: list[str]
    told: list[str]

    def __len__(self) -> int:
        return self.sheet.count

    def without_rows(self) -> Checked:
        """Return it without the arrays of a number for each row: to be sent to another process."""
        return replace(self, **{name: getattr(self, name)[:0] for name in ARRAYS})

    def path(self, name: str) -> str:
        """Return a path of the manifest from where it can be opened; a URL as it is."""
        return opened_from(self.folder, name)

    def images(self) -> Iterator[NDArray[np.int32]]:
        """Yield the rows of each image that can be computed, in the order of first appearance."""
        start = 0
        for stop in self.ends:
            yield self.order[start:stop]
            start = stop


def checks(request: Request, with_files: bool = True) -> Steps:
    """Check a manifest in two steps, so that nothing is written before all that is wrong is told.

    Yields the lines to be said; is sent the output folder, and yields the :class:`Checked` cohort.

    Raises
    ------
    InputError, ConfigurationError
        When the manifest is none, or has a column that tables add.
    """
    if is_large(request.manifest):
        with closing(apart(_large, request, with_files)) as steps:
            output = yield next(steps)
            checked = steps.send(output)
        arrays = {name: read_array(output, name) for name in ARRAYS}
        yield replace(checked, **arrays)
    else:
        checked = check(request, with_files)
        yield checked.told
        yield checked


def check(request: Request, with_files: bool = True) -> Checked:
    """Check a manifest, all of it in memory."""
    cohort = read_cohort(request.manifest, with_files)
    if request.pseudonymise is not None:
        key = read_key(request.pseudonymise, request.output)
        cohort.table = pseudonymised(cohort.table, key)
    return checked_of(cohort, request.keep_identifiers)


def checked_of(cohort: Cohort, keep_identifiers: bool = False) -> Checked:
    """Return what a run needs of a cohort; columns that nobody needs are gone."""
    carried = carried_columns(cohort, keep_identifiers)
    names = [n for n in cohort.table.column_names if n in CELLS or n in carried]
    order, ends = cohort.order()
    return Checked(
        InMemory(cohort.table.select(names).unify_dictionaries().combine_chunks()),
        cohort.folder,
        cohort.codes,
        cohort.reasons,
        order.astype(np.int32),
        ends.astype(np.int32),
        carried,
        [*cohort.notes, *cohort.problems()],
    )


def is_large(manifest: Path) -> bool:
    """Tell whether a manifest takes much memory: nothing tells that of a folder beforehand."""
    if manifest.suffix.lower() == ".parquet" and manifest.is_file():
        import pyarrow.parquet as pq

        try:
            found = pq.read_metadata(manifest)
        except (OSError, pa.ArrowException):
            return False  # who reads it says what is wrong
        return bool(found.num_rows * found.num_columns * BYTES_A_CELL >= LARGE)
    return manifest.is_dir() or (manifest.is_file() and manifest.stat().st_size >= LARGE)


def carried_columns(cohort: Cohort, keep_identifiers: bool) -> list[str]:
    """Return the columns of the manifest that tables hold, and note those that are left out.

    Raises
    ------
    ConfigurationError
        When one has the name of a column that is added.
    """
    names = [n for n in cohort.table.column_names if n not in TEXT or n in CHOSEN]
    empty = [n for n in CHOSEN if cohort.column(n).unique().to_pylist() == [""]]
    names = ["id", "group", *(name for name in names if name not in empty)]
    clash = sorted(set(names) & set(ADDED))
    if clash:
        raise ConfigurationError(f"manifest: rename the column {', '.join(clash)}: tables have it")
    if keep_identifiers:
        return [*names, *(name for name in FILES if name in cohort.table.column_names)]
    left = dropped_columns(cohort.table, FILES)
    if left:
        told = f"left out of all outputs, may identify patients: {', '.join(left)}"
        cohort.notes.append(f"{told} (--keep-identifiers keeps them)")
    return [name for name in names if name not in left]


def _large(request: Request, with_files: bool) -> Steps:
    """Check a manifest and write its rows to the folder that is sent."""
    checked = check(request, with_files)
    output = yield checked.told
    assert isinstance(checked.sheet, InMemory)
    sheet = write_sheet(checked.sheet.table, output)
    for name in ARRAYS:
        write_array(getattr(checked, name), output, name)
    yield replace(checked.without_rows(), sheet=sheet)
