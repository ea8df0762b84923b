"""Inequalities that are bounds of one variable."""

import math
from collections.abc import Callable

import pytest

from cspec.compiler.plan import Plan

HEAD = "param eps = 0.3\nvar x = 0.5 in {domain}\nvar y = 1\nminimize x^2 + y^2\ns.t. c: {text}\n"


@pytest.mark.parametrize(
    ("text", "domain", "lower", "upper"),
    [
        ("sin(x) <= eps", "[0, pi/2]", None, math.asin(0.3)),
        ("cos(x) <= eps", "[0, pi]", math.acos(0.3), None),
        ("3*x >= 0.6", "[0, 5]", 0.2, None),
        ("exp(2*x) - 1 <= 3", "[0, 5]", None, math.log(4) / 2),
        ("x^3 + x <= 2", "[0, 5]", None, 1.0),
        ("x*exp(x) <= 1", "[0, 5]", None, 0.5671432904097838),
        ("log(x) >= -1", "[0.01, 5]", math.exp(-1), None),
        ("x^3 >= -8", "[-3, 10]", -2.0, None),
        ("x^-2 >= 0.25", "[0.5, 9]", None, 2.0),
        ("x + exp(x) <= 3", "[-inf, inf]", None, 3.0 - 2.207940031569323),
    ],
)
def test_the_bound_is_found(
    planned: Callable[[str], Plan],
    text: str,
    domain: str,
    lower: float | None,
    upper: float | None,
) -> None:
    (bound,) = planned(HEAD.format(text=text, domain=domain)).problem.bounds
    assert bound.variable == "x" and bound.label == "c"
    assert bound.lower == (None if lower is None else pytest.approx(lower, abs=1e-15))
    assert bound.upper == (None if upper is None else pytest.approx(upper, abs=1e-15))


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("sin(x) <= eps", "[0, 1.6]"),
        ("sin(x) <= eps", "[0, 3]"),
        ("x + y <= 1", "[0, 5]"),
        ("x^2 >= 0.5", "[-1, 1]"),
        ("3*x == 1", "[0, 5]"),
    ],
)
def test_what_is_not_proved_stays_a_constraint(
    planned: Callable[[str], Plan], text: str, domain: str
) -> None:
    assert planned(HEAD.format(text=text, domain=domain)).problem.bounds == ()


def test_the_reason_says_what_was_proved(planned: Callable[[str], Plan]) -> None:
    constraint = planned(HEAD.format(text="sin(x) <= eps", domain="[0, pi/2]"))
    (c,) = constraint.problem.constraints
    assert "`sin(x) <= eps` is `x <= arcsin(eps) = 0.304693" in c.reason
    assert "proved: it increases in x on [0, pi/2]" in c.reason
    assert c.rejected
    constraint = planned(HEAD.format(text="sin(x) >= eps", domain="[0, pi/2]"))
    (c,) = constraint.problem.constraints
    assert "`sin(x) >= eps` is `x >= arcsin(eps) = 0.304693; proved: it increases in x" in c.reason
    constraint = planned(HEAD.format(text="1 - x^3 <= 8", domain="[-3, 5]"))
    (c,) = constraint.problem.constraints
    assert "`x >= -7^(1/3) = -1.91293; proved: it decreases in x" in c.reason


def test_entries_of_vectors_have_their_own(planned: Callable[[str], Plan]) -> None:
    text = "var w[2] = 1\nminimize sumsq(w)\ns.t. a: 2*w[1] >= 1\n     b: w >= -3"
    bounds = planned(text).problem.bounds
    assert [(b.label, b.index, b.lower) for b in bounds] == [
        ("a", (1,), 0.5),
        ("b", (0,), -3.0),
        ("b", (1,), -3.0),
    ]
