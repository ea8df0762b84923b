"""The order of examples is a function of (seed, epoch): nothing else needs to be saved.

No global generator is read or moved. Resuming at (epoch, position) gives the same batches as never
having stopped. A loader has random numbers of its own, too: it neither disturbs a run nor is
disturbed by it.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from cspec.runtime.models.without_trace import put_back, seed_everything, states, undisturbed


def generator_for(*keys: int | str) -> torch.Generator:
    """A CPU generator whose seed is a hash of the keys: near keys give unrelated streams."""
    digest = hashlib.blake2b(repr(keys).encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "big", signed=True))


def permutation(n: int, seed: int, epoch: int) -> Tensor:
    """The order of n examples in an epoch, int64 (n,); the same on every machine and device."""
    return torch.randperm(n, generator=generator_for("order", seed, epoch))


def stratified(cells: Tensor, seed: int, epoch: int) -> Tensor:
    """An order of an epoch in which each cell is spread evenly, int64 (n,).

    The k-th of the n_c examples of a cell, drawn at random, stands at the share (k + u_c) / n_c of
    the epoch, u_c uniform (systematic sampling): any stretch of it holds a cell's share of it, up
    to one or two. `cells` are integers, (n,).
    """
    generator = generator_for("strata", seed, epoch)
    _, cells = torch.unique(cells.cpu(), return_inverse=True)
    shuffled = torch.randperm(len(cells), generator=generator)
    of = cells[shuffled]
    counts = torch.bincount(of)
    by_cell = torch.argsort(of, stable=True)
    before = torch.cumsum(counts, 0) - counts
    rank = torch.empty_like(by_cell)
    rank[by_cell] = torch.arange(len(of)) - before[of[by_cell]]
    start = torch.rand(len(counts), generator=generator, dtype=torch.float64)
    return shuffled[torch.argsort((rank + start[of]) / counts[of], stable=True)]


class RandomStream:
    """The generators of torch (CPU), numpy and Python as one block of code sees them.

    Seeded by keys, it gives the same numbers again, whatever else is drawn meanwhile.
    """

    def __init__(self) -> None:
        self._held: tuple[Any, Any, Any, list[Tensor]] | None = None

    def seed(self, *keys: int | str) -> None:
        """Start anew from a hash of the keys."""
        with undisturbed(devices=False):
            seed_everything(generator_for(*keys).initial_seed() % 2**63)
            self._held = states(devices=False)

    @contextmanager
    def used(self) -> Iterator[None]:
        """Run a block with these generators; afterwards those from before are back."""
        with undisturbed(devices=False):
            if self._held is not None:
                put_back(self._held)
            try:
                yield
            finally:
                self._held = states(devices=False)
