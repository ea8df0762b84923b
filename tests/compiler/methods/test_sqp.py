"""`sqp` and `auto` on problems with known x* and multipliers."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cspec.compiler.plan import Plan
from cspec.dsl.messages.diagnostic import SpecError
from cspec.runtime.result.result import Result

ARCSIN = """
param eps = {eps}
var x = {start} in [0, pi/2]
minimize cos(x)
s.t. level: sin(x) <= eps
using {method}
"""
HS71 = """
var x[4] = [1, 5, 5, 1] in [1, 5]
minimize x[0]*x[3]*(x[0] + x[1] + x[2]) + x[2]
s.t. product: x[0]*x[1]*x[2]*x[3] >= 25
     sphere: sumsq(x) == 40
using {method}
"""
Run = Callable[..., Result]


@pytest.mark.parametrize("start", [0.5, 1.2, 0, 1.5])
@pytest.mark.parametrize("eps", [0.1, 0.3, 0.5, 0.8])
def test_auto_solves_table_1_from_every_start(run: Run, eps: float, start: float) -> None:
    result = run(ARCSIN.format(eps=eps, start=start, method="auto"))
    assert result.vars["x"] == pytest.approx(math.asin(eps), abs=1e-9)
    assert result["level"].multiplier == pytest.approx(eps / math.sqrt(1 - eps**2), rel=1e-9)
    assert result.satisfied
    assert any("arcsin(eps)" in note and "proved" in note for note in result.notes)


def test_a_stationary_point_that_is_no_minimum_is_left_and_said(run: Run) -> None:
    result = run(ARCSIN.format(eps=0.5, start=0, method="sqp"))
    assert result.vars["x"] == pytest.approx(math.asin(0.5), abs=1e-9)
    assert any("[0] is stationary but no minimum" in note for note in result.notes)


@pytest.mark.parametrize("method", ["sqp", "sqp(engine=trust_constr)", "auto"])
def test_multipliers_and_signs(run: Run, method: str) -> None:
    result = run(HS71.format(method=method))
    assert result.objective == pytest.approx(17.0140173, abs=1e-5)
    assert result["product"].multiplier == pytest.approx(0.552294, abs=1e-4)
    assert result["product"].sensitivity == pytest.approx(0.552294, abs=1e-4)
    assert result["sphere"].multiplier == pytest.approx(0.161469, abs=1e-4)
    assert result["sphere"].sensitivity == pytest.approx(-0.161469, abs=1e-4)


def test_autograd_stands_in_where_there_is_no_closed_form(run: Run) -> None:
    text = "var w[2] = 1\nminimize sumsq(w) + max(w[0], w[1])\ns.t. c: sum(w) == 1\nusing sqp"
    assert run(text).objective == pytest.approx(1.0, abs=1e-6)


def test_maximization_reports_in_the_written_sense(run: Run) -> None:
    text = "var x = 1\nvar y = 1\nmaximize x*y\ns.t. c: x + y <= 4\nusing sqp"
    result = run(text)
    assert result.objective == pytest.approx(4.0)
    assert result["c"].multiplier == pytest.approx(2.0)
    assert result["c"].sensitivity == pytest.approx(2.0)


def test_redundant_equalities_do_no_harm(run: Run) -> None:
    text = """
    var x = 3
    var y = 1
    minimize x^2 + y^2
    s.t. a: x + y == 2
         b: 2*x + 2*y == 4
    """
    assert run(text).objective == pytest.approx(2.0, abs=1e-9)


def test_a_convex_problem_needs_one_attempt(run: Run) -> None:
    result = run("var x = 3\nminimize exp(x) - x\ns.t. c: x >= 1")
    assert result.objective == pytest.approx(math.e - 1)
    assert not any("attempts" in note for note in result.notes)


def test_fit_that_is_not_used_is_said(run: Run) -> None:
    result = run("var x = 3\nminimize x^2\nfit(optimizer=adam(lr=0.1), steps=10)")
    assert any("fit(optimizer, steps) is not used" in note for note in result.notes)


def test_the_derivatives_are_part_of_the_module(build: Callable[[str], Any]) -> None:
    source = build(HS71.format(method="sqp"))[0].source
    for function in ("gradient", "jacobian", "hessian", "measure", "train"):
        assert f"def {function}(" in source
    assert "lambdify" not in source


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "data train(x, y) = two_gaussians(n=50)\nmodel f = linear\n"
            "minimize bce(f(x), y)\ns.t. c: E[bce(f(x), y)] <= 1\nusing sqp",
            "without data and models",
        ),
        ("var x = 1\nminimize x\ns.t. a: x >= 0 by sqp\n     b: x <= 2 by lagrangian", "whole"),
        ("var w[4] = 1\nminimize norm(w, 1)\ns.t. a: w in sparse(50%)\nusing sqp", "a set"),
    ],
)
def test_what_it_cannot_solve_is_refused_by_name(
    planned: Callable[[str], Plan], text: str, words: str
) -> None:
    with pytest.raises(SpecError, match=words):
        planned(text)


def test_same_seed_same_bits(run: Run) -> None:
    first, second = (run(HS71.format(method="auto")) for _ in range(2))
    assert np.array_equal(first.vars["x"], second.vars["x"])
