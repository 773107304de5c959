"""Mechanics: each mask of a file by itself: what can be read is read, the rest is named."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from radiomics import InputError, Volume, extract, inspect, read_image, read_mask, read_masks
from radiomics.io.masks.choice import Entry, with_names
from tests.segs import write_seg
from tests.series import positions, write_series

Points = list[tuple[float, float, float]]


@pytest.fixture
def image(tmp_path: Path) -> Volume:
    rng = np.random.default_rng(0)
    stored = rng.integers(900, 1200, (6, 12, 10)).astype(np.uint16)
    write_series(tmp_path / "ct", stored, positions(6, 2.5), FrameOfReferenceUID="1.2.9")
    return read_image(tmp_path / "ct")


def box(image: Volume, plane: float, rows: tuple[int, int], columns: tuple[int, int]) -> Points:
    """Return the corners of a box of voxels [first, last) in one plane."""
    edges = [(r - 0.5, c - 0.5) for r in rows for c in columns]
    corners = [edges[0], edges[1], edges[3], edges[2]]
    return [tuple((image.affine @ [plane, r, c, 1])[:3]) for r, c in corners]


def write_rois(path: Path, rois: list[tuple[str, str, list[Points]]]) -> None:
    """Write ROIs of a name, one geometric type, and contours; numbered 1, 2, ..."""
    data = Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = pydicom.uid.RTStructureSetStorage
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    data.Modality, data.PatientID, data.FrameOfReferenceUID = "RTSTRUCT", "test", "1.2.9"
    data.StructureSetROISequence, data.ROIContourSequence = Sequence(), Sequence()
    for number, (name, kind, contours) in enumerate(rois, start=1):
        roi, drawn = Dataset(), Dataset()
        roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = number, name, "1.2.9"
        drawn.ReferencedROINumber, drawn.ContourSequence = number, Sequence()
        for points in contours:
            item = Dataset()
            item.ContourGeometricType, item.NumberOfContourPoints = kind, len(points)
            item.ContourData = [f"{x:.10g}" for x in np.ravel(points)]
            drawn.ContourSequence.append(item)
        data.StructureSetROISequence.append(roi)
        data.ROIContourSequence.append(drawn)
    data.save_as(path, enforce_file_format=True)


@pytest.fixture
def patient(image: Volume, tmp_path: Path) -> Path:
    """Write a structure set as a clinic has it."""
    far = [(x + 300.0, y, z) for x, y, z in box(image, 1, (2, 5), (2, 5))]
    path = tmp_path / "rs.dcm"
    between = box(image, 1.5, (2, 5), (2, 5))
    write_rois(
        path,
        [
            ("GTV", "CLOSED_PLANAR", [box(image, k, (3, 8), (2, 6)) for k in (1, 2, 3)]),
            ("ISO", "POINT", [[(0.0, 0.0, 6.0)]]),
            ("BODY", "CLOSED_PLANAR", [far]),
            ("GTV", "CLOSED_PLANAR", [box(image, k, (1, 3), (1, 4)) for k in (2, 3)]),
            ("wire", "OPEN_PLANAR", [box(image, 2, (3, 8), (2, 6))]),
            ("empty", "CLOSED_PLANAR", []),
            ("between", "CLOSED_PLANAR", [between]),
            ("LN", "CLOSED_PLANAR", [box(image, 4, (0, 12), (9, 10))]),
        ],
    )
    return path


REASONS = {
    "ISO": "1 POINT",
    "BODY": "1 of 1 contours outside the image",
    "wire": "1 OPEN_PLANAR",
    "empty": "no contours",
    "between": "contours between slices",
}


def test_what_can_be_read_is_read_and_the_rest_named(image: Volume, patient: Path) -> None:
    found = read_masks(patient, like=image)
    assert {name: int(mask.array.sum()) for name, mask in found.items()} == {
        "GTV #1": 60,
        "GTV #4": 12,
        "LN": 12,
    }
    assert list(found.refused) == list(REASONS)
    for name, reason in REASONS.items():
        assert reason in found.refused[name].found
    assert repr(found) == (
        "Masks('GTV #1', 'GTV #4', 'LN', refused: 'ISO', 'BODY', 'wire', 'empty', 'between')"
    )
    assert "GTV #1" in found
    assert "GTV" not in found
    assert found["LN"].frame == image.frame


@pytest.mark.parametrize("name", REASONS)
def test_one_that_was_asked_for_by_its_name_gives_its_own_reason(
    image: Volume, patient: Path, name: str
) -> None:
    for read in (
        lambda: read_masks(patient, like=image, choose=name),
        lambda: read_mask(patient, like=image, roi=name),
    ):
        with pytest.raises(InputError) as error:
            read()
        assert REASONS[name] in str(error.value)


def test_equal_names_are_told_apart_by_their_numbers(image: Volume, patient: Path) -> None:
    assert read_mask(patient, like=image, roi="GTV #4").array.sum() == 12
    assert list(read_masks(patient, like=image, choose="GTV*")) == ["GTV #1", "GTV #4"]
    assert list(read_masks(patient, like=image, choose="GTV #4")) == ["GTV #4"]
    for read in (
        lambda: read_masks(patient, like=image, choose="GTV"),
        lambda: read_mask(patient, like=image, roi="GTV"),
    ):
        with pytest.raises(InputError, match=r"2 of these fit: 'GTV #1', 'ISO' \(1 POINT\)"):
            read()


def test_names_stay_unique_whatever_a_file_calls_its_masks() -> None:
    entries = [Entry(1, "a"), Entry(2, "a"), Entry(3, "a #2"), Entry(2, "a")]
    names = [entry.name for entry in with_names(entries)]
    assert names == ["a #1", "a #2", "a #2 (2)", "a #2 (3)"]


def test_an_isocentre_beside_one_region_leaves_no_choice(image: Volume, tmp_path: Path) -> None:
    gtv = ("GTV", "CLOSED_PLANAR", [box(image, 2, (3, 8), (2, 6))])
    write_rois(tmp_path / "rs.dcm", [("ISO", "POINT", [[(0.0, 0.0, 6.0)]]), gtv])
    assert read_mask(tmp_path / "rs.dcm", like=image).array.sum() == 20
    (point, good) = [one for one in inspect(tmp_path / "rs.dcm") if one.kind == "mask"]
    assert (point.verdict, good.verdict) == ("refused", "good")


def test_exclusive_or_is_the_even_odd_rule(image: Volume, tmp_path: Path) -> None:
    contours = [box(image, 2, (1, 10), (1, 8)), box(image, 2, (3, 6), (3, 5))]
    masks = []
    for kind in ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR"):
        write_rois(tmp_path / "rs.dcm", [("ring", kind, contours)])
        masks.append(read_mask(tmp_path / "rs.dcm", like=image).array)
    assert masks[0].sum() == 63 - 6
    assert np.array_equal(*masks)


def test_a_stray_point_is_left_out_and_an_outline_called_point_is_not(
    image: Volume, tmp_path: Path
) -> None:
    contours = [box(image, k, (3, 8), (2, 6)) for k in (1, 2, 3)]
    write_rois(tmp_path / "rs.dcm", [("GTV", "CLOSED_PLANAR", contours)])

    def called_point(count: int) -> None:
        data = pydicom.dcmread(tmp_path / "rs.dcm")
        item = Dataset()
        item.ContourGeometricType = "POINT"
        item.ContourData = [f"{x:.10g}" for x in np.ravel(box(image, 4, (3, 8), (2, 6))[:count])]
        data.ROIContourSequence[0].ContourSequence.append(item)
        data.save_as(tmp_path / f"{count}.dcm")

    called_point(1)
    mask = read_mask(tmp_path / "1.dcm", like=image)
    assert mask.array.sum() == 60
    assert mask.history == ("left out 1 contour(s) of type POINT, which enclose nothing",)
    called_point(4)
    with pytest.raises(InputError, match="1 POINT of 4 points"):
        read_mask(tmp_path / "4.dcm", like=image)


def test_one_broken_roi_leaves_the_others(image: Volume, patient: Path) -> None:
    data = pydicom.dcmread(patient)
    data.ROIContourSequence[3].ContourSequence[0].ContourData = ["1", "2"]
    data.StructureSetROISequence[6].ROINumber = 8  # as the last one
    data.save_as(patient)
    found = read_masks(patient, like=image)
    assert list(found) == ["GTV #1"]
    assert "2 numbers, which are no x, y, z" in found.refused["GTV #4"].found
    for name in ("between", "LN"):
        assert "ROINumber 8 is that of 2 ROIs" in found.refused[name].found


def test_when_none_can_be_read_all_are_named(image: Volume, patient: Path) -> None:
    with pytest.raises(InputError, match=r"'ISO': .*1 POINT; 'wire': .*1 OPEN_PLANAR"):
        read_masks(patient, like=image, choose="re:ISO|wire")
    with pytest.raises(InputError, match="a mask must fit 'lung'"):
        read_masks(patient, like=image, choose="lung")
    with pytest.raises(InputError, match="re: is followed by a regular expression"):
        read_masks(patient, like=image, choose="re:(")


def test_a_structure_set_without_preamble_reads_the_same(image: Volume, patient: Path) -> None:
    data = pydicom.dcmread(patient)
    expected = {name: mask.array for name, mask in read_masks(patient, like=image).items()}
    bare = patient.with_name("bare")
    del data.file_meta
    data.preamble = None
    data.save_as(bare, implicit_vr=True, little_endian=True)
    found = read_masks(bare, like=image)
    assert list(found) == list(expected)
    assert all(np.array_equal(found[name].array, expected[name]) for name in expected)


def test_masks_of_a_file_give_a_table_that_names_what_is_missing(
    image: Volume, patient: Path
) -> None:
    with pytest.warns(UserWarning, match=r"masks without a row:\nmask ISO: .*\n  found:  1 POINT"):
        table = extract(image, read_masks(patient, like=image), {"families": ["intensity"]})
    assert list(table.index) == ["GTV #1", "GTV #4", "LN"]


def test_the_file_is_read_once(
    image: Volume, patient: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = np.random.default_rng(0).integers(0, 20, image.shape).astype(np.uint8)
    to_ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine[:, [2, 1, 0, 3]]
    nib.save(nib.Nifti1Image(labels.T, to_ras), tmp_path / "l.nii")
    write_seg(tmp_path / "seg.dcm", {n: labels == n for n in range(1, 20)}, image.affine)
    opened: list[str] = []
    real = Path.open

    def counted(self: Path, *args: object, **options: object) -> object:
        opened.append(self.name)
        return real(self, *args, **options)

    monkeypatch.setattr(Path, "open", counted)
    parsed: list[object] = []
    read = pydicom.dcmread
    monkeypatch.setattr(pydicom, "dcmread", lambda *a, **k: (parsed.append(a), read(*a, **k))[1])
    assert len(read_masks(tmp_path / "l.nii", like=image)) == 19
    assert opened.count("l.nii") <= 2  # the kind of file, and the file
    assert len(read_masks(patient, like=image)) == 3
    assert len(parsed) == 1
    found = read_masks(tmp_path / "seg.dcm", like=image)
    assert len(parsed) == 2
    for name, mask in found.items():
        assert np.array_equal(mask.array, labels == int(name[1:]))


def test_masks_that_are_held_take_little_memory(tmp_path: Path) -> None:
    image = Volume(np.zeros((40, 64, 64), np.int8), np.eye(4)[[2, 1, 0, 3]])
    labels = np.zeros(image.shape, np.uint8)
    for number in range(1, 40):
        labels[number, number : number + 20, 5:25] = number
    to_ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine[:, [2, 1, 0, 3]]
    nib.save(nib.Nifti1Image(labels.T, to_ras), tmp_path / "l.nii")
    found = read_masks(tmp_path / "l.nii", like=image)
    assert found.nbytes == 39 * 50  # 400 voxels each, a bit a voxel
    assert all(found[str(number)].array.sum() == 400 for number in range(1, 40))


@pytest.mark.parametrize("name", ["000.dcm", "an RTDOSE"])
def test_an_image_given_as_a_mask_is_called_by_its_name(
    image: Volume, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "ct" / "000.dcm"
    if name == "an RTDOSE":
        data = pydicom.dcmread(path)
        data.Modality, data.SOPClassUID = "RTDOSE", pydicom.uid.RTDoseStorage
        data.save_as(path)
    words = "Modality 'RTDOSE' .RT Dose" if name == "an RTDOSE" else "Modality 'CT' .CT Image"
    with pytest.raises(InputError, match=words) as error:
        read_mask(path, like=image)
    assert "a mask in DICOM is an RTSTRUCT or a SEG" in str(error.value)


def test_a_text_given_as_a_mask_is_no_mask(image: Volume, tmp_path: Path) -> None:
    (tmp_path / "m.txt").write_text("GTV")
    with pytest.raises(InputError, match="a mask file is an RTSTRUCT or SEG in DICOM, NIfTI"):
        read_mask(tmp_path / "m.txt", like=image)
