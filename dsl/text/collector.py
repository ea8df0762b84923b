"""Pausing the cyclic garbage collector while many objects are made that all stay.

Records of a spec hold no cycles, so the collector finds nothing among them; but every full pass
visits all that were made so far, which makes a linear algorithm grow faster than linearly (a
third of the time at 10,000 constraints; benchmarks/check_speed.py). What an import brings stays to
the end.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType


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


def loaded(name: str) -> ModuleType:
    """A module; where it is imported anew, the collector visits nothing that was there by then.

    For programs that own their process: what they import stays to its end.
    """
    if name in sys.modules:
        return sys.modules[name]
    with paused():
        module = import_module(name)
        gc.freeze()
    return module
