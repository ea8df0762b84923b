"""Hundreds of variables under `auto`: vectors stay vectors, in the module and in the solver."""

import math
import re
from collections.abc import Callable
from typing import Any

import pytest

from cspec.compiler.plan import Plan
from cspec.runtime.result.result import Result

Run = Callable[..., Result]

LEAST_SQUARES = """
param c[300] = {c}
var x[300] = 0 in [-0.5, 0.5]
minimize sumsq(x - c)
s.t. total: sum(x) == 1
     pair: x[0] + x[1] == 0.3
"""
CHAIN = """
var x[120] = 0.5
minimize sum((x[i+1] - x[i]^2)^2 + (1 - x[i])^2 for i in range(119))
s.t. ring: sumsq(x) <= 60
"""
CURVED = """
var x[150] = 0.6
minimize sum((x[i] - 1)^2 for i in range(150))
s.t. pair: forall i in range(149): x[i]^2 + x[i+1]^2 <= 1
"""


def test_least_squares_with_bounds_and_equalities(run: Run) -> None:
    c = [round(math.sin(3 * i), 3) for i in range(300)]
    result = run(LEAST_SQUARES.format(c=c))
    m, x = result["total"].multiplier, result.vars["x"]
    # Stationarity of a free entry: 2 (x - c) + m = 0, clipped to its bounds.
    expected = [min(max(v - m / 2, -0.5), 0.5) for v in c[2:]]
    assert x[2:] == pytest.approx(expected, abs=1e-7)
    assert sum(x) == pytest.approx(1.0, abs=1e-9)
    assert any("interior_point): a minimum" in note for note in result.notes)


def test_terms_of_a_sum_become_slices_and_the_minimum_is_found(
    run: Run, build: Callable[..., Any]
) -> None:
    source = build(CHAIN)[0].source
    assert "x[1:120] - x[0:119] ** 2" in source
    result = run(CHAIN)
    assert result["ring"].value == pytest.approx(60.0, abs=1e-6)
    assert result.kkt is not None and result.kkt.stationarity < 1e-6


def test_constraints_of_one_form_are_one_vector_by_interior_point(
    run: Run, build: Callable[..., Any]
) -> None:
    assert "x[0:149] ** 2 + x[1:150] ** 2" in build(CURVED)[0].source
    result = run(CURVED)
    assert any("interior_point): a minimum" in note for note in result.notes)
    # The disjoint pairs alone give 1 / sqrt(2) each, and that meets the other constraints too.
    assert result.vars["x"] == pytest.approx([math.sqrt(0.5)] * 150, abs=1e-7)


def test_explain_has_the_reason(planned: Callable[[str], Plan]) -> None:
    c = planned(CHAIN).problem.constraints[0]
    assert c.method is not None and c.method.word == "sqp"
    assert "120 variables" in c.reason and "vector by vector" in c.reason


def test_composition_proves_a_large_problem_convex(planned: Callable[[str], Plan]) -> None:
    text = LEAST_SQUARES.format(c=[0.0] * 300)
    assert planned(text).problem.convex
    assert not planned(CHAIN).problem.convex


def alternating(n: int) -> str:
    """Rows of two forms that alternate: each function that gathers them has its own order."""
    rows = (
        f"  low{i}: exp(x[{i}]) >= {1 + (i % 7) / 20}\n"
        f"  pair{i}: x[{i}]^2 + x[{(i + 1) % n}]^2 <= {4 + (i % 5) / 10}"
        for i in range(n)
    )
    distances = " + ".join(f"abs(x[{i}] - {center(i)})" for i in range(n))
    return f"var x[{n}]\nminimize {distances}\ns.t.\n" + "\n".join(rows) + "\n"


def center(i: int) -> float:
    return round(math.sin(5 * i), 3)


def test_functions_of_a_module_never_give_one_name_to_two_constants(
    build: Callable[..., Any],
) -> None:
    source = build(alternating(52))[0].source
    constants = re.findall(r"^([A-Z]+[A-Z_0-9]*) = ", source, re.MULTILINE)
    assert "PLACES_3" in constants
    assert len(constants) == len(set(constants))


def test_alternating_rows_are_each_held_at_its_own_place(run: Run) -> None:
    result = run(alternating(52))
    expected = [max(center(i), math.log(1 + (i % 7) / 20)) for i in range(52)]
    assert result.vars["x"] == pytest.approx(expected, abs=1e-5)
