"""The order of examples is a function of (seed, epoch)."""

import pytest
import torch

from cspec.compiler.choose.batching import batches_per_epoch, last_batch
from cspec.runtime.data import permutation
from cspec.runtime.data.order import stratified


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


@pytest.mark.parametrize("sizes", [(500, 300, 150, 40, 10), (7, 7, 7), (96, 1), (33,)])
def test_each_stretch_of_a_stratified_epoch_holds_its_share_of_each_cell(
    sizes: tuple[int, ...],
) -> None:
    cells = torch.cat([torch.full((n,), 3 * c - 1) for c, n in enumerate(sizes)])
    n = len(cells)
    cells = cells[torch.randperm(n, generator=torch.Generator().manual_seed(1))]
    for epoch in range(3):
        order = stratified(cells, 5, epoch)
        assert order.sort().values.tolist() == list(range(n))
        for cell, size in enumerate(sizes):
            seen = torch.cumsum((cells[order] == 3 * cell - 1).double(), 0)
            share = torch.arange(1, n + 1) * size / n
            # One for its own place, and its share of one for the place of each other cell.
            assert float((seen - share).abs().max()) <= 1 + size * len(sizes) / n + 1e-9


def test_stratified_epochs_differ_and_repeat() -> None:
    cells = torch.arange(60) % 4
    first = stratified(cells, 0, 0)
    assert torch.equal(first, stratified(cells, 0, 0))
    assert not torch.equal(first, stratified(cells, 0, 1))
    assert not torch.equal(first, stratified(cells, 1, 0))


def test_a_rare_cell_is_in_every_batch() -> None:
    cells = (torch.arange(3000) % 60 == 0).long()  # 50 of 3,000: a batch of 120 holds 2
    for epoch in range(5):
        held = [int(cells[part].sum()) for part in stratified(cells, 0, epoch).split(120)]
        plain = [int(cells[part].sum()) for part in permutation(3000, 0, epoch).split(120)]
        assert set(held) <= {1, 2, 3} and min(plain) == 0
