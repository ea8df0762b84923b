"""Pausing the cyclic garbage collector while a tree of many small records is built.

Records of a spec hold no cycles, so the collector finds nothing among them; but every full pass
visits all that were made so far, which makes a linear algorithm grow faster than linearly (a
third of the time at 10,000 constraints; benchmarks/check_speed.py).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """No passes of the cyclic collector inside; it is left as it was found."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()
