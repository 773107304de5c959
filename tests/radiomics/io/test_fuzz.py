"""Mechanics: whatever a file holds, reading gives a Volume or an InputError, soon and in bounds.

The suite mutates 10,000 files; ``make fuzz`` mutates 100,000. Volume files and pictures are
mutated beside their readers.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import time
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless

from radiomics import InputError, Volume, inspect, read_image, read_mask, read_masks
from radiomics.io.dicom.identifiers import identifiers
from radiomics.io.dicom.series import find_series
from radiomics.io.masks.rtstruct import write_rtstruct
from tests.oracles.positions import NumberedPlaces
from tests.radiomics.io.dicom.test_mosaics import write_mosaic
from tests.radiomics.io.dicom.test_pixel_kinds import write_pixels
from tests.radiomics.io.dicom.test_suv import write as write_pet
from tests.radiomics.io.test_ingest import enhanced
from tests.segs import write_seg
from tests.series import AXIAL, positions, write_series

SHARES = {
    "plain": 52,
    "enhanced": 12,
    "structure set": 10,
    "segmentation": 5,
    "fractional": 3,
    "label map": 2,
    "JPEG 2000": 5,
    "JPEG-LS": 2,
    "mosaic": 2,
    "float map": 1,
    "PET": 2,
    "ZIP": 4,
}
"""Of a hundred inputs, how many are of each kind."""
INPUTS = int(os.environ.get("RADIOMICS_FUZZ", "10000"))
LONGEST = 2.0
"""Seconds of a processor after which reading a file of a few kilobytes counts as hanging."""
SEGMENTATIONS = {"segmentation": "BINARY", "fractional": "FRACTIONAL", "label map": "LABELMAP"}
LARGEST = 2**25
"""Bytes that reading a file of a few kilobytes may take at once."""
EVERY = 20
"""Of so many inputs, the memory of one is measured: that takes time."""


def mutated(content: bytes, rng: random.Random) -> bytes:
    """Flip, drop and insert bytes, and plant lengths that promise too much."""
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        at, kind = rng.randrange(len(data)), rng.randrange(4)
        if kind == 0:
            data[at] = rng.randrange(256)
        elif kind == 1:
            del data[at : at + rng.choice([1, 2, 8, 100])]
        elif kind == 2:
            data[at:at] = rng.randbytes(rng.choice([1, 2, 8]))
        else:
            data[at : at + 4] = rng.choice([b"\xff" * 4, b"\x00" * 4, b"\xff\xff\xff\x7f"])
        data = data or bytearray(b"x")
    return bytes(data)


@dataclass(frozen=True)
class Seed:
    """A file to start from: its bytes, its name, and how it is read."""

    content: bytes
    name: str
    read: Callable[[Path], object] = read_image


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seed]:
    """Write a small file of each kind."""
    folder = tmp_path_factory.mktemp("seeds")
    write_series(folder / "ct", np.zeros((4, 6, 6), np.uint16), positions(4, 2.0), EchoTime=3.0)
    image = read_image(folder / "ct")
    inside = np.zeros(image.shape, bool)
    inside[1:3, 1:4, 1:4] = True
    (series,) = find_series(folder / "ct")
    write_rtstruct(folder / "rs.dcm", {"a": Volume(inside, image.affine)}, series.headers)
    for name, kind in SEGMENTATIONS.items():
        part = inside.astype(np.uint8) * (200 if kind == "FRACTIONAL" else 1)
        parts = {1: part, 2: 0 * part if kind == "LABELMAP" else part}
        write_seg(folder / f"{name}.dcm", parts, image.affine, kind=kind, between=2.0)
    enhanced(folder / "e.dcm", positions(3, 2.0), np.zeros((3, 4, 6), np.uint16), True)
    squeezed = np.arange(4096, dtype=np.uint16).reshape(1, 64, 64)
    for kind, syntax in (("JPEG 2000", JPEG2000Lossless), ("JPEG-LS", JPEGLSLossless)):
        (path,) = write_series(folder / kind, squeezed, positions(1, 2.0))
        data = pydicom.dcmread(path)
        data.compress(syntax, generate_instance_uid=False)
        data.save_as(path)
    places = NumberedPlaces((4, 6, 6), AXIAL, (0.9, 0.6), 2.0)
    write_mosaic(folder / "m.dcm", places, 2.0)
    ones = np.ones((5, 7), np.float32).tobytes()
    write_pixels(folder / "f", [ones], "explicit", "OF", "FloatPixelData", BitsAllocated=32)
    write_pet(folder / "pet")
    with zipfile.ZipFile(folder / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((folder / "ct").iterdir()):
            archive.write(path, path.name)

    def seed(place: str, name: str, read: Callable[[Path], object] = read_image) -> Seed:
        return Seed((folder / place).read_bytes(), name, read)

    return {
        "plain": seed("ct/000.dcm", "x.dcm"),
        "enhanced": seed("e.dcm", "x.dcm"),
        "structure set": seed("rs.dcm", "x.dcm", lambda path: read_mask(path, like=image)),
        **{
            name: seed(f"{name}.dcm", "x.dcm", lambda path: read_masks(path, like=image))
            for name in SEGMENTATIONS
        },
        "JPEG 2000": seed("JPEG 2000/000.dcm", "x.dcm"),
        "JPEG-LS": seed("JPEG-LS/000.dcm", "x.dcm"),
        "mosaic": seed("m.dcm", "x.dcm"),
        "float map": seed("f/000.dcm", "x.dcm"),
        "PET": seed("pet/000.dcm", "x.dcm", lambda path: read_image(path, suv="bw")),
        "ZIP": seed("x.zip", "x.zip", lambda path: (identifiers(path), read_image(path))),
    }


@pytest.mark.parametrize("kind", SHARES)
def test_mutated_files_are_read_or_refused(
    kind: str, seeds: dict[str, Seed], tmp_path: Path
) -> None:
    seed = seeds[kind]
    path = tmp_path / seed.name
    rng = random.Random(kind)
    outcomes = {"read": 0, "refused": 0}
    inputs = INPUTS * SHARES[kind] // 100
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(inputs):
            path.write_bytes(mutated(seed.content, rng))
            if number % EVERY == 0:
                tracemalloc.start()
            start = time.process_time()  # what else the machine does, does not count
            try:
                seed.read(path)
                outcomes["read"] += 1
            except InputError:
                outcomes["refused"] += 1
            assert time.process_time() - start < LONGEST
            if number % EVERY == 0:
                assert tracemalloc.get_traced_memory()[1] < LARGEST
                tracemalloc.stop()
        with contextlib.suppress(InputError):  # a ZIP that cannot be unpacked has nothing to list
            inspect(path)
    logging.disable(logging.NOTSET)
    assert min(outcomes.values()) >= inputs / 100, outcomes


def test_an_unreadable_file_among_the_slices_is_not_left_out(tmp_path: Path) -> None:
    """The last slice, cut in its header: without it the stack would look complete."""
    paths = write_series(tmp_path, np.zeros((4, 6, 6), np.uint16), positions(4, 2.0))
    content = paths[3].read_bytes()
    paths[3].write_bytes(content.replace(b"-40\\12.5\\9", b"-40\\x2.5\\9"))
    with pytest.raises(InputError, match=r"1 file\(s\) of it that cannot be read: 003\.dcm"):
        read_image(tmp_path)
