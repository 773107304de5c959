"""Which rows of a cohort are asked for: by modality, description and date of their series."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fnmatch import translate
from typing import Any

import numpy as np

from radiomics.pipelines.batch.manifest import Manifest
from radiomics.pipelines.batch.modalities import CODES, modality_code
from radiomics.pipelines.batch.statuses import LEFT_OUT
from radiomics.plugins import ConfigurationError, did_you_mean
from radiomics.types import InputError

COLUMNS = ("modality", "description", "date")
"""Columns that a filter looks at: a folder has them, a manifest may."""
FORMATS = ("%Y-%m-%d", "%Y%m%d")
WITHHELD = "not shown: it may name somebody (--keep-identifiers shows it)"


@dataclass(frozen=True)
class CohortFilter:
    """What a row must be to be computed; one that is empty lets everything through.

    ``modalities`` are codes, ``descriptions`` patterns (``THORAX*``, ``re:...``) of which one fits,
    whatever the case of letters; ``after`` and ``before`` the first and the last day.
    """

    modalities: tuple[str, ...] = ()
    descriptions: tuple[str, ...] = ()
    after: date | None = None
    before: date | None = None

    def __bool__(self) -> bool:
        return any((self.modalities, self.descriptions, self.after, self.before))

    def recorded(self, keep_identifiers: bool) -> dict[str, Any]:
        """Return it for provenance; a pattern may hold a name, and stays out where names do."""
        days = {"after": self.after, "before": self.before}
        found: dict[str, Any] = {name: day.isoformat() for name, day in days.items() if day}
        if self.modalities:
            found["modality"] = list(self.modalities)
        if self.descriptions:
            found["description"] = list(self.descriptions) if keep_identifiers else WITHHELD
        return found


def checked_filter(
    modalities: Sequence[str] = (),
    descriptions: Sequence[str] = (),
    after: str | None = None,
    before: str | None = None,
) -> CohortFilter:
    """Return a filter of what a user wrote.

    Parameters
    ----------
    modalities : ``CT``, ``PET``, also several with commas
    after, before : days, ``2020-01-31`` or ``20200131``

    Raises
    ------
    ConfigurationError
        For a modality, a pattern or a day that is none.
    """
    words = [word.strip() for text in modalities for word in text.split(",") if word.strip()]
    for word in words:
        if not modality_code(word):
            hint = did_you_mean(word.upper(), CODES)
            raise ConfigurationError(f"--modality: there is no modality '{word}'. {hint}")
    for text in descriptions:
        _pattern(text)
    first, last = (_day(n, d) for n, d in (("--after", after), ("--before", before)))
    if first and last and first > last:
        raise ConfigurationError(f"--after {first} lies behind --before {last}: no day is between")
    codes = tuple(dict.fromkeys(map(modality_code, words)))
    return CohortFilter(codes, tuple(descriptions), first, last)


def _day(option: str, text: str | None) -> date | None:
    if text is None:
        return None
    found = _parsed_day(text)
    if found is None:
        raise ConfigurationError(f"{option}: a day is written 2020-01-31; given: {text!r}.")
    return found


def _parsed_day(text: str) -> date | None:
    for form in FORMATS:
        try:
            return datetime.strptime(text.strip(), form).date()
        except ValueError:
            continue
    return None


def _pattern(text: str) -> re.Pattern[str]:
    try:
        expression = text[3:] if text.startswith("re:") else translate(text)
        return re.compile(expression, re.IGNORECASE)
    except re.error as error:
        raise ConfigurationError(f"--description: {text!r} is no expression: {error}.") from None


def leave_out_others(manifest: Manifest, wanted: CohortFilter) -> None:
    """Mark the rows that a filter does not let through; they stay in all tables.

    Raises
    ------
    InputError
        When the manifest lacks a column that the filter looks at, or no row is left.
    """
    checks: list[tuple[str, str, Callable[[str], str]]] = []
    if wanted.modalities:
        checks.append(("modality", "--modality", lambda cell: _wrong_modality(cell, wanted)))
    if wanted.descriptions:
        patterns = [_pattern(text) for text in wanted.descriptions]
        checks.append(("description", "--description", lambda c: _wrong_description(c, patterns)))
    if wanted.after or wanted.before:
        option = "--after" if wanted.after else "--before"
        checks.append(("date", option, lambda cell: _wrong_day(cell, wanted)))
    for column, option, check in checks:
        if column not in manifest.table.column_names:
            rule = f"a filter looks at the manifest's column {column!r}"
            found = f"columns: {', '.join(manifest.table.column_names)}"
            raise InputError(option, rule, found, "add the column, or filter the manifest itself")
        codes, cells = manifest.distinct(column)
        for number, cell in enumerate(cells):
            reason = check(cell)
            if reason:
                manifest.refuse_all(np.flatnonzero(codes == number), reason, LEFT_OUT)
    if checks and len(manifest) and all(manifest.statuses[c] == LEFT_OUT for c in manifest.codes):
        options = ", ".join(option for _, option, _ in checks)
        remedy = "widen the filter; `radiomics inspect` lists what is there"
        raise InputError(options, "a filter leaves a case", _what_is_there(manifest), remedy)


def _wrong_modality(cell: str, wanted: CohortFilter) -> str:
    code = modality_code(cell) or cell.strip().upper()
    if code in wanted.modalities:
        return ""
    asked = " or ".join(wanted.modalities)
    if not code:
        return f"left out: nothing tells its modality, {asked} is asked for"
    return f"left out: its modality is not {asked}"


def _wrong_description(cell: str, patterns: Sequence[re.Pattern[str]]) -> str:
    fits = any(pattern.match(cell) for pattern in patterns)
    return "" if fits else "left out: its description is not among those asked for"


def _wrong_day(cell: str, wanted: CohortFilter) -> str:
    day = _parsed_day(cell[:10])
    if day is None:
        return "left out: nothing tells its date"
    if wanted.after and day < wanted.after:
        return f"left out: before {wanted.after}"
    if wanted.before and day > wanted.before:
        return f"left out: after {wanted.before}"
    return ""


def _what_is_there(manifest: Manifest) -> str:
    """Return how many rows there are, by modality and by why they are left out."""
    parts = [f"{len(manifest)} case(s)"]
    if "modality" in manifest.table.column_names:
        codes, names = manifest.distinct("modality")
        counts = np.bincount(codes, minlength=len(names))
        parts.append(", ".join(f"{n} {name or '?'}" for name, n in zip(names, counts, strict=True)))
    reasons = Counter(manifest.reasons[code] for code in manifest.codes)
    parts += [f"{reason.removeprefix('left out: ')}: {n}" for reason, n in reasons.most_common()]
    return "; ".join(parts)
