"""Where cases and samples come from, one module a source.

A source has ``Options`` and ``open(options, progress) -> source``, which has a length, yields
cases, and knows the files behind each: see :class:`radiomics.io.table.Manifest`.
"""

from __future__ import annotations

NAMES = ("phantom", "cohort")
