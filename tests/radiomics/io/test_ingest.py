"""Oracle: voxels that encode their place, through phases, frames, syntaxes and repairs."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.sequence import Sequence

from radiomics import InputError, read_image
from radiomics.io.dicom.series import find_series
from tests.series import AXIAL, OBLIQUE, positions, write_series


def ramp(
    where: np.ndarray, shape: tuple[int, int], orientation: tuple[float, ...] = AXIAL
) -> np.ndarray:
    """Return stored values of a field that is linear in the patient: 1000 + 10 x + 20 y + 30 z."""
    rows, columns = np.indices(shape)
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    points = (
        where[:, None, None]
        + rows[None, ..., None] * 0.8 * column
        + columns[None, ..., None] * 0.6 * row
    )
    return np.rint(2000 + points @ [10.0, 20.0, 30.0]).astype(np.uint16)


def expected(image: object, low: int = 0) -> np.ndarray:
    """Return the field at the voxels of a volume, by its affine."""
    index = np.indices(image.shape).reshape(3, -1)  # type: ignore[attr-defined]
    world = image.affine @ np.vstack([index, np.ones(index.shape[1])])  # type: ignore[attr-defined]
    field = 2000 + np.array([10.0, 20.0, 30.0]) @ world[:3] - 1024
    return field.reshape(image.shape)  # type: ignore[attr-defined]


@pytest.mark.parametrize("tag", ["TemporalPositionIdentifier", "EchoTime", "AcquisitionNumber"])
def test_phases_of_one_series_are_told_apart(tmp_path: Path, tag: str) -> None:
    where = positions(4, 2.0)
    stored = ramp(where, (5, 6))
    values = [1] * 4 + [2] * 4
    both = np.concatenate([stored, stored + 100])
    write_series(tmp_path, both, np.concatenate([where, where]), **{tag: values})
    one, two = find_series(tmp_path)
    assert (one.verdict, two.verdict) == ("good", "good")
    assert one.phase.startswith(tag)
    with pytest.raises(InputError, match="2 series"):
        read_image(tmp_path)
    assert np.array_equal(read_image(tmp_path, series=two.name).array, stored.astype(int) - 924)


def test_a_tag_that_does_not_separate_places_splits_nothing(tmp_path: Path) -> None:
    where = positions(4, 2.0)
    both = np.concatenate([where, where])
    tags = {"EchoTime": [1, 2] * 4, "InstanceNumber": 1}
    write_series(tmp_path, np.zeros((8, 5, 6), np.uint16), both, **tags)
    (report,) = find_series(tmp_path)
    assert any("4 duplicate slice(s)" in defect.text for defect in report.defects)


@pytest.mark.parametrize(
    "syntax",
    [uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.DeflatedExplicitVRLittleEndian],
)
def test_plain_transfer_syntaxes(tmp_path: Path, syntax: str) -> None:
    where = positions(3, 2.0)
    stored = ramp(where, (5, 6))
    for path in write_series(tmp_path, stored, where):
        data = pydicom.dcmread(path)
        pixels = data.pixel_array
        data.file_meta.TransferSyntaxUID = syntax
        if syntax == uid.ExplicitVRBigEndian:
            data.PixelData = pixels.astype(">u2").tobytes()
        big = syntax == uid.ExplicitVRBigEndian
        pydicom.dcmwrite(
            path,
            data,
            implicit_vr=syntax == uid.ImplicitVRLittleEndian,
            little_endian=not big,
            force_encoding=True,
        )
    assert np.abs(read_image(tmp_path).array - expected(read_image(tmp_path))).max() <= 0.5


@pytest.mark.parametrize("syntax", [uid.RLELossless, uid.JPEGLSLossless, uid.JPEG2000Lossless])
def test_compressed_transfer_syntaxes(tmp_path: Path, syntax: str) -> None:
    where = positions(3, 2.0, OBLIQUE)
    stored = ramp(where, (40, 50), OBLIQUE)
    for path in write_series(tmp_path, stored, where, OBLIQUE):
        data = pydicom.dcmread(path)
        data.compress(syntax, generate_instance_uid=False)
        data.save_as(path)
    image = read_image(tmp_path)
    assert np.array_equal(image.array, stored.astype(int) - 1024)
    assert np.abs(image.array - expected(image)).max() <= 0.51


def test_lossy_grey_jpeg_is_what_its_codec_gives(tmp_path: Path) -> None:
    where = positions(4, 2.0)
    rows, columns = np.mgrid[:48, :64]
    lossy = []
    for number, path in enumerate(write_series(tmp_path, np.zeros((4, 48, 64), np.uint16), where)):
        picture = (100 + 60 * np.sin(rows / 7 + number) + columns / 2).astype(np.uint8)
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, "JPEG", quality=90)
        stream.seek(0)
        lossy.append(np.asarray(Image.open(stream)).astype(int))
        assert 0 < np.abs(lossy[-1] - picture).max() < 10
        data = pydicom.dcmread(path)
        data.BitsAllocated = data.BitsStored = 8
        data.HighBit, data.PixelRepresentation = 7, 0
        data.PixelData = encapsulate([stream.getvalue()])
        data["PixelData"].is_undefined_length = True
        data.LossyImageCompression = "01"
        data.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
        data.save_as(path)
    image = read_image(tmp_path)
    assert np.abs(image.array - (np.array(lossy) - 1024)).max() <= 2  # decoders round their own way


@pytest.mark.parametrize("kept", [0.2, 0.9, 1.0])
def test_a_jpeg_ls_stream_without_its_end_is_refused_or_read_but_never_waited_for(
    tmp_path: Path, kept: float
) -> None:
    where = positions(2, 2.0)
    stored = np.random.default_rng(0).integers(900, 1100, (2, 256, 256)).astype(np.uint16)
    for path in write_series(tmp_path, stored, where):
        data = pydicom.dcmread(path)
        data.compress(uid.JPEGLSLossless, generate_instance_uid=False)
        frame = next(generate_frames(data.PixelData, number_of_frames=1)).rstrip(b"\0")
        assert frame.endswith(b"\xff\xd9")
        data.PixelData = encapsulate([frame[: int(kept * (len(frame) - 2))]])
        data.save_as(path)
    if kept == 1:
        assert np.array_equal(read_image(tmp_path).array, stored.astype(int) - 1024)
    else:
        with pytest.raises(InputError, match="readable pixels"):
            read_image(tmp_path)


def enhanced(path: Path, where: np.ndarray, stored: np.ndarray, per_frame_rescale: bool) -> None:
    """Write one enhanced CT: geometry in shared and per-frame functional groups."""
    write_series(path.parent / "one", stored[:1], where[:1])
    data = pydicom.dcmread(path.parent / "one" / "000.dcm")
    (path.parent / "one" / "000.dcm").unlink()
    for tag in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        del data[tag]
    del data.RescaleSlope, data.RescaleIntercept, data.SliceThickness
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = uid.EnhancedCTImageStorage

    def macro(**values: object) -> Sequence:
        item = Dataset()
        for keyword, value in values.items():
            setattr(item, keyword, value)
        return Sequence([item])

    shared = Dataset()
    shared.PlaneOrientationSequence = macro(ImageOrientationPatient=list(AXIAL))
    shared.PixelMeasuresSequence = macro(PixelSpacing=[0.8, 0.6], SliceThickness=2)
    if not per_frame_rescale:
        rescale = macro(RescaleIntercept=-1024, RescaleSlope=1)
        shared.PixelValueTransformationSequence = rescale
    groups = []
    for number, position in enumerate(where):
        group = Dataset()
        group.PlanePositionSequence = macro(ImagePositionPatient=[f"{x:.8g}" for x in position])
        if per_frame_rescale:
            rescale = macro(RescaleIntercept=-1024 - number, RescaleSlope=1)
            group.PixelValueTransformationSequence = rescale
        groups.append(group)
    data.SharedFunctionalGroupsSequence = Sequence([shared])
    data.PerFrameFunctionalGroupsSequence = Sequence(groups)
    data.NumberOfFrames = len(where)
    data.PixelData = stored.astype("<u2").tobytes()
    data.save_as(path)


@pytest.mark.parametrize("per_frame", [False, True])
def test_enhanced_multi_frame_objects(tmp_path: Path, per_frame: bool) -> None:
    where = positions(5, 2.0)[[3, 0, 4, 1, 2]]
    stored = ramp(where, (5, 6)) + (np.arange(5)[:, None, None] if per_frame else 0)
    enhanced(tmp_path / "enhanced.dcm", where, stored.astype(np.uint16), per_frame)
    image = read_image(tmp_path / "enhanced.dcm")
    assert image.spacing == pytest.approx((2, 0.8, 0.6))
    assert np.abs(image.array - expected(image)).max() <= 0.5


def test_a_series_split_over_several_multi_frame_files_is_one_volume(tmp_path: Path) -> None:
    where = positions(6, 2.0)
    stored = ramp(where, (5, 6))
    for number, part in enumerate((slice(0, 3), slice(3, 6))):
        folder = tmp_path / f"part{number}"
        folder.mkdir()
        enhanced(folder / "e.dcm", where[part], stored[part], False)
        data = pydicom.dcmread(folder / "e.dcm")
        data.SeriesInstanceUID, data.FrameOfReferenceUID = "1.2.3.9", "1.2.3.8"
        data.save_as(folder / "e.dcm")
    image = read_image(tmp_path)
    assert image.shape == (6, 5, 6)
    assert np.abs(image.array - expected(image)).max() <= 0.5


def test_files_without_preamble_or_extension(tmp_path: Path) -> None:
    where = positions(3, 2.0)
    for path in write_series(tmp_path, ramp(where, (5, 6)), where):
        data = pydicom.dcmread(path)
        bare = Dataset(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            bare.save_as(path.with_suffix(""), implicit_vr=True, little_endian=True)
        path.unlink()
    assert (tmp_path / "000").read_bytes()[128:132] != b"DICM"
    image = read_image(tmp_path)
    assert np.abs(image.array - expected(image)).max() <= 0.5


def test_radiographs_with_inverted_grey_scale(tmp_path: Path) -> None:
    stored = np.array([[[0, 5], [10, 255]]], np.uint16)
    tags = {"PhotometricInterpretation": "MONOCHROME1", "Modality": "DX", "BitsStored": 8}
    write_series(tmp_path, stored, positions(1, 1), RescaleIntercept=0, HighBit=7, **tags)
    assert read_image(tmp_path).array.tolist() == [[[255, 250], [245, 0]]]


def test_rounded_positions_do_not_add_up_to_a_wrong_place(tmp_path: Path) -> None:
    """A step of 0.625 mm written with two decimals: the median step is wrong at the far end."""
    where = np.round(positions(300, 0.625), 2)
    write_series(tmp_path, np.zeros((300, 2, 2), np.uint16), where)
    image = read_image(tmp_path)
    last = image.affine @ [299, 0, 0, 1]
    assert np.abs(last[:3] - where[-1]).max() < 0.02


@pytest.mark.parametrize("scale", [0.03, 0.002])
def test_micro_ct_is_judged_by_its_own_step(tmp_path: Path, scale: float) -> None:
    where = positions(9, scale)
    pixel = (scale, scale)
    write_series(tmp_path / "a", np.zeros((9, 3, 3), np.uint16), where, spacing=pixel)
    assert read_image(tmp_path / "a").spacing == pytest.approx((scale,) * 3, rel=1e-4)
    gap = np.delete(where, 4, axis=0)
    write_series(tmp_path / "b", np.zeros((8, 3, 3), np.uint16), gap, spacing=pixel)
    with pytest.raises(InputError, match="1 missing slice"):
        read_image(tmp_path / "b")


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"RescaleSlope": None, "RescaleIntercept": None}, "not known to be HU"),
        ({"RescaleSlope": 0}, "unusable rescaling"),
    ],
)
def test_ct_without_a_usable_rescaling_is_refused(
    tmp_path: Path, tags: dict[str, object], words: str
) -> None:
    write_series(tmp_path, np.zeros((3, 3, 3), np.uint16), positions(3, 1), **tags)
    with pytest.raises(InputError, match=words):
        read_image(tmp_path)


def test_a_huge_intercept_is_kept_as_float(tmp_path: Path) -> None:
    write_series(
        tmp_path, np.ones((2, 2, 2), np.uint16), positions(2, 1), RescaleIntercept=10_000_000_000
    )
    assert read_image(tmp_path).array.dtype == np.float64
