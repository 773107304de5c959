"""ZIP archives of a series: unpacked into a temporary folder, without trusting their names."""

from __future__ import annotations

import errno
import lzma
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from radiomics.types import InputError

LARGEST = 2**34
"""Bytes that an archive may hold unpacked: 16 GiB."""
RATIO = 200
"""How many times larger than packed a member may be; pixels compress less than that."""
SMALL = 2**20
"""Members up to this size may be packed as tightly as they like: empty slices do."""

BROKEN = (
    zipfile.BadZipFile,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    zlib.error,
    lzma.LZMAError,
)
"""What zipfile and its decoders raise over bytes that are no archive; bz2 adds an OSError."""


@contextmanager
def unpacked_archive(path: Path) -> Iterator[Path]:
    """Unpack an archive for the time of a ``with`` block; yield the folder.

    Members are written under numbers of their own, so that no name leads out of the folder.

    Raises
    ------
    InputError
        For a broken archive, an encrypted member, or one that would unpack to an absurd size.
    """
    with tempfile.TemporaryDirectory(prefix="radiomics-") as name:
        folder = Path(name)
        try:
            with zipfile.ZipFile(path) as archive:
                _check_size(path, archive)
                for number, member in enumerate(archive.infolist()):
                    if not member.filename.endswith("/"):
                        target = folder / f"{number:06d}{_suffix(member.filename)}"
                        with archive.open(member) as source, target.open("wb") as sink:
                            shutil.copyfileobj(source, sink)
        except (*BROKEN, OSError) as error:
            if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
                raise  # a full disk, a share that went away: not the archive's fault
            raise InputError(
                path, "an archive must be a readable ZIP file", str(error), "pack it again"
            ) from None
        yield folder


def _suffix(name: str) -> str:
    """Return the suffix of a member's name where it is one that a file may have."""
    suffix = PurePosixPath(name).suffix
    return suffix if suffix[1:].isalnum() and len(suffix) <= 8 else ""


def _check_size(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse what its own directory announces to be too large, before anything is unpacked."""
    members = archive.infolist()
    total = sum(member.file_size for member in members)
    bombs = [
        m.filename
        for m in members
        if m.file_size > SMALL and m.file_size > RATIO * max(1, m.compress_size)
    ]
    if total > LARGEST or bombs:
        found = f"{total} bytes unpacked"
        if bombs:
            found += f"; {bombs[0]!r} is over {RATIO} times larger than packed"
        raise InputError(
            path,
            f"an archive holds at most {LARGEST // 2**30} GiB of scans",
            found,
            "unpack by hand",
        )
