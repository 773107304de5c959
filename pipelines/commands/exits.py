"""How a command ends: the exit codes of ``radiomics``."""

from __future__ import annotations

FAILED = 1
"""Some cases failed; each is named with its reason."""
WRONG = 2
"""The request itself was wrong."""
INTERRUPTED = 130
"""Ctrl-C, or a polite request to end: the same command goes on."""
