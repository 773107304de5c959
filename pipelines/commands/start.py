"""Where the command ``radiomics`` begins: what may go wrong before anything of it is imported."""

from __future__ import annotations

import sys
from io import TextIOWrapper

from radiomics.pipelines.commands.exits import INTERRUPTED, WRONG


def main() -> None:
    """Run the command line; Ctrl-C while Python imports is no traceback, either."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a pipe on Windows may not know every letter
            stream.reconfigure(errors="backslashreplace")
    try:
        from radiomics.pipelines.commands.shadows import find_shadows

        problems = find_shadows()
        if problems and sys.argv[1:2] != ["doctor"]:
            sys.stderr.write("error: another package is in the way:\n  " + "\n  ".join(problems))
            sys.stderr.write("\n")
            sys.exit(WRONG)
        from radiomics.pipelines.commands.app import main as run

        run()
    except KeyboardInterrupt:  # before a command began: nothing was done yet
        sys.exit(INTERRUPTED)
