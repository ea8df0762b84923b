"""Room for walking a tree of 200 levels, the most that a text may nest, by recursion.

A level costs a walk up to ten calls, and Python stops at 1,000 unless it is told otherwise.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

CALLS = 5_000
"""Nested calls: 200 levels of up to ten calls each, those of the caller, and as much again."""


@contextmanager
def roomy() -> Iterator[None]:
    """Room for deep trees inside; the limit is left as it was found."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, CALLS))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
