"""Sparse gradients equal those of sympy, and cost what the terms are."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import sympy as sp

from cspec.compiler.algebra.derivatives import derivatives
from cspec.compiler.algebra.slopes import Differentiator
from cspec.compiler.algebra.sympy import sigmoid, softplus
from cspec.compiler.plan import plan
from cspec.dsl.check import check
from cspec.dsl.text.source import Source

Count = Callable[[Callable[[], Any]], int]
NAMES = sp.symbols("x y z w", real=True)
ONE = (sp.exp, sp.sin, sp.cos, sp.atan, sp.tanh, sigmoid, softplus, lambda e: sp.log(2 + e**2))


def grown(chance: random.Random, depth: int) -> sp.Expr:
    if depth == 0:
        return chance.choice([*NAMES, sp.Integer(chance.randint(-3, 3)), sp.Rational(1, 3)])
    a, b = grown(chance, depth - 1), grown(chance, depth - 1)
    match chance.randrange(5):
        case 0:
            return a + b
        case 1:
            return a * b
        case 2:
            return a ** chance.choice([2, 3])
        case 3:
            return (1 + a**2) ** b
        case _:
            return chance.choice(ONE)(a)


@pytest.mark.parametrize("seed", range(60))
def test_slopes_are_those_of_sympy(seed: int) -> None:
    expr = grown(random.Random(seed), 3)
    found = Differentiator(NAMES).slopes(expr)
    for x in NAMES:
        assert found.get(x, sp.S.Zero) == sp.diff(expr, x), (expr, x)


def quadratic(size: int) -> tuple[sp.Expr, list[sp.Symbol]]:
    xs = [sp.Symbol(f"x[{i}]", real=True) for i in range(size)]
    return sp.Add(
        *(((i * j) % 7 + 1) * xs[i] * xs[j] for i in range(size) for j in range(i, size))
    ), xs


def test_quadratic_forms_cost_what_their_terms_are(calls: Count) -> None:
    costs = {}
    for size in (10, 20):
        objective, xs = quadratic(size)
        costs[size] = calls(lambda f=objective, xs=xs: derivatives(f, (), xs))
    assert costs[20] < 5.5 * costs[10]  # 210 terms beside 55: 3.8 times


def spec(size: int) -> str:
    terms = " + ".join(
        f"{(i * j) % 7 + 1}*x[{i}]*x[{j}]" for i in range(size) for j in range(i, size)
    )
    return f"var x[{size}] = 1\nminimize {terms}\ns.t. sum(x) >= 1\n"


def test_a_quadratic_program_costs_what_its_terms_are(calls: Count) -> None:
    small, large = (check(Source(text=spec(size))) for size in (15, 30))
    plan(small)
    assert calls(lambda: plan(large)) < 5 * calls(lambda: plan(small))  # 465 terms beside 120


def test_nested_functions_cost_little_more_than_they_are_deep(calls: Count) -> None:
    def nested(depth: int) -> Callable[[], object]:
        text = "var x = 1\nminimize " + "sin(" * depth + "x" + ")" * depth + "\n"
        return lambda: plan(check(Source(text=text)))

    nested(10)()
    assert calls(nested(40)) < 20 * calls(nested(10))
    nested(190)()


@pytest.mark.parametrize("held", ["W >= 0", "W in nonneg", "W in simplex", "sum(W) == 1"])
def test_entries_of_a_large_variable_are_not_written_out(held: str, calls: Count) -> None:
    checked = check(Source(text=f"var W[500, 500] = 1\nminimize sumsq(W - 1)\ns.t. {held}\n"))
    assert calls(lambda: plan(checked)) < 500_000
