"""Files of a case: their fingerprints, hashes of their bytes, and near copies of far ones."""

from __future__ import annotations

import hashlib
import math
import os
import re
import stat
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from radiomics.io import file_parts, has_itk_suffix
from radiomics.io.files.kinds import has_picture_suffix
from radiomics.pipelines.store import digest_file

PACKED = struct.Struct("<qqqQ").pack
NOT_ON_WINDOWS = re.compile(r'[<>:"|?*\\]')
"""Characters that names of objects in a store may have, and names of files there may not."""
DETACHED = (".mhd", ".nhdr", ".hdr", ".hdr.gz", ".img", ".img.gz")
"""Suffixes of files that may be one of several which make an image."""
COARSEST_NS = 2 * 10**9
"""Steps in which the coarsest file systems tell the time of a change."""


@dataclass(frozen=True)
class Fingerprint:
    """A file or folder as seen from outside: a hash of size, times and inode of each file in it.

    ``changed`` is the time of its last change in ns. Names play no part, so none is kept.
    """

    digest: bytes
    changed: int

    def is_settled(self, now: int) -> bool:
        """Tell whether a change after ``now`` (ns) would be seen: the last is long enough ago."""
        return self.changed < now - COARSEST_NS


def fingerprint(path: str) -> Fingerprint:
    """Return the fingerprint of a file, a folder or a URL as it is now.

    Raises
    ------
    OSError
        When it is not there.
    """
    if "://" in path:
        from fsspec.core import url_to_fs

        system, name = url_to_fs(path)
        return Fingerprint(short_hash(system.ukey(name).encode()), 0)
    status = os.stat(path)  # noqa: PTH116 (twice as fast, for a million of them)
    if not stat.S_ISDIR(status.st_mode):
        if path.lower().endswith(DETACHED):
            return _fingerprint_of_all([part.stat() for part in file_parts(Path(path))])
        return _fingerprint_of_all([status])
    found: list[os.stat_result] = []
    seen: set[str] = set()
    for folder, folders, files in os.walk(path, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        found += [os.stat(f"{folder}/{name}") for name in files]  # noqa: PTH116
    return _fingerprint_of_all(found)


def fingerprint_both(image: str, mask: str) -> Fingerprint:
    """Return one fingerprint of an image and a mask."""
    one, other = fingerprint(image), fingerprint(mask)
    return Fingerprint(short_hash(one.digest, other.digest), max(one.changed, other.changed))


def _fingerprint_of_all(found: list[os.stat_result]) -> Fingerprint:
    parts = [PACKED(s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino) for s in found]
    times = [max(s.st_mtime_ns, s.st_ctime_ns if os.name != "nt" else 0) for s in found]
    packed = parts[0] if len(parts) == 1 else b"".join(sorted(parts))
    return Fingerprint(hashlib.blake2b(packed, digest_size=16).digest(), max(times, default=0))


def short_hash(*parts: bytes) -> bytes:
    """Return 16 bytes that stand for these; their lengths count."""
    lengths = struct.pack(f"<{len(parts)}q", *map(len, parts))
    return hashlib.blake2b(lengths + b"".join(parts), digest_size=16).digest()


def content_hash(path: Path) -> bytes:
    """Return a hash of the bytes of a file, of a folder's files, or of a header and its data."""
    return short_hash(*(digest_file(part).encode() for part in file_parts(path)))


@contextmanager
def local_copy(path: str, scratch: str) -> Iterator[Path]:
    """Give a local path: a URL is fetched into a folder of its own, which is removed afterwards."""
    if "://" not in path:
        yield Path(path)
        return
    from fsspec.core import url_to_fs

    system, name = url_to_fs(path)
    place = scratch if os.path.isdir(scratch) else None  # noqa: PTH112
    with tempfile.TemporaryDirectory(prefix="radiomics-", dir=place) as folder:
        last = name.rstrip("/").rsplit("/", 1)[-1]
        target = Path(folder, NOT_ON_WINDOWS.sub("_", last))
        system.get(name, str(target), recursive=bool(system.isdir(name)))
        yield target


def voxel_count(path: Path) -> int:
    """Return about how many voxels an image has, from its header; 0 where that does not tell."""
    if path.is_dir():
        files = [Path(folder, name) for folder, _, names in os.walk(path) for name in names]
        return max((_dicom_voxel_count(file) for file in files[:3]), default=0) * len(files)
    if path.suffix.lower() == ".zip":
        from zipfile import ZipFile

        with ZipFile(path) as archive:
            return sum(item.file_size for item in archive.infolist()) // 2
    if has_picture_suffix(path):
        from radiomics.io.files.pictures import picture_shape

        return math.prod(picture_shape(path))
    if has_itk_suffix(path):
        from radiomics.io.files.nifti import SUFFIXES, nifti_shape

        plain = nifti_shape(path) if path.name.lower().endswith(SUFFIXES) else None
        if plain is not None:
            return math.prod(map(int, plain))
        from radiomics.io.files.itk import read_shape

        return math.prod(map(int, read_shape(path)))
    return _dicom_voxel_count(path)


def _dicom_voxel_count(file: Path) -> int:
    from radiomics.io.dicom.headers import Header, read_header

    header = read_header(file)
    if not isinstance(header, Header) or "Rows" not in header.values:
        return 0
    frames = header.integer("NumberOfFrames", 1)
    return header.integer("Rows") * header.integer("Columns") * frames
