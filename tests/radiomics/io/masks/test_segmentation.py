"""Oracle: SEG objects of highdicom, and such as other makers write them. Mechanics: refusals."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.uid import RLELossless, generate_uid

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
from tests.segs import write_seg
from tests.series import OBLIQUE, affine_of_plane, positions, write_series

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


SHAPE = (6, 9, 8)
HERE = Volume(np.zeros(SHAPE, np.int16), affine_of_plane(OBLIQUE, (2.5, 0.8, 0.6)), "HU", "1.2.9")


def two_segments() -> dict[int, np.ndarray]:
    """Return segments that overlap and leave slices out."""
    rng = np.random.default_rng(5)
    one, two = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    one[[1, 2, 4]] = rng.random((3, 9, 8)) < 0.4
    two[1:4, 2:6, 3:7] = True
    return {1: one, 5: two}


def check(path: Path, masks: dict[int, np.ndarray], notes: tuple[str, ...] = ()) -> None:
    """Demand every segment exactly, and that its notes hold these words and are no more."""
    for number, expected in masks.items():
        found = read_mask(path, like=HERE, segment=number)
        assert np.array_equal(found.array, expected)
        assert len(found.history) == len(notes), found.history
        assert all(word in note for word, note in zip(notes, found.history, strict=True))


def shared_identity(data: Dataset) -> None:
    groups = data.PerFrameFunctionalGroupsSequence
    data.SharedFunctionalGroupsSequence[0].SegmentIdentificationSequence = groups[
        0
    ].SegmentIdentificationSequence
    for group in groups:
        del group.SegmentIdentificationSequence


def no_identity(data: Dataset) -> None:
    for group in data.PerFrameFunctionalGroupsSequence:
        del group.SegmentIdentificationSequence


def all_per_frame(data: Dataset) -> None:
    shared = data.SharedFunctionalGroupsSequence[0]
    for group in data.PerFrameFunctionalGroupsSequence:
        group.PixelMeasuresSequence = shared.PixelMeasuresSequence
        group.PlaneOrientationSequence = shared.PlaneOrientationSequence
    del data.SharedFunctionalGroupsSequence


def bytes_for_bits(data: Dataset) -> None:
    """As makers write that cannot pack bits: BINARY in bytes of 0 and 255."""
    count = data.NumberOfFrames * data.Rows * data.Columns
    bits = np.unpackbits(np.frombuffer(data.PixelData, np.uint8), bitorder="little", count=count)
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelData = 7, (255 * bits).tobytes()


def deflated(data: Dataset) -> None:
    """Deflate each frame by itself, its bits packed by themselves."""
    size = data.Rows * data.Columns
    bits = np.unpackbits(np.frombuffer(data.PixelData, np.uint8), bitorder="little")
    frames = []
    for index in range(data.NumberOfFrames):
        packer = zlib.compressobj(wbits=-15)
        packed = np.packbits(bits[index * size : (index + 1) * size], bitorder="little")
        frames.append(packer.compress(packed.tobytes()) + packer.flush())
    data.PixelData = encapsulate(frames)
    data["PixelData"].is_undefined_length = True
    data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.8.1"


def run_lengths(data: Dataset) -> None:
    bytes_for_bits(data)
    data.compress(RLELossless, generate_instance_uid=False)


def without_labels(data: Dataset) -> None:
    for item in data.SegmentSequence:
        del item.SegmentLabel


EDITS = {
    "as it is": None,
    "all per frame": all_per_frame,
    "bytes for bits": bytes_for_bits,
    "run lengths": run_lengths,
    "deflated": deflated,
    "without labels": without_labels,
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("shuffle", [None, 3])
def test_frames_lie_where_they_say_in_whatever_order(
    tmp_path: Path, edit: str, shuffle: int | None
) -> None:
    masks = two_segments()
    for between, thickness in ((2.5, 2.5), (None, None), (None, 5.0), (2.5, 1.0), (1.25, 2.5)):
        write_seg(
            tmp_path / "s.dcm", masks, HERE.affine, frame="1.2.9", between=between,
            thickness=thickness, shuffle=shuffle, edit=EDITS[edit],
        )  # fmt: skip
        check(tmp_path / "s.dcm", masks)


@pytest.mark.parametrize("edit", [None, shared_identity, no_identity])
def test_the_only_segment_may_be_named_anywhere(
    tmp_path: Path, edit: Callable[[Dataset], None] | None
) -> None:
    masks = {3: two_segments()[1]}
    write_seg(tmp_path / "s.dcm", masks, HERE.affine, frame="1.2.9", edit=edit)
    check(tmp_path / "s.dcm", masks)


def test_frames_of_no_segment_are_nobodys(tmp_path: Path) -> None:
    """Makers have written several segments into the bits of one FRACTIONAL value."""
    masks = two_segments()
    codes = {1: masks[1].astype(np.uint8) + 2 * masks[5]}
    write_seg(tmp_path / "s.dcm", codes, HERE.affine, kind="FRACTIONAL", frame="1.2.9",
              edit=no_identity)  # fmt: skip
    with pytest.raises(InputError, match="ReferencedSegmentNumber, and values that may be codes"):
        read_mask(tmp_path / "s.dcm", like=HERE, segment=1)
    write_seg(tmp_path / "s.dcm", masks, HERE.affine, frame="1.2.9", edit=no_identity)
    with pytest.raises(InputError, match="frames without ReferencedSegmentNumber, and several"):
        read_mask(tmp_path / "s.dcm", like=HERE, segment=1)


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_each_kind_of_pixels(tmp_path: Path, kind: str) -> None:
    masks = two_segments()
    written = masks
    notes: tuple[str, ...] = ()
    if kind == "LABELMAP":
        masks = written = {1: masks[1] & ~masks[5], 5: masks[5]}
    if kind == "FRACTIONAL":  # half of 200 is 100: inside
        written = {n: np.where(m, 100, 99).astype(np.uint8) * m.any((1, 2), keepdims=True)
                   for n, m in masks.items()}  # fmt: skip
        notes = ("FRACTIONAL (PROBABILITY)",)
    write_seg(tmp_path / "s.dcm", written, HERE.affine, kind=kind, frame="1.2.9", shuffle=1)
    check(tmp_path / "s.dcm", masks, notes)


def test_a_fractional_segment_of_none_and_all_is_quiet(tmp_path: Path) -> None:
    masks = two_segments()

    def occupancy(data: Dataset) -> None:
        data.SegmentationFractionalType = "OCCUPANCY"

    full = {number: 200 * mask.astype(np.uint8) for number, mask in masks.items()}
    write_seg(tmp_path / "s.dcm", full, HERE.affine, kind="FRACTIONAL", frame="1.2.9",
              edit=occupancy)  # fmt: skip
    check(tmp_path / "s.dcm", masks)


def test_equal_labels_are_chosen_by_number(tmp_path: Path) -> None:
    masks = two_segments()
    labels = dict.fromkeys(masks, "lesion")
    write_seg(tmp_path / "s.dcm", masks, HERE.affine, labels=labels, frame="1.2.9")
    check(tmp_path / "s.dcm", masks)
    found = read_masks(tmp_path / "s.dcm", like=HERE)
    assert list(found) == ["lesion #1", "lesion #5"]
    assert np.array_equal(found["lesion #5"].array, masks[5])
    assert np.array_equal(
        read_mask(tmp_path / "s.dcm", like=HERE, segment="lesion #1").array, masks[1]
    )
    with pytest.raises(InputError, match="2 of these fit: 1: 'lesion', 5: 'lesion'"):
        read_mask(tmp_path / "s.dcm", like=HERE, segment="lesion")


def test_a_segment_without_frames_is_named_and_the_others_read(tmp_path: Path) -> None:
    masks = two_segments() | {7: np.zeros(SHAPE, bool)}
    for kind, reason in (("BINARY", "no frames"), ("LABELMAP", "no voxel")):
        write_seg(tmp_path / "s.dcm", masks, HERE.affine, kind=kind, frame="1.2.9")
        found = read_masks(tmp_path / "s.dcm", like=HERE)
        assert reason in found.refused["s7"].found


def test_one_slice_without_thickness_is_as_thick_as_the_images(tmp_path: Path) -> None:
    mask = np.zeros(SHAPE, bool)
    mask[3, 2:5, 2:7] = True
    for between, thickness in ((None, None), (None, 5.0), (2.5, None), (None, 1.0)):
        write_seg(tmp_path / "s.dcm", {1: mask}, HERE.affine, frame="1.2.9",
                  between=between, thickness=thickness)  # fmt: skip
        check(tmp_path / "s.dcm", {1: mask})
    fine = np.zeros((12, 9, 8), np.int16)
    finer = Volume(fine, HERE.affine @ np.diag([0.44, 1, 1, 1]), "HU", "1.2.9")
    found = read_mask(tmp_path / "s.dcm", like=finer)
    assert "as SliceThickness says: 1 mm" in found.history[0]
    write_seg(tmp_path / "s.dcm", {1: mask}, HERE.affine, frame="1.2.9")
    with pytest.raises(InputError, match="neither SpacingBetweenSlices nor SliceThickness"):
        read_mask(tmp_path / "s.dcm", like=finer)


def test_positions_are_believed_before_spacings(tmp_path: Path) -> None:
    masks = {1: two_segments()[5]}  # three slices, 2.5 mm apart
    write_seg(tmp_path / "s.dcm", masks, HERE.affine, frame="1.2.9", between=5.0)
    check(tmp_path / "s.dcm", masks, ("positions are believed",))


def test_frames_on_every_second_slice_of_the_image(tmp_path: Path) -> None:
    """Left out, or slices twice as thick: what is stated decides, then the image."""
    mask = np.zeros(SHAPE, bool)
    mask[[0, 2, 4], 2:5, 2:7] = True
    write_seg(tmp_path / "s.dcm", {1: mask}, HERE.affine, frame="1.2.9", between=2.5)
    check(tmp_path / "s.dcm", {1: mask})
    write_seg(tmp_path / "s.dcm", {1: mask}, HERE.affine, frame="1.2.9")
    check(tmp_path / "s.dcm", {1: mask}, ("are taken to lie 2.5 mm apart, as in the image",))
    write_seg(tmp_path / "s.dcm", {1: mask}, HERE.affine, frame="1.2.9", between=5.0)
    found = read_mask(tmp_path / "s.dcm", like=HERE)
    assert "resampled from another grid" in found.history[0]
    thick = mask.copy()
    thick[[1, 3]] |= mask[[0, 2]]  # a centre on a face belongs to one of two slices
    assert found.array.sum() == thick.sum() + 15 * (found.array[5].any())


def test_slices_shifted_against_each_other_are_slanted_voxels(tmp_path: Path) -> None:
    affine = HERE.affine.copy()
    affine[:3, 0] += 0.4 * affine[:3, 1]  # as under a tilted gantry
    masks = two_segments()
    write_seg(tmp_path / "s.dcm", masks, affine, frame="1.2.9", between=2.5)
    like = Volume(HERE.array, affine, "HU", "1.2.9")
    for number, expected in masks.items():
        found = read_mask(tmp_path / "s.dcm", like=like, segment=number)
        assert np.array_equal(found.array, expected)
        assert found.history == ()


def test_positions_that_are_rounded_are_noted_and_read(tmp_path: Path) -> None:
    def jitter(data: Dataset) -> None:
        rng = np.random.default_rng(0)
        for group in data.PerFrameFunctionalGroupsSequence:
            place = np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
            shifted = place + rng.uniform(-0.04, 0.04, 3)
            group.PlanePositionSequence[0].ImagePositionPatient = [f"{x:.6g}" for x in shifted]

    masks = {1: two_segments()[5]}
    write_seg(tmp_path / "s.dcm", masks, HERE.affine, frame="1.2.9", edit=jitter)
    found = read_mask(tmp_path / "s.dcm", like=HERE)
    assert np.array_equal(found.array, masks[1])
    assert "voxels off a regular grid" in found.history[0]


def uneven(data: Dataset) -> None:
    group = data.PerFrameFunctionalGroupsSequence[1]
    place = np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
    shifted = place + 0.9 * HERE.direction[:, 0]
    group.PlanePositionSequence[0].ImagePositionPatient = [f"{x:.6g}" for x in shifted]


def sideways(data: Dataset) -> None:
    place = data.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0]
    shifted = np.array(place.ImagePositionPatient, float) + 3.0 * HERE.direction[:, 1]
    place.ImagePositionPatient = [f"{x:.6g}" for x in shifted]


def without(keyword: str) -> Callable[[Dataset], None]:
    def edit(data: Dataset) -> None:
        for item in data.iterall():
            if item.keyword == keyword:
                item.value = None

    return edit


def tiled(data: Dataset) -> None:
    data.DimensionOrganizationType = "TILED_FULL"


def cut_short(data: Dataset) -> None:
    data.PixelData = data.PixelData[:-8]


def fewer_groups(data: Dataset) -> None:
    data.PerFrameFunctionalGroupsSequence.pop()


def two_in_one_place(data: Dataset) -> None:
    groups = data.PerFrameFunctionalGroupsSequence
    groups[1].PlanePositionSequence = groups[0].PlanePositionSequence


def two_orientations(data: Dataset) -> None:
    plane = Dataset()
    plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    data.PerFrameFunctionalGroupsSequence[1].PlaneOrientationSequence = Sequence([plane])


def fractional(data: Dataset) -> None:
    bytes_for_bits(data)
    data.SegmentationType = "FRACTIONAL"


def label_map_in_bytes(data: Dataset) -> None:
    bytes_for_bits(data)
    data.PixelData = bytes([*data.PixelData[:-1], 3])


def surface(data: Dataset) -> None:
    data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.66.5"


REFUSED = {
    "uneven": (uneven, "frames lie unevenly"),
    "sideways": (sideways, "off a regular grid"),
    "no positions": (without("ImagePositionPatient"), "a 2D SEG: no frame has"),
    "no orientation": (without("ImageOrientationPatient"), "without ImageOrientationPatient"),
    "no pixel spacing": (without("PixelSpacing"), "without PixelSpacing"),
    "tiled": (tiled, "a tiled SEG, of a slide"),
    "surface": (surface, "a Surface Segmentation, which has no voxels"),
    "cut short": (cut_short, r"\d+ of \d+ bytes of pixels"),
    "fewer groups": (fewer_groups, "3 frame.s., and functional groups for 2"),
    "one place": (two_in_one_place, "frames in one place that differ"),
    "two orientations": (two_orientations, "frames of several orientations"),
    "no maximum": (fractional, "without MaximumFractionalValue"),
    "many values": (label_map_in_bytes, "a BINARY frame with values up to 255"),
    "no bits": (without("BitsAllocated"), "pixels of 0 bits"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_gives_no_mask_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    mask = np.zeros(SHAPE, bool)
    mask[1, 2:5, 1:4] = mask[2, 2:6, 1:5] = mask[3, 3:7, 1:6] = True
    edit, words = REFUSED[name]
    write_seg(tmp_path / "s.dcm", {1: mask}, HERE.affine, frame="1.2.9", edit=edit)
    with pytest.raises(InputError, match=words):
        read_mask(tmp_path / "s.dcm", like=HERE)


def test_a_segmentation_that_names_no_frame_of_reference_is_noted(tmp_path: Path) -> None:
    masks = two_segments()
    write_seg(tmp_path / "s.dcm", masks, HERE.affine)
    check(tmp_path / "s.dcm", masks, ("names no frame of reference",))
    write_seg(tmp_path / "s.dcm", masks, HERE.affine, frame="1.2.8")
    with pytest.raises(InputError, match="share one frame of reference"):
        read_masks(tmp_path / "s.dcm", like=HERE)
