"""Oracle: other kinds of images and masks, by closed forms: NM, padding, PNG, Slicer, contours."""

from __future__ import annotations

from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from radiomics import InputError, Volume, inspect, read_image, read_mask
from radiomics.io import read_masks
from radiomics.io.dicom.series import find_series
from radiomics.io.masks.rtstruct import write_rtstruct
from tests.series import AXIAL, CORONAL, OBLIQUE, SAGITTAL, positions, write_series

PLANES = {"axial": AXIAL, "sagittal": SAGITTAL, "coronal": CORONAL, "oblique": OBLIQUE}


def write_nm(path: Path, kinds: list[str], step: float) -> np.ndarray:
    """Write one reconstructed NM volume of 4 slices; return what is stored."""
    stored = np.arange(4 * 5 * 6, dtype=np.uint16).reshape(4, 5, 6)
    write_series(path.parent / "one", stored[:1], positions(1, 1.0), CORONAL, Modality="NM")
    data = pydicom.dcmread(path.parent / "one" / "000.dcm")
    (path.parent / "one" / "000.dcm").unlink()
    detector = Dataset()
    detector.ImagePositionPatient = data.ImagePositionPatient
    detector.ImageOrientationPatient = data.ImageOrientationPatient
    del data.ImagePositionPatient, data.ImageOrientationPatient
    del data.RescaleSlope, data.RescaleIntercept
    data.DetectorInformationSequence = Sequence([detector])
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = uid.NuclearMedicineImageStorage
    data.ImageType, data.NumberOfFrames, data.SpacingBetweenSlices = kinds, 4, step
    data.PixelData = stored.tobytes()
    data.save_as(path)
    return stored


@pytest.mark.parametrize("step", [3.0, -3.0])
def test_nuclear_medicine_slices_follow_their_signed_spacing(tmp_path: Path, step: float) -> None:
    stored = write_nm(tmp_path / "nm.dcm", ["ORIGINAL", "PRIMARY", "RECON TOMO"], step)
    image = read_image(tmp_path / "nm.dcm")
    for frame, row, column in np.ndindex(stored.shape):
        here = positions(1, 1.0)[0] + step * frame * np.array([0.0, 1.0, 0.0])
        here += row * 0.8 * np.array(CORONAL[3:]) + column * 0.6 * np.array(CORONAL[:3])
        index = np.rint(np.linalg.inv(image.affine) @ [*here, 1])[:3].astype(int)
        assert image.array[tuple(index)] == stored[frame, row, column]


def test_projections_are_no_slices(tmp_path: Path) -> None:
    write_nm(tmp_path / "nm.dcm", ["ORIGINAL", "PRIMARY", "TOMO"], 3.0)
    with pytest.raises(InputError, match="slices only in a RECON TOMO image"):
        read_image(tmp_path / "nm.dcm")


def mapped(slope: float, intercept: float, unit: str, count: int = 1) -> Sequence:
    """Return a RealWorldValueMappingSequence of ``count`` equal items."""
    item, code = Dataset(), Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = unit, "UCUM", unit
    item.MeasurementUnitsCodeSequence = Sequence([code])
    item.RealWorldValueSlope, item.RealWorldValueIntercept = slope, intercept
    item.RealWorldValueFirstValueMapped, item.RealWorldValueLastValueMapped = 0, 4095
    return Sequence([item] * count)


@pytest.mark.parametrize("enhanced", [False, True])
@pytest.mark.parametrize(
    ("rescale", "count", "factor", "unit", "noted"),
    [
        (None, 1, 0.5, "um2/s", False),  # the mapping alone
        ((0.5, 2.0), 1, 0.5, "um2/s", False),  # both, equal
        ((3.0, 0.0), 1, 3.0, "1", True),  # both, different
        (None, 2, 1.0, "1", True),  # two quantities: nobody can choose
    ],
)
def test_diffusion_coefficients_have_their_unit(
    tmp_path: Path,
    enhanced: bool,
    rescale: tuple[float, float] | None,
    count: int,
    factor: float,
    unit: str,
    noted: bool,
) -> None:
    stored = np.arange(3 * 4 * 5, dtype=np.uint16).reshape(3, 4, 5)
    mapping = mapped(0.5, 2.0, "um2/s", count)
    paths = write_series(tmp_path / "mr", stored, positions(3, 1.0), Modality="MR")
    for path in paths:
        data = pydicom.dcmread(path)
        del data.RescaleSlope, data.RescaleIntercept
        if rescale:
            data.RescaleSlope, data.RescaleIntercept = rescale
        data.RealWorldValueMappingSequence = mapping
        data.save_as(path)
    source = tmp_path / "mr"
    if enhanced:
        source = tmp_path / "enhanced.dcm"
        data.PixelData, data.NumberOfFrames = stored.tobytes(), 3
        del data.RealWorldValueMappingSequence
        shared, groups = Dataset(), []
        shared.RealWorldValueMappingSequence = mapping
        for place in positions(3, 1.0):
            group, plane = Dataset(), Dataset()
            plane.ImagePositionPatient = [f"{x:.10g}" for x in place]
            group.PlanePositionSequence = Sequence([plane])
            groups.append(group)
        del data.ImagePositionPatient
        data.SharedFunctionalGroupsSequence = Sequence([shared])
        data.PerFrameFunctionalGroupsSequence = Sequence(groups)
        data.save_as(source)
    image = read_image(source)
    offset = {0.5: 2.0, 3.0: 0.0, 1.0: 0.0}[factor]
    np.testing.assert_allclose(image.array, stored * factor + offset)
    assert image.unit == unit
    assert any("RealWorldValueMapping" in note for note in image.history) == noted


