"""Oracle, by construction: radiographs, ultrasound and captures in planes of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from radiomics import InputError, extract, inspect, read_image, read_mask
from tests.series import AXIAL, positions, write_series

KINDS = {
    "CR": uid.ComputedRadiographyImageStorage,
    "DX": uid.DigitalXRayImageStorageForPresentation,
    "MG": uid.DigitalMammographyXRayImageStorageForPresentation,
    "US": uid.UltrasoundImageStorage,
    "XA": uid.XRayAngiographicImageStorage,
    "OT": uid.SecondaryCaptureImageStorage,
}
RNG = np.random.default_rng(5)
PIXELS = RNG.integers(0, 4096, (20, 30)).astype(np.uint16)


def write_plane(path: Path, modality: str = "DX", pixels: Any = PIXELS, **tags: Any) -> Path:
    """Write one image without a position."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = Dataset()
    data.SOPClassUID, data.Modality = KINDS[modality], modality
    data.SOPInstanceUID = uid.generate_uid(entropy_srcs=[path.name])
    data.SeriesInstanceUID, data.StudyInstanceUID = "1.2.3", "1.2"
    data.PatientID, data.PhotometricInterpretation = "P", "MONOCHROME2"
    data.Rows, data.Columns = pixels.shape[:2]
    data.SamplesPerPixel = 1
    data.BitsAllocated = 8 * pixels.dtype.itemsize
    data.BitsStored = 12 if pixels.dtype.itemsize == 2 else 8
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, 0
    if pixels.ndim == 3 and pixels.shape[-1] == 3:
        data.SamplesPerPixel, data.PhotometricInterpretation = 3, "RGB"
        data.PlanarConfiguration = 0
    data.PixelData = pixels.tobytes()
    for name, value in tags.items():
        setattr(data, name, value)
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    data.save_as(path, enforce_file_format=True)
    return path


def region(rows: float, columns: float, **more: Any) -> Dataset:
    """Return an ultrasound region with deltas in cm."""
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = 1, 1, 0
    item.RegionLocationMinX0, item.RegionLocationMinY0 = 2, 1
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = 28, 18
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = 3
    item.PhysicalDeltaX, item.PhysicalDeltaY = columns, rows
    for name, value in more.items():
        setattr(item, name, value)
    return item


@pytest.mark.parametrize("modality", KINDS)
def test_one_slice_from_zero_in_a_plane_of_its_own(tmp_path: Path, modality: str) -> None:
    write_plane(tmp_path / "a.dcm", modality, PixelSpacing=[0.2, 0.1])
    for path in (tmp_path, tmp_path / "a.dcm"):
        image = read_image(path)
        np.testing.assert_array_equal(image.array, PIXELS[None])
        np.testing.assert_allclose(image.spacing, (1, 0.2, 0.1))
        np.testing.assert_array_equal(image.origin, 0)
        np.testing.assert_array_equal(image.direction, np.eye(3)[::-1])
        assert image.unit == "1"
        assert image.length_unit == "mm"
        assert "no position in the patient" in image.history[0]


@pytest.mark.parametrize(
    ("modality", "tags", "spacing", "note"),
    [
        ("DX", {"ImagerPixelSpacing": [0.2, 0.1]}, (0.2, 0.1), "at the detector, so lengths"),
        (
            "MG",
            {"ImagerPixelSpacing": [0.2, 0.1], "EstimatedRadiographicMagnificationFactor": 1.25},
            (0.16, 0.08),
            "divided by a magnification of 1.25",
        ),
        (
            "DX",
            {"ImagerPixelSpacing": [0.2, 0.1], "PixelSpacing": [0.2, 0.1]},
            (0.2, 0.1),
            "at the detector",
        ),
        (
            "DX",
            {
                "ImagerPixelSpacing": [0.2, 0.1],
                "PixelSpacing": [0.19, 0.09],
                "PixelSpacingCalibrationType": "FIDUCIAL",
            },
            (0.19, 0.09),
            "calibrated (FIDUCIAL)",
        ),
        ("CR", {"PixelSpacing": [0.2, 0.1]}, (0.2, 0.1), "does not say if at the detector"),
        ("OT", {"NominalScannedPixelSpacing": [0.2, 0.1]}, (0.2, 0.1), "scanned film"),
        (
            "US",
            {"SequenceOfUltrasoundRegions": Sequence([region(0.02, -0.01)])},
            (0.2, 0.1),
            "columns 2 to 28, rows 1 to 18",
        ),
        (
            "US",
            {
                "PixelSpacing": [0.4, 0.4],
                "SequenceOfUltrasoundRegions": Sequence(
                    [region(0.02, 0.01), region(0.5, 0.5, PhysicalUnitsXDirection=4)]
                ),
            },
            (0.2, 0.1),
            "ultrasound region",
        ),
    ],
)
def test_spacing_by_a_stated_rule(
    tmp_path: Path, modality: str, tags: dict[str, Any], spacing: tuple[float, float], note: str
) -> None:
    image = read_image(write_plane(tmp_path / "a.dcm", modality, **tags))
    np.testing.assert_allclose(image.spacing[1:], spacing)
    assert any(note in text for text in image.history)
    (found,) = inspect(tmp_path)
    assert found.verdict == "good"
    assert found.spacing == image.spacing
    assert any(note in text for text in found.defects)


