"""`python -m cspec` and the `cspec` script."""

from __future__ import annotations

import sys

from cspec.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
