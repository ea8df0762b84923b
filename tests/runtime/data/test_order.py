"""The order of batches is a function of (seed, epoch, position)."""

import pytest
import torch

from cspec.compiler.choose.batching import batches_per_epoch
from cspec.runtime.data import batches, permutation


def _lists(*arguments: object, **settings: object) -> list[list[int]]:
    return [b.tolist() for b in batches(*arguments, **settings)]  # type: ignore[arg-type]


def test_an_epoch_visits_every_example_once() -> None:
    found = _lists(10, 4, 0, 0)
    assert [len(b) for b in found] == [4, 4, 2]
    assert sorted(i for b in found for i in b) == list(range(10))
    assert [len(b) for b in _lists(10, 4, 0, 0, drop_last=True)] == [4, 4]
    assert _lists(3, None, 0, 5) == [[0, 1, 2]]
    assert _lists(3, 100, 0, 0)[0] == permutation(3, 0, 0).tolist()


def test_order_depends_on_seed_and_epoch_alone() -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = _lists(50, 8, 3, 2)
    assert torch.equal(state, torch.get_rng_state())
    torch.manual_seed(99)
    assert _lists(50, 8, 3, 2) == first
    orders = {tuple(permutation(50, s, e).tolist()) for s in range(4) for e in range(4)}
    assert len(orders) == 16


def test_resuming_inside_an_epoch_gives_the_rest_of_it() -> None:
    whole = _lists(50, 8, 3, 2)
    for start in range(8):
        assert _lists(50, 8, 3, 2, start=start) == whole[start:]


def test_sizes_that_make_no_sense_are_refused() -> None:
    assert batches_per_epoch(10, 4) == 3
    with pytest.raises(ValueError, match="n=0"):
        batches(0, 4, 0, 0)
    with pytest.raises(ValueError, match="size 0"):
        batches(5, 0, 0, 0)
    with pytest.raises(ValueError, match="batch 4 does not exist: the epoch has 3"):
        batches(10, 4, 0, 0, start=4)