@pytest.mark.parametrize(
    ("modality", "tags", "note"),
    [
        ("DX", {}, "no spacing"),
        (
            "US",
            {"SequenceOfUltrasoundRegions": Sequence([region(0.1, 0.1), region(0.2, 0.2)])},
            "2",
        ),
        ("OT", {"PixelAspectRatio": [2, 1]}, "2 times as high as wide"),
    ],
)
def test_without_a_spacing_lengths_are_in_pixels(
    tmp_path: Path, modality: str, tags: dict[str, Any], note: str
) -> None:
    path = write_plane(tmp_path / "a.dcm", modality, **tags)
    image = read_image(path)
    assert image.length_unit == "px"
    assert image.spacing[1:] == ((2.0, 1.0) if "PixelAspectRatio" in tags else (1.0, 1.0))
    assert any(note in text for text in image.history)
    assert inspect(tmp_path)[0].spacing is None
    given = read_image(path, spacing="0.2,0.1")
    np.testing.assert_allclose(given.spacing[1:], (0.2, 0.1))
    assert given.length_unit == "mm"
    assert "spacing given" in given.history[-1]
    assert not any("no spacing" in text for text in given.history)


def test_a_spacing_is_not_given_to_what_states_one(tmp_path: Path) -> None:
    path = write_plane(tmp_path / "a.dcm", PixelSpacing=[0.2, 0.1])
    with pytest.raises(InputError, match="given to images that state none"):
        read_image(path, spacing=0.3)
    with pytest.raises(InputError, match="above 0"):
        read_image(path, spacing="wide")
    write_series(tmp_path / "ct", np.zeros((3, 4, 5), np.int16), positions(3, 2.0), AXIAL)
    with pytest.raises(InputError, match="given to images that state none"):
        read_image(tmp_path / "ct", spacing=0.3)


def test_an_orientation_without_a_position_is_no_place(tmp_path: Path) -> None:
    tags = {"PixelSpacing": [0.2, 0.1], "ImageOrientationPatient": list(AXIAL)}
    image = read_image(write_plane(tmp_path / "a.dcm", "MG", **tags))
    assert "no position in the patient" in image.history[0]
    placed = write_plane(
        tmp_path / "b.dcm", "US", ImagePositionPatient=[1, 2, 3], SliceThickness=4, **tags
    )
    image = read_image(placed)
    np.testing.assert_array_equal(image.origin, (1, 2, 3))
    assert image.spacing == (4, 0.2, 0.1)
    assert image.history == (
        "a single slice has no neighbour: its extent is SliceThickness (4 mm)",
    )


def test_a_spacing_of_zero_is_none(tmp_path: Path) -> None:
    path = write_plane(tmp_path / "a.dcm", PixelSpacing=[0, 0.1])
    image = read_image(path)
    assert image.length_unit == "px"
    assert any("is no spacing" in note for note in image.history)
    assert read_image(path, spacing=0.2).length_unit == "mm"
    path = write_plane(tmp_path / "b.dcm", PixelSpacing=[0, 0], ImagerPixelSpacing=[0.2, 0.1])
    np.testing.assert_allclose(read_image(path).spacing[1:], (0.2, 0.1))


def test_a_palette_is_colours(tmp_path: Path) -> None:
    indices = (np.arange(600).reshape(20, 30) % 4).astype(np.uint8)
    tables: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    colours = np.array([[0, 10, 20, 30], [1, 11, 21, 31], [2, 12, 22, 32]], np.uint8)
    for name, table in zip(("Red", "Green", "Blue"), colours, strict=True):
        tables[f"{name}PaletteColorLookupTableDescriptor"] = [4, 0, 8]
        tables[f"{name}PaletteColorLookupTableData"] = table.tobytes()
    path = write_plane(tmp_path / "a.dcm", "US", indices, **tables)
    with pytest.raises(InputError, match="a channel is to be chosen"):
        read_image(path)
    for number, name in enumerate(("red", "green", "blue")):
        image = read_image(path, channel=name)
        np.testing.assert_array_equal(image.array[0], colours[number][indices])
    del tables["BluePaletteColorLookupTableData"]
    broken = write_plane(tmp_path / "b.dcm", "US", indices, **tables)
    with pytest.raises(InputError, match="palette"):
        read_image(broken, channel="blue")


