"""How a run stands: means over a window by a plain loop, entries left out, resumed to the bit."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from cspec.runtime.session.straightness import BLOCK, Standing


def constraint(label: str, start: int, stop: int, equal: bool = False) -> Any:
    return SimpleNamespace(label=label, segment=(start, stop), equal=equal, each=None)


CONSTRAINTS = [
    constraint("a", 0, 1),
    constraint("b", 1, 3),
    constraint("h", 3, 4, equal=True),
    SimpleNamespace(label="kept", segment=None, equal=False, each=None),
]


def measured(steps: int, seed: int = 0) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Objectives and entries of so many batches, some of them not measured."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(steps, 5, generator=generator, dtype=torch.float64)
    rows[torch.rand(rows.shape, generator=generator) < 0.2] = math.nan
    rows[:, 0] = torch.randn(steps, generator=generator)
    return [(row[0], row[1:]) for row in rows]


def by_hand(rows: list[tuple[torch.Tensor, torch.Tensor]]) -> tuple[float, float]:
    means = []
    for entry in range(4):
        seen = [float(true[entry]) for _, true in rows if not math.isnan(float(true[entry]))]
        means.append(sum(seen) / len(seen))
    a, b, c, h = means
    return sum(float(f) for f, _ in rows) / len(rows), max(0.0, a, b, c, abs(h))


@pytest.mark.parametrize("steps", [30, BLOCK, 3 * BLOCK + 7])
def test_means_over_the_window_are_those_of_a_plain_loop(steps: int) -> None:
    standing = Standing(CONSTRAINTS)
    assert standing.merit() is None
    for f, true in measured(40, seed=1):
        standing.add(f, true)
    standing.clear()
    rows = measured(steps)
    for f, true in rows:
        standing.add(f, true)
    assert standing.merit() == pytest.approx(by_hand(rows), rel=1e-12)
    assert standing.merit() == standing.merit()  # a look changes nothing


def test_what_no_batch_measured_is_no_violation() -> None:
    standing = Standing([constraint("a", 0, 1)])
    for _ in range(3):
        standing.add(torch.tensor(2.0), torch.tensor([math.nan]))
    assert standing.merit() == (2.0, 0.0)


def test_a_run_without_requirements_stands_by_its_objective() -> None:
    standing = Standing(())
    standing.add(torch.tensor(1.0), None)
    standing.add(torch.tensor(3.0), None)
    assert standing.merit() == (2.0, 0.0)


@pytest.mark.parametrize("cut", [0, 5, BLOCK, BLOCK + 5])
def test_a_window_is_resumed_to_the_same_bits(cut: int) -> None:
    rows = measured(2 * BLOCK + 9)
    whole, first, again = (Standing(CONSTRAINTS) for _ in range(3))
    for f, true in rows:
        whole.add(f, true)
    for f, true in rows[:cut]:
        first.add(f, true)
    again.load_state_dict(first.state_dict())
    for f, true in rows[cut:]:
        again.add(f, true)
    assert again.merit() == whole.merit()


def test_where_each_example_is_asked_the_entries_do_not_tell() -> None:
    each = SimpleNamespace(label="each", segment=None, equal=False, each="train")
    standing = Standing([*CONSTRAINTS, each])
    standing.add(torch.tensor(1.0), torch.zeros(4))
    assert standing.merit() is None
