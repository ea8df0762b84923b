"""Averages over late steps, and violations of them, against loops over plain numbers."""

import math

import pytest
import torch

from cspec.runtime.steps.late import MEMORY, WIDE, late, late_violation
from cspec.runtime.steps.update import distance, shortfall

MEASURED = [[1.0, 3.0], [2.0, math.nan], [6.0, 5.0], [-3.0, math.nan], [0.5, 2.0]]


def test_an_average_is_of_late_steps_and_pulls_as_often_as_it_is_measured() -> None:
    state: dict[str, torch.Tensor] = {}
    mean, seen = [0.0, 0.0], [0, 0]
    for step, row in enumerate(MEASURED, start=1):
        value = torch.tensor(row, requires_grad=True)
        found = late(value, {MEMORY: state}, "s.1", 3)
        for i, number in enumerate(row):
            if not math.isnan(number):
                seen[i] += 1
                mean[i] += max(1 / seen[i], 1 / 3) * (number - mean[i])
        assert found.tolist() == pytest.approx(mean)
        found.sum().backward()
        slopes = [0 if math.isnan(v) else step / n for v, n in zip(row, seen, strict=True)]
        assert value.grad is not None and value.grad.tolist() == pytest.approx(slopes)
    with torch.no_grad():  # who looks is told, and nothing moves
        assert late(torch.tensor([9.0, 9.0]), {MEMORY: state}, "s.1").tolist() == pytest.approx(
            mean
        )


def test_whole_data_are_measured_as_they_are() -> None:
    g = torch.tensor([2.0, -1.0, math.nan], requires_grad=True)
    assert late(g, {}, "s.1") is g
    assert late_violation(g, {}, "s") == shortfall(g)
    assert late_violation(g, {}, "s", equal=True) == distance(g)


def test_what_was_never_measured_is_not_known_and_has_no_slope() -> None:
    value = torch.tensor([math.nan, 1.0], requires_grad=True)
    found = late(value, {MEMORY: {}}, "s.1")
    shortfall(found).backward()
    assert math.isnan(found[0].item()) and value.grad is not None and value.grad.tolist() == [0, 1]


@pytest.mark.parametrize("equal", [False, True])
def test_weights_settle_within_their_range(equal: bool) -> None:
    """m = weight + g / (4 window |moves of g|), in [0, 1], of equalities in [-1, 1]."""
    state: dict[str, torch.Tensor] = {}
    before, width, weight, window, least = 0.0, 0.0, 0.0, 5, -1.0 if equal else 0.0
    for step, number in enumerate([1.0, 0.4, -0.2, -0.5, 0.1, 0.3, -2.0, -2.1]):
        g = torch.tensor([number], requires_grad=True, dtype=torch.float64)
        amount = late_violation(g, {MEMORY: state}, "s", window, equal=equal)
        assert amount.item() == pytest.approx(abs(number) if equal else max(number, 0.0))
        amount.backward()
        moved = abs(number - before) if step else 0.0
        width += max(1 / (step + 1), 1 / window) * (moved - width)
        pull = number / (WIDE * window * width) if width else math.copysign(math.inf, number)
        pull = min(max(pull, -1), 1)
        weight = min(max(weight + pull / window if step else pull, least), 1)
        before = number
        assert g.grad is not None
        assert g.grad.item() == pytest.approx(min(max(weight + pull, least), 1))
