"""How a check runs: with room for deep trees, on where a search for what was meant has a fault, and
without passes of the cyclic collector, as imports do.
"""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

CALLS = 5_000
"""Nested calls: 200 levels of up to ten calls each, those of the caller, and as much again."""


@contextmanager
def roomy() -> Iterator[None]:
    """Room for walking a tree of 200 levels, the most that a text may nest, by recursion.

    A level costs a walk up to ten calls, and Python stops at 1,000 unless it is told otherwise.
    The limit is left as it was found.
    """
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, CALLS))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


@contextmanager
def paused() -> Iterator[None]:
    """No passes of the cyclic collector inside, where many objects are made that all stay.

    Records of a spec hold no cycles, so the collector finds nothing among them; but every full pass
    visits all that were made so far, which makes a linear algorithm grow faster than linearly (a
    third of the time at 10,000 constraints; benchmarks/check_speed.py). It is left as it was found.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


@contextmanager
def loading(own: bool = False) -> Iterator[None]:
    """Around imports: modules, classes and functions stay, so the collector visits none of them.

    It would after some hundred objects each, and again all that were made by then: a third of the
    time in which a run is imported. Behind them they count as old at once; garbage that was there
    before is found a while later. A program that has its process to itself (`own`) never looks at
    them again, nor at its end, which would take half a second more where torch is imported.
    """
    before = len(sys.modules)
    with paused():
        yield
        if len(sys.modules) > before and (own or not gc.get_freeze_count()):
            gc.freeze()
            if not own:
                gc.unfreeze()


T = TypeVar("T")
STRICT = "CSPEC_STRICT"
"""The variable of the environment under which nothing is caught."""


def sought(search: Callable[[], T], otherwise: T) -> T:
    """What a search for what a text may have meant finds, and what stands where it raises.

    A check says what is wrong with a spec. That it looks for what was meant, too, is a help: where
    such a search raises, the finding stands without it. Who works on them sets `CSPEC_STRICT=1`, as
    the tests do, and sees what was raised.
    """
    if os.environ.get(STRICT):
        return search()
    try:
        return search()
    except Exception:
        return otherwise
