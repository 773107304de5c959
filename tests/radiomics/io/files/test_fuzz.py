"""Mechanics: whatever a NIfTI, NRRD, MetaImage or picture holds, a Volume or an InputError."""

from __future__ import annotations

import bz2
import gzip
import random
import time
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from radiomics import InputError, inspect, read_image
from tests.radiomics.io import test_fuzz
from tests.radiomics.io.test_fuzz import LONGEST, mutated

INPUTS = test_fuzz.INPUTS * 3 // 200
NRRD = (
    b"NRRD0005\ntype: short\ndimension: 3\nsizes: 4 3 2\nendian: little\nencoding: %s\n"
    b"space: left-posterior-superior\nspace directions: (0.5,0,0) (0,0.75,0) (0,0,2.5)\n"
    b"space origin: (1,2,3)\nkinds: domain domain domain\n\n"
)
META = (
    b"ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
    b"CompressedData = %s\nTransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 1 2 3\n"
    b"ElementSpacing = 0.5 0.75 2.5\nDimSize = 4 3 2\nElementType = MET_SHORT\n"
    b"ElementDataFile = LOCAL\n"
)
VOXELS = np.arange(24, dtype="<i2").reshape(2, 3, 4)
PIXELS = np.random.default_rng(0).integers(0, 256, (9, 8)).astype(np.uint8)


def seeds(folder: Path) -> dict[str, bytes]:
    """Return small whole files by name."""
    raw = VOXELS.tobytes()
    found = {
        "a.nrrd": NRRD % b"raw" + raw,
        "b.nrrd": NRRD % b"gzip" + gzip.compress(raw),
        "c.nrrd": NRRD % b"bzip2" + bz2.compress(raw),
        "d.nrrd": NRRD % b"ascii" + b" ".join(b"%d" % v for v in VOXELS.ravel()),
        "e.nrrd": NRRD % b"hex" + raw.hex().encode(),
        "a.mha": META % b"False" + raw,
        "b.mha": META % b"True" + zlib.compress(raw),
    }
    for name, kind in (("a.nii", nib.Nifti1Image), ("b.nii", nib.Nifti2Image)):
        nib.save(kind(VOXELS.T, np.diag([0.5, 0.75, 2.5, 1])), folder / name)
        found[name] = (folder / name).read_bytes()
    found["a.nii.gz"] = gzip.compress(found["a.nii"])
    for name in ("a.png", "a.tif", "a.jpg", "a.bmp"):
        Image.fromarray(PIXELS).save(folder / name)
        found[name] = (folder / name).read_bytes()
    return found


NAMES = (
    "a.nii", "b.nii", "a.nii.gz", "a.nrrd", "b.nrrd", "c.nrrd", "d.nrrd", "e.nrrd",
    "a.mha", "b.mha", "a.png", "a.tif", "a.jpg", "a.bmp",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_mutated_files_are_read_or_refused(name: str, tmp_path: Path) -> None:
    whole = seeds(tmp_path)[name]
    (tmp_path / "x").mkdir()
    path = tmp_path / "x" / name
    path.write_bytes(whole)
    read_image(path)
    rng = random.Random(name)
    outcomes = {"read": 0, "refused": 0}
    for _ in range(INPUTS):
        path.write_bytes(mutated(whole, rng))
        start = time.process_time()  # what else the machine does, does not count
        try:
            read_image(path)
            outcomes["read"] += 1
        except InputError:
            outcomes["refused"] += 1
        assert time.process_time() - start < LONGEST
    inspect(path)
    assert outcomes["refused"] > 0
