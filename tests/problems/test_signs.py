"""The sign rule of multipliers and sensitivities, by finite differences of solves.

`lhs == rhs` has the multiplier of (lhs - rhs) as written, an inequality one >= 0 however it is
written, and the sensitivity is the change of the objective as written per unit that the bound as
written is raised.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

import cspec

STEP = 1e-4


class Form(NamedTuple):
    """A constraint with its bound `b`, on which side b stands, and how lhs - rhs goes with it."""

    text: str
    bound: float
    of_bound: float
    """d(lhs - rhs) / d bound, for an equality; 0 for an inequality."""


FORMS = [
    Form("x + y == {b}", 1, -1),
    Form("{b} == x + y", 1, 1),
    Form("x*y == {b}", 0.5, -1),
    Form("{b} == x*y", 0.5, 1),
    Form("x + y - {b} == 0", 1, -1),
    Form("0 == {b} - x - y", 1, -1),
    Form("0 == x^2 + y - {b}", 1, 1),
    Form("x == {b} - y", 1, -1),
    Form("x + y <= {b}", 1, 0),
    Form("{b} >= x + y", 1, 0),
    Form("x >= {b}", 3, 0),
    Form("{b} <= x", 3, 0),
    Form("exp(x) <= {b}", 2, 0),
    Form("-x*y >= {b}", 1, 0),
    Form("{b} <= -x*y", 1, 0),
    Form("not (x < {b})", 3, 0),
]
OBJECTIVES = ["minimize (x - 2)^2 + 2*(y - 1)^2 + 0.3*x*y", "maximize 1 - (x - 2)^2 - 2*(y - 1)^2"]


def solved(form: Form, objective: str, raised: float, more: str = "") -> cspec.Result:
    text = form.text.format(b=form.bound + raised)
    return cspec.run(f"var x = 1.5\nvar y = 0.5\n{objective}\ns.t. c: {text}\n{more}")


@pytest.mark.parametrize("objective", OBJECTIVES, ids=["minimize", "maximize"])
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.text)
def test_prices_are_those_of_finite_differences(form: Form, objective: str) -> None:
    result = solved(form, objective, 0.0)
    up, down = (solved(form, objective, side * STEP).objective for side in (1, -1))
    change = (up - down) / (2 * STEP)
    found = result["c"]
    minimized = change if objective.startswith("min") else -change
    assert abs(change) > 1e-2, "the constraint has to matter"
    if form.of_bound:
        # f* = min of f + m (lhs - rhs): its derivative by the bound is m d(lhs - rhs) / d bound
        assert found.multiplier == pytest.approx(minimized / form.of_bound, abs=1e-3)
    else:
        assert found.multiplier == pytest.approx(abs(change), abs=1e-3)
    if "- {b}" not in form.text and "{b} -" not in form.text:
        assert found.sensitivity == pytest.approx(change, abs=1e-3)


@pytest.mark.parametrize(
    ("chain", "part", "of_bound"),
    [
        ("{b} == x == y", "c.1", 1),
        ("x == y == {b}", "c.2", -1),
        ("{b} <= x <= y <= 9", "c.1", 0),
        ("9 >= y >= x >= {b}", "c.3", 0),
        ("{b} <= x <= 9", "c.lo", 0),
        ("x in [{b}, 9]", "c.lo", 0),
    ],
)
def test_links_of_chains_have_prices_of_their_own(chain: str, part: str, of_bound: float) -> None:
    form = Form(chain, 2.5, of_bound)
    result = solved(form, OBJECTIVES[0], 0.0)
    up, down = (solved(form, OBJECTIVES[0], side * STEP).objective for side in (1, -1))
    change = (up - down) / (2 * STEP)
    found = result[part]
    assert found.multiplier == pytest.approx(change / of_bound if of_bound else change, abs=1e-3)
    assert found.sensitivity == pytest.approx(change, abs=1e-3)


@pytest.mark.parametrize("beside", ["", "s: V in psd; "], ids=["alone", "beside psd"])
@pytest.mark.parametrize(
    "text",
    ["w[0]^2 + w[1] == {b}", "{b} == w[0]^2 + w[1]", "w[0]*w[1] >= {b}", "{b} <= w[0]*w[1]"],
)
def test_the_projected_method_keeps_the_rule(text: str, beside: str) -> None:
    """`psd` leaves the problem to the spectral projected gradient method."""

    def run(bound: float) -> cspec.Result:
        return cspec.run(
            "var w[3] = [0.3, 0.4, 0.5]\nvar V[2, 2] = 1\n"
            "minimize sumsq(w - [0, 0.3, 2]) + sumsq(V - [[1, 2], [0, 1]])\n"
            f"s.t. {beside}c: {text.format(b=bound)}\nusing spg\n"
        )

    change = (run(0.5 + STEP).objective - run(0.5 - STEP).objective) / (2 * STEP)
    found = run(0.5)["c"]
    assert found.sensitivity == pytest.approx(change, abs=1e-3)
    side = -1 if text.endswith("== {b}") else 1
    assert found.multiplier == pytest.approx(side * change, abs=1e-3)


@pytest.mark.parametrize("text", ["sum(w) == {b}", "{b} == sum(w)", "w[0] >= {b}", "{b} <= w[0]"])
def test_projected_sets_keep_the_rule(text: str) -> None:
    def run(bound: float) -> cspec.Result:
        return cspec.run(
            "var w[3] = [0.3, 0.4, 0.5]\nminimize sumsq(w - [0, 0.3, 2])\n"
            f"s.t. c: {text.format(b=bound)}\nusing spg\n"
        )

    change = (run(0.5 + STEP).objective - run(0.5 - STEP).objective) / (2 * STEP)
    found = run(0.5)["c"]
    assert found.sensitivity == pytest.approx(change, abs=1e-3)
    side = -1 if text.endswith("== {b}") else 1
    assert found.multiplier == pytest.approx(side * change, abs=1e-3)


@pytest.mark.parametrize("text", ["x == 2", "2 == x", "x >= 2", "2 <= x"])
def test_a_training_loop_keeps_the_rule(text: str) -> None:
    result = cspec.run(
        f"var x = 1\nminimize x^2\ns.t. c: {text}\nusing augmented_lagrangian(every=20)\n"
        "fit(optimizer=adam(lr=5e-2), steps=1500)\n"
    )
    found = result["c"]
    assert found.multiplier == pytest.approx(-4 if text == "x == 2" else 4, abs=0.05)
    assert found.sensitivity == pytest.approx(4, abs=0.05)
