"""The order of examples is a function of (seed, epoch)."""

import torch

from cspec.compiler.choose.batching import batches_per_epoch, last_batch
from cspec.runtime.data import permutation


def test_an_epoch_visits_every_example_once() -> None:
    assert sorted(permutation(10, 0, 0).tolist()) == list(range(10))
    assert (batches_per_epoch(10, 4), last_batch(10, 4)) == (3, 2)
    assert batches_per_epoch(3, None) == batches_per_epoch(3, 100) == 1


def test_one_example_left_over_joins_where_asked() -> None:
    assert (batches_per_epoch(9, 4), last_batch(9, 4)) == (3, 1)
    assert (batches_per_epoch(9, 4, join=True), last_batch(9, 4, join=True)) == (2, 5)


def test_order_depends_on_seed_and_epoch_alone() -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = permutation(50, 3, 2)
    assert torch.equal(state, torch.get_rng_state())
    torch.manual_seed(99)
    assert torch.equal(permutation(50, 3, 2), first)
    orders = {tuple(permutation(50, s, e).tolist()) for s in range(4) for e in range(4)}
    assert len(orders) == 16
