"""Mechanics: whatever a file holds, reading gives a Volume or an InputError, soon and in bounds."""

from __future__ import annotations

import logging
import random
import time
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless

from radiomics import InputError, Volume, inspect, read_image, read_mask, read_masks
from radiomics.io.dicom.series import find_series
from radiomics.io.masks.rtstruct import write_rtstruct
from tests.radiomics.io.test_ingest import enhanced
from tests.segs import write_seg
from tests.series import positions, write_series

INPUTS = {
    "plain": 60_000,
    "enhanced": 15_000,
    "structure set": 15_000,
    "segmentation": 3_000,
    "fractional": 2_000,
    "label map": 2_000,
    "JPEG 2000": 7_500,
    "JPEG-LS": 2_500,
}
SEGMENTATIONS = ("segmentation", "fractional", "label map")
LONGEST = 60.0
"""Seconds of a processor after which reading a file of a few kilobytes counts as hanging."""
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


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> tuple[Volume, dict[str, bytes]]:
    """Write a plain image, an enhanced one and a structure set to start from."""
    folder = tmp_path_factory.mktemp("seeds")
    write_series(folder / "ct", np.zeros((4, 6, 6), np.uint16), positions(4, 2.0), EchoTime=3.0)
    image = read_image(folder / "ct")
    inside = np.zeros(image.shape, bool)
    inside[1:3, 1:4, 1:4] = True
    (series,) = find_series(folder / "ct")
    write_rtstruct(folder / "rs.dcm", {"a": Volume(inside, image.affine)}, series.headers)
    enhanced(folder / "e.dcm", positions(3, 2.0), np.zeros((3, 4, 6), np.uint16), True)
    squeezed = np.arange(4096, dtype=np.uint16).reshape(1, 64, 64)
    for kind, name in (("BINARY", "segmentation"), ("FRACTIONAL", "fractional"),
                       ("LABELMAP", "label map")):  # fmt: skip
        part = inside.astype(np.uint8) * (200 if kind == "FRACTIONAL" else 1)
        parts = {1: part, 2: 0 * part if kind == "LABELMAP" else part}
        write_seg(folder / f"{name}.dcm", parts, image.affine, kind=kind, between=2.0)
    names = {"plain": "ct/000.dcm", "enhanced": "e.dcm", "structure set": "rs.dcm"}
    names |= {name: f"{name}.dcm" for name in SEGMENTATIONS}
    for kind, syntax in (("JPEG 2000", JPEG2000Lossless), ("JPEG-LS", JPEGLSLossless)):
        (path,) = write_series(folder / kind, squeezed, positions(1, 2.0))
        data = pydicom.dcmread(path)
        data.compress(syntax, generate_instance_uid=False)
        data.save_as(path)
        names[kind] = f"{kind}/000.dcm"
    return image, {kind: (folder / name).read_bytes() for kind, name in names.items()}


@pytest.mark.parametrize("kind", INPUTS)
def test_mutated_files_are_read_or_refused(
    kind: str, scene: tuple[Volume, dict[str, bytes]], tmp_path: Path
) -> None:
    image, seeds = scene
    path = tmp_path / "x.dcm"
    read: Callable[[], object] = lambda: read_image(path)  # noqa: E731
    if kind == "structure set":
        read = lambda: read_mask(path, like=image)  # noqa: E731
    elif kind in SEGMENTATIONS:
        read = lambda: read_masks(path, like=image)  # noqa: E731
    rng = random.Random(kind)
    outcomes = {"read": 0, "refused": 0}
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(INPUTS[kind]):
            path.write_bytes(mutated(seeds[kind], rng))
            if number % EVERY == 0:
                tracemalloc.start()
            start = time.process_time()  # what else the machine does, does not count
            try:
                read()
                outcomes["read"] += 1
            except InputError:
                outcomes["refused"] += 1
            assert time.process_time() - start < LONGEST
            if number % EVERY == 0:
                assert tracemalloc.get_traced_memory()[1] < LARGEST
                tracemalloc.stop()
        inspect(path)
    logging.disable(logging.NOTSET)
    assert min(outcomes.values()) > INPUTS[kind] / 100


def test_an_unreadable_file_among_the_slices_is_not_left_out(tmp_path: Path) -> None:
    """The last slice, cut in its header: without it the stack would look complete."""
    paths = write_series(tmp_path, np.zeros((4, 6, 6), np.uint16), positions(4, 2.0))
    content = paths[3].read_bytes()
    paths[3].write_bytes(content.replace(b"-40\\12.5\\9", b"-40\\x2.5\\9"))
    with pytest.raises(InputError, match=r"1 that cannot be read: 003\.dcm"):
        read_image(tmp_path)
