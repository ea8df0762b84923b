"""Which models move is said where there are several."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import cspec

A = torch.randn(40, 4, generator=torch.Generator().manual_seed(0))
DATA = (A, (A[:, 0] > 0).long())


def notes(text: str, **models: nn.Module) -> tuple[str, ...]:
    return cspec.compile(f"data train(x, y)\n{text}", train=DATA, **models).notes


PAIR = "model f\nmodel old\nminimize ce(f(x), y)\ns.t. c: P[pred(f(x)) != pred(old(x))] <= 2%\n"


def test_a_model_that_is_only_compared_with_is_named() -> None:
    found = notes(PAIR, f=nn.Linear(4, 2), old=nn.Linear(4, 2))
    assert any("trained are `f` and `old`" in note for note in found)
    assert any("`old` is trained by `c` alone" in note for note in found)
    still = nn.Linear(4, 2).requires_grad_(False)
    assert notes(PAIR, f=nn.Linear(4, 2), old=still) == ()


@pytest.mark.parametrize(
    "text",
    [
        "model f\nmodel g\nminimize E[ce(f(x), y) + ce(g(x), y)]\n"
        "s.t. c: E[abs(f(x)[0] - g(x)[0])] <= 1",
        "model f\nmodel g\nminimize ce(f(x), y)\ns.t. c: E[ce(g(x), y)] <= 1",
    ],
)
def test_models_that_both_have_work_of_their_own_are_only_listed(text: str) -> None:
    found = notes(text, f=nn.Linear(4, 2), g=nn.Linear(4, 2))
    assert any("trained are" in note for note in found)
    assert not any("alone" in note for note in found)


def test_one_model_and_its_frozen_copy_need_no_word() -> None:
    text = (
        "model f\nmodel old = frozen(f)\nminimize ce(f(x), y)\n"
        "s.t. c: E[ce(f(x), y)] <= E[ce(old(x), y)] + 1"
    )
    assert notes(text, f=nn.Linear(4, 2)) == ()
