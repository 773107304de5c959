"""Oracle: every voxel stands where its header says. Mechanics: defects are refused by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from radiomics import InputError, read_image
from radiomics.io.dicom.geometry import stack_slices
from tests.conftest import shared
from tests.series import AXIAL, CORONAL, OBLIQUE, SAGITTAL, positions, write_series

ORIENTATIONS = {"axial": AXIAL, "sagittal": SAGITTAL, "coronal": CORONAL, "oblique": OBLIQUE}
SHAPES = {"square": (4, 6, 6), "wide": (4, 5, 7)}


@pytest.mark.parametrize(
    ("orientation", "shape", "pixels", "order"),
    list(
        product(ORIENTATIONS, SHAPES, [(0.7, 0.7), (0.8, 0.6)], ["sorted", "shuffled", "reversed"])
    ),
)
def test_every_voxel_is_where_its_header_puts_it(
    tmp_path: Path, orientation: str, shape: str, pixels: tuple[float, float], order: str
) -> None:
    """Each voxel stores a number; its position follows from PS3.3 C.7.6.2.1.1, file by file."""
    axes = ORIENTATIONS[orientation]
    stored = np.arange(np.prod(SHAPES[shape]), dtype=np.uint16).reshape(SHAPES[shape])
    where = positions(len(stored), 2.5, axes)
    rank = {"sorted": [0, 1, 2, 3], "shuffled": [2, 0, 3, 1], "reversed": [3, 2, 1, 0]}[order]
    write_series(tmp_path, stored[rank], where[rank], axes, pixels)
    image = read_image(tmp_path)
    assert image.unit == "HU"
    assert image.spacing == pytest.approx((2.5, *pixels))
    for d, h, w in np.ndindex(image.shape):
        k, rest = divmod(int(image.array[d, h, w]) + 1024, stored[0].size)
        row, column = divmod(rest, stored.shape[2])
        expected = (
            where[k]
            + np.array(axes[3:]) * pixels[0] * row
            + np.array(axes[:3]) * pixels[1] * column
        )
        assert np.allclose(image.affine @ [d, h, w, 1], [*expected, 1], atol=1e-6)


def test_simpleitk_reads_the_same_from_a_sound_series(tmp_path: Path) -> None:
    stored = np.random.default_rng(0).integers(0, 4000, (5, 6, 7)).astype(np.uint16)
    write_series(tmp_path, stored, positions(5, 2.5, SAGITTAL), SAGITTAL)
    image = read_image(tmp_path)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path)))
    other = reader.Execute()
    assert np.array_equal(image.array, sitk.GetArrayFromImage(other))
    assert np.allclose(image.spacing, other.GetSpacing()[::-1])
    assert np.allclose(image.origin, other.GetOrigin())
    assert np.allclose(image.direction[:, ::-1].ravel(), other.GetDirection())


def test_rescaling_is_per_slice_and_keeps_integers_where_it_can(tmp_path: Path) -> None:
    stored = np.full((3, 2, 2), 100, np.uint16)
    where = positions(3, 1)
    write_series(tmp_path / "a", stored, where, RescaleIntercept=[-1000, -1024, 0])
    image = read_image(tmp_path / "a")
    assert image.array[:, 0, 0].tolist() == [-900, -924, 100]
    assert image.array.dtype == np.int16
    stored[0, 0, 0] = 65000
    write_series(tmp_path / "b", stored, where)
    image = read_image(tmp_path / "b")
    assert image.array.dtype == np.int32
    assert image.array[0, 0, :2].tolist() == [63976, -924]
    write_series(tmp_path / "d", stored, where, BitsStored=12, HighBit=11)
    image = read_image(tmp_path / "d")
    assert image.array[0, 0, :2].tolist() == [65000 % 4096 - 1024, -924]
    assert image.history[0].startswith("1 pixels have bits set above BitsStored (12)")
    stored[0, 0, 0] = 100
    write_series(tmp_path / "c", stored, where, RescaleSlope=[0.5, 1, 2], RescaleIntercept=0)
    image = read_image(tmp_path / "c")
    assert image.array.dtype == np.float32
    assert image.array[:, 0, 0].tolist() == [50, 100, 200]


def test_signed_pixels(tmp_path: Path) -> None:
    stored = np.array([[[-5, 7]], [[-2000, 2000]]], np.int16)
    write_series(tmp_path, stored, positions(2, 1), RescaleIntercept=0)
    assert read_image(tmp_path).array.tolist() == stored.tolist()


def test_units_of_pet(tmp_path: Path) -> None:
    stored = np.zeros((2, 2, 2), np.uint16)
    tags = {"Modality": "PT", "RescaleIntercept": 0, "RescaleSlope": 0.5}
    write_series(tmp_path / "a", stored, positions(2, 1), Units="GML", SUVType="BW", **tags)
    write_series(tmp_path / "b", stored, positions(2, 1), Units="BQML", **tags)
    assert read_image(tmp_path / "a").unit == "SUVbw"
    assert read_image(tmp_path / "b").unit == "BQML"


def test_ten_micrometres_of_jitter_are_no_defect(tmp_path: Path) -> None:
    where = positions(8, 2.5) + np.random.default_rng(1).uniform(-0.01, 0.01, (8, 3))
    write_series(tmp_path, np.zeros((8, 3, 3), np.uint16), where)
    assert read_image(tmp_path).spacing[0] == pytest.approx(2.5, abs=0.01)


def test_positions_rounded_to_a_tenth_are_no_defect(tmp_path: Path) -> None:
    where = np.round(positions(9, 1.25), 1)
    write_series(tmp_path, np.zeros((9, 3, 3), np.uint16), where)
    assert read_image(tmp_path).shape[0] == 9


def test_a_single_slice_takes_its_thickness(tmp_path: Path) -> None:
    (path,) = write_series(tmp_path, np.zeros((1, 3, 3), np.uint16), positions(1, 1))
    assert read_image(path).spacing[0] == pytest.approx(9.9)


WHERE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "missing": lambda p: np.delete(p, 5, axis=0),
    "missing two": lambda p: np.delete(p, [5, 6], axis=0),
    "unequal": lambda p: p[[0, 1, 2, 3, 4, 5, 5, 7, 8, 9, 10, 11]],
    "duplicate": lambda p: p[[0, 1, 2, 3, 4, 5, 5, 7, 8, 9, 10, 11]],
    "tilt": lambda p: p + np.outer(np.arange(12) * 2.5, [0, np.tan(np.radians(15)), 0]),
    "uneven": lambda p: p + np.outer(np.arange(12) ** 2 * 0.15, [0, 0, 1]),
    "shifted": lambda p: p + np.outer(np.arange(12) == 3, [4, 0, 0]),
}
TAGS: dict[str, dict[str, Any]] = {
    "frames": {"FrameOfReferenceUID": [f"1.{i}" for i in range(12)]},
    "spacing": {"PixelSpacing": [[0.8, 0.6]] * 11 + [[0.8, 0.7]]},
    "position": {"ImagePositionPatient": [[0, 0, i] for i in range(11)] + [None]},
    "colour": {"SamplesPerPixel": 3},
    "localizer": {"ImageType": [["ORIGINAL", "PRIMARY", "LOCALIZER"]] * 12},
    "unequal": {"RescaleIntercept": list(range(12))},
    "cosines": {"ImageOrientationPatient": [[1, 0, 0, 0.5, 0.5, 0]] * 12},
}


def defective(folder: Path, kind: str) -> None:
    where = WHERE.get(kind, lambda p: p)(positions(12, 2.5))
    write_series(folder, np.zeros((len(where), 4, 4), np.uint16), where, **TAGS.get(kind, {}))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "1 missing slice"),
        ("missing two", "2 missing slice"),
        ("duplicate", "1 duplicate slice"),
        ("tilt", "gantry tilt of 15.00 degrees"),
        ("uneven", "uneven slice steps"),
        ("shifted", "shifted sideways"),
        ("frames", "several frames of reference"),
        ("spacing", "2 series"),
        ("position", "lacks usable values of ImagePositionPatient"),
        ("colour", "colour pixels"),
        ("localizer", "a localizer (scout)"),
        ("unequal", "with different pixels"),
        ("cosines", "orthogonal unit vectors"),
    ],
)
def test_a_defective_series_is_refused_by_name(tmp_path: Path, kind: str, words: str) -> None:
    defective(tmp_path, kind)
    with pytest.raises(InputError, match=re.escape(words)):
        read_image(tmp_path)


def test_two_series_need_a_choice(tmp_path: Path) -> None:
    stored = np.zeros((2, 3, 3), np.uint16)
    write_series(tmp_path / "a", stored, positions(2, 1), SeriesInstanceUID="1.2.7")
    write_series(tmp_path / "b", stored + 5, positions(2, 1), SeriesInstanceUID="1.2.8")
    with pytest.raises(InputError, match=r"2 series: CT 1.2.7 \(2 slices\); CT 1.2.8"):
        read_image(tmp_path)
    assert read_image(tmp_path, series="1.2.8").array[0, 0, 0] == 5 - 1024
    with pytest.raises(InputError, match=r"exactly one"):
        read_image(tmp_path, series="1.2.9")


def test_folders_without_images(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="an empty folder"):
        read_image(tmp_path)
    (tmp_path / "notes.txt").write_text("no scan")
    with pytest.raises(InputError, match="no DICOM file with pixels"):
        read_image(tmp_path)
    with pytest.raises(InputError, match="no DICOM image"):
        read_image(tmp_path / "notes.txt")
    with pytest.raises(InputError, match="nothing there"):
        read_image(tmp_path / "missing")


def test_other_files_among_the_slices_do_no_harm(tmp_path: Path) -> None:
    write_series(tmp_path, np.zeros((3, 3, 3), np.uint16), positions(3, 1))
    (tmp_path / "thumbs.db").write_bytes(b"\x00" * 300)
    assert read_image(tmp_path).shape == (3, 3, 3)


def test_a_truncated_slice_is_named(tmp_path: Path) -> None:
    paths = write_series(tmp_path, np.zeros((3, 30, 30), np.uint16), positions(3, 1))
    paths[1].write_bytes(paths[1].read_bytes()[:-500])
    with pytest.raises(InputError, match=r"001\.dcm"):
        read_image(tmp_path)


def test_a_stack_measures_steps_not_thickness() -> None:
    stack = stack_slices(
        positions(3, 2.5)[[2, 0, 1]], np.array(AXIAL), np.array([0.8, 0.6]), thickness=7
    )
    assert stack.order == (1, 2, 0)
    assert np.linalg.norm(stack.affine[:3, 0]) == pytest.approx(2.5)
    assert stack.defects == ()


def test_ibsi_ct_phantom_from_dicom_equals_nifti() -> None:
    folder = shared("reference", "ibsi", "ibsi1", "ct_phantom")
    dicom, nifti = read_image(folder / "dicom"), read_image(folder / "image.nii.gz")
    assert np.array_equal(dicom.array, nifti.array)
    assert np.allclose(dicom.affine, nifti.affine, atol=1e-5)


@pytest.mark.parametrize("modality", ["CT", "PET", "MR_T1"])
@pytest.mark.parametrize("patient", ["STS_002", "STS_008", "STS_019"])
def test_sts_patients_from_dicom_equal_nifti(patient: str, modality: str) -> None:
    dicom = read_image(shared("data", "sts", "dicom", patient, modality, "image"))
    nifti = read_image(shared("data", "sts", "nifti", patient, f"{modality}_image.nii.gz"))
    assert np.abs(dicom.array - nifti.array).max() <= (2e-6 if modality == "PET" else 0)
    assert np.allclose(dicom.affine, nifti.affine, atol=3e-5)
