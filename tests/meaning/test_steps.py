"""What a step does: it goes down on what is written, and every requirement pulls."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from meaning.pulls import pulling, slack
from meaning.retyped import otherwise
from meaning.steps import stepping, wrong_step

BLOCK = 10


def steps(first: int) -> Iterator[str]:
    """What is wrong with the first steps of specs that have a gradient everywhere."""
    torch.set_num_threads(1)
    for seed in range(first, first + BLOCK):
        if wrong := wrong_step(stepping(seed)):
            yield wrong


def pulls(first: int) -> Iterator[str]:
    """Requirements on events that do not pull."""
    torch.set_num_threads(1)
    for seed in range(first, first + BLOCK):
        written = pulling(seed)
        if written is not None and (wrong := slack(written)):
            yield wrong


def surrogates(first: int) -> Iterator[str]:
    """Surrogates that `explain` prints and that mean another thing when typed."""
    torch.set_num_threads(1)
    for seed in range(first, first + BLOCK):
        written = pulling(seed)
        if written is not None and (wrong := otherwise(written)):
            yield wrong


@pytest.mark.parametrize("first", range(0, 60, BLOCK))
def test_a_step_goes_down_on_what_is_written(first: int) -> None:
    wrong = list(steps(first))
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.parametrize("first", range(0, 60, BLOCK))
def test_every_requirement_pulls(first: int) -> None:
    wrong = list(pulls(first))
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.parametrize("first", range(0, 60, BLOCK))
def test_a_printed_surrogate_means_the_same_when_typed(first: int) -> None:
    wrong = list(surrogates(first))
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.nightly
@pytest.mark.parametrize("first", range(1000, 1400, BLOCK))
def test_steps_and_pulls_of_many(first: int) -> None:
    wrong = [*steps(first), *pulls(first), *surrogates(first)]
    assert not wrong, "\n\n".join(wrong)
