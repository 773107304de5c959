"""What workers do: look at the files of an image and its masks, and compute features in them.

Whatever breaks a row becomes its reason; nothing but the end of the process stops the others.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from radiomics.pipelines.batch.case_files import (
    content_hash,
    fingerprint,
    fingerprint_both,
    local_copy,
    short_hash,
    voxel_count,
)
from radiomics.pipelines.batch.layouts import columns_of
from radiomics.pipelines.batch.privacy import names_below, scrub
from radiomics.pipelines.batch.tasks import Compute, Computed, Identified, Result, Row, Source, Task
from radiomics.types import InputError, Volume

if TYPE_CHECKING:
    from radiomics.extraction.settings import ExtractionSettings

PER_VOXEL = 12
"""Bytes that reading and preparing one voxel takes: image, mask, and what is made of them."""
ALWAYS = 250 * 2**20
"""Bytes that a worker takes before it has read anything."""

REMEMBERED = 16
"""Images and masks of which a worker remembers whom they name."""
_NAMED: dict[tuple[str, bytes], frozenset[str]] = {}
"""By path and fingerprint, whom files name."""


def perform(task: Task) -> Result:
    """Do a task: the one function that workers run."""
    start = time.perf_counter()
    result = compute_rows(task) if isinstance(task, Compute) else identify(task)
    result.seconds = time.perf_counter() - start
    return result


def identify(task: Task) -> Result:
    """Hash the files of an image and of its masks, and estimate what computing them takes."""
    source, result = task.source, Result()
    try:
        with _copy(source.image, source) as path:
            content, size = content_hash(path), voxel_count(path)
    except Exception as error:  # whatever breaks one image is its rows' reason
        return Result(failed={row.number: _without_names(error, source, row) for row in task.rows})
    for row in task.rows:
        try:
            # before their bytes are read: a later change is seen
            before = fingerprint_both(source.image, row.mask)
            with _copy(row.mask, source) as path:
                mask = content_hash(path)
        except Exception as error:  # the same for one mask
            result.failed[row.number] = _without_names(error, source, row)
        else:
            need = ALWAYS + size * PER_VOXEL
            result.identified[row.number] = Identified(before, short_hash(content, mask), need)
    return result


def compute_rows(task: Compute) -> Result:
    """Read an image once, and compute what is wanted in each of its masks."""
    from radiomics.io import read_image
    from radiomics.pipelines.provenance import installed

    source, result = task.source, Result(versions=installed())
    try:
        with _copy(source.image, source) as path:
            image = read_image(path, series=source.series or None, **dict(source.reading))
    except Exception as error:  # whatever breaks one image is its rows' reason
        result.failed = {row.number: _without_names(error, source, row) for row in task.rows}
        return result
    for row in task.rows:
        try:
            masks = read_masks_of(source, row, image)
        except Exception as error:  # the same for one mask
            result.failed[row.number] = _without_names(error, source, row)
            continue
        for number, families in row.wanted:
            settings = _parsed_settings(task.settings[number])
            try:
                done = _compute(image, masks, settings, families)
            except Exception as error:  # and for one of the settings
                result.failed_settings[row.number, number] = _without_names(error, source, row)
            else:
                notes = [_without_names(note, source, row) for note in done.notes["notes"]]
                done.notes["notes"] = notes
                if "left_out" in done.notes:
                    names, reasons = zip(*done.notes["left_out"], strict=True)
                    cleared = [_without_names(reason, source, row) for reason in reasons]
                    open_names = _region_names(names, source, row)
                    done.notes["left_out"] = list(zip(open_names, cleared, strict=True))
                result.computed[row.number, number] = replace(
                    done, regions=_region_names(done.regions, source, row)
                )
    return result


@lru_cache(maxsize=16)
def _parsed_settings(text: str) -> ExtractionSettings:
    from radiomics.extraction.settings import ExtractionSettings

    return ExtractionSettings.model_validate(json.loads(text))


def read_masks_of(source: Source, row: Row, image: Volume) -> Mapping[str, Volume]:
    """Return the masks that a row asks for: one, or all whose names fit a pattern.

    Of a pattern, what could not be read stands in ``refused``, as :func:`radiomics.read_masks` has
    it.
    """
    from radiomics.io import read_mask, read_masks

    masks: Mapping[str, Volume]
    choice = dict(row.choice)
    roi = choice.get("roi", "")
    with _copy(row.mask, source) as path:
        if roi.startswith("re:") or set("*?") & set(roi):
            masks = read_masks(path, like=image, choose=roi)
        else:
            label = int(choice["label"]) if choice.get("label") else None
            segment = choice.get("segment") or None
            mask = read_mask(path, like=image, roi=roi or None, label=label, segment=segment)
            masks = {roi: mask}
    before = row.fingerprint
    if before is not None and fingerprint_both(source.image, row.mask).digest != before.digest:
        rule = "files stay as they are while they are read"
        found = "a change between hashing and reading"
        raise InputError("the files", rule, found, "run again when they are complete")
    return masks


def _compute(
    image: Volume,
    masks: Mapping[str, Volume],
    settings: ExtractionSettings,
    families: tuple[str, ...],
) -> Computed:
    """Compute families inside masks; a case is prepared as for all families of the settings.

    Of several masks, those that cannot be prepared are left out with the reason, as are those that
    could not be read.
    """
    from radiomics.extraction import compute, prepare

    chosen = settings.model_copy(update={"families": families})
    columns = tuple(dict(columns_of(chosen)))
    values: dict[str, list[float]] = {}
    notes: list[str] = [*image.history]
    left_out: dict[str, InputError] = dict(getattr(masks, "refused", {}))
    several = len(masks) + len(left_out) > 1
    for name, mask in masks.items():
        try:
            prepared = prepare(image, mask, settings)
        except InputError as error:
            if not several:
                raise
            left_out[name] = error
            continue
        found = compute(prepared, chosen)
        values[name] = [found.features[column] for column in columns]
        notes += [*mask.history, *found.notes]
    if not values:
        listed = "; ".join(f"{name!r}: {error.found}" for name, error in left_out.items())
        rule = "features are computed in at least one mask"
        raise InputError("masks", rule, listed, "choose masks of this image")
    about_reading: dict[str, Any] = {"notes": list(dict.fromkeys(notes))}
    about_reading |= {"verdict": image.verdict, "unit": image.unit}
    if left_out:
        reasons = [(name, _error_text(error)) for name, error in left_out.items()]
        about_reading["left_out"] = reasons
    return Computed(tuple(values), columns, np.array(list(values.values())), about_reading)


def _region_names(regions: tuple[str, ...], source: Source, row: Row) -> tuple[str, ...]:
    """Return the names of ROIs as outputs may hold them: as the manifest has them, else cleared."""
    asked_for = dict(row.choice).get("roi", "")
    return tuple(
        name if name == asked_for else _without_names(name, source, row) for name in regions
    )


def _without_names(what: Exception | str, source: Source, row: Row) -> str:
    """Return an error or a note in words that name nobody, unless names are wanted."""
    text = what if isinstance(what, str) else _error_text(what)
    if source.open_names:
        return text
    identifying: set[str] = set()
    for path, name in ((source.image, "image"), (row.mask, "mask")):
        text = text.replace(str(Path(path)), name).replace(path, name)
        identifying |= names_below(path) | _identifiers_of(path)
    return scrub(text, identifying)


@contextmanager
def _copy(path: str, source: Source) -> Iterator[Path]:
    """Give a local path; whom a fetched copy names is remembered when it has gone."""
    with local_copy(path, source.scratch) as local:
        if "://" in path and not source.open_names:
            _remember_identifiers(path, b"", local)
        yield local


def _identifiers_of(path: str) -> frozenset[str]:
    """Return whom the files at a path name; those of one image are asked for many times."""
    if "://" in path:
        return _NAMED.get((path, b""), frozenset())
    try:
        state = fingerprint(path).digest
    except OSError:  # it is not there, and names nobody
        return frozenset()
    known = _NAMED.get((path, state))
    return _remember_identifiers(path, state, Path(path)) if known is None else known


def _remember_identifiers(path: str, state: bytes, local: Path) -> frozenset[str]:
    """Look into the files of a path in their present state; the last few are kept."""
    from radiomics.io.dicom.identifiers import identifiers

    while len(_NAMED) >= REMEMBERED:
        _NAMED.pop(next(iter(_NAMED)))
    _NAMED[path, state] = frozenset(identifiers(local))
    return _NAMED[path, state]


def _error_text(error: Exception) -> str:
    if isinstance(error, InputError):
        return f"{error.where}: {error.rule}; found: {error.found}; remedy: {error.remedy}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'file'}: {error.strerror}"
    lines = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"