def test_inverted_scales_and_processing_are_noted(tmp_path: Path) -> None:
    tags: dict[str, Any] = {"PhotometricInterpretation": "MONOCHROME1", "PixelSpacing": [1, 1]}
    image = read_image(
        write_plane(tmp_path / "a.dcm", PresentationIntentType="FOR PRESENTATION", **tags)
    )
    np.testing.assert_array_equal(image.array[0], 4095 - PIXELS.astype(int))
    assert any("turned round" in text for text in image.history)
    assert any("for display" in text for text in image.history)
    image = read_image(write_plane(tmp_path / "b.dcm", "OT", **tags))
    np.testing.assert_array_equal(image.array[0], PIXELS)
    assert any("larger values are darker" in text for text in image.history)


def test_colours_need_a_channel(tmp_path: Path) -> None:
    colours = RNG.integers(0, 256, (20, 30, 3)).astype(np.uint8)
    path = write_plane(tmp_path / "a.dcm", "US", colours)
    with pytest.raises(InputError, match="a channel is to be chosen"):
        read_image(path)
    assert "a channel is to be chosen" in inspect(path)[0].defects[-1]
    for number, name in enumerate(("red", "green", "blue")):
        image = read_image(path, channel=name)
        np.testing.assert_array_equal(image.array[0], colours[..., number])
        assert f"colours: {name}" in image.history
    light = read_image(path, channel="luminance")
    np.testing.assert_allclose(light.array[0], colours @ [0.299, 0.587, 0.114], rtol=1e-6)
    with pytest.raises(InputError, match="a channel is one of"):
        read_image(path, channel="gray")
    grey = write_plane(tmp_path / "grey.dcm")
    with pytest.raises(InputError, match="takes no channel"):
        read_image(grey, channel="red")


@pytest.mark.parametrize("modality", ["US", "XA"])
def test_a_clip_is_no_image(tmp_path: Path, modality: str) -> None:
    clip = np.stack([PIXELS] * 3)
    path = write_plane(
        tmp_path / "a.dcm", modality, clip, Rows=20, Columns=30, NumberOfFrames=3, SamplesPerPixel=1
    )
    with pytest.raises(InputError, match="a clip of 3 frames"):
        read_image(path)
    assert inspect(path)[0].verdict == "refused"


def test_each_image_of_a_series_is_one_of_its_own(tmp_path: Path) -> None:
    for number in range(3):
        write_plane(tmp_path / f"{number}.dcm", "MG", PIXELS + number, PixelSpacing=[1, 1])
    with pytest.raises(InputError, match="3 series"):
        read_image(tmp_path)
    assert [found.name for found in inspect(tmp_path)] == ["1.2.3#1", "1.2.3#2", "1.2.3#3"]
    image = read_image(tmp_path, series="1.2.3#2")
    np.testing.assert_array_equal(image.array[0], PIXELS + 1)


def test_a_volume_beside_images_without_a_position_is_read_and_they_are_named(
    tmp_path: Path,
) -> None:
    write_series(tmp_path / "ct", np.zeros((3, 4, 5), np.int16), positions(3, 2.0), AXIAL)
    write_plane(tmp_path / "a.dcm", "OT")
    image = read_image(tmp_path)
    assert image.shape == (3, 4, 5)
    assert "left out: 1 Secondary Capture Image" in image.history


def test_features_of_a_mammogram_in_a_picture_as_mask(tmp_path: Path) -> None:
    mask = np.zeros(PIXELS.shape, np.uint8)
    mask[4:14, 5:20] = 255
    Image.fromarray(mask).save(tmp_path / "m.png")
    families = {"families": ["morphology_2d", "intensity", "glcm"]}
    image = read_image(write_plane(tmp_path / "a.dcm", "MG", PixelSpacing=[0.2, 0.1]))
    values = extract(image, read_mask(tmp_path / "m.png", like=image), families)
    assert values["original_intensity_mean"] == pytest.approx(PIXELS[4:14, 5:20].mean())
    assert values["original_morphology_2d_approximate_area"] == pytest.approx(150 * 0.02)
    bare = read_image(write_plane(tmp_path / "b.dcm", "MG"))
    with pytest.warns(UserWarning, match="lengths in pixels"):
        pixels = extract(bare, read_mask(tmp_path / "m.png", like=bare), families)
    assert pixels["original_morphology_2d_approximate_area_px"] == pytest.approx(150)
    assert "original_morphology_2d_approximate_area" not in pixels
    same = [name for name in values if "glcm" in name or "intensity" in name]
    assert all(values[name] == pixels[name] for name in same)
    assert same
