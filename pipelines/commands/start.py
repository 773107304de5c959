"""Where the command ``radiomics`` begins: Ctrl-C while Python imports is no traceback, either."""

from __future__ import annotations

import sys

INTERRUPTED = 130


def main() -> None:
    """Run the command line."""
    try:
        from radiomics.pipelines.commands.cli import main as run

        run()
    except KeyboardInterrupt:  # before a command began: nothing was done yet
        sys.exit(INTERRUPTED)
