"""Exact intervals, curvature, monotonicity."""

from collections.abc import Callable

import pytest
import sympy as sp

from cspec.compiler.algebra.bounds import compare, range_of, sign_of
from cspec.compiler.algebra.classify import classify
from cspec.compiler.algebra.variables import functions_of, space_of
from cspec.compiler.plan import canonical_problem
from cspec.dsl.check import Checked

x = sp.Symbol("x", real=True)
PI = sp.pi


@pytest.mark.parametrize(
    ("expr", "low", "high", "sign"),
    [
        (sp.cos(x), 0, PI / 2, 1),
        (sp.cos(x), 0, sp.Rational(16, 10), None),
        (-sp.cos(x), 0, PI / 2, -1),
        (sp.sin(x), 0, PI, 1),
        (sp.sin(x), PI, 2 * PI, -1),
        (sp.tan(x), 0, sp.Rational(3, 2), 1),
        (sp.exp(x) - 1, 0, 5, 1),
        (x**2 - 2 * x + 1, 0, 3, None),
        (3 * x**2, -5, 5, 1),
        (1 / x, 1, sp.oo, 1),
        (1 / x, -1, 1, None),
        (sp.log(x), 1, sp.oo, 1),
        (sp.sqrt(x) - 2, 4, 9, 1),
        (x**3 - x, 2, 3, 1),
    ],
)
def test_signs_are_proved_with_exact_ends(
    expr: sp.Expr, low: sp.Expr, high: sp.Expr, sign: int | None
) -> None:
    assert sign_of(expr, {x: (sp.sympify(low), sp.sympify(high))}) == sign


def test_ranges_contain_the_values() -> None:
    box = {x: (sp.Rational(-3, 2), sp.Rational(5, 2))}
    for expr in (sp.sin(3 * x), sp.cos(x) * x, x**4 - x**2, sp.cosh(x), sp.exp(-(x**2))):
        low, high = range_of(expr, box)
        for step in range(41):
            value = expr.subs(x, sp.Rational(-3, 2) + sp.Rational(step, 10))
            assert compare(low, value) <= 0 <= compare(high, value)


KINDS = [
    ("x + 2*y - 3", "", "affine"),
    ("x^2 + x*y + y^2", "", "convex quadratic"),
    ("x*y", "", "quadratic"),
    ("-x^2 - y^2", "", "concave quadratic"),
    ("exp(x + y) + x^4", "", "convex"),
    ("log(x) + sqrt(y)", " in [0.1, 9]", "concave"),
    ("1/x + x", " in [0.1, 9]", "convex"),
    ("x*exp(y) + sin(x)", "", "smooth"),
]


@pytest.mark.parametrize(("text", "domain", "word"), KINDS)
def test_curvature(checked: Callable[[str], Checked], text: str, domain: str, word: str) -> None:
    found = checked(f"var x = 1{domain}\nvar y = 1{domain}\nminimize {text} + 0*y")
    problem, known = canonical_problem(found), space_of(found)
    assert known is not None
    facts = classify(problem, functions_of(problem, known), known)
    assert facts.objective.startswith(f"objective: {word}")


def test_facts_say_where_and_which_way(checked: Callable[[str], Checked]) -> None:
    found = checked("var x = 0.5 in [0, pi/2]\nminimize cos(x)\ns.t. level: sin(x) <= 0.5")
    problem, known = canonical_problem(found), space_of(found)
    assert known is not None
    facts = classify(problem, functions_of(problem, known), known)
    assert facts.notes == (
        "objective: concave on [0, pi/2], decreasing in x",
        "level: concave on [0, pi/2], increasing in x",
    )
    assert not facts.convex


def test_a_convex_problem_is_known_as_one(checked: Callable[[str], Checked]) -> None:
    text = "var x = 1\nvar y = 1\nminimize x^2 + exp(y)\ns.t. a: x^2 + y^2 <= 4\n     b: x == y"
    found = checked(text)
    problem, known = canonical_problem(found), space_of(found)
    assert known is not None
    assert classify(problem, functions_of(problem, known), known).convex
