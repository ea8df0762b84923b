"""Exit codes of the command line. Those of a finished run are in `runtime/result/result.py`."""

from typing import Final

OK: Final = 0
"""All requirements met (or the command did what it was asked)."""
ERRORS: Final = 1
"""Errors found before the first step; also `fmt --check` on a file that would change."""
USAGE: Final = 2
"""The command line itself is wrong."""
INTERRUPTED: Final = 130
"""Ctrl-C."""
BUG: Final = 70
"""A bug in cspec (EX_SOFTWARE of sysexits.h): nothing that a spec can cause."""
