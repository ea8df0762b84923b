"""`python -m cspec` and the `cspec` script.

What a signal says is in force before anything else is imported: a command that ends while it loads
ends by name, too.
"""

import sys
from importlib import import_module
from typing import Any

from cspec.commands import exits
from cspec.terminated import interruption, terminated


def main() -> int:
    """Run the command that the command line names; the exit code."""
    try:
        with terminated():
            cli: Any = import_module("cspec.cli")
            code: int = cli.main()
            return code
    except KeyboardInterrupt as error:
        print(f"\n{interruption(error)}", file=sys.stderr)
        return exits.INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
