"""What becomes of a row: the words that tables, pages and the terminal have for it."""

from __future__ import annotations

DONE, FAILED, WAITING = "done", "failed", "waiting"
LEFT_OUT, NO_MASK, NO_IMAGE = "left out", "no mask", "no image"
"""Of rows that are not to be computed, which is no failure."""
IN_WORDS = {
    NO_MASK: "without a mask",
    NO_IMAGE: "mask(s) without an image",
    LEFT_OUT: "left out",
}
"""What so many of them are called."""
STATUSES = (DONE, FAILED, WAITING, *IN_WORDS)
