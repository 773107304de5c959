"""Mechanics: pictures of unlike kinds are never mixed, and files of several are refused."""

from __future__ import annotations

import logging
from io import BytesIO
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import pytest

from radiomics import InputError
from radiomics.io.files.class_folders import read_class_folders
from radiomics.io.files.images_2d import read_image2d

RNG = np.random.default_rng(0)


def picture(shape: tuple[int, ...] = (6, 6, 3), dtype: Any = np.uint8) -> Any:
    return RNG.integers(0, 255, shape).astype(dtype)


def write(folder: Path, **images: Any) -> Path:
    (folder / "a").mkdir(parents=True)
    for name, image in images.items():
        iio.imwrite(folder / "a" / f"{name}.png", image)
    return folder


@pytest.mark.parametrize(
    ("odd", "found"),
    [
        (picture((8, 6, 3)), "(3, 8, 6) uint8"),
        (picture((6, 6)), "(1, 6, 6) uint8"),
        (picture((6, 6), np.uint16), "(1, 6, 6) uint16"),
    ],
)
def test_the_one_that_differs_from_most_is_named_wherever_it_stands(
    tmp_path: Path, odd: Any, found: str
) -> None:
    usual = picture() if found.startswith("(3") else picture((6, 6))
    usual = picture() if found == "(1, 6, 6) uint8" else usual
    for number, names in enumerate((("a", "b", "c"), ("b", "a", "c"))):
        images = dict(zip(names, (odd, usual, usual), strict=True))
        folder = write(tmp_path / str(number), **images)
        with pytest.raises(InputError) as told:
            read_class_folders(folder)
        assert told.value.where.endswith(f"{names[0]}.png")
        assert told.value.found == found
        rest = read_class_folders(folder, on_error="skip")
        assert rest.names == tuple(f"a/{n}.png" for n in sorted(names[1:]))
        assert list(rest.skipped) == [f"a/{names[0]}.png"]


def test_transparency_is_no_channel(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    colour, grey = picture((6, 6, 4)), picture((6, 6, 2))
    with caplog.at_level(logging.WARNING):
        found = read_class_folders(write(tmp_path / "c", a=colour, b=picture()))
    assert found.x.shape == (2, 3, 6, 6)
    assert np.array_equal(found.x[0], colour[..., :3].transpose(2, 0, 1))
    assert "transparency left out of 1 images, first a/a.png" in caplog.text
    assert read_class_folders(write(tmp_path / "g", a=grey)).x.shape == (1, 1, 6, 6)


def saved(path: Path, pages: Any, extension: str) -> Path:
    stream = BytesIO()
    iio.imwrite(stream, pages, extension=extension, plugin="pillow")
    path.write_bytes(stream.getvalue())
    return path


def test_a_gif_of_one_image_is_read_and_files_of_several_are_refused(tmp_path: Path) -> None:
    pages = picture((3, 6, 6))
    assert read_image2d(saved(tmp_path / "1.gif", pages[0], ".gif")).shape[1:] == (6, 6)
    assert np.array_equal(read_image2d(saved(tmp_path / "1.tif", pages[0], ".tif"))[0], pages[0])
    for kind in (".gif", ".tif"):
        with pytest.raises(InputError, match="3 of them"):
            read_image2d(saved(tmp_path / f"3{kind}", pages, kind))
