"""Random numbers of one's own: a loader neither disturbs a run nor is disturbed by it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from cspec.runtime.data.order import generator_for
from cspec.runtime.models.without_trace import seed_everything


class RandomStream:
    """The generators of torch (CPU), numpy and Python as one block of code sees them.

    Seeded by keys, it gives the same numbers again, whatever else is drawn meanwhile.
    """

    def __init__(self) -> None:
        self._held: tuple[Any, Any, Any] | None = None

    def seed(self, *keys: int | str) -> None:
        """Start anew from a hash of the keys."""
        with _swapped():
            seed_everything(generator_for(*keys).initial_seed() % 2**63)
            self._held = _states()

    @contextmanager
    def used(self) -> Iterator[None]:
        """Run a block with these generators; afterwards those from before are back."""
        with _swapped():
            if self._held is not None:
                _restore(self._held)
            try:
                yield
            finally:
                self._held = _states()


def _states() -> tuple[Any, Any, Any]:
    return random.getstate(), np.random.get_state(), torch.get_rng_state()


def _restore(states: tuple[Any, Any, Any]) -> None:
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])


@contextmanager
def _swapped() -> Iterator[None]:
    before = _states()
    try:
        yield
    finally:
        _restore(before)
