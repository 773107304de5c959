"""CIFAR-10: colour photographs of ten kinds, 32 x 32, 50,000 to train and 10,000 to test [1]_.

References
----------
.. [1] Krizhevsky, Learning multiple layers of features from tiny images, 2009.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torchvision import datasets as hub

from radiomics.io.files.cache import cache_folder, cached_arrays, fingerprint
from radiomics.io.files.class_folders import is_archive, read_class_folders, warn_of_skipped
from radiomics.io.files.fetching import fetch_files
from radiomics.preprocessing import pictures
from radiomics.types import InputError, Progress, Samples, silent

CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
Part = tuple[NDArray[Any], NDArray[Any]]
ROW = 1 + 3 * 32 * 32  # a label, then the red, green and blue values of 32 rows of 32


class Options(pictures.Options, frozen=True, extra="forbid"):
    """``root`` holds CIFAR-10's own batches (binary or Python's), or class folders of images.

    Class folders (``train/cat/1.png``) may be a directory or a tar archive; what they hold is kept
    decoded in the user's cache. ``on_error``: stop at an image that cannot be read, or skip it.
    With ``download`` torchvision may fetch the batches.
    """

    download: bool = True
    on_error: Literal["stop", "skip"] = "stop"


def open(options: Options, progress: Progress = silent) -> Samples:  # noqa: A001
    """Return the images (N, 3, 32, 32) with the parts ``train`` and ``test``.

    Raises
    ------
    InputError
        When the files are not there and cannot be fetched, or are not what they should be.
    """
    root = options.root or cache_folder()
    binary, folders = _find_batches(root), _find_folders(root)
    if binary is not None:
        parts = {name: _read_binary(files) for name, files in binary.items()}
    elif folders is not None:
        parts = _read_folders(folders, options.on_error, progress)
    else:
        fetch_files(lambda: hub.CIFAR10(str(root), download=options.download), root, "data.root")
        parts = {part: _read_with_torchvision(root, part == "train") for part in ("train", "test")}
    samples = pictures.assemble_samples(parts, CLASSES, options)
    progress("images", len(samples.ids), len(samples.ids))
    return samples


def _find_batches(root: Path) -> dict[str, list[Path]] | None:
    for folder in (root, root / "cifar-10-batches-bin"):
        train = [folder / f"data_batch_{i}.bin" for i in range(1, 6)]
        if all(file.is_file() for file in [*train, folder / "test_batch.bin"]):
            return {"train": train, "test": [folder / "test_batch.bin"]}
    return None


def _read_binary(files: list[Path]) -> Part:
    rows = []
    for file in files:
        content = np.fromfile(file, dtype=np.uint8)
        if not content.size or content.size % ROW:
            rule = f"a batch is made of rows of {ROW} bytes"
            raise InputError(file, rule, f"{content.size} bytes", "fetch it anew")
        rows.append(content.reshape(-1, ROW))
    table = np.concatenate(rows)
    return table[:, 1:].reshape(-1, 3, 32, 32), table[:, 0].astype(np.int64)


def _read_with_torchvision(root: Path, train: bool) -> Part:
    """Read Python's batches through torchvision, which checks their digests before opening them."""
    data = hub.CIFAR10(str(root), train=train)
    return data.data.transpose(0, 3, 1, 2), np.array(data.targets, dtype=np.int64)


def _find_folders(root: Path) -> Path | None:
    """Return a directory with train/ and test/, or the only archive in it, or a named one."""
    if is_archive(root) and root.is_file():
        return root
    if (root / "train").is_dir() and (root / "test").is_dir():
        return root
    archives = [file for file in sorted(root.glob("*")) if is_archive(file)]
    ours = [file for file in archives if "python" not in file.name and "binary" not in file.name]
    return ours[0] if len(ours) == 1 else None


def _read_folders(path: Path, on_error: str, progress: Progress) -> dict[str, Part]:
    def make() -> dict[str, NDArray[Any]]:
        read = read_class_folders(path, on_error=on_error, progress=progress)
        if read.classes != CLASSES or set(read.parts) != {"train", "test"}:
            rule = f"folders train and test, in each {', '.join(CLASSES)}"
            found = f"{sorted(set(read.parts))} and {', '.join(read.classes)}"
            raise InputError(path, rule, found, "check data.root")
        skipped = np.array(list(read.skipped), dtype=str)
        return {"x": read.x, "y": read.labels, "part": read.parts, "skipped": skipped}

    kept = path.is_file()  # an archive's bytes say whether it is the same; a folder has none
    held = cached_arrays(fingerprint("class folders 3", on_error, path), make) if kept else make()
    warn_of_skipped(held["skipped"].tolist())  # also of an archive that was decoded earlier
    rows = {name: np.flatnonzero(held["part"] == name) for name in ("train", "test")}
    return {name: (held["x"][chosen], held["y"][chosen]) for name, chosen in rows.items()}
