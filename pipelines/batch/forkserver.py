"""What the fork server imports, of which children are copies, and nothing else does.

The main process may end, whatever ends it, when a copy exists and has not heard yet what it is to
do. Such a copy ends, too; that its orders never came is no error to print.
"""

from __future__ import annotations

import sys
from pickle import UnpicklingError
from types import TracebackType


def print_error(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print what a copy raised before its work began, unless its orders never came or were cut."""
    if not issubclass(kind, EOFError | UnpicklingError):
        sys.__excepthook__(kind, error, trace)


sys.excepthook = print_error
