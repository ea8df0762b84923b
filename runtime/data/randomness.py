"""Random numbers of one's own: a loader neither disturbs a run nor is disturbed by it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cspec.runtime.data.order import generator_for
from cspec.runtime.models.without_trace import (
    put_back,
    seed_everything,
    states_on_host,
    undisturbed_on_host,
)


class RandomStream:
    """The generators of torch (CPU), numpy and Python as one block of code sees them.

    Seeded by keys, it gives the same numbers again, whatever else is drawn meanwhile.
    """

    def __init__(self) -> None:
        self._held: tuple[Any, Any, Any] | None = None

    def seed(self, *keys: int | str) -> None:
        """Start anew from a hash of the keys."""
        with undisturbed_on_host():
            seed_everything(generator_for(*keys).initial_seed() % 2**63)
            self._held = states_on_host()

    @contextmanager
    def used(self) -> Iterator[None]:
        """Run a block with these generators; afterwards those from before are back."""
        with undisturbed_on_host():
            if self._held is not None:
                put_back(self._held)
            try:
                yield
            finally:
                self._held = states_on_host()
