"""Rules and bare events over decision variables, against a grid on which Python says what holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import cspec
from cspec.dsl.messages.diagnostic import SpecError
from cspec.runtime.result.result import Result

Run = Callable[..., Result]
Grid = NDArray[Any]
Event = tuple[str, Callable[[Grid, Grid, float], Grid]]
"""The text of an event, and whether it holds at points, up to some slack."""

SIDE = np.linspace(-3, 3, 601)
X, Y = np.meshgrid(SIDE, SIDE)


def atom(random: np.random.Generator) -> Event:
    """`a*x + b*y <= c` or `>=`, strict or not."""
    a, b, c = (round(float(v), 2) for v in random.uniform(-2, 2, 3))
    sign = "<" if random.random() < 0.5 else ">"
    strict = "" if random.random() < 0.5 else "="
    factor = 1.0 if sign == "<" else -1.0
    text = f"{a}*x + ({b})*y {sign}{strict} {c}".replace("--", "")
    return text, lambda x, y, slack: factor * (a * x + b * y - c) <= slack


def negated(event: Event) -> Event:
    text, holds = event
    return f"not ({text})", lambda x, y, slack: ~holds(x, y, -slack)


def joined(random: np.random.Generator, depth: int) -> Event:
    """A random event of some depth."""
    if depth == 0:
        return atom(random)
    left, right = joined(random, depth - 1), joined(random, depth - 1)
    match random.integers(4):
        case 0:
            return (
                f"({left[0]}) and ({right[0]})",
                lambda x, y, s: left[1](x, y, s) & right[1](x, y, s),
            )
        case 1:
            return (
                f"({left[0]}) or ({right[0]})",
                lambda x, y, s: left[1](x, y, s) | right[1](x, y, s),
            )
        case 2:
            return negated(left)
        case _:
            without = negated(left)[1]
            return (
                f"({left[0]}) => ({right[0]})",
                lambda x, y, s: without(x, y, s) | right[1](x, y, s),
            )


def rule(random: np.random.Generator) -> Event:
    """A random event that stands as a requirement: `and` needs none."""
    left, right = joined(random, 1), joined(random, 1)
    without = negated(left)[1]
    return f"({left[0]}) => ({right[0]})", lambda x, y, s: without(x, y, s) | right[1](x, y, s)


@pytest.mark.parametrize("seed", range(12))
def test_the_result_holds_and_no_point_of_a_grid_is_better(seed: int) -> None:
    random = np.random.default_rng(seed)
    px, py = (round(float(v), 2) for v in random.uniform(-2, 2, 2))
    rules = [rule(random) for _ in range(3)]
    lines = "\n".join(f"     r{i}: {text}" for i, (text, _) in enumerate(rules))
    result = cspec.run(
        f"var x = {px} in [-3, 3]\nvar y = {py} in [-3, 3]\n"
        f"minimize (x - ({px}))^2 + 2*(y - ({py}))^2 + x*y\ns.t.\n{lines}\n"
    )
    x, y = np.array(result.vars["x"]), np.array(result.vars["y"])
    inside = np.all([holds(X, Y, 0.0) for _, holds in rules], axis=0)
    values = (X - px) ** 2 + 2 * (Y - py) ** 2 + X * Y
    held = all(bool(holds(x, y, 1e-5)) for _, holds in rules)
    assert held == (result.status == "satisfied")
    assert held or not inside.any()
    assert result.objective <= values.min(where=inside, initial=np.inf) + 1e-6


CASES = [
    # text, x and y, objective
    ("s.t. rule: x > 1 => y >= 2", (1, -1), 4),
    ("s.t. rule: x > 1 or y > 2", (3, -1), 0),
    ("s.t. rule: x > 4 or y > 2", (4, -1), 1),
    ("s.t. rule: not (x <= 4)", (4, -1), 1),
    ("s.t. rule: not (x > 1 and y < 0)", (3, 0), 1),
    ("s.t. rule: x > 1 => y == 3", (1, -1), 4),
    ("s.t. rule: x > 2 => 1 <= y < 3", (2, -1), 1),
    ("s.t. rule: x in [2, 4] => y >= 0", (3, 0), 1),
    ("s.t. rule: abs(x) >= 4 or y > 2", (4, -1), 1),
    ("s.t. rule: max(x, y) > 2 => x + y <= 1", (2.5, -1.5), 0.5),
    ("param k = 1\ns.t. rule: k == 1 => x <= 2", (2, -1), 1),
    ("param k = 2\ns.t. rule: k == 1 => x <= 2", (3, -1), 0),
    ("let high = x > 1\ns.t. rule: high => y >= 0", (3, 0), 1),
    ("s.t. rule: x > 1 => y > -2 => x <= 2", (2, -1), 1),
]


@pytest.mark.parametrize(("body", "point", "objective"), CASES, ids=[c[0] for c in CASES])
def test_rules_of_decision_variables(
    body: str, point: tuple[float, float], objective: float
) -> None:
    before, _, rest = body.partition("s.t.")
    text = f"{before}var x = 3\nvar y = 0\nminimize (x - 3)^2 + (y + 1)^2\ns.t.{rest}\n"
    result = cspec.run(text)
    found = result.vars["x"], result.vars["y"]
    assert result.status == "satisfied"
    assert found == pytest.approx(point, abs=1e-6)
    assert result.objective == pytest.approx(objective, abs=1e-6)


def test_a_method_by_name_takes_the_violation_as_one_function() -> None:
    text = "var x = 3\nvar y = 0\nminimize (x - 3)^2 + (y + 1)^2\ns.t. rule: x > 1 => y >= 2\n"
    text += "using augmented_lagrangian(every=50)\nfit(optimizer=adam(lr=2e-2), steps=1500)\n"
    result = cspec.run(text)
    assert result["rule"].violation < 1e-3
    assert min(abs(result.objective - 9), abs(result.objective - 4)) < 1e-2


def test_a_rule_is_reported_as_its_violation_and_says_how_it_holds() -> None:
    result = cspec.run(
        "var x = 3\nvar y = 0\nminimize (x - 3)^2 + (y + 1)^2\ns.t. rule: x > 1 => y >= 2\n"
    )
    rule = result["rule"]
    assert (rule.relation, rule.bound, rule.text) == ("<=", 0.0, "x > 1 => y >= 2")
    assert rule.value == pytest.approx(0.0, abs=1e-9)
    assert rule.multiplier == pytest.approx(4.0, abs=1e-6)
    assert any("vacuously: its condition `x > 1` does not hold" in n for n in result.notes)


def test_a_rule_that_is_not_met_is_violated_by_the_least_change() -> None:
    text = "var x = 3\nvar y = 0\nminimize (x - 3)^2 + (y + 1)^2\n"
    text += "s.t. rule: x > 1 => y >= 2 soft(weight=1e-9)\nfit(optimizer=adam(lr=1e-4), steps=50)\n"
    found = cspec.run(text)["rule"]
    assert found.value == pytest.approx(min(3 - 1, 2 + 1), abs=2e-2)


def test_members_of_a_quantifier_are_decided_where_they_are_constant() -> None:
    result = cspec.run(
        "var x[3] = 1\nminimize sumsq(x)\ns.t. a: forall i in range(3): i != 1 => x[i] >= 1\n"
    )
    assert result.vars["x"] == pytest.approx([1.0, 0.0, 1.0], abs=1e-6)
    assert [c.name for c in result.constraints] == ["a[0]", "a[1]", "a[2]"]


def test_many_rules_are_tried_only_where_they_matter() -> None:
    result = cspec.run(
        "var x[12] = 3\nvar y[12] = 0\nminimize sumsq(x - 3) + sumsq(y + 1)\n"
        "s.t. a: forall i in range(12): x[i] > i => y[i] >= i - 1\n"
    )
    # x > i binds for i < 3 only: the cheaper of moving x down to i and y up to i - 1.
    expected = sum(min((3 - i) ** 2, i**2) for i in range(3))
    assert result.objective == pytest.approx(expected, abs=1e-6)


def test_vectors_are_compared_entry_by_entry() -> None:
    text = "var w[2] = [1, 2]\nminimize sumsq(w - [1, 2])\ns.t. r: w >= 0.5 => sum(w) <= 2\n"
    # Either an entry falls to 0.5, which costs 0.25, or the sum to 2, which costs 0.5.
    assert cspec.run(text).objective == pytest.approx(0.25, abs=1e-6)


def test_branches_that_are_all_infeasible_are_infeasible() -> None:
    text = "var x = 3\nminimize (x - 3)^2\ns.t. a: x > 1 => x <= 0\n     b: x >= 2\n"
    result = cspec.run(text)
    assert result.status == "infeasible" and set(result.conflict) == {"a", "b"}
    assert result["a"].violation == pytest.approx(1.0, abs=1e-5)


def test_sets_with_a_projection_go_with_rules() -> None:
    text = (
        "var V[2, 2] = 3\nminimize sumsq(V - [[3, 1], [2, 1]])\n"
        "s.t. s: V in psd\n     r: V[0, 0] > 0.1 => V[1, 1] >= 2.5\n"
    )
    result = cspec.run(text)
    assert result.status == "satisfied"
    assert result.objective == pytest.approx(2.75, abs=1e-6)


def test_more_ways_than_are_tried_are_refused_by_name() -> None:
    terms = " and ".join(f"(x[{i}] > {i} or x[{i}] < -{i})" for i in range(7))
    with pytest.raises(SpecError, match="can hold in more than 64 ways"):
        cspec.run(f"var x[7] = 1\nminimize sumsq(x - 1)\ns.t. r: x[0] > 0 => {terms}\n")


@pytest.mark.parametrize("condition", ["x == 0", "x in {0, 1}", "not x != 0"])
def test_a_condition_on_equality_asks_for_nothing(condition: str) -> None:
    text = f"var x\nvar y\nminimize x^2 + y\ns.t. r: {condition} => y >= 1\n"
    assert [d.code for d in cspec.check(text)] == ["CS109"]
