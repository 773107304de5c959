"""Oracle: SEG objects written by highdicom itself. Mechanics: wrong choices are told."""

from __future__ import annotations

from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from radiomics import (
    InputError,
    Volume,
    inspect,
    read_image,
    read_mask,
    read_masks,
    write_volume,
)
from radiomics.io.dicom.series import find_series
from radiomics.io.masks.segmentation import write_segmentation
from tests.series import OBLIQUE, positions, write_series

NAMES = ("lesion", "organ")


@pytest.fixture
def image(tmp_path: Path) -> Volume:
    stored = np.zeros((5, 12, 9), np.uint16)
    tags = {"StudyID": "1", "PatientName": "Test^Case", "PatientBirthDate": "", "PatientSex": ""}
    tags |= {"AccessionNumber": "", "StudyDate": "", "StudyTime": "", "SeriesNumber": 1}
    tags |= {"ReferringPhysicianName": "", "StudyInstanceUID": "1.2.3.4"}
    write_series(tmp_path / "ct", stored, positions(5, 2.5, OBLIQUE), OBLIQUE, **tags)
    return read_image(tmp_path / "ct")


def shapes(image: Volume) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    one, two = np.zeros(image.shape, bool), np.zeros(image.shape, bool)
    one[1:3, 2:8, 3:7] = rng.random((2, 6, 4)) < 0.6
    two[3, 8:11, 1:8] = True
    return [one, two]


