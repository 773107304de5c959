"""What a file of masks offers, and the choice among it by name, number or label."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from radiomics.io.masks.boxes import BoxedMask
from radiomics.types import InputError, Volume


@dataclass(frozen=True)
class Entry:
    """One mask that a file names.

    Parameters
    ----------
    number : its number there: of a ROI, of a segment, or the value of a label
    label : its name there, which others may share
    empty : why there is nothing to read; empty text where there is something
    name : what no other mask of the file is called; see :func:`with_names`
    """

    number: float
    label: str
    empty: str = ""
    name: str = ""


class MaskFile(Protocol):
    """A file of masks that was opened, and whose masks can be read one by one.

    ``kind`` is the file in words, ``option`` the keyword of :func:`radiomics.read_mask` that
    chooses among its masks: ``"roi"``, ``"segment"`` or ``"label"``.
    """

    @property
    def path(self) -> Path: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def option(self) -> str: ...  # noqa: D102
    @property
    def entries(self) -> tuple[Entry, ...]: ...  # noqa: D102

    def read(self, entry: Entry, like: Volume) -> BoxedMask:
        """Read one mask onto the grid of an image; an InputError says why it cannot be."""
        ...


def with_names(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Give every mask a name of its own: equal ones are told apart by their numbers.

    >>> [e.name for e in with_names([Entry(1, "GTV"), Entry(4, "GTV"), Entry(5, "lung")])]
    ['GTV #1', 'GTV #4', 'lung']
    """
    shared = Counter(entry.label for entry in entries)
    taken: set[str] = set()
    named = []
    for entry in entries:
        name = entry.label if shared[entry.label] == 1 else f"{entry.label} #{entry.number:.17g}"
        count = 2
        own = name
        while own in taken:  # one number for two, or somebody's name ends like that
            own, count = f"{name} ({count})", count + 1
        taken.add(own)
        named.append(Entry(entry.number, entry.label, entry.empty, own))
    return tuple(named)


def choose_one(file: MaskFile, asked: object) -> Entry:
    """Return the one mask that is asked for by its name, its number or its label.

    Parameters
    ----------
    asked : None for the only mask that there is

    Raises
    ------
    InputError
        When none fits, or several do; all are listed.
    """
    if not file.entries:
        rule, found = "a mask needs at least one voxel inside", f"{file.kind} without any mask"
        raise InputError(file.path, rule, found, "check that the file belongs to the image")
    noun = {"roi": "ROI", "segment": "segment", "label": "label"}[file.option]
    if asked is None:
        chosen = [entry for entry in file.entries if not entry.empty]
        rule = f"a {noun} is needed where there are several"
        if not chosen:
            rule = f"there must be a {noun} to read"
    elif file.option == "label":
        chosen = [entry for entry in file.entries if entry.number == asked]
        rule = f"label {asked} must occur"
    else:
        chosen = [entry for entry in file.entries if _fits(file.option, entry, str(asked))]
        if file.option == "roi":
            chosen = [entry for entry in chosen if not entry.empty]
        rule = f"exactly one {noun} {'named ' * (file.option == 'roi')}{asked!r}"
    if len(chosen) == 1:
        return chosen[0]
    listing = ", ".join(_listed(file.option, entry) for entry in file.entries[:MOST_LISTED])
    more = ", …" if len(file.entries) > MOST_LISTED else ""
    found = f"{len(chosen)} of these fit: {listing}{more}"
    if file.option == "label":
        found = f"{len(file.entries)} values besides 0: [{listing}{more}]"
    option = file.option
    remedy = f"choose one with {option}=... or --{option}, or all with read_masks or --roi '*'"
    raise InputError(file.path, rule, found, remedy)


MOST_LISTED = 200
"""Masks that a message lists."""


def _fits(option: str, entry: Entry, asked: str) -> bool:
    if asked in (entry.name, entry.label):
        return True
    return option == "segment" and asked == f"{entry.number:g}"


def _listed(option: str, entry: Entry) -> str:
    empty = f" ({entry.empty})" if entry.empty else ""
    if option == "label":
        return entry.label
    name = repr(entry.name if option == "roi" else entry.label)
    return f"{entry.number:g}: {name}{empty}" if option == "segment" else f"{name}{empty}"


def choose_several(file: MaskFile, choose: str) -> list[Entry]:
    """Return the masks whose names fit: one name, a pattern, or ``re:`` and an expression.

    Raises
    ------
    InputError
        When none fits (those that exist are listed), or for a broken expression.
    """
    if choose.startswith("re:"):
        try:
            expression = re.compile(choose[3:])
        except re.error as error:
            rule = "re: is followed by a regular expression"
            raise InputError(file.path, rule, f"{choose!r}: {error}", "correct it") from None
        fits = [bool(expression.fullmatch(entry.name)) for entry in file.entries]
    else:
        fits = [fnmatch.fnmatchcase(entry.name, choose) for entry in file.entries]
    chosen = [entry for entry, fit in zip(file.entries, fits, strict=True) if fit]
    if not chosen:
        found = ", ".join(repr(entry.name) for entry in file.entries[:MOST_LISTED])
        raise InputError(
            file.path,
            f"a mask must fit {choose!r}",
            found or "no mask at all",
            "choose among these",
        )
    return chosen
