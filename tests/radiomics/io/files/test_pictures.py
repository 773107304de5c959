"""Oracle, by construction: pictures as images and masks: values, spacing, channels, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from radiomics import InputError, Volume, extract, inspect, read_image, read_mask
from radiomics.io import read_masks

RNG = np.random.default_rng(7)
GREY = RNG.integers(0, 256, (12, 9)).astype(np.uint8)
DEEP = RNG.integers(0, 65536, (12, 9)).astype(np.uint16)
COLOURS = RNG.integers(0, 256, (12, 9, 3)).astype(np.uint8)


def saved(path: Path, pixels: Any, mode: str | None = None, **options: Any) -> Path:
    picture = Image.fromarray(pixels)
    (picture if mode is None else picture.convert(mode)).save(path, **options)
    return path


@pytest.mark.parametrize(
    ("name", "pixels"),
    [
        ("a.png", GREY),
        ("a.png", DEEP),
        ("a.png", GREY > 99),
        ("a.tif", GREY),
        ("a.tiff", DEEP),
        ("a.TIF", DEEP.astype(np.float32) / 7),
        ("a.tif", DEEP.astype(np.int32) - 9),
        ("a.bmp", GREY),
    ],
)
def test_numbers_are_those_of_the_file(tmp_path: Path, name: str, pixels: Any) -> None:
    image = read_image(saved(tmp_path / name, pixels))
    np.testing.assert_array_equal(image.array, pixels[None].astype(image.array.dtype))
    assert image.array.dtype != bool
    assert image.length_unit == "px"
    assert image.spacing == (1, 1, 1)
    assert image.unit == "1"
    assert "no spacing: lengths are in pixels" in image.history


@pytest.mark.parametrize("spacing", ["0.2,0.1", "0.2 0.1", (0.2, 0.1), [0.2, 0.1]])
def test_a_spacing_is_of_rows_and_of_columns(tmp_path: Path, spacing: Any) -> None:
    path = saved(tmp_path / "a.png", GREY, dpi=(72, 72))
    image = read_image(path, spacing=spacing)
    np.testing.assert_allclose(image.spacing, (1, 0.2, 0.1))
    np.testing.assert_array_equal(image.direction, np.eye(3)[::-1])
    assert image.length_unit == "mm"
    assert read_image(path, spacing=0.3).spacing[1:] == (0.3, 0.3)
    assert read_image(path).length_unit == "px"  # a resolution for printing is no spacing


@pytest.mark.parametrize("spacing", ["", "0", "-1", "a", "1,2,3", "nan", (1, 0), float("inf")])
def test_wrong_spacings_are_refused(tmp_path: Path, spacing: Any) -> None:
    with pytest.raises(InputError, match="above 0"):
        read_image(saved(tmp_path / "a.png", GREY), spacing=spacing)


def test_colours_need_a_channel(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", COLOURS)
    with pytest.raises(InputError, match="a channel is to be chosen"):
        read_image(path)
    for number, name in enumerate(("red", "green", "blue")):
        np.testing.assert_array_equal(read_image(path, channel=name).array[0], COLOURS[..., number])
    light = read_image(path, channel="luminance").array[0]
    np.testing.assert_allclose(light, COLOURS @ [0.299, 0.587, 0.114], rtol=1e-6)
    with pytest.raises(InputError, match="a channel is one of"):
        read_image(path, channel="x")
    with pytest.raises(InputError, match="of colours"):
        read_image(saved(tmp_path / "g.png", GREY), channel="red")
    equal = read_image(saved(tmp_path / "e.png", np.dstack([GREY] * 3)))
    np.testing.assert_array_equal(equal.array[0], GREY)
    assert any("are equal" in note for note in equal.history)


def test_transparency_is_left_out_with_a_note(tmp_path: Path) -> None:
    alpha = np.full(GREY.shape, 255, np.uint8)
    alpha[0, :4] = 9
    image = read_image(saved(tmp_path / "a.png", np.dstack([GREY, alpha])))
    np.testing.assert_array_equal(image.array[0], GREY)
    assert any("4 pixels are not opaque" in note for note in image.history)
    image = read_image(saved(tmp_path / "b.png", np.dstack([COLOURS, alpha])), channel="green")
    np.testing.assert_array_equal(image.array[0], COLOURS[..., 1])
    assert any("4 pixels are not opaque" in note for note in image.history)
    alpha[:] = 255
    image = read_image(saved(tmp_path / "c.png", np.dstack([GREY, alpha])))
    assert not any("opaque" in note for note in image.history)


def test_a_palette_is_colours_of_an_image_and_labels_of_a_mask(tmp_path: Path) -> None:
    labels = (np.arange(108).reshape(12, 9) % 3).astype(np.uint8)
    picture = Image.fromarray(labels).convert("P")
    picture.putdata(labels.ravel().tolist())
    picture.putpalette([0, 0, 0, 200, 10, 10, 10, 10, 200])
    picture.save(tmp_path / "p.png")
    with pytest.raises(InputError, match="colours"):
        read_image(tmp_path / "p.png")
    red = read_image(tmp_path / "p.png", channel="red")
    np.testing.assert_array_equal(red.array[0], np.array([0, 200, 10])[labels])
    image = read_image(saved(tmp_path / "a.png", GREY))
    masks = read_masks(tmp_path / "p.png", like=image)
    assert list(masks) == ["1", "2"]
    for label in (1, 2):
        mask = read_mask(tmp_path / "p.png", like=image, label=label)
        np.testing.assert_array_equal(mask.array[0], labels == label)
        np.testing.assert_array_equal(masks[str(label)].array, mask.array)


TURNS = {
    1: GREY,
    2: GREY[:, ::-1],
    3: GREY[::-1, ::-1],
    4: GREY[::-1],
    5: GREY.T,
    6: np.rot90(GREY, -1),
    7: GREY[::-1, ::-1].T,
    8: np.rot90(GREY),
}
"""How a picture is meant to be seen, by its orientation in EXIF."""


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize(
    ("name", "options"),
    [("a.png", {}), ("a.tif", {}), ("a.tif", {"compression": "tiff_lzw"})],
)
def test_a_camera_that_was_turned(
    tmp_path: Path, name: str, options: dict[str, Any], orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = read_image(saved(tmp_path / name, GREY, exif=exif, **options))
    np.testing.assert_array_equal(image.array[0], TURNS[orientation])
    told = any(f"EXIF orientation ({orientation})" in note for note in image.history)
    assert told == (orientation > 1)


def test_jpeg_is_an_image_with_a_note_and_no_mask(tmp_path: Path) -> None:
    image = read_image(saved(tmp_path / "a.jpg", GREY))
    assert "JPEG: compressed with loss" in image.history
    mask = saved(tmp_path / "m.jpg", (GREY > 99).astype(np.uint8) * 255)
    with pytest.raises(InputError, match="compressed with loss") as caught:
        read_mask(mask, like=image)
    assert "PNG" in caught.value.remedy


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_masks_pixel_by_pixel(tmp_path: Path, suffix: str) -> None:
    image = read_image(saved(tmp_path / "a.png", GREY), spacing=0.2)
    inside = np.zeros(GREY.shape, np.uint8)
    inside[2:9, 1:5] = 255
    mask = read_mask(saved(tmp_path / f"m{suffix}", inside), like=image)
    np.testing.assert_array_equal(mask.array[0], inside > 0)
    np.testing.assert_array_equal(mask.affine, image.affine)
    small = saved(tmp_path / f"s{suffix}", inside[1:])
    with pytest.raises(InputError, match="pixel by pixel"):
        read_mask(small, like=image)
    with pytest.raises(InputError, match="channels that differ"):
        read_mask(saved(tmp_path / f"c{suffix}", COLOURS), like=image)
    grey = saved(tmp_path / f"e{suffix}", np.dstack([inside] * 3))
    np.testing.assert_array_equal(read_mask(grey, like=image).array[0], inside > 0)


@pytest.mark.parametrize("name", ["m.nrrd", "m.nii.gz", "m.mha", "m.seg.nrrd"])
def test_a_volume_file_as_mask_of_a_picture_is_taken_pixel_by_pixel(
    tmp_path: Path, name: str
) -> None:
    import SimpleITK as sitk

    image = read_image(saved(tmp_path / "a.png", GREY))
    inside = (GREY > 99).astype(np.uint8)
    written = sitk.GetImageFromArray(inside[None])
    written.SetSpacing((0.5, 0.5, 3))
    for key, value in {"ID": "one", "Name": "one", "LabelValue": "1", "Layer": "0"}.items():
        written.SetMetaData(f"Segment0_{key}", value)
    sitk.WriteImage(written, str(tmp_path / name))
    mask = read_mask(tmp_path / name, like=image)
    np.testing.assert_array_equal(mask.array[0], inside > 0)
    assert "pixel by pixel" in mask.history[-1]


def test_what_is_no_one_picture_is_refused(tmp_path: Path) -> None:
    pages = [Image.fromarray(GREY), Image.fromarray(GREY)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(InputError, match="2 pages"):
        read_image(tmp_path / "a.tif")
    whole = saved(tmp_path / "b.png", RNG.integers(0, 256, (90, 90)).astype(np.uint8)).read_bytes()
    (tmp_path / "b.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"b\.png"):
        read_image(tmp_path / "b.png")
    (tmp_path / "c.jpg").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"c\.jpg"):
        read_image(tmp_path / "c.jpg")
    saved(tmp_path / "d.jpg", COLOURS, "CMYK")
    with pytest.raises(InputError, match="CMYK"):
        read_image(tmp_path / "d.jpg")


def test_a_png_of_colours_with_16_bits_is_refused(tmp_path: Path) -> None:
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    rows = b"".join(b"\0" + row.tobytes() for row in np.zeros((4, 5, 3), ">u2"))
    head = struct.pack(">IIBBBBB", 5, 4, 16, 2, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + parts)
    with pytest.raises(InputError, match="16 bits"):
        read_image(tmp_path / "a.png", channel="red")


def test_pictures_are_listed_as_they_are_read(tmp_path: Path) -> None:
    saved(tmp_path / "a.png", GREY)
    saved(tmp_path / "c.png", COLOURS)
    (tmp_path / "d.jpg").write_bytes(b"no picture")
    found = {one.name: one for one in inspect(tmp_path)}
    assert {name: one.verdict for name, one in found.items()} == {
        "a.png": "good",
        "c.png": "refused",
        "d.jpg": "refused",
    }
    assert found["a.png"].shape == found["c.png"].shape == (1, 12, 9)
    assert found["a.png"].spacing is None
    assert "channel is to be chosen" in found["c.png"].defects[0]


def test_lengths_in_pixels_and_in_mm_are_never_in_one_column(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", RNG.integers(0, 256, (40, 30)).astype(np.uint8))
    image, placed = read_image(path), read_image(path, spacing=0.5)
    inside = np.zeros((1, 40, 30), bool)
    inside[:, 2:9, 1:7] = True
    wanted: dict[str, Any] = {
        "families": ["morphology", "morphology_2d", "local_intensity", "intensity", "glcm"],
        "filters": [{"name": "original"}, {"name": "log", "sigma_mm": 1.5, "dims": 2}],
    }
    with pytest.warns(UserWarning, match="lengths in pixels"):
        pixels = extract(image, Volume(inside, image.affine), wanted)
    lengths = extract(placed, Volume(inside, placed.affine), wanted)
    common = set(pixels) & set(lengths)
    assert all(pixels[name] == lengths[name] for name in common)
    assert {name.split("_")[1] for name in common} == {"intensity", "glcm"}
    assert not [n for n in common if "mm" in n or "local" in n or "morphology" in n]
    assert pixels["original_morphology_2d_approximate_area_px"] == 42
    assert lengths["original_morphology_2d_approximate_area"] == 10.5
    assert any(name.startswith("log_1_5px_2d_glcm") for name in pixels)
    with pytest.warns(UserWarning, match="lengths in pixels"):
        asked = extract(placed, Volume(inside, placed.affine), wanted | {"lengths": "px"})
    assert asked == pytest.approx(pixels, nan_ok=True)


@given(st.binary(max_size=300), st.sampled_from([".png", ".jpg", ".tif", ".bmp"]), st.booleans())
@settings(max_examples=200, deadline=None)
def test_broken_pictures_are_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str, begins: bool
) -> None:
    folder = tmp_path_factory.mktemp("p")
    path = saved(folder / f"a{suffix}", GREY)
    whole = path.read_bytes()
    path.write_bytes(whole[:40] + content + whole[40 + len(content) :] if begins else content)
    try:
        read_image(path)
    except InputError:
        return
