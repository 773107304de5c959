"""Mechanics: the header pass: our walk equals pydicom's, processes and index change nothing."""

from __future__ import annotations

import gc
import logging
import sqlite3
import subprocess
import sys
import warnings
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.fileset import FileSet

from radiomics import InputError, inspect, read_image
from radiomics.io.dicom import headers, scanning
from radiomics.io.dicom.elements import read_elements
from radiomics.io.dicom.headers import WANTED, Header
from radiomics.io.dicom.index import HeaderIndex
from radiomics.io.dicom.scanning import find_files, scan_files
from radiomics.io.dicom.streams import BoundedReader
from tests.conftest import shared
from tests.radiomics.io.test_hostile import SHIPPED
from tests.series import positions, write_series
from tests.waiting import wait_until

STORED = np.zeros((4, 6, 6), np.uint16)


def same(one: Header, two: Header) -> bool:
    places = [
        (h.path, h.pixel_offset, h.implicit, h.little, h.pixels, dict(h.values)) for h in (one, two)
    ]
    return places[0] == places[1]


def walked_and_parsed(file: Path) -> tuple[int, int]:
    """Return 1 where our walk reads the file, and 1 where pydicom gives the same."""
    with BoundedReader(file) as stream:
        walked = read_elements(stream, WANTED)
        if walked is None or walked.cut:
            return 0, 0
        stream.seek(0)
        parsed = headers.parse_header(file, stream)
    ours = headers.read_header(file)
    assert isinstance(ours, Header)
    assert (ours.values, ours.pixel_offset) == (walked.values, walked.offset)
    return 1, int(parsed.sequences is None and same(ours, parsed))


@pytest.mark.parametrize("source", ["shipped", "sts"])
def test_our_walk_over_a_file_gives_what_pydicom_gives(source: str) -> None:
    files = SHIPPED if source == "shipped" else list(find_files(shared("data/sts")))[::10]
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        counts = np.array([walked_and_parsed(file) for file in files])
    logging.disable(logging.NOTSET)
    assert np.array_equal(counts[:, 0], counts[:, 1])
    assert counts[:, 0].mean() > 0.4


def test_a_long_private_sequence_before_the_pixels_is_walked_over(tmp_path: Path) -> None:
    (path,) = write_series(tmp_path, STORED[:1], positions(1, 1.0))
    data = pydicom.dcmread(path)
    item = Dataset()
    item.add_new((0x0040, 0xA160), "UT", "x" * 60_000)
    item.ReferencedImageSequence = [Dataset()]
    data.add_new((0x0009, 0x0010), "LO", "maker")
    data.add_new((0x0009, 0x1001), "OB", b"\x00" * 50_000)
    data.RequestAttributesSequence = [item, item]
    data["RequestAttributesSequence"].is_undefined_length = True
    data.save_as(path)
    assert walked_and_parsed(path) == (1, 1)
    assert read_image(path).shape == (1, 6, 6)


def test_processes_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_series(tmp_path, STORED, positions(4, 2.0))
    (tmp_path / "note.txt").write_text("no DICOM")
    files = list(find_files(tmp_path))
    alone = scan_files(files)
    monkeypatch.setattr(scanning, "MANY", 2)
    monkeypatch.setattr(scanning, "CHUNK", 2)
    calls: list[int] = []
    together = scan_files(files, lambda *state: calls.append(state[1]))
    assert all(same(*pair) for pair in zip(alone.headers, together.headers, strict=True))
    assert (alone.others, together.others, calls) == (1, 1, [2, 4, 5])


def test_an_index_keeps_what_has_not_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = write_series(tmp_path / "ct", STORED, positions(4, 2.0))
    index = tmp_path / "scan.sqlite"
    first = scan_files(files, index=index)
    read: list[str] = []
    original = scanning.read_header
    monkeypatch.setattr(scanning, "read_header", lambda p: read.append(p.name) or original(p))
    again = scan_files(files, index=index)
    assert read == []
    assert all(same(*pair) for pair in zip(first.headers, again.headers, strict=True))
    data = pydicom.dcmread(files[2])
    data.PatientID = "another patient"
    data.save_as(files[2])
    files[3].unlink()
    last = scan_files(files, index=index)
    assert read == ["002.dcm", "003.dcm"]
    assert last.headers[2].text("PatientID") == "another patient"
    assert [bad.reason for bad in last.unreadable] == ["it is gone"]


