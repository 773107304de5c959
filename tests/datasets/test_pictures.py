"""Oracle: files written here, byte by byte, come back; mechanics: what is wrong is named."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import pytest

from radiomics import InputError
from radiomics.datasets import cifar10, class_folders, fashion_mnist, mnist, temperature
from radiomics.io.files import cache
from radiomics.io.files.idx import read_idx
from tests.conftest import shared

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(cache.FOLDER, str(tmp_path / "cache"))
    return tmp_path / "cache"


def idx(array: np.ndarray, kind: int) -> bytes:
    head = bytes([0, 0, kind, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return head + array.tobytes()


def write_mnist(folder: Path, *, zipped: bool, labels: tuple[int, ...] = (0, 1, 2, 9)) -> Any:
    """Write a tiny data set in MNIST's form; return its images."""
    images = RNG.integers(0, 256, (len(labels), 28, 28)).astype(np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("train", "t10k"):
        for name, array in (("images-idx3", images), ("labels-idx1", np.uint8(labels))):
            content = idx(np.asarray(array), 8)
            path = folder / f"{part}-{name}-ubyte{'.gz' if zipped else ''}"
            path.write_bytes(gzip.compress(content) if zipped else content)
    return images


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("below", ["", "MNIST/raw"])
def test_idx_files_are_found_raw_or_gzipped(tmp_path: Path, below: str, zipped: bool) -> None:
    images = write_mnist(tmp_path / below, zipped=zipped)
    found = mnist.open(mnist.Options(root=tmp_path))
    assert np.array_equal(found.x[:4, 0], images)
    assert found.y.tolist() == [0, 1, 2, 9] * 2
    assert found.split is not None
    assert found.split.tolist() == ["train"] * 4 + ["test"] * 4
    assert found.ids[0] == "train/00000"
    assert found.classes == tuple("0123456789")


@pytest.mark.parametrize(("kind", "dtype"), [(9, "i1"), (11, ">i2"), (12, ">i4"), (14, ">f8")])
def test_idx_numbers_of_every_kind(tmp_path: Path, kind: int, dtype: str) -> None:
    values = np.array([[1, -2, 3], [4, 5, -6]]).astype(dtype)
    (tmp_path / "x").write_bytes(idx(values, kind))
    found = read_idx(tmp_path / "x")
    assert np.array_equal(found, values)
    assert found.dtype.isnative


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "begins with two zeros"),
        (b"PK\3\4" + bytes(20), "begins with two zeros"),
        (idx(np.zeros((2, 3), np.uint8), 8)[:-1], "makes 18 bytes"),
        (idx(np.zeros((2, 3), np.uint8), 8) + b"x", "makes 18 bytes"),
        (bytes([0, 0, 8, 3, 0, 0]), "their shape"),
    ],
)
def test_broken_idx_files_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_idx(tmp_path / "x")
    (tmp_path / "y.gz").write_bytes(gzip.compress(content)[:-3])
    with pytest.raises(InputError, match="readable"):
        read_idx(tmp_path / "y.gz")


def test_labels_outside_the_classes_and_missing_files_are_told(tmp_path: Path) -> None:
    write_mnist(tmp_path, zipped=False, labels=(0, 1, 12))
    with pytest.raises(InputError, match="12 for image 2"):
        mnist.open(mnist.Options(root=tmp_path))
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(InputError, match=r"t10k.*\n.*one is missing"):
        mnist.open(mnist.Options(root=tmp_path, download=False))


def test_classes_are_chosen_in_the_order_asked_for(tmp_path: Path) -> None:
    write_mnist(tmp_path, zipped=False, labels=(3, 7, 3, 5, 7, 7))
    some = mnist.open(mnist.Options(root=tmp_path, classes=("7", "3"), train=4, pad=2))
    assert some.classes == ("7", "3")
    assert [i for i in some.ids if i.startswith("train")] == [
        f"train/0000{i}" for i in (0, 1, 2, 4)
    ]
    assert some.y[:4].tolist() == [1, 0, 1, 0]
    assert some.x.shape == (9, 1, 32, 32)
    assert not some.x[:, :, :2].any()
    with pytest.raises(InputError, match="eleven"):
        mnist.open(mnist.Options(root=tmp_path, classes=("eleven",)))
    with pytest.raises(InputError, match="7 of 6"):
        mnist.open(mnist.Options(root=tmp_path, train=7))


def write_binary(folder: Path) -> Any:
    rows = RNG.integers(0, 256, (12, cifar10.ROW)).astype(np.uint8)
    rows[:, 0] = np.arange(12) % 10
    folder.mkdir()
    for number in range(1, 6):
        (folder / f"data_batch_{number}.bin").write_bytes(rows[2 * number - 2 : 2 * number])
    (folder / "test_batch.bin").write_bytes(rows[10:])
    return rows


def test_cifar_in_its_own_binary_batches(tmp_path: Path) -> None:
    rows = write_binary(tmp_path / "cifar-10-batches-bin")
    found = cifar10.open(cifar10.Options(root=tmp_path))
    assert np.array_equal(found.x.reshape(12, -1), rows[:, 1:])
    assert found.x.shape == (12, 3, 32, 32)
    assert found.y.tolist() == rows[:, 0].tolist()
    broken = tmp_path / "cifar-10-batches-bin" / "data_batch_3.bin"
    broken.write_bytes(b"\0" * 100)
    with pytest.raises(InputError, match="data_batch_3"):
        cifar10.open(cifar10.Options(root=tmp_path))


