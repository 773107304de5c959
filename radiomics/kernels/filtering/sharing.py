"""What several filters of one image have in common, found once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from threading import RLock
from typing import Any

Key = tuple[Hashable, ...]


class Shared:
    """What several filters of one image need, found once: its Fourier transform above all.

    Of each kind only the last thing found is kept, and not beyond the last of the expected calls;
    who holds ``turn`` works alone. So the memory does not grow with the number of filters.

    Parameters
    ----------
    expected : how often each key will be asked for; its first part is the kind of thing
    """

    def __init__(self, expected: Mapping[Key, int] | None = None) -> None:
        self._left = Counter(expected or {})
        self._kept: dict[str, tuple[Key, Any]] = {}
        self.turn = RLock()

    def pays(self, key: Key) -> bool:
        """Tell whether a thing is there, or will be asked for again after the next call."""
        kept = self._kept.get(str(key[0]))
        return self._left[key] > 1 or (kept is not None and kept[0] == key)

    def once(self, key: Key, find: Callable[[], Any]) -> tuple[Any, bool]:
        """Return what ``find`` gives, and whether this was the last to ask: it may be changed."""
        kind = str(key[0])
        kept = self._kept.pop(kind, None)
        value = kept[1] if kept is not None and kept[0] == key else None
        del kept  # the other thing must be gone before this one is found
        if value is None:
            value = find()
        self._left[key] -= 1
        if self._left[key] > 0:
            self._kept[kind] = (key, value)
        return value, self._left[key] <= 0
