"""Errors that are minimized are led by their loss, where labels are the numbers of the classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import cspec

N = 60
DRAW = np.random.default_rng(0)
BITS, THREE = DRAW.integers(0, 2, N), DRAW.integers(0, 3, N)
LABELS: dict[str, tuple[Any, int, bool]] = {
    "numbers": (BITS, 2, True),
    "numbers of one logit": (BITS, 1, True),
    "true and false": (BITS == 1, 2, True),
    "text": (np.where(BITS, "yes", "no"), 2, True),
    "text of one logit": (np.where(BITS, "yes", "no"), 1, True),
    "three": (THREE, 3, True),
    "three of four": (THREE, 4, True),
    "floats of one logit": (BITS.astype(float), 1, True),
    "floats": (BITS.astype(float), 2, False),
    "1 and 2": (BITS + 1, 2, False),
    "signs": (2 * BITS - 1, 2, False),
    "signs of one logit": (2 * BITS - 1, 1, False),
    "three of two": (THREE, 2, False),
}


def compiled(y: Any, outputs: int, objective: str = "P[pred != y]", more: str = "") -> Any:
    text = (
        f"data train(x, y, g)\nmodel f\nminimize {objective}\n"
        "s.t. c: gap(P[pred == 1 | g]) <= 90%\n"
        f"{more}fit(steps=3)"
    )
    x = torch.randn(N, 2, generator=torch.Generator().manual_seed(0))
    model = nn.Linear(2, outputs)
    train = {"x": x, "y": y, "g": np.arange(N) % 2}
    program = cspec.compile(text, f=model, train=train)
    assert cspec.run(text, f=model, train=train).termination == "completed"
    return program


@pytest.mark.parametrize("kind", LABELS)
def test_a_loss_leads_where_labels_are_its_own(kind: str) -> None:
    y, outputs, led = LABELS[kind]
    loss = "bce" if outputs == 1 else "ce"
    stand_in = compiled(y, outputs).objective_stand_in
    assert (f"0.07*E[{loss}(f(x), y) on train]" in stand_in) is led


def test_a_part_of_an_objective_is_led_like_all_of_it() -> None:
    stand_in = compiled(BITS, 2, "2*P[pred != y] + 0.1*E[ce(f(x), y)]").objective_stand_in
    assert "ce(f(x), y)" in stand_in and "0.07" in stand_in


def test_nothing_leads_where_a_method_is_named() -> None:
    program = compiled(BITS, 2, more="using lagrangian\n")
    assert program.objective_stand_in == "E[1 - prob(f(x))[y] on train]"