def write_folders(root: Path, spoil: str = "") -> dict[str, np.ndarray]:
    images = {}
    for part in ("train", "test"):
        for name in cifar10.CLASSES:
            path = root / part / name / "0.png"
            path.parent.mkdir(parents=True)
            image = RNG.integers(0, 256, (32, 32, 3)).astype(np.uint8)
            iio.imwrite(path, image)
            images[f"{part}/{name}/0.png"] = image.transpose(2, 0, 1)
    if spoil == "corrupt":
        (root / "train/cat/0.png").write_bytes(b"\x89PNG no more")
    elif spoil == "size":
        iio.imwrite(root / "train/cat/0.png", np.zeros((8, 8, 3), np.uint8))
    return images


@pytest.mark.parametrize("packed", [False, True])
def test_cifar_in_class_folders_or_an_archive_of_them(
    tmp_path: Path, packed: bool, own_cache: Path
) -> None:
    images = write_folders(tmp_path / "pictures")
    root = tmp_path / "pictures"
    if packed:
        root = tmp_path / "packed"
        root.mkdir()
        with tarfile.open(root / "pictures.tar.gz", "w:gz") as archive:
            archive.add(tmp_path / "pictures", arcname=".")
    first = cifar10.open(cifar10.Options(root=root))
    again = cifar10.open(cifar10.Options(root=root))
    for found in (first, again):
        for x, y, part in zip(found.x, found.y, found.split, strict=True):
            assert np.array_equal(x, images[f"{part}/{cifar10.CLASSES[y]}/0.png"])
    assert len(list(own_cache.rglob("x.npy"))) == packed


@pytest.mark.parametrize("spoil", ["corrupt", "size"])
def test_a_picture_that_cannot_be_used_stops_or_is_skipped(
    tmp_path: Path, spoil: str, caplog: pytest.LogCaptureFixture
) -> None:
    write_folders(tmp_path, spoil)
    with pytest.raises(InputError, match=r"train/cat/0\.png"):
        cifar10.open(cifar10.Options(root=tmp_path))
    rest = cifar10.open(cifar10.Options(root=tmp_path, on_error="skip"))
    assert len(rest.ids) == 19
    assert "train/cat/0.png" in caplog.text


def test_own_folders_keep_patients_together(tmp_path: Path) -> None:
    for name in ("benign/p1_a.png", "benign/p1_b.png", "malignant/p2_a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        iio.imwrite(tmp_path / name, np.full((6, 5), 7, np.uint8))
    found = class_folders.open(class_folders.Options(root=tmp_path, group=r"(p\d+)_"))
    assert found.groups.tolist() == ["p1", "p1", "p2"]
    assert found.classes == ("benign", "malignant")
    assert found.x.shape == (3, 1, 6, 5)
    assert found.split is None
    with pytest.raises(InputError, match="correct the expression"):
        class_folders.open(class_folders.Options(root=tmp_path, group=r"(q\d+)"))
    iio.imwrite(tmp_path / "stray.png", np.full((6, 5), 7, np.uint8))
    with pytest.raises(InputError, match="CLASS/"):
        class_folders.open(class_folders.Options(root=tmp_path))
    with pytest.raises(InputError, match="no image"):
        class_folders.open(class_folders.Options(root=tmp_path / "nothing"))


def test_an_archive_cut_short_is_named_and_leaves_no_entry(tmp_path: Path, own_cache: Path) -> None:
    write_folders(tmp_path / "pictures")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.add(tmp_path / "pictures", arcname=".")
    (tmp_path / "cut.tar.gz").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    with pytest.raises(InputError, match=r"cut\.tar\.gz"):
        cifar10.open(cifar10.Options(root=tmp_path / "cut.tar.gz"))
    assert not list(own_cache.rglob("*.npy"))
    assert not list(own_cache.rglob(".part*"))


def test_what_cannot_be_fetched_says_where_it_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*args: object, **options: object) -> None:
        raise RuntimeError("no route to host")

    monkeypatch.setattr(fashion_mnist.hub, "FashionMNIST", unreachable)
    monkeypatch.setattr(cifar10.hub, "CIFAR10", unreachable)
    for module in (fashion_mnist, cifar10):
        with pytest.raises(InputError, match=r"no route to host\n.*data\.root"):
            module.open(module.Options(root=tmp_path))


def test_the_thermometer_reads_fahrenheit() -> None:
    found = temperature.open(temperature.Options())
    slope, offset = np.polyfit(found.x[:, 0], found.y, 1)
    assert slope == pytest.approx(5 / 9, abs=0.03)
    assert offset == pytest.approx(-32 * 5 / 9, abs=1)


@pytest.mark.parametrize("module", [mnist, fashion_mnist])
def test_the_real_files(module: Any) -> None:
    name = module.__name__.rpartition(".")[2]
    found = module.open(module.Options(root=shared("data", "vision", name)))
    assert found.x.shape == (70_000, 1, 28, 28)
    assert np.bincount(found.y[60_000:]).sum() == 10_000
    if module is fashion_mnist:
        assert np.bincount(found.y).tolist() == [7000] * 10
