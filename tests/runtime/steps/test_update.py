"""The pieces of emitted steps where something was not measured, entry by entry."""

import math

import pytest
import torch

from cspec.runtime.functions.statistics import quotient
from cspec.runtime.steps.update import keep, weigh

VALUES = (0.5, -2.0, math.nan, math.inf, -math.inf)


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("start", range(len(VALUES)))
def test_what_was_not_measured_stays_as_it_was(size: int, start: int) -> None:
    true = torch.tensor([VALUES[(start + k) % len(VALUES)] for k in range(size)]).double()
    old = torch.arange(size, dtype=torch.float32)
    new = true * 2 + 1
    pairs = zip(true.tolist(), old.tolist(), strict=True)
    expected = [o if math.isnan(t) else 2 * t + 1 for t, o in pairs]
    found = keep(true, new, old)
    assert found.tolist() == expected and found.dtype is torch.float32


def test_what_is_remembered_is_no_alias_of_what_was_measured() -> None:
    true, old = torch.ones(2), torch.zeros(2)
    keep(true, true, old).add_(1)
    assert true.tolist() == [1, 1]


def test_one_number_for_many_is_spread_over_them() -> None:
    true = torch.tensor([1.0, 2.0])
    assert keep(true, torch.tensor([3.0]), torch.tensor([0.0])).tolist() == [3, 3]


@pytest.mark.parametrize("below", [[2.0, 4.0], [0.0, 4.0], 0.0, 4.0])
def test_a_quotient_by_zero_is_not_measured_and_has_no_slope(below: float | list[float]) -> None:
    above = torch.tensor([3.0, 5.0] if isinstance(below, list) else 3.0, requires_grad=True)
    found = quotient(above, torch.tensor(below))
    weigh(torch.ones_like(found), found).backward()
    pairs = zip(above.flatten().tolist(), torch.tensor(below).flatten().tolist(), strict=True)
    for (a, b), value, slope in zip(
        pairs, found.detach().flatten(), above.grad.flatten(), strict=True
    ):
        if b:
            assert (value.item(), slope.item()) == (a / b, 1 / b)
        else:
            assert math.isnan(value) and slope == 0
