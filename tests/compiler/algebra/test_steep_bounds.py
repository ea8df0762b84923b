"""Ranges of steep functions: enclosures at any size, and no digits beyond those of floats."""

from __future__ import annotations

import itertools
import math

import pytest
import sympy as sp

from cspec.compiler.algebra.bounds import ValueRange, _function
from cspec.dsl.check import check
from cspec.dsl.text.source import Source
from cspec.running.plans import plan_of

ENDS = (-math.inf, -1e12, -10_001.0, -3.0, 0.0, 2.0, 500.0, 10_001.0, 1e9, math.inf)


def _log_of(function: object, x: float) -> float:
    """The logarithm of a steep function far from zero, where the function itself overflows."""
    return x if function is sp.exp else abs(x) - math.log(2)


@pytest.mark.parametrize("function", [sp.exp, sp.sinh, sp.cosh])
def test_ranges_enclose_values(function: object) -> None:
    for low, high in itertools.combinations(ENDS, 2):
        found = _function(function, ValueRange(sp.sympify(low), sp.sympify(high)))
        for x in (v for v in (low, (low + high) / 2, high, 0.0) if low <= v <= high):
            if not math.isfinite(x):
                continue
            if abs(x) < 600:
                value = {sp.exp: math.exp, sp.sinh: math.sinh, sp.cosh: math.cosh}[function](x)
                rounding = 1e-12 * max(1.0, abs(value))
                assert float(found.low) - rounding <= value <= float(found.high) + rounding
            elif x > 0 or function is sp.cosh:
                size = _log_of(function, x)
                assert found.high is sp.oo or float(sp.log(found.high)) >= size - 1e-9
                assert found.low <= 0 or float(sp.log(found.low)) <= size + 1e-9


def test_towers_of_exponentials_are_planned_at_once(calls) -> None:
    def cost(count: int) -> int:
        text = "var x[2] = [1, 1]\nminimize " + "exp(" * count + "x[1]^2" + ")" * count
        return calls(lambda: plan_of(check(Source(text=text))))

    cost(1)
    assert cost(10) < 5 * cost(5)
