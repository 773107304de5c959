"""Archives that are the same bytes for the same content: no clock, no order, no addresses."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import skops.io

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of every entry: the first that the ZIP format knows."""


def pack(entries: Mapping[str, bytes]) -> bytes:
    """Return a ZIP archive of entries, sorted by name, all of one date.

    >>> pack({"b": b"2", "a": b"1"}) == pack({"a": b"1", "b": b"2"})
    True
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in sorted(entries.items()):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = 3  # as on Linux, wherever it is written
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def dump_chain(chain: Any) -> bytes:
    """Return an estimator as skops stores it, equal for equal estimators.

    skops names objects and their files by where they lie in memory; here they are counted.
    """
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(chain))) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(entries.pop("schema.json"))
    files: dict[str, str] = {}
    _renumber(schema, {}, files)
    named = {files[name]: data for name, data in entries.items()}
    return pack({**named, "schema.json": json.dumps(schema, indent=1).encode()})


def _renumber(node: Any, known: dict[Any, int], files: dict[str, str]) -> None:
    """Count the objects of a schema in the order in which they stand, and their files."""
    if isinstance(node, list):
        for part in node:
            _renumber(part, known, files)
        return
    if not isinstance(node, dict):
        return
    if isinstance(node.get("__id__"), int):
        # numbers and texts are stored each time, and whether two are one object may change
        name = ("text", len(known)) if node.get("__loader__") == "JsonNode" else node["__id__"]
        node["__id__"] = known.setdefault(name, len(known) + 1)
        file = node.get("file")
        if isinstance(file, str):
            suffix = file.rpartition(".")[2]
            node["file"] = files.setdefault(file, f"{node['__id__']}.{suffix}")
    for part in node.values():
        _renumber(part, known, files)
