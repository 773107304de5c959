"""Images sorted into folders, one a class: a directory, or a tar archive of one.

``train/cat/1.png``, ``test/dog/2.png``: the part, the class, the image. Without parts, the class
comes first.
"""

from __future__ import annotations

import logging
import tarfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.io.files.images_2d import decode_image2d
from radiomics.types import InputError, Progress, silent

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp")
TRANSPARENT = (".png", ".gif", ".webp")
"""Kinds of files in which a second or fourth channel says how transparent a pixel is."""
ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
logger = logging.getLogger(__name__)
LARGEST = 1 << 28  # bytes of one image file: an archive cannot fill memory


@dataclass(frozen=True, eq=False)
class ImageFolders:
    """Decoded images in the order of their names, and what was left out with the reason.

    ``x`` is (N, C, H, W), ``labels`` indexes ``classes``, ``parts`` is empty without parts.
    """

    names: tuple[str, ...]
    x: NDArray[Any]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    parts: NDArray[Any]
    skipped: dict[str, str]


def is_archive(path: Path) -> bool:
    """Return whether a path's name is that of a tar archive."""
    return path.name.lower().endswith(ARCHIVES)


def read_class_folders(
    path: str | Path, *, on_error: str = "stop", progress: Progress = silent
) -> ImageFolders:
    """Read all images below a folder, or in a tar archive, with the classes that folders name.

    Parameters
    ----------
    on_error : ``stop`` at an image that cannot be read or is not like most in shape (C, H, W) and
        dtype, or ``skip`` it. How transparent pixels are is no channel of an image, and left out.

    Raises
    ------
    InputError
        Naming the image; for a path without images; for images that differ in size or channels.
    """
    path = Path(path)
    images: dict[str, NDArray[Any]] = {}
    refused: dict[str, InputError] = {}
    for name, content in _archive_images(path) if is_archive(path) else _folder_images(path):
        image = _decode_content(path, name, content)
        if not isinstance(image, InputError):
            images[name] = image
        elif on_error == "skip":
            refused[name] = image
        else:
            raise image
        progress("images", len(images) + len(refused), 0)
    if not images:
        rule = f"images ({', '.join(SUFFIXES)}) lie in folders named after their class"
        raise InputError(path, rule, "no image", "check data.root")
    clear = [n for n, x in images.items() if n.lower().endswith(TRANSPARENT) and len(x) in (2, 4)]
    if clear:
        logger.warning("transparency left out of %d images, first %s", len(clear), clear[0])
        images |= {name: images[name][:-1] for name in clear}
    unlike = _unlike_images(path, images)
    if unlike and on_error != "skip":
        raise next(iter(unlike.values()))
    for name in unlike:
        del images[name]
    skipped = {name: str(reason) for name, reason in (refused | unlike).items()}
    return _sort_into_classes(path, images, skipped)


def warn_of_skipped(names: Iterable[str]) -> None:
    """Warn of images that were left out, each by its name."""
    for name in names:
        logger.warning("left out: %s cannot be used", name)


def _unlike_images(path: Path, images: dict[str, NDArray[Any]]) -> dict[str, InputError]:
    """Return what is wrong with images that differ from most in shape or in kind of numbers."""
    kinds = {name: (image.shape, image.dtype.name) for name, image in images.items()}
    usual = Counter(kinds.values()).most_common(1)[0][0]
    rule = f"all images have one shape (C, H, W) and one dtype: {usual[0]} {usual[1]}, as most have"
    remedy = "convert it, or set on_error: skip"
    return {
        name: InputError(path / name, rule, f"{kind[0]} {kind[1]}", remedy)
        for name, kind in kinds.items()
        if kind != usual
    }


def _sort_into_classes(
    path: Path, images: dict[str, NDArray[Any]], skipped: dict[str, str]
) -> ImageFolders:
    names = list(images)
    split = [PurePosixPath(name).parts[:-1] for name in names]
    depths = {len(folders) for folders in split}
    if not depths <= {1, 2} or len(depths) > 1:
        rule = "each image lies in CLASS/ or in PART/CLASS/, all of them alike"
        found = ", ".join(sorted({"/".join(f) or "." for f in split})[:5])
        raise InputError(path, rule, f"folders {found}", "check data.root")
    order = sorted(range(len(names)), key=names.__getitem__)
    classes = tuple(sorted({folders[-1] for folders in split}))
    parts = [split[i][0] for i in order] if depths == {2} else []
    return ImageFolders(
        tuple(names[i] for i in order),
        np.stack([images[names[i]] for i in order]),
        np.array([classes.index(split[i][-1]) for i in order], dtype=np.int64),
        classes,
        np.array(parts, dtype=str),
        skipped,
    )


def _decode_content(path: Path, name: str, content: bytes | InputError) -> Any:
    if isinstance(content, InputError):
        return content
    try:
        return decode_image2d(content, path / name)
    except InputError as error:
        return error


def _folder_images(path: Path) -> Iterator[tuple[str, bytes | InputError]]:
    for file in sorted(path.rglob("*")):
        if file.suffix.lower() in SUFFIXES and file.is_file():
            name = file.relative_to(path).as_posix()
            try:
                yield name, file.read_bytes()
            except OSError as error:
                reason = error.strerror or str(error)
                yield name, InputError(file, "an image must be readable", reason, "check the file")


def _archive_images(path: Path) -> Iterator[tuple[str, bytes | InputError]]:
    """Yield the images of an archive; nothing is unpacked to disk, so nothing can escape."""
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = PurePosixPath(member.name.removeprefix("./")).as_posix()
                if not member.isfile() or not name.lower().endswith(SUFFIXES):
                    continue
                stream = archive.extractfile(member) if member.size <= LARGEST else None
                if stream is None:
                    rule = f"an image file has at most {LARGEST:,} bytes"
                    found = f"{member.size:,} bytes"
                    yield name, InputError(path / name, rule, found, "leave it out")
                else:
                    yield name, stream.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        rule = "a tar archive must be whole"
        raise InputError(path, rule, str(error), "fetch it anew") from None
