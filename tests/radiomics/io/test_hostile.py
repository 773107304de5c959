"""Mechanics: broken files, loops of links, absurd sizes and archives are told in words."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames

from radiomics import InputError, inspect, read_image
from radiomics.io.dicom.scanning import find_files, scan_path
from tests.radiomics.io.dicom.test_positions import recode
from tests.radiomics.io.test_ingest import ramp
from tests.series import positions, write_series

SHIPPED = sorted((Path(pydicom.__file__).parent / "data" / "test_files").rglob("*.dcm"))


def test_broken_files_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    where = positions(3, 2.0)
    paths = write_series(tmp_path / "good \u6d4b\u8bd5", ramp(where, (5, 6)), where)
    broken = tmp_path / "broken"
    broken.mkdir()
    content = paths[0].read_bytes()
    other = content.replace(b"-40\\12.5\\3 ", b"-40\\12.5\\x ")
    assert other != content
    (broken / "value.dcm").write_bytes(other)
    (broken / "cut.dcm").write_bytes(content[:300])
    (broken / "noise.dcm").write_bytes(b"\x00" * 128 + b"DICM" + bytes(range(256)) * 2)
    (broken / "link").symlink_to(tmp_path)
    (broken / "dangling").symlink_to(tmp_path / "nowhere")
    (broken / "notes").write_text("x")
    rs = pydicom.dcmread(paths[0])
    rs.Modality, rs.StructureSetROISequence = "RTSTRUCT", [Dataset()]
    del rs.Rows
    rs.save_as(broken / "rs.dcm")
    found = {Path(f.path).name: f for f in inspect(tmp_path)}
    assert found["good \u6d4b\u8bd5"].verdict == "good"
    assert found["good \u6d4b\u8bd5"].shape == (3, 5, 6)
    assert found["value.dcm"].verdict == found["rs.dcm"].verdict == "refused"
    assert "ImagePositionPatient holds" in found["value.dcm"].defects[0]
    assert "ROINumber" in found["rs.dcm"].defects[0]


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_text("x")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    assert [p.name for p in find_files(tmp_path)] == ["file"]


def test_absurd_sizes_are_refused_before_memory_is_taken(tmp_path: Path) -> None:
    (path,) = write_series(tmp_path, np.zeros((1, 5, 6), np.uint16), positions(1, 1))
    data = pydicom.dcmread(path)
    data.Rows = data.Columns = 60_000
    data.save_as(path)
    with pytest.raises(InputError, match="complete"):
        read_image(path)


def outcome(file: Path) -> str:
    """Read a file; return how that went."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = read_image(file)
        except InputError as error:
            return f"refused: {error.found}"
    return f"read: {image.shape}"


def test_every_file_that_pydicom_ships_reads_or_is_refused_in_words() -> None:
    outcomes = {file.name: outcome(file) for file in SHIPPED}
    assert sum(text.startswith("read: ") for text in outcomes.values()) >= 5
    assert all(len(text) > len("refused: ") for text in outcomes.values())
    assert outcomes["CT_small.dcm"] == "read: (1, 128, 128)"


def test_the_header_pass_counts_what_is_no_dicom(tmp_path: Path) -> None:
    write_series(tmp_path, np.zeros((2, 3, 3), np.uint16), positions(2, 1))
    (tmp_path / "a.txt").write_text("text")
    found = scan_path(tmp_path)
    assert (len(found.headers), len(found.unreadable), found.others) == (2, 0, 1)


def test_an_archive_of_a_series(tmp_path: Path) -> None:
    where = positions(3, 2.0)
    paths = write_series(tmp_path / "ct", ramp(where, (5, 6)), where)
    with zipfile.ZipFile(tmp_path / "ct.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in paths:
            archive.write(path, f"../../{path.name}")  # a name that leads elsewhere leads nowhere
    image = read_image(tmp_path / "ct.zip")
    assert np.array_equal(image.array, read_image(tmp_path / "ct").array)
    assert not (tmp_path.parent / "000.dcm").exists()


def test_bombs_and_broken_archives_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.dcm", b"\x00" * 20_000_000)
    with pytest.raises(InputError, match="200 times larger"):
        read_image(tmp_path / "bomb.zip")
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(InputError, match="readable ZIP"):
        read_image(tmp_path / "broken.zip")


def test_a_stream_that_ends_its_decoder_ends_nothing_else(tmp_path: Path) -> None:
    """gdcm, the only decoder of lossless JPEG, aborts its process over some broken streams."""
    stored = np.arange(64 * 64, dtype=np.uint16).reshape(1, 64, 64)
    (path,) = write_series(tmp_path, stored, positions(1, 1.0))
    recode(path, "jpeg")
    assert np.array_equal(read_image(path).array, stored.astype(int) - 1024)
    content = path.read_bytes()
    bits = content.index(bytes.fromhex("ff d8 ff c3 00 0b 10")) + 6
    path.write_bytes(content[:bits] + b"\x7f" + content[bits + 1 :])  # 127 bits a sample
    assert "127 bits where the header allocates 16" in outcome(path)
    data = pydicom.dcmread(path)
    stream = next(generate_frames(data.PixelData, number_of_frames=1))
    data.PixelData = encapsulate([stream[:2] + b"\0" + stream[2:]])  # a byte that hides them
    data.save_as(path)
    assert outcome(path) == "refused: pixels that end the decoder"
    path.write_bytes(content)
    assert read_image(path).shape == (1, 64, 64)


def test_a_stream_of_another_size_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    (path,) = write_series(tmp_path, np.zeros((1, 64, 64), np.uint16), positions(1, 1.0))
    recode(path, "j2k")
    data = pydicom.dcmread(path)
    data.Rows = 4096
    data.save_as(path)
    with pytest.raises(InputError, match=r"a compressed frame of \(64, 64\) where the header says"):
        read_image(path)
