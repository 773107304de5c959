"""Regression: ways in which a series could be read wrongly without a word, each found once."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO

from radiomics import InputError, extract, inspect, read_image
from radiomics.io.dicom.series import find_series
from radiomics.preprocessing.resample import resample
from tests.series import positions, write_series

STORED = np.random.default_rng(0).integers(0, 4000, (3, 4, 6)).astype(np.uint16)


def rewrite(path: Path, syntax: str | None, explicit: bool) -> None:
    """Write a file in one encoding while its meta header names another, or none."""
    data = pydicom.dcmread(path)
    meta = FileMetaDataset()
    if syntax is not None:
        meta.TransferSyntaxUID = uid.UID(syntax)
    body = DicomBytesIO()
    body.is_little_endian, body.is_implicit_VR = True, not explicit
    pydicom.filewriter.write_dataset(body, Dataset(data))
    with path.open("wb") as stream:
        stream.write(b"\x00" * 128 + b"DICM")
        pydicom.filewriter.write_file_meta_info(stream, meta, enforce_standard=False)
        stream.write(body.getvalue())


@pytest.mark.parametrize("explicit", [True, False])
@pytest.mark.parametrize("syntax", [None, uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian])
def test_pixels_stand_where_the_file_has_them_whatever_its_meta_header_says(
    tmp_path: Path, syntax: str | None, explicit: bool
) -> None:
    for path in write_series(tmp_path, STORED, positions(3, 2.0)):
        rewrite(path, syntax, explicit)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom says that the file is not what it claims to be
        image = read_image(tmp_path)
    assert np.array_equal(image.array, STORED.astype(int) - 1024)


@pytest.mark.parametrize("vr", ["OB", "OW"])
def test_eight_bit_pixels_of_big_endian_files(tmp_path: Path, vr: str) -> None:
    small = (STORED % 250).astype(np.uint8)
    tags = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
    for index, path in enumerate(write_series(tmp_path, STORED, positions(3, 2.0), **tags)):
        data = pydicom.dcmread(path)
        data.PixelData = small[index].tobytes()
        data["PixelData"].VR = vr
        data.file_meta.TransferSyntaxUID = uid.ExplicitVRBigEndian
        if vr == "OW":
            data.PixelData = small[index].reshape(-1, 2)[:, ::-1].tobytes()
        pydicom.dcmwrite(path, data, implicit_vr=False, little_endian=False, force_encoding=True)
    assert np.array_equal(read_image(tmp_path).array, small.astype(int) - 1024)


def test_values_beyond_the_promised_bits_are_kept_as_they_are(tmp_path: Path) -> None:
    signed = np.array([[[-32768, -7000, 0, 2000]]], np.int16)
    write_series(tmp_path, signed, positions(1, 1), BitsStored=16)
    assert read_image(tmp_path).array.ravel().tolist() == [-33792, -8024, -1024, 976]


def test_left_packed_pixels_are_refused(tmp_path: Path) -> None:
    write_series(tmp_path, STORED, positions(3, 2.0), BitsStored=12, HighBit=15)
    with pytest.raises(InputError, match="HighBit 15 does not fit BitsStored 12"):
        read_image(tmp_path)


def test_a_dual_energy_map_is_no_ct_number(tmp_path: Path) -> None:
    write_series(tmp_path, STORED, positions(3, 2.0), RescaleType="MGML")
    image = read_image(tmp_path)
    assert image.unit == "MGML"
    mask = type(image)(np.ones(image.shape, bool), image.affine)
    with pytest.raises(InputError, match="these settings are for CT"):
        extract(image, mask, {"modality": "CT"})


@pytest.mark.parametrize(
    "tags",
    [
        {"Modality": ["CT", "MR", "CT"]},
        {"Modality": "PT", "Units": ["BQML", "CNTS", "BQML"]},
        {"RescaleType": ["HU", "MGML", "HU"]},
    ],
)
def test_slices_of_different_kinds_are_not_one_volume(
    tmp_path: Path, tags: dict[str, object]
) -> None:
    write_series(tmp_path, STORED, positions(3, 2.0), **tags)
    assert len(find_series(tmp_path)) == 2
    with pytest.raises(InputError, match="2 series"):
        read_image(tmp_path)


def test_different_echoes_in_one_volume_are_noted(tmp_path: Path) -> None:
    write_series(tmp_path, STORED, positions(3, 2.0), EchoTime=[10, 20, 10])
    (found,) = inspect(tmp_path)
    assert found.verdict == "good"
    assert "2 different values of EchoTime" in found.defects[0]


def test_a_duplicate_with_its_own_time_does_not_shatter_the_series(tmp_path: Path) -> None:
    where = positions(6, 2.0)[[0, 1, 2, 2, 3, 4, 5]]
    times = [f"1000{i:02d}" for i in range(7)]
    stored = np.zeros((7, 4, 6), np.uint16)
    write_series(tmp_path, stored, where, ContentTime=times, AcquisitionTime=times)
    (report,) = find_series(tmp_path)
    assert report.verdict == "repairable"
    with pytest.raises(InputError, match="1 duplicate slice"):
        read_image(tmp_path)


def test_a_shorter_second_phase_is_a_phase_and_not_a_pile_of_duplicates(tmp_path: Path) -> None:
    where = positions(4, 2.0)
    both = np.concatenate([where, where[:3]])
    write_series(tmp_path, np.zeros((7, 4, 6), np.uint16), both, EchoTime=[10] * 4 + [20] * 3)
    assert [len(r.frames) for r in find_series(tmp_path)] == [4, 3]


def test_slabs_with_numbers_of_their_own_are_no_phases(tmp_path: Path) -> None:
    where = positions(6, 2.0)[[0, 1, 2, 3, 3, 4, 5]]
    numbers = [1, 1, 1, 1, 2, 2, 2]
    write_series(tmp_path, np.zeros((7, 4, 6), np.uint16), where, AcquisitionNumber=numbers)
    (report,) = find_series(tmp_path)
    assert any("duplicate" in defect.text for defect in report.defects)


def test_no_slice_is_invented_beyond_the_last(tmp_path: Path) -> None:
    along = np.array([0, 2, 4, 6, 8, 9, 11, 13, 15, 17, 19.0])
    where = positions(1, 1) + np.outer(along, [0, 0, 1])
    write_series(tmp_path, np.zeros((11, 4, 6), np.uint16), where)
    image = read_image(tmp_path, repair="spacing")
    last = image.affine @ [image.shape[0] - 1, 0, 0, 1]
    assert last[2] <= where[-1, 2] + 1e-6


def test_what_was_done_survives_resampling(tmp_path: Path) -> None:
    where = np.delete(positions(7, 2.0), 3, axis=0)
    write_series(tmp_path, np.zeros((6, 4, 6), np.uint16), where)
    image = read_image(tmp_path, repair="missing")
    assert resample(image, (1.0, 1.0, 1.0), "linear").history == image.history != ()


@pytest.mark.parametrize("order", ["nearest", "linear", "cubic"])
def test_a_broken_voxel_spoils_only_what_draws_on_it(order: str) -> None:
    from radiomics import Volume

    array = np.random.default_rng(0).normal(size=(30, 8, 8))
    array[2, 3, 4] = np.nan
    image = Volume(array, np.diag([2.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]])
    found = resample(image, (1.0, 1.0, 1.0), order).array  # type: ignore[arg-type]
    assert np.isnan(found).any()
    assert np.isfinite(found[40:]).all()
    clean = np.where(np.isnan(array), 0.0, array)
    other = resample(Volume(clean, image.affine), (1.0, 1.0, 1.0), order).array  # type: ignore[arg-type]
    finite = np.isfinite(found)
    assert np.abs(found[finite] - other[finite]).max() < 1e-3


@pytest.mark.parametrize("which", [0, 3])
def test_a_slice_cut_in_its_header_is_not_left_out(tmp_path: Path, which: int) -> None:
    """Cut between two elements the file reads without an error, as something without a matrix."""
    paths = write_series(tmp_path, np.zeros((4, 8, 8), np.uint16), positions(4, 2.0))
    content = paths[which].read_bytes()
    rows = content.index(b"\x28\x00\x10\x00US")
    paths[which].write_bytes(content[:rows])
    with pytest.raises(InputError, match=r"00\d\.dcm: an image without Rows and Columns"):
        read_image(tmp_path)
    (found,) = [f for f in inspect(tmp_path) if f.kind == "file"]
    assert found.verdict == "refused"
