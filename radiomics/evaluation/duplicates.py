"""Identical samples under different names: found by content, refused or kept together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from numpy.typing import NDArray

from radiomics.types import InputError


def join_duplicates(
    groups: NDArray[Any],
    digests: Mapping[str, str],
    ids: tuple[str, ...],
    rule: Literal["refuse", "merge"] = "refuse",
) -> NDArray[Any]:
    """Return groups in which patients that share a content are one.

    Parameters
    ----------
    groups : (N,) the patient of each sample
    digests : id to a hash of the sample's content; ids without one are left alone
    ids : (N,) names of the samples
    rule : ``refuse`` raises; ``merge`` gives such patients one group, the first one's name

    Raises
    ------
    InputError
        Naming the copies, where they are refused.

    >>> import numpy as np
    >>> groups = np.array(["p", "q", "r"])
    >>> join_duplicates(groups, {"a": "1", "b": "1"}, ("a", "b", "c"), "merge").tolist()
    ['p', 'p', 'r']
    """
    joined = groups.copy()
    owner: dict[str, int] = {}
    for row, name in enumerate(ids):
        digest = digests.get(name)
        if digest is None:
            continue
        first = owner.setdefault(digest, row)
        if joined[first] == joined[row]:
            continue
        if rule == "refuse":
            raise InputError(
                "duplicates",
                "different patients have different content",
                f"{name} of {groups[row]} is identical to {ids[first]} of {groups[first]}",
                "leave the copy out, give both one group, or set duplicates: merge",
            )
        joined[joined == joined[row]] = joined[first]
    return joined