@pytest.mark.parametrize("signed", [False, True])
def test_padding_is_kept_and_counted(tmp_path: Path, signed: bool) -> None:
    stored = np.full((2, 4, 4), 1000, np.int16 if signed else np.uint16)
    padding = -2000 if signed else 0
    stored[:, 0, :3] = padding
    tags = {"PixelRepresentation": int(signed), "RescaleIntercept": -24}
    paths = write_series(tmp_path, stored, positions(2, 1.0), **tags)
    for path in paths:
        data = pydicom.dcmread(path)
        data.add_new("PixelPaddingValue", "SS" if signed else "US", padding)
        data.save_as(path)
    image = read_image(tmp_path)
    assert image.array[0, 0, 0] == padding - 24
    expected = f"6 voxels hold PixelPaddingValue ({padding - 24} after rescaling): not measured"
    assert image.history == (expected,)


def test_a_png_masks_an_image_of_one_slice(tmp_path: Path) -> None:
    write_series(tmp_path / "cr", np.zeros((1, 5, 7), np.uint16), positions(1, 1.0), Modality="CR")
    image = read_image(tmp_path / "cr")
    pixels = np.zeros((5, 7), np.uint8)
    pixels[1:3, 2:6] = 255
    iio.imwrite(tmp_path / "m.png", pixels)
    assert np.array_equal(read_mask(tmp_path / "m.png", like=image).array[0], pixels > 0)
    pixels[4, 0] = 7
    iio.imwrite(tmp_path / "m.png", pixels)
    with pytest.raises(InputError, match="several"):
        read_mask(tmp_path / "m.png", like=image)
    assert read_mask(tmp_path / "m.png", like=image, label=7).array.sum() == 1
    with pytest.raises(InputError, match="takes no roi"):
        read_mask(tmp_path / "m.png", like=image, roi="GTV")
    iio.imwrite(tmp_path / "m.png", pixels[:4])
    with pytest.raises(InputError, match="fits an image of one slice"):
        read_mask(tmp_path / "m.png", like=image)


@pytest.fixture
def oblique(tmp_path: Path) -> Volume:
    where = positions(6, 2.5, OBLIQUE)
    write_series(tmp_path / "ct", np.zeros((6, 10, 8), np.uint16), where, OBLIQUE)
    return read_image(tmp_path / "ct")


@pytest.mark.parametrize("layered", [False, True])
def test_segments_of_slicer(tmp_path: Path, oblique: Volume, layered: bool) -> None:
    """Cut to a box, as Slicer does; in layers the two segments overlap."""
    masks = np.zeros((2, *oblique.shape), bool)
    masks[0, 1:4, 2:7, 1:5] = True
    masks[1, 3:5, 5:9, 4:7] = True
    box = (slice(1, 6), slice(1, 10), slice(1, 8))
    if layered:
        image = sitk.GetImageFromArray(masks[(slice(None), *box)].transpose(1, 2, 3, 0) * 1, True)
        image = sitk.Cast(image, sitk.sitkVectorUInt8)
    else:
        labels = np.where(masks[1], 2, masks[0] * 1)[box].astype(np.uint8)
        image = sitk.GetImageFromArray(labels)
    image.SetSpacing(oblique.spacing[::-1])
    image.SetOrigin((oblique.affine @ [1, 1, 1, 1])[:3].tolist())
    image.SetDirection(oblique.direction[:, ::-1].ravel().tolist())
    for number, name in enumerate(("tumour", "node")):
        image.SetMetaData(f"Segment{number}_ID", f"id{number}")
        image.SetMetaData(f"Segment{number}_Name", name)
        image.SetMetaData(f"Segment{number}_Layer", str(number if layered else 0))
        image.SetMetaData(f"Segment{number}_LabelValue", str(1 if layered else number + 1))
    sitk.WriteImage(image, tmp_path / "s.seg.nrrd")
    found = read_masks(tmp_path / "s.seg.nrrd", like=oblique)
    assert list(found) == ["tumour", "node"]
    first = masks[0] if layered else masks[0] & ~masks[1]
    assert np.array_equal(found["tumour"].array, first)
    assert np.array_equal(found["node"].array, masks[1])
    assert [f.name for f in inspect(tmp_path) if f.kind == "mask"] == ["tumour", "node"]
    with pytest.raises(InputError, match="1: 'tumour', 2: 'node'"):
        read_mask(tmp_path / "s.seg.nrrd", like=oblique)


