"""SAL with its penalty left open: its rounds in plain numbers, and what it is left with."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from training.linear import line, table

SPEC = """
data train(x, y)
model f
minimize E[(f(x)[0] - y)^2]
s.t. {constraint}
using sal{settings}
fit(optimizer=sgd(lr=0.01), steps={steps}, batch_size=full, precision=float64)
"""
EQUAL = "a: E[f(x)[0]*x[0]] == 0.7"


def rounds(
    seen: list[float], c: float, most: float, far: float, iterations: int
) -> tuple[list[float], list[float]]:
    """The multiplier and mu after each round, from the g of each; one equality, no noise."""
    multiplier, times, held, turn, shuffle, best = 0.0, 1.0, 0.0, 0, 0, 0.0
    multipliers, penalties = [], []
    for g in seen:
        accepted = turn == 0 or g * g <= 0.25 * best or g * g <= 1e-8 * far * far
        held = 0.0 if turn == 0 else times if accepted else held
        if accepted:
            multiplier, best = multiplier + min(times * c, most) * g, g * g
        else:
            times *= 1.5
        turn += 1
        if turn == iterations:
            turn, shuffle = 0, shuffle + 1
            times = max(shuffle + 1, held or times)
        multipliers.append(multiplier)
        penalties.append(min(times * c, most))
    return multipliers, penalties


def watched(run: Any) -> tuple[list[float], list[float], list[float]]:
    """The g, the multiplier and mu of each round."""
    update, found = run.module["update_sal"], ([], [], [])

    def look(state: Any, true: Any) -> None:
        total = state["total"] / state["count"]
        update(state, true)
        for values, value in zip(
            found, (total, state["multipliers"], state["penalty"]), strict=True
        ):
            values.append(value.item())

    run.module["update_sal"] = look
    run.module["restore"] = lambda _: None
    run.module["train"](run)
    return found


@pytest.mark.parametrize("shuffles", [2, 8])
def test_rounds_are_those_that_are_written(session: Any, shuffles: int) -> None:
    """600 steps are 60 rounds of 10; slopes are measured in the first 50."""
    text = SPEC.format(constraint=EQUAL, settings=f"(shuffles={shuffles})", steps=600)
    run = session(text, train=table(), f=line())
    run.total_steps = 600
    seen, multipliers, penalties = watched(run)
    c, most, far = (run.state[name].item() for name in ("first", "most", "far"))
    expected, mu = rounds(seen, c, most, far, 60 // shuffles)
    assert len(seen) == 60
    # While slopes are measured mu is c.
    assert penalties[5:] == pytest.approx(mu[5:], rel=1e-9)
    moves = [b - a for a, b in pairwise(multipliers[5:])]
    plain = [b - a for a, b in pairwise(expected[5:])]
    assert moves == pytest.approx(plain, rel=1e-6, abs=1e-12)
    assert any(move == 0 for move in plain) or run.state["accepts"].item() == 60


def test_a_start_that_is_feasible_freezes_nothing(session: Any) -> None:
    """||C|| = 0 at the start: as printed no update would ever be accepted."""
    text = SPEC.format(constraint="a: E[(f(x)[0])^2] <= 0.05", settings="", steps=600)
    run = session(text, train=table(), f=line())
    run.total_steps = 600
    for parameter in run.parameters:
        parameter.data.zero_()
    run.module["restore"] = lambda _: None
    run.module["train"](run)
    assert run.state["accepts"].item() > 8
    assert run.state["multipliers"].item() > 0.1


@pytest.mark.parametrize(("settings", "printed"), [("", False), ("(penalty=0.1)", True)])
def test_a_penalty_that_is_given_is_algorithm_2(session: Any, settings: str, printed: bool) -> None:
    source = session(
        SPEC.format(constraint=EQUAL, settings=settings, steps=600), train=table(), f=line()
    ).program.source
    assert ("session.in_rounds(" in source) == printed
    assert ("units_of_sal(" in source) != printed
    assert ("session.keep_orders(" in source) != printed
