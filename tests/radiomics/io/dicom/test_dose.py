"""Oracle, by construction: dose grids in Gy, alone and on the grid of the CT."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.dataset import Dataset

from radiomics import InputError, Volume, extract, inspect, read_image, read_mask
from radiomics.io.dicom.series import find_series
from radiomics.io.masks.rtstruct import write_rtstruct
from tests.series import AXIAL, CORONAL, OBLIQUE, positions, write_series

RNG = np.random.default_rng(6)


def write_dose(
    path: Path,
    stored: Any,
    offsets: Any,
    orientation: Any = AXIAL,
    first: tuple[float, ...] = (-10.0, -20.0, 5.0),
    **tags: Any,
) -> Path:
    """Write a dose of planes (N, rows, columns)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = Dataset()
    data.SOPClassUID, data.Modality = uid.RTDoseStorage, "RTDOSE"
    data.SOPInstanceUID = uid.generate_uid(entropy_srcs=[path.name])
    data.SeriesInstanceUID, data.StudyInstanceUID, data.PatientID = "1.2.9", "1.2", "P"
    data.ImagePositionPatient, data.ImageOrientationPatient = list(first), list(orientation)
    data.PixelSpacing, data.SliceThickness = [2.5, 2.0], None
    data.NumberOfFrames, data.Rows, data.Columns = stored.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 8 * stored.dtype.itemsize
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, 0
    data.DoseUnits, data.DoseType, data.DoseSummationType = "GY", "PHYSICAL", "PLAN"
    data.DoseGridScaling, data.GridFrameOffsetVector = "0.0005", list(offsets)
    data.FrameIncrementPointer = 0x3004000C
    data.PixelData = stored.tobytes()
    for name, value in tags.items():
        if value is None:
            delattr(data, name)
        else:
            setattr(data, name, value)
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian
    data.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("kind", ["u2", "u4"])
@pytest.mark.parametrize("orientation", [AXIAL, CORONAL, OBLIQUE])
@pytest.mark.parametrize("step", [3.0, -3.0])
def test_each_voxel_of_a_dose_lies_where_its_plane_says(
    tmp_path: Path, kind: str, orientation: Any, step: float
) -> None:
    top = 2**16 if kind == "u2" else 2**31
    stored = RNG.integers(0, top, (4, 5, 6)).astype(kind)
    scaling = 60.0 / top
    path = write_dose(
        tmp_path / "d.dcm",
        stored,
        step * np.arange(4),
        orientation,
        DoseGridScaling=f"{scaling:.10g}",
    )
    dose = read_image(path)
    assert dose.unit == "Gy"
    assert dose.length_unit == "mm"
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    normal = np.cross(row, column)
    for k, j, i in np.ndindex(stored.shape):
        place = np.array([-10, -20, 5]) + k * step * normal + j * 2.5 * column + i * 2.0 * row
        index = np.rint(np.linalg.inv(dose.affine) @ [*place, 1])[:3].astype(int)
        value = float(f"{scaling:.10g}") * float(stored[k, j, i])
        assert dose.array[tuple(index)] == pytest.approx(value, rel=1e-6)
    assert dose.history == ("dose: type PHYSICAL, summed over PLAN",)
    (found,) = inspect(tmp_path)
    assert (found.modality, found.verdict, found.shape) == ("RTDOSE", "good", (4, 5, 6))


def test_offsets_may_be_the_positions_of_axial_planes(tmp_path: Path) -> None:
    stored = RNG.integers(0, 9999, (4, 5, 6)).astype(np.uint16)
    relative = read_image(write_dose(tmp_path / "a.dcm", stored, [0, 3, 6, 9]))
    absolute = read_image(write_dose(tmp_path / "b.dcm", stored, [5, 8, 11, 14]))
    np.testing.assert_array_equal(relative.array, absolute.array)
    np.testing.assert_array_equal(relative.affine, absolute.affine)


@pytest.mark.parametrize(
    ("tags", "told"),
    [
        ({"GridFrameOffsetVector": [0, 3, 6]}, "4 planes with 3"),
        ({"GridFrameOffsetVector": None}, "4 planes with 0"),
        ({"GridFrameOffsetVector": [7, 10, 13, 16]}, "begins with 7"),
        ({"GridFrameOffsetVector": [0, 3, 7, 9]}, "uneven slice steps"),
        ({"DoseGridScaling": None}, "no usable DoseGridScaling"),
        ({"DoseUnits": None}, "no usable DoseGridScaling and DoseUnits"),
        ({"PixelSpacing": None}, "PixelSpacing"),
    ],
)
def test_a_dose_that_does_not_say_what_or_where_it_is_is_refused(
    tmp_path: Path, tags: dict[str, Any], told: str
) -> None:
    write_dose(tmp_path / "d.dcm", np.zeros((4, 5, 6), np.uint16), [0, 3, 6, 9], **tags)
    with pytest.raises(InputError, match=told):
        read_image(tmp_path)
    assert inspect(tmp_path)[0].verdict != "good"


def test_a_relative_dose_has_no_unit(tmp_path: Path) -> None:
    path = write_dose(
        tmp_path / "d.dcm", np.ones((2, 5, 6), np.uint16), [0, 3], DoseUnits="RELATIVE"
    )
    dose = read_image(path)
    assert dose.unit == "1"
    assert "relative" in dose.history[0]


