"""Generated specs: every number of a run beside the evaluator's."""

from __future__ import annotations

import pytest
import torch
from meaning.errors import accepted, wrong_specs
from meaning.generate import generate
from meaning.shrink import report

BLOCK = 5


def wrong_in(first: int, many: int) -> str:
    """What is wrong with the specs of some seeds."""
    torch.set_num_threads(1)
    reports = [report(generate(seed)) for seed in range(first, first + many)]
    return "\n\n".join(r for r in reports if r)


@pytest.mark.parametrize("first", range(0, 100, BLOCK))
def test_what_is_written_is_measured(first: int) -> None:
    wrong = wrong_in(first, BLOCK)
    assert not wrong, wrong


@pytest.mark.nightly
@pytest.mark.parametrize("first", range(1000, 1500, BLOCK))
def test_what_is_written_is_measured_of_many(first: int) -> None:
    wrong = wrong_in(first, BLOCK)
    assert not wrong, wrong


@pytest.mark.parametrize("first", range(0, 200, 25))
def test_mistakes_are_refused_with_a_place(first: int) -> None:
    torch.set_num_threads(1)
    wrong = [said for spec in wrong_specs(first, 25) if (said := accepted(spec))]
    assert not wrong, "\n\n".join(wrong)
