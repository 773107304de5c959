"""Oracle: rasters against closed forms and real NIfTI masks. Mechanics: errors are named."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from radiomics import InputError, Volume, read_image, read_mask
from radiomics.io.dicom.series import find_series
from radiomics.io.inspection import inspect
from radiomics.io.masks.contours import outline, rasterise
from radiomics.io.masks.rtstruct import write_rtstruct
from tests.conftest import shared
from tests.series import OBLIQUE, positions, write_series

Polygon = np.ndarray


def box(low: float, high: float) -> Polygon:
    return np.array([[low, low], [low, high], [high, high], [high, low]])


@given(arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_an_outline_rasters_back_to_the_mask(mask: np.ndarray) -> None:
    assert np.array_equal(rasterise(outline(mask), mask.shape), mask)


@given(st.floats(2, 9), st.floats(10, 20), st.floats(10, 20))
def test_a_fine_circle_holds_the_centres_within_its_radius(r: float, cy: float, cx: float) -> None:
    angle = np.linspace(0, 2 * np.pi, 2000, endpoint=False)
    circle = np.column_stack([cy + r * np.sin(angle), cx + r * np.cos(angle)])
    rows, columns = np.indices((30, 30))
    distance = np.hypot(rows - cy, columns - cx)
    clear = np.abs(distance - r) > 1e-3  # between polygon and circle anything goes
    assert np.array_equal(rasterise([circle], (30, 30))[clear], (distance < r)[clear])


def test_an_inner_contour_is_a_hole_and_a_third_an_island() -> None:
    polygons = [box(0.5, 9.5), box(2.5, 7.5), box(4.5, 5.5)]
    raster = rasterise(polygons, (11, 11))
    assert raster.sum() == 81 - 25 + 1
    assert raster[5, 5]
    assert not raster[4, 4]


def test_a_keyhole_contour_has_a_hole() -> None:
    outer, inner = box(0.5, 9.5), box(2.5, 7.5)[::-1]
    keyhole = np.vstack([outer, outer[:1], inner, inner[:1]])
    assert rasterise([keyhole], (11, 11)).sum() == 81 - 25


def test_direction_of_a_contour_does_not_matter() -> None:
    triangle = np.array([[1.2, 0.3], [8.1, 4.4], [3.3, 9.7]])
    assert np.array_equal(rasterise([triangle], (10, 11)), rasterise([triangle[::-1]], (10, 11)))


def test_adjoining_polygons_share_no_voxel_and_leave_none_out() -> None:
    left = np.array([[0, 0], [0, 3], [5, 3], [5, 0]], float)
    right = np.array([[0, 3], [0, 6], [5, 6], [5, 3]], float)
    both = [rasterise([p], (6, 7)).astype(int) for p in (left, right)]
    assert (both[0] + both[1]).max() == 1
    assert sum(b.sum() for b in both) == 5 * 6


def test_a_contour_beyond_the_raster_is_cut() -> None:
    assert rasterise([box(-5, 50)], (4, 6)).all()


@pytest.fixture
def scene(tmp_path: Path) -> tuple[Volume, Path]:
    """Write an oblique series with non-square pixels, and three ROIs on it."""
    write_series(
        tmp_path / "ct", np.zeros((4, 12, 9), np.uint16), positions(4, 2.5, OBLIQUE), OBLIQUE
    )
    image = read_image(tmp_path / "ct")
    rng = np.random.default_rng(0)
    masks = {name: np.zeros(image.shape, bool) for name in ("GTV-1", "ring", "nothing")}
    masks["GTV-1"][1:3] = rng.random((2, 12, 9)) < 0.5
    masks["ring"][2, 2:8, 2:8] = True
    masks["ring"][2, 4:6, 4:6] = False
    (series,) = find_series(tmp_path / "ct")
    path = tmp_path / "rs.dcm"
    volumes = {name: Volume(mask, image.affine) for name, mask in masks.items()}
    write_rtstruct(path, volumes, series.headers)
    return image, path


def test_a_written_structure_set_reads_back_to_the_same_voxels(scene: tuple[Volume, Path]) -> None:
    image, path = scene
    expected = np.random.default_rng(0).random((2, 12, 9)) < 0.5
    mask = read_mask(path, like=image, roi="GTV-1")
    assert np.array_equal(mask.array[1:3], expected)
    assert not mask.array[[0, 3]].any()
    assert read_mask(path, like=image, roi="ring").array.sum() == 36 - 4


@pytest.mark.parametrize("roi", [None, "GTV", "nothing"])
def test_a_roi_that_cannot_be_chosen_lists_those_that_exist(
    scene: tuple[Volume, Path], roi: str | None
) -> None:
    image, path = scene
    listing = re.escape("'GTV-1', 'ring', 'nothing' (no contours)")
    with pytest.raises(InputError, match=listing):
        read_mask(path, like=image, roi=roi)


def change(path: Path, edit: Callable[[pydicom.Dataset], None]) -> None:
    data = pydicom.dcmread(path)
    edit(data)
    data.save_as(path)


def test_another_frame_of_reference_is_refused(scene: tuple[Volume, Path]) -> None:
    image, path = scene

    def edit(data: pydicom.Dataset) -> None:
        data.StructureSetROISequence[0].ReferencedFrameOfReferenceUID = "1.2.3.4"

    change(path, edit)
    with pytest.raises(InputError, match=r"share one frame of reference"):
        read_mask(path, like=image, roi="GTV-1")


def test_points_are_refused(scene: tuple[Volume, Path]) -> None:
    image, path = scene

    def edit(data: pydicom.Dataset) -> None:
        for contour in data.ROIContourSequence[0].ContourSequence:
            contour.ContourGeometricType, contour.ContourData = "POINT", contour.ContourData[:3]

    change(path, edit)
    (finding,) = [one for one in inspect(path) if one.name == "GTV-1"]
    assert finding.verdict == "refused"
    assert "POINT" in finding.defects[0]
    with pytest.raises(InputError, match="POINT"):
        read_mask(path, like=image, roi="GTV-1")


@pytest.mark.parametrize(
    ("shift", "words"), [(1.2, "lie on slice planes"), (500.0, "lies beyond the image")]
)
def test_contours_off_the_slices_are_refused(
    scene: tuple[Volume, Path], shift: float, words: str
) -> None:
    image, path = scene
    normal = image.direction[:, 0]

    def edit(data: pydicom.Dataset) -> None:
        for contour in data.ROIContourSequence[1].ContourSequence:
            points = np.array(contour.ContourData, float).reshape(-1, 3) + shift * normal
            contour.ContourData = [f"{x:.6g}" for x in points.ravel()]

    change(path, edit)
    with pytest.raises(InputError, match=words):
        read_mask(path, like=image, roi="ring")


def test_a_partly_covered_roi_is_refused_not_cut(scene: tuple[Volume, Path]) -> None:
    image, path = scene
    part = Volume(image.array[:2], image.affine, "HU", image.frame)
    with pytest.raises(InputError, match="reaches beyond it"):
        read_mask(path, like=part, roi="GTV-1")


def test_a_roi_too_small_to_hold_a_voxel_is_an_empty_mask(scene: tuple[Volume, Path]) -> None:
    image, path = scene

    def edit(data: pydicom.Dataset) -> None:
        contour = data.ROIContourSequence[1].ContourSequence[0]
        corner = image.affine @ [2, 3.4, 3.4, 1]
        points = corner[:3] + np.outer([0, 0.01, 0.02], image.direction[:, 1])
        contour.ContourData = [f"{x:.6g}" for x in points.ravel()]
        data.ROIContourSequence[1].ContourSequence = [contour]

    change(path, edit)
    with pytest.raises(InputError, match="at least one voxel"):
        read_mask(path, like=image, roi="ring")


@pytest.mark.parametrize("reverse", [False, True])
def test_a_repeated_contour_does_not_cancel_itself(
    scene: tuple[Volume, Path], reverse: bool
) -> None:
    image, path = scene

    def edit(data: pydicom.Dataset) -> None:
        contours = data.ROIContourSequence[1].ContourSequence
        again = pydicom.Dataset()
        again.ContourGeometricType = "CLOSED_PLANAR"
        points = np.array(contours[0].ContourData, float).reshape(-1, 3)
        points = points[::-1] if reverse else points
        again.ContourData = [f"{x:.8g}" for x in points.ravel()]
        contours.append(again)

    change(path, edit)
    with pytest.raises(InputError, match="same contour twice"):
        read_mask(path, like=image, roi="ring")


def test_a_contour_that_encloses_nothing_is_noted(scene: tuple[Volume, Path]) -> None:
    image, path = scene

    def edit(data: pydicom.Dataset) -> None:
        item = pydicom.Dataset()
        item.ContourGeometricType = "CLOSED_PLANAR"
        item.ContourData = [f"{x:.6g}" for x in (*image.origin, *image.origin)]
        data.ROIContourSequence[1].ContourSequence.append(item)

    change(path, edit)
    mask = read_mask(path, like=image, roi="ring")
    assert mask.array.sum() == 32
    assert "1 contour(s) of fewer than 3 points" in mask.history[0]


def test_contours_on_every_second_slice_are_refused_and_single_gaps_noted(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", np.zeros((9, 12, 9), np.uint16), positions(9, 2.5))
    image = read_image(tmp_path / "ct")
    (series,) = find_series(tmp_path / "ct")
    for name, planes in (("sparse", [1, 3, 5, 7]), ("gap", [1, 2, 3, 6, 7])):
        inside = np.zeros(image.shape, bool)
        inside[planes, 2:8, 2:8] = True
        write_rtstruct(
            tmp_path / f"{name}.dcm", {"a": Volume(inside, image.affine)}, series.headers
        )
    with pytest.raises(InputError, match="2 slices apart"):
        read_mask(tmp_path / "sparse.dcm", like=image)
    mask = read_mask(tmp_path / "gap.dcm", like=image)
    assert "no contours on 2 slice(s)" in mask.history[0]


@pytest.mark.parametrize("keyword", ["ROINumber", "ReferencedROINumber", "ContourData"])
def test_a_structure_set_without_its_parts_is_refused(
    scene: tuple[Volume, Path], keyword: str
) -> None:
    image, path = scene

    def edit(data: pydicom.Dataset) -> None:
        places = {
            "ROINumber": data.StructureSetROISequence[0],
            "ReferencedROINumber": data.ROIContourSequence[0],
            "ContourData": data.ROIContourSequence[0].ContourSequence[0],
        }
        del places[keyword][keyword]

    change(path, edit)
    with pytest.raises(InputError, match=f"lists their contours\n.*{keyword}"):
        read_mask(path, like=image, roi="GTV-1")


def test_a_ct_file_is_no_structure_set(scene: tuple[Volume, Path], tmp_path: Path) -> None:
    image, _ = scene
    with pytest.raises(InputError, match="Modality 'CT'"):
        read_mask(tmp_path / "ct" / "000.dcm", like=image)
    with pytest.raises(InputError, match="exactly one RTSTRUCT"):
        read_mask(tmp_path / "ct", like=image)


def test_ibsi_ct_phantom_mask_equals_nifti() -> None:
    folder = shared("reference", "ibsi", "ibsi1", "ct_phantom")
    image = read_image(folder / "dicom")
    mask = read_mask(folder / "rtstruct.dcm", like=image, roi="GTV-1")
    nifti = read_mask(folder / "mask.nii.gz", like=image)
    assert np.count_nonzero(mask.array != nifti.array) == 0
    assert np.count_nonzero(mask.array) == 125256


@pytest.mark.parametrize("modality", ["CT", "PET", "MR_T1"])
def test_every_sts_patient_reads(modality: str) -> None:
    patients = sorted(shared("data", "sts", "dicom").iterdir())
    assert len(patients) == 10
    for patient in patients:
        image = read_image(patient / modality / "image")
        mask = read_mask(
            patient / modality / "mask" / "RS.dcm", like=image, roi=f"GTV_Mass_{modality}"
        )
        nifti = patient.parent.parent / "nifti" / patient.name / f"{modality}_mask.nii.gz"
        if nifti.exists():
            assert np.array_equal(mask.array, read_mask(nifti, like=image).array)
