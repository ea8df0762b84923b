"""Searches for what a text may have meant: a fault of one of them ends no check.

A check says what is wrong with a spec. That it looks for what was meant, too, is a help: where such
a search raises, the finding stands without it. Who works on them sets `CSPEC_STRICT=1`, as the
tests do, and sees what was raised.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
STRICT = "CSPEC_STRICT"
"""The variable of the environment under which nothing is caught."""


def sought(search: Callable[[], T], otherwise: T) -> T:
    """What a search finds, and what stands without it where it raises."""
    if os.environ.get(STRICT):
        return search()
    try:
        return search()
    except Exception:
        return otherwise
