"""Mechanics of large manifests: checked apart, read from disk, and nobody can tell afterwards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from radiomics.io.files.tables import Manifest
from radiomics.pipelines.batch import chain, cohort, collect, monitor
from radiomics.pipelines.batch.cohort import ARRAYS, NAME, RowsInMemory, store_rows
from radiomics.pipelines.batch.monitor import read_status
from radiomics.pipelines.batch.records import KEY, Records
from radiomics.pipelines.batch.request import ROWS, Outcome, Request
from radiomics.pipelines.batch.tasks import Task
from radiomics.plugins import ConfigurationError
from radiomics.types import InputError
from tests.cohorts import Inline, rows_of, write_cohort, write_rows

Patch = pytest.MonkeyPatch
FILES = (NAME, *(f"{name}.npy" for name in ARRAYS))


class Watching(Inline):
    """A pool that notes, when a task comes, what lies in the folder for the rows."""

    def __init__(self, output: Path) -> None:
        super().__init__()
        self.output, self.seen = output, set[tuple[str, int]]()

    def submit(self, task: Task, seconds: float | None) -> None:
        for path in (self.output / ROWS, *(self.output / ROWS).glob("*")):
            if path.exists():
                self.seen.add((path.name, path.stat().st_mode & 0o777))
        super().submit(task, seconds)


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Return a manifest with everything in it that whole columns are looked at for."""
    path = write_cohort(tmp_path / "in", 9)
    (tmp_path / "in" / "other.yaml").write_text("families: [intensity]\n")
    rows = [row | {"born": "", "seen": ""} for row in rows_of(9)]
    rows[1]["image"] = "gone.nii.gz"
    rows[2]["id"] = rows[3]["id"]
    rows[4]["label"] = 9
    rows[5]["born"] = "1937-04-12"
    rows[6] |= {"image": "image0.nii.gz", "mask": "mask0.nii.gz", "label": 2}
    write_rows(path, rows)
    text = path.read_text().splitlines()
    path.write_text("\n".join([*text[:-1], f"{text[-1]},one,more"]) + "\n")
    return path


def run_both(
    patch: Patch, manifest: Path, place: Path, **more: Any
) -> list[tuple[Outcome, list[str], Path]]:
    """Run a batch as a small one and as a large one; return what came of both."""
    found = []
    for name, large in (("small", False), ("large", True)):
        output, said = place / name, list[str]()
        pool = Watching(output)
        patch.setattr(chain, "make_pool", lambda _, pool=pool: pool)
        patch.setattr(cohort, "LARGE", 0 if large else 2**40)
        patch.setattr(cohort, "is_large", lambda _, large=large: large)
        patch.setattr(collect, "MANY", 0 if large else 2**40)
        request = Request(manifest, output, quiet=True, **more)
        found.append((chain.run_batch(request, said.append), said, output))
        owned = {(ROWS, 0o700), *((name, 0o600) for name in FILES)} if large else set()
        assert pool.seen == owned
        assert not (output / ROWS).exists()
    return found


def written(output: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in output.iterdir()
        if path.suffix in (".parquet", ".html") or path.name == "provenance.json"
    }


@pytest.mark.parametrize("more", [{}, {"keep_identifiers": True}, {"pseudonymise": Path("key")}])
def test_both_ways_write_the_same(
    more: dict[str, Any], manifest: Path, tmp_path: Path, monkeypatch: Patch
) -> None:
    monkeypatch.setattr("radiomics.pipelines.batch.case_files.COARSEST_NS", 0)
    monkeypatch.setattr(monitor, "EVERY_S", float("inf"))  # no rate, which the machine decides
    settings = tuple(str(manifest.parent / f"{name}.yaml") for name in ("quick", "other"))
    more = {
        key: tmp_path / value if key == "pseudonymise" else value for key, value in more.items()
    }
    small, large = run_both(monkeypatch, manifest, tmp_path, settings=settings, **more)
    assert small[1] == large[1]
    assert "keep_identifiers" in more or any("born" in line for line in small[1])
    assert len(small[1]) == 3 + ("keep_identifiers" not in more)
    outcomes = [(o.finished, o.done, o.failed, o.waiting) for o, _, _ in (small, large)]
    assert outcomes[0] == outcomes[1] == (True, 4, 5, 0)
    assert written(small[2]) == written(large[2])
    assert len(written(large[2])) == 4
    assert read_status(small[2]) == read_status(large[2])
    stores = [Records(out / "records.sqlite", write=False) for *_, out in (small, large)]
    for query in ("SELECT input, content FROM inputs", "SELECT * FROM failures"):
        one, other = (store.base.execute(query).fetchall() for store in stores)
        assert one == other
    (large[2] / "features_quick.parquet").unlink()
    request = Request(manifest, large[2], settings, quiet=True, **more)
    said: list[str] = []
    chain.collect_only(request, said.append)
    assert (large[2] / "features_quick.parquet").is_file()
    assert not (large[2] / ROWS).exists()