def test_old_segmentations_of_slicer_have_a_layer_each(tmp_path: Path, oblique: Volume) -> None:
    """Before 4.11 a file named neither layers nor values."""
    masks = np.zeros((2, *oblique.shape), bool)
    masks[0, 1:4, 2:7, 1:5] = masks[1, 3:5, 5:9, 4:7] = True
    image = sitk.Cast(
        sitk.GetImageFromArray(masks.transpose(1, 2, 3, 0) * 1, True), sitk.sitkVectorUInt8
    )
    image.SetSpacing(oblique.spacing[::-1])
    image.SetOrigin(oblique.origin.tolist())
    image.SetDirection(oblique.direction[:, ::-1].ravel().tolist())
    for number in (0, 1):
        image.SetMetaData(f"Segment{number}_ID", f"id{number}")
        image.SetMetaData(f"Segment{number}_Name", "tumour")
    sitk.WriteImage(image, tmp_path / "s.seg.nrrd")
    found = read_masks(tmp_path / "s.seg.nrrd", like=oblique)
    assert list(found) == ["tumour #1", "tumour #2"]
    assert np.array_equal(found["tumour #1"].array, masks[0])
    assert np.array_equal(found["tumour #2"].array, masks[1])
    assert np.array_equal(
        read_mask(tmp_path / "s.seg.nrrd", like=oblique, segment=2).array, masks[1]
    )
    with pytest.raises(InputError, match="a segmentation of 3D Slicer"):
        read_image(tmp_path / "s.seg.nrrd")


def test_a_seg_nrrd_without_segments_is_refused(tmp_path: Path, oblique: Volume) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(np.ones((2, 3, 4), np.uint8)), tmp_path / "s.seg.nrrd")
    with pytest.raises(InputError, match="names its segments"):
        read_mask(tmp_path / "s.seg.nrrd", like=oblique)


@pytest.mark.parametrize("plane", PLANES)
def test_contours_with_edges_at_half_voxels_are_exact(tmp_path: Path, plane: str) -> None:
    """Random boxes with random holes, written straight into the file by DICOM's equation."""
    rng = np.random.default_rng(len(plane))
    where = positions(6, 2.5, PLANES[plane])
    write_series(tmp_path / "ct", np.zeros((6, 12, 14), np.uint16), where, PLANES[plane])
    image = read_image(tmp_path / "ct")
    (series,) = find_series(tmp_path / "ct")
    seed = np.ones(image.shape, bool)
    write_rtstruct(tmp_path / "rs.dcm", {"a": Volume(seed, image.affine)}, series.headers)
    data = pydicom.dcmread(tmp_path / "rs.dcm")
    row, column = np.array(PLANES[plane][:3]), np.array(PLANES[plane][3:])
    contours, expected = [], np.zeros(image.shape, bool)
    for index in range(1, 5):
        (top, left), (height, width) = rng.integers(0, 5, 2), rng.integers(4, 8, 2)
        for inset in (0, 1):  # a box, and a hole one voxel inside it
            r = np.array([top + inset, top + height - inset])
            c = np.array([left + inset, left + width - inset])
            expected[index, r[0] : r[1], c[0] : c[1]] ^= True
            corners = [(r[0], c[0]), (r[0], c[1]), (r[1], c[1]), (r[1], c[0])]
            points = [
                where[index] + (i - 0.5) * 0.8 * column + (j - 0.5) * 0.6 * row for i, j in corners
            ]
            item = Dataset()
            item.ContourGeometricType = "CLOSED_PLANAR"
            item.ContourData = [f"{x:.9g}" for x in np.ravel(points[:: 1 - 2 * inset])]
            contours.append(item)
    data.ROIContourSequence[0].ContourSequence = Sequence(contours)
    data.save_as(tmp_path / "rs.dcm")
    assert np.array_equal(read_mask(tmp_path / "rs.dcm", like=image).array, expected)
