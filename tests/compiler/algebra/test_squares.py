"""Gradients of sums of squares are those of sympy, and cost n^2 terms where they have n^2."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import sympy as sp

from cspec.compiler.algebra.derivatives import derivatives
from cspec.compiler.algebra.slopes import Differentiator

Count = Callable[[Callable[[], Any]], int]


def symbols(size: int) -> list[sp.Symbol]:
    return [sp.Symbol(f"x[{i}]", real=True) for i in range(size)]


def number(chance: random.Random) -> sp.Rational:
    return sp.Rational(chance.randint(-40, 40), chance.choice([1, 3, 10, 10_000, 2**40]))


def squares(chance: random.Random, xs: list[sp.Symbol], count: int) -> sp.Expr:
    """Squares of linear forms, some of them of few variables, some beside what is no square."""
    terms = []
    for _ in range(count):
        some = chance.sample(xs, chance.randint(1, len(xs)))
        form = sp.Add(*(number(chance) * x for x in some), chance.choice([0, number(chance)]))
        terms.append(chance.choice([sp.S.One, number(chance)]) * form**2)
    others = [sp.sin(xs[0]) * xs[1], xs[0] ** 2, 3 * xs[1], (xs[0] + xs[1] ** 2) ** 2]
    return sp.Add(*terms, *chance.sample(others, chance.randint(0, 3)))


@pytest.mark.parametrize("seed", range(40))
def test_slopes_are_those_of_sympy(seed: int) -> None:
    chance = random.Random(seed)
    xs = symbols(4)
    expr = squares(chance, xs, chance.randint(1, 6))
    found = Differentiator(xs).slopes(expr)
    for x in xs:
        assert found.get(x, sp.S.Zero) == sp.diff(expr, x), (expr, x)


def test_what_is_no_number_stays_outside() -> None:
    x, y = symbols(2)
    given = sp.Symbol("given", real=True)
    expr = (x + given) ** 2 + (given * x + y) ** 2 + (sp.pi * x + y) ** 2 + 2 * (x - y + 1) ** 2
    found = Differentiator([x, y]).slopes(expr)
    assert all(sp.expand(found[v] - sp.diff(expr, v)) == 0 for v in (x, y))


def test_squares_that_cancel_leave_nothing() -> None:
    x, y = symbols(2)
    expr = sp.Add((x + y) ** 2, -((x + y + 1) ** 2), 2 * x, 2 * y)
    assert Differentiator([x, y]).slopes(expr) == {}


def test_a_least_squares_problem_costs_what_its_gradient_is(calls: Count) -> None:
    costs = {}
    for size in (8, 16):
        chance = random.Random(0)
        xs = symbols(size)
        rows = [sp.Add(*(number(chance) * x for x in xs), -1) for _ in range(size)]
        objective = sp.Add(*(row**2 for row in rows))
        costs[size] = calls(lambda f=objective, xs=xs: derivatives(f, (), xs))
    assert costs[16] < 5.5 * costs[8]
