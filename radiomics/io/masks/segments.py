"""The choice among the segments that a file holds, by number or by label."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from radiomics.types import InputError


def choose_segment(
    path: Path, labels: Mapping[int, str], segment: int | str | None
) -> tuple[int, str]:
    """Return number and label of the one segment that was asked for by either.

    Parameters
    ----------
    labels : number to label of the segments that there are
    segment : a number or a label; None for the only segment

    Raises
    ------
    InputError
        When none fits, or several do; all are listed.
    """
    listing = ", ".join(f"{number}: {label!r}" for number, label in labels.items())
    if segment is None:
        chosen, rule = list(labels), "a segment is needed unless there is exactly one"
    else:
        chosen = [n for n, label in labels.items() if str(segment) in (str(n), label)]
        rule = f"exactly one segment {segment!r}"
    if len(chosen) != 1:
        raise InputError(
            path,
            rule,
            f"{len(chosen)} of these fit: {listing}",
            "choose one with segment=... or --segment",
        )
    return chosen[0], labels[chosen[0]]