def test_a_parquet_manifest_with_categories(tmp_path: Path, monkeypatch: Patch) -> None:
    write_cohort(tmp_path / "in", 4)
    table = pa.Table.from_pylist([row | {"weight": 1.5} for row in rows_of(4)])
    site = pa.chunked_array([["a", "b"], ["b", None]]).dictionary_encode()
    table = table.set_column(table.column_names.index("site"), "site", site)
    pq.write_table(table, tmp_path / "in" / "m.parquet")
    settings = (str(tmp_path / "in" / "quick.yaml"),)
    manifest = tmp_path / "in" / "m.parquet"
    small, large = run_both(monkeypatch, manifest, tmp_path, settings=settings)
    assert small[0].done == 4
    assert written(small[2]) == written(large[2])


def test_a_folder_is_checked_apart(
    small_cohort: Manifest, tmp_path: Path, monkeypatch: Patch
) -> None:
    assert cohort.is_large(small_cohort.folder)
    (tmp_path / "quick.yaml").write_text("families: [intensity]\n")
    settings = (str(tmp_path / "quick.yaml"),)
    monkeypatch.setattr(chain, "write_summary_page", lambda *_: [])
    small, large = run_both(monkeypatch, small_cohort.folder, tmp_path, settings=settings)
    assert small[0].done == 12
    assert written(small[2]) == written(large[2])


def test_what_is_large(tmp_path: Path, monkeypatch: Patch) -> None:
    manifest = write_cohort(tmp_path, 2)
    assert not cohort.is_large(manifest)
    table = pa.table({"id": ["a"] * 50_000})  # some hundred bytes in the file
    pq.write_table(table, tmp_path / "m.parquet")
    assert not cohort.is_large(tmp_path / "m.parquet")
    monkeypatch.setattr(cohort, "LARGE", 800_000)
    assert cohort.is_large(tmp_path / "m.parquet")
    monkeypatch.setattr(cohort, "LARGE", manifest.stat().st_size)
    assert cohort.is_large(manifest)
    (tmp_path / "broken.parquet").write_text("x" * 100)
    assert not cohort.is_large(tmp_path / "broken.parquet")
    assert not cohort.is_large(tmp_path / "nowhere.csv")


def test_parts_of_a_file_are_those_of_the_table(tmp_path: Path) -> None:
    table = pa.table({"id": [f"i{n}" for n in range(10)], "age": [*range(9), None]})
    there, here = store_rows(table, tmp_path, block=4), RowsInMemory(table)
    assert (there.schema, there.count) == (here.schema, here.count)
    for start, count in ((0, 4), (4, 4), (8, 4), (3, 1), (2, 7), (0, 99), (9, 1)):
        assert there.read(start, count).equals(here.read(start, count))


def test_the_main_process_does_not_load_what_workers_need() -> None:
    code = (
        "import sys\n"
        "import radiomics.pipelines.batch.chain, radiomics.pipelines.batch.summary_process\n"
        "import radiomics.pipelines.commands.batch\n"
        "print(*sorted(name for name in sys.modules if '.' not in name))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert {"numpy", "pyarrow"} <= loaded
    assert not {"numba", "scipy", "pandas", "pydicom", "SimpleITK", "matplotlib"} & loaded


def test_only_the_failures_of_this_run_are_kept(tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr("radiomics.pipelines.batch.records.AT_A_TIME", 2)
    keys = [bytes([n]) + bytes(14) + bytes([n % 2]) for n in range(7)]  # also with zeros at the end
    for kept in ([], keys[2:4], keys[:1], keys[6:], keys):
        records = Records(tmp_path / "records.sqlite")
        for key in keys:
            records.put_failure(key, 1, "old")
            records.put_failure(key, 2, "old")
        records.keep_only_failures_of(np.array(kept, dtype=KEY))
        left = records.base.execute("SELECT input FROM failures ORDER BY input").fetchall()
        assert left == [(key,) for key in kept for _ in range(2)]
        assert records.has_failures() == bool(kept)
        records.close()


@pytest.mark.parametrize(
    ("name", "text", "kind", "words"),
    [
        ("m.csv", "id,image,mask\n", InputError, "0 rows"),
        ("m.csv", "id,image\na,b\n", InputError, "no mask; columns: id, image"),
        ("m.csv", "id,image,mask,reason\na,b,c,d\n", ConfigurationError, "rename the column"),
        ("m.xlsx", "x", InputError, "m.xlsx"),
    ],
)
def test_errors_are_told_as_if_made_here(
    name: str, text: str, kind: type[Exception], words: str, tmp_path: Path, monkeypatch: Patch
) -> None:
    (tmp_path / name).write_text(text)
    told = []
    for large in (False, True):
        monkeypatch.setattr(cohort, "is_large", lambda _, large=large: large)
        with pytest.raises(kind, match=words) as error:
            chain.run_batch(Request(tmp_path / name, tmp_path / "out"), print)
        told.append(str(error.value))
    assert told[0] == told[1]
    assert not (tmp_path / "out").exists()