def _committed(index: Path) -> int:
    """Return how many files an index knows that another process is writing."""
    if not index.exists():
        return 0
    with closing(sqlite3.connect(f"file:{index}?mode=ro", uri=True, timeout=10)) as base:
        tables = base.execute("SELECT name FROM sqlite_master WHERE name = 'files'").fetchall()
        return base.execute("SELECT count(*) FROM files").fetchone()[0] if tables else 0


def test_a_killed_scan_goes_on_from_its_index(tmp_path: Path) -> None:
    (path,) = write_series(tmp_path / "ct", STORED[:1], positions(1, 2.0))
    for number in range(3000):
        (tmp_path / "ct" / f"{number}").write_bytes(path.read_bytes())
    index = tmp_path / "scan.sqlite"
    code = (
        "import sys, time; from pathlib import Path; from radiomics.io.dicom import scanning as s;"
        "files = list(s.find_files(Path(sys.argv[1])));"
        "stay = lambda _, done, of: time.sleep(3600 * (done > s.CHUNK));"
        "s.scan_files(files, stay, Path(sys.argv[2]))"
    )
    child = subprocess.Popen([sys.executable, "-c", code, tmp_path / "ct", index])
    wait_until(lambda: _committed(index) >= scanning.CHUNK, child)
    child.kill()
    child.wait()
    done: list[int] = []
    files = list(find_files(tmp_path / "ct"))
    seen = scan_files(files, lambda *state: done.append(state[1]), index)
    assert len(seen.headers) == 3001
    assert done[0] > scanning.CHUNK  # the first report comes after what was known


def test_another_file_is_no_index(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", STORED, positions(4, 2.0))
    (tmp_path / "x.csv").write_text("id,image,mask\n" * 100)
    with pytest.raises(InputError, match="an index is a file that an earlier scan wrote"):
        inspect(tmp_path / "ct", index=tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text().startswith("id,image,mask")


def test_an_index_that_cannot_grow_is_told(tmp_path: Path) -> None:
    files = write_series(tmp_path / "ct", STORED, positions(4, 2.0))
    with pytest.raises(InputError, match="must be a file that can be made"):
        scan_files(files, index=tmp_path / "ct")
    with HeaderIndex(tmp_path / "i.db") as kept:
        kept.base.execute("PRAGMA max_page_count = 4")  # SQLite's own way to a full disk
        read = scan_files(files).headers
        long = [replace(header, values={"PatientID": "x" * 50_000}) for header in read]
        with pytest.raises(InputError, match="full"):
            kept.add(dict(zip(files, long, strict=True)))
    assert len(scan_files(files, index=tmp_path / "i.db").headers) == 4


def test_a_dicomdir_stands_for_the_files_that_it_lists(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "ct", STORED, positions(4, 2.0), StudyID="1", SeriesNumber=1)
    group = FileSet()
    for path in paths:
        data = pydicom.dcmread(path)
        data.StudyDate, data.StudyTime, data.PatientName = "20200101", "120000", "a"
        data.AccessionNumber = ""
        group.add(data)
    group.write(tmp_path / "disc")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # of pydicom's own temporary folder
        del group
        gc.collect()
    image = read_image(tmp_path / "disc" / "DICOMDIR")
    assert np.array_equal(image.array, read_image(tmp_path / "ct").array)
    next((tmp_path / "disc" / "PT000000").rglob("IM000003")).unlink()
    with pytest.raises(InputError, match="IM000003: it is gone"):
        read_image(tmp_path / "disc" / "DICOMDIR")
    (tmp_path / "DICOMDIR").write_bytes(b"no DICOM at all")
    with pytest.raises(InputError, match="a DICOMDIR lists files"):
        read_image(tmp_path / "DICOMDIR")


def test_a_dicomdir_leads_nowhere_else(tmp_path: Path) -> None:
    (path,) = write_series(tmp_path / "ct", STORED[:1], positions(1, 2.0))
    record = Dataset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", ["..", "ct", "000.dcm"]
    data = pydicom.dcmread(path)
    data.DirectoryRecordSequence = [record]
    (tmp_path / "disc").mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data.save_as(tmp_path / "disc" / "DICOMDIR")
    with pytest.raises(InputError, match="below its own folder"):
        read_image(tmp_path / "disc" / "DICOMDIR")