def test_each_dose_of_a_series_is_one_of_its_own(tmp_path: Path) -> None:
    for number in (1, 2):
        stored = np.full((3, 5, 6), 100 * number, np.uint16)
        write_dose(tmp_path / f"{number}.dcm", stored, [0, 3, 6])
    with pytest.raises(InputError, match="2 series"):
        read_image(tmp_path)
    assert read_image(tmp_path, series="1.2.9#2").array.max() == pytest.approx(0.1)


def test_a_ct_with_its_dose_beside_it_is_read_and_the_dose_named(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", np.zeros((3, 4, 5), np.int16), positions(3, 2.0), AXIAL)
    write_dose(tmp_path / "rd.dcm", np.zeros((2, 5, 6), np.uint16), [0, 3])
    image = read_image(tmp_path)
    assert image.unit == "HU"
    assert image.history == ("left out: 1 RT Dose",)


def test_plans_and_registrations_are_listed_as_what_they_are(tmp_path: Path) -> None:
    for modality, kind in (
        ("RTPLAN", uid.RTPlanStorage),
        ("REG", uid.SpatialRegistrationStorage),
    ):
        data = Dataset()
        data.SOPClassUID, data.Modality, data.PatientID = kind, modality, "P"
        data.SOPInstanceUID, data.SeriesInstanceUID = f"1.{modality == 'REG':d}.2", "1.2"
        data.file_meta = pydicom.dataset.FileMetaDataset()
        data.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
        data.save_as(tmp_path / f"{modality}.dcm", enforce_file_format=True)
    found = {one.modality: one for one in inspect(tmp_path)}
    assert found["RTPLAN"].kind == found["REG"].kind == "object"
    assert "RT Plan" in found["RTPLAN"].defects[0]
    assert "Spatial Registration" in found["REG"].defects[0]


def linear_dose(tmp_path: Path) -> tuple[Path, Any]:
    """Write a dose that is linear in place: interpolation gives it back exactly."""
    k, j, i = np.indices((6, 9, 10))
    stored = (1000 + 300 * k + 100 * j + 50 * i).astype(np.uint16)

    def expected(points: Any) -> Any:  # in Gy at LPS positions (..., 3)
        x, y, z = np.moveaxis(points, -1, 0)
        return 0.0005 * (1000 + 300 * (z - 5) / 3 + 100 * (y + 20) / 2.5 + 50 * (x + 10) / 2)

    return write_dose(tmp_path / "rd.dcm", stored, 3.0 * np.arange(6)), expected


def test_a_dose_on_the_grid_of_the_ct(tmp_path: Path) -> None:
    path, expected = linear_dose(tmp_path)
    affine = np.array([[0, 0.1, 0.7, -8], [0, 0.8, 0, -18], [1.5, 0, 0, 6], [0, 0, 0, 1]])
    ct = Volume(np.zeros((8, 12, 14)), affine, "HU")
    dose = read_image(path, like=ct)
    assert dose.shape == ct.shape
    assert dose.unit == "Gy"
    places = np.moveaxis(np.indices(ct.shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]
    np.testing.assert_allclose(dose.array, expected(places), rtol=1e-5)
    assert "interpolated linearly onto another grid" in dose.history[-1]


def test_a_dose_is_not_made_up_where_there_is_none(tmp_path: Path) -> None:
    path, _ = linear_dose(tmp_path)
    affine = np.diag([3.0, 2.5, 2.0, 1.0])[[2, 1, 0, 3]]
    affine[:3, 3] = -10, -20, 2  # begins one plane below the dose, and ends one above it
    dose = read_image(path, like=Volume(np.zeros((8, 9, 10)), affine, "HU"))
    assert np.isnan(dose.array[[0, 7]]).all()
    assert np.isfinite(dose.array[1:7]).all()
    assert dose.history[-1] == "180 of 720 voxels lie beyond the image: NaN"
    affine[:3, 3] += 500
    with pytest.raises(InputError, match="overlap"):
        read_image(path, like=Volume(np.zeros((8, 9, 10)), affine, "HU"))
    write_dose(path, np.ones((3, 5, 6), np.uint16), [0, 3, 6], FrameOfReferenceUID="1.9")
    with pytest.raises(InputError, match="frame of reference"):
        read_image(path, like=Volume(np.zeros((2, 2, 2)), affine, "HU", "1.8"))


def test_features_of_a_dose_in_a_roi_drawn_on_the_ct(tmp_path: Path) -> None:
    values = np.zeros((5, 12, 14), np.int16)
    places = np.array([[-9.0, -19.0, 6.0 + 2 * k] for k in range(5)])
    write_series(tmp_path / "ct", values, places, AXIAL)
    ct = read_image(tmp_path / "ct")
    path, expected = linear_dose(tmp_path)
    data = pydicom.dcmread(path)
    data.FrameOfReferenceUID = ct.frame
    data.save_as(path)
    inside = np.zeros(ct.shape, bool)
    inside[1:4, 3:8, 4:10] = True
    mask = Volume(inside, ct.affine, "1", ct.frame)
    write_rtstruct(tmp_path / "rs.dcm", {"PTV": mask}, find_series(tmp_path / "ct")[0].headers)
    dose = read_image(path, like=tmp_path / "ct")
    found = extract(dose, read_mask(tmp_path / "rs.dcm", like=dose), {"families": ["intensity"]})
    points = np.argwhere(inside) @ ct.affine[:3, :3].T + ct.affine[:3, 3]
    assert found["original_intensity_mean"] == pytest.approx(expected(points).mean(), rel=1e-5)