def write(path: Path, image: Volume, kind: str, omit: bool = True) -> None:
    folder = path.parent / "ct"
    frames = [h.path for h in find_series(folder)[0].headers]
    masks = shapes(image)
    pixels = np.stack(masks, axis=-1).astype(np.uint8)
    if kind == "LABELMAP":
        pixels = (masks[0] + 2 * masks[1]).astype(np.uint8)
    if kind == "FRACTIONAL":
        pixels = pixels * 0.8 + 0.1
    descriptions = [
        hd.seg.SegmentDescription(
            number,
            name,
            codes.SCT.MorphologicallyAbnormalStructure,
            codes.SCT.Lesion,
            hd.seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        for number, name in enumerate(NAMES, start=1)
    ]
    seg = hd.seg.Segmentation(
        [pydicom.dcmread(f) for f in frames],
        pixels,
        kind,
        descriptions,
        generate_uid(),
        2,
        generate_uid(),
        1,
        "maker",
        "model",
        "1",
        "0",
        omit_empty_frames=omit,
    )
    seg.save_as(path)


@pytest.mark.parametrize("omit", [True, False])
@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_segments_of_highdicom_read_exactly(
    tmp_path: Path, image: Volume, kind: str, omit: bool
) -> None:
    write(tmp_path / "seg.dcm", image, kind, omit)
    for number, expected in enumerate(shapes(image), start=1):
        for choice in (number, str(number), NAMES[number - 1]):
            mask = read_mask(tmp_path / "seg.dcm", like=image, segment=choice)
            assert np.array_equal(mask.array, expected)
            soft = f"segment {NAMES[number - 1]!r} is FRACTIONAL (PROBABILITY)"
            assert [note.startswith(soft) for note in mask.history] == [True] * (
                kind == "FRACTIONAL"
            )


def test_choices_are_listed(tmp_path: Path, image: Volume) -> None:
    write(tmp_path / "seg.dcm", image, "BINARY")
    for segment in (None, 3, "liver"):
        with pytest.raises(InputError, match="1: 'lesion', 2: 'organ'"):
            read_mask(tmp_path / "seg.dcm", like=image, segment=segment)
    with pytest.raises(InputError, match="a SEG takes no roi"):
        read_mask(tmp_path / "seg.dcm", like=image, roi="lesion")
    found = [f.name for f in inspect(tmp_path) if f.kind == "mask"]
    assert found == list(NAMES)


def test_written_segments_read_back_exactly_also_by_highdicom(
    tmp_path: Path, image: Volume
) -> None:
    masks = {n: Volume(m, image.affine) for n, m in zip(NAMES, shapes(image), strict=True)}
    (series,) = find_series(tmp_path / "ct")
    write_segmentation(tmp_path / "out.dcm", masks, series.headers)
    for name, mask in masks.items():
        again = read_mask(tmp_path / "out.dcm", like=image, segment=name)
        assert np.array_equal(again.array, mask.array)
    assert hd.seg.segread(tmp_path / "out.dcm").number_of_segments == 2


def test_another_frame_of_reference_is_refused(tmp_path: Path, image: Volume) -> None:
    write(tmp_path / "seg.dcm", image, "BINARY")
    other = Volume(image.array, image.affine, "HU", "1.2.3.999")
    with pytest.raises(InputError, match="share one frame of reference"):
        read_mask(tmp_path / "seg.dcm", like=other, segment=1)


def test_a_segment_on_a_cropped_image_is_copied_or_refused(tmp_path: Path, image: Volume) -> None:
    write(tmp_path / "seg.dcm", image, "BINARY")
    affine = image.affine.copy()
    affine[:3, 3] = (image.affine @ [1, 1, 1, 1])[:3]
    crop = Volume(image.array[1:4, 1:, 1:], affine, "HU", image.frame)
    mask = read_mask(tmp_path / "seg.dcm", like=crop, segment=1)
    assert np.array_equal(mask.array, shapes(image)[0][1:4, 1:, 1:])
    part = Volume(image.array[:2], image.affine, "HU", image.frame)
    mask = read_mask(tmp_path / "seg.dcm", like=part, segment=1)
    inside, whole = shapes(image)[0][:2].sum(), shapes(image)[0].sum()
    lost = f"{whole - inside} of {whole} voxels of segment 'lesion' lie outside the image"
    assert mask.array.sum() == inside
    assert mask.history == (f"{lost} and are left out",)
    with pytest.raises(InputError, match="must lie within the image"):
        read_mask(tmp_path / "seg.dcm", like=part, segment=2)


def test_a_segment_on_a_finer_grid_is_resampled_and_noted(tmp_path: Path, image: Volume) -> None:
    write(tmp_path / "seg.dcm", image, "BINARY")
    coarse = image.affine.copy()
    coarse[:3, 1:3] *= 1.3
    like = Volume(np.zeros((5, 10, 8)), coarse, "HU", image.frame)
    mask = read_mask(tmp_path / "seg.dcm", like=like, segment=2)
    assert "resampled from another grid" in mask.history[0]
    volume = mask.array.sum() * 1.3**2
    assert volume == pytest.approx(shapes(image)[1].sum(), rel=0.25)


def test_many_masks_by_name_pattern_and_expression(tmp_path: Path, image: Volume) -> None:
    write(tmp_path / "seg.dcm", image, "BINARY")
    expected = dict(zip(NAMES, shapes(image), strict=True))
    for choose, names in (
        ("*", ["lesion", "organ"]),
        ("les*", ["lesion"]),
        ("re:.*(on|an)", ["lesion", "organ"]),
        ("organ", ["organ"]),
    ):
        found = read_masks(tmp_path / "seg.dcm", like=image, choose=choose)
        assert list(found) == names
        assert all(np.array_equal(found[n].array, expected[n]) for n in names)
    with pytest.raises(InputError, match="'lesion', 'organ'"):
        read_masks(tmp_path / "seg.dcm", like=image, choose="liver*")
    labels = expected["lesion"] + 3 * expected["organ"].astype(np.uint8)
    write_volume(Volume(labels.astype(np.uint8), image.affine), tmp_path / "l.nrrd")
    found = read_masks(tmp_path / "l.nrrd", like=image)
    assert list(found) == ["1", "3"]
    assert np.array_equal(found["3"].array, expected["organ"])
