"""Oracle: each voxel in its place, in all combinations of planes, grids, orders, syntaxes."""

from __future__ import annotations

import base64
import itertools
import multiprocessing
import sys
from pathlib import Path

import gdcm
import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.encaps import encapsulate

from radiomics import InputError, read_image
from radiomics.io.dicom import decoding
from tests.oracles.positions import NumberedPlaces
from tests.series import AXIAL, CORONAL, OBLIQUE, SAGITTAL, write_series

PLANES = {"axial": AXIAL, "sagittal": SAGITTAL, "coronal": CORONAL, "oblique": OBLIQUE}
PIXELS = {"square": (0.7, 0.7), "oblong": (0.9, 0.6)}
MATRIX = {"square": (32, 32), "oblong": (32, 45)}
ORDERS = ("shuffled", "reversed", "jitter")
PLAIN = {
    "implicit": uid.ImplicitVRLittleEndian,
    "explicit": uid.ExplicitVRLittleEndian,
    "big": uid.ExplicitVRBigEndian,
    "deflated": uid.DeflatedExplicitVRLittleEndian,
}
PYDICOM = {"rle": uid.RLELossless, "jpeg-ls": uid.JPEGLSLossless, "j2k": uid.JPEG2000Lossless}
JPEG = {"jpeg": "JPEGLosslessProcess14", "jpeg-sv1": "JPEGLosslessProcess14_1"}
# htj2k_encode of imagecodecs 2026.3.6, on np.arange(80).reshape(8, 10) * 37 % 4096 as uint16
HTJ2K = (
    "/0//UQApQAAAAAAKAAAACAAAAAAAAAAAAAAACgAAAAgAAAAAAAAAAAABDwEB/1AACAACAAAACv9SAAwAAgABAAUEBEAB"
    "/1wAEyCIkJCQkJCQkJCQkJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAGUAAf+TwAAmO/gFB3QA"
    "AMAAEwBc/gIHdADAABHAABOAJ3MALu3SAMI0AMAAEcAAFUAicwCABhTQABjAd1YAwAAqYAAVwEgEQf7X4It1AOKKEydO"
    "3OAQRkIB7LgA/9k="
)


def recode(path: Path, name: str) -> None:
    """Write a plain file in another transfer syntax."""
    data = pydicom.dcmread(path)
    if name in PYDICOM:
        data.compress(PYDICOM[name], generate_instance_uid=False)
        data.save_as(path)
    elif name in JPEG:
        reader, change, writer = (
            gdcm.ImageReader(),
            gdcm.ImageChangeTransferSyntax(),
            gdcm.ImageWriter(),
        )
        reader.SetFileName(str(path))
        assert reader.Read()
        change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, JPEG[name])))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        writer.SetFileName(str(path))
        assert writer.Write()
    else:
        pixels, big = data.pixel_array, name == "big"
        data.PixelData = pixels.astype(">u2" if big else "<u2").tobytes()
        data.file_meta.TransferSyntaxUID = PLAIN[name]
        implicit = name == "implicit"
        pydicom.dcmwrite(
            path, data, implicit_vr=implicit, little_endian=not big, force_encoding=True
        )


@pytest.mark.parametrize("syntax", [*PLAIN, *PYDICOM, *JPEG])
@pytest.mark.parametrize("plane", PLANES)
def test_every_voxel_is_where_it_should_be(tmp_path: Path, plane: str, syntax: str) -> None:
    rng = np.random.default_rng(len(plane) * 31 + len(syntax))
    for pixels, matrix, order in itertools.product(PIXELS, MATRIX, ORDERS):
        shape = (5, *MATRIX[matrix])
        places = NumberedPlaces(shape, PLANES[plane], PIXELS[pixels], 2.5)
        where, numbers = places.origins.copy(), np.arange(1, 6)
        if order == "shuffled":
            rng.shuffle(numbers)
        elif order == "reversed":
            numbers = numbers[::-1]
        else:
            where += rng.uniform(-0.01, 0.01, where.shape)
        written = rng.permutation(5)  # nor do names of files tell the order
        folder = tmp_path / f"{pixels}-{matrix}-{order}"
        files = write_series(
            folder,
            places.stored[written],
            where[written],
            PLANES[plane],
            PIXELS[pixels],
            InstanceNumber=numbers[written].tolist(),
            RescaleIntercept=0,
        )
        for file in files:
            recode(file, syntax)
        image = read_image(folder)
        assert image.shape == shape
        assert places.farthest(image.array, image.affine) < (0.03 if order == "jitter" else 1e-6)


def test_high_throughput_jpeg_2000(tmp_path: Path) -> None:
    stored = (np.arange(80).reshape(1, 8, 10) * 37 % 4096).astype(np.uint16)
    (path,) = write_series(tmp_path, stored, np.zeros((1, 3)), RescaleIntercept=0)
    data = pydicom.dcmread(path)
    data.PixelData = encapsulate([base64.b64decode(HTJ2K)])
    data["PixelData"].is_undefined_length = True
    data.file_meta.TransferSyntaxUID = uid.HTJ2KLossless
    data.save_as(path)
    assert np.array_equal(read_image(path).array, stored)


def test_a_worker_process_decodes_by_itself_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Started processes would keep a child of multiprocessing from ending for minutes."""
    places = NumberedPlaces((4, 32, 32), AXIAL, (1.0, 1.0), 1.0)
    for path in write_series(tmp_path, places.stored, places.origins, RescaleIntercept=0):
        recode(path, "jpeg")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        shape = pool.apply(read_shape, [tmp_path])
    assert shape == (4, 32, 32)


def read_shape(folder: Path) -> tuple[int, ...]:
    assert "joblib" not in sys.modules
    image = read_image(folder)
    assert "joblib" not in sys.modules
    return image.shape


def test_many_frames_are_decoded_by_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "MANY_PIXELS", 1)
    monkeypatch.setattr(decoding, "CHUNK", 3)
    places = NumberedPlaces((8, 32, 32), OBLIQUE, (1.0, 1.0), 1.0)
    where = places.origins
    files = write_series(tmp_path, places.stored, where, OBLIQUE, (1.0, 1.0), RescaleIntercept=0)
    for path in files:
        recode(path, "j2k")
    image = read_image(tmp_path)
    assert places.farthest(image.array, image.affine) < 1e-6
    content = files[5].read_bytes()
    files[5].write_bytes(content.replace(bytes.fromhex("ff4fff51"), bytes(4)))
    with pytest.raises(InputError, match=r"005\.dcm: every slice needs readable pixels"):
        read_image(tmp_path)
