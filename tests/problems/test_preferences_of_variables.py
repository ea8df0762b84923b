"""Preferences over decision variables are solved with the rest, to rounding: weight x violation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

import cspec


def plus(value: float) -> float:
    """The positive part."""
    return max(value, 0.0)


ONE: list[tuple[str, str, Callable[[float], float]]] = [
    ("minimize (x - 3)^2", "x <= 1 soft(weight=2)", lambda x: (x - 3) ** 2 + 2 * plus(x - 1)),
    ("minimize (x - 3)^2", "x <= 1 soft(power=2)", lambda x: (x - 3) ** 2 + plus(x - 1) ** 2),
    ("minimize (x - 3)^2", "abs(x) <= 1 soft", lambda x: (x - 3) ** 2 + plus(abs(x) - 1)),
    ("minimize (x - 3)^2", "1 == x soft(weight=9)", lambda x: (x - 3) ** 2 + 9 * abs(x - 1)),
    ("maximize -(x - 3)^2", "5 <= x soft(weight=3)", lambda x: (x - 3) ** 2 + 3 * plus(5 - x)),
    ("minimize x", "x^2 == 4 soft(power=2)", lambda x: x + (x * x - 4) ** 2),
    ("satisfy", "x >= 1 soft; x <= 0 soft(weight=3)", lambda x: plus(1 - x) + 3 * plus(x)),
    ("minimize x^2", "exp(x) >= 5 soft", lambda x: x * x + plus(5 - np.exp(x))),
]


@pytest.mark.parametrize(("objective", "wanted", "total"), ONE, ids=[o[1] for o in ONE])
def test_one_variable(objective: str, wanted: str, total: Callable[[float], float]) -> None:
    result = cspec.run(f"var x = 0.5\n{objective}\ns.t. {wanted}")
    best = min(
        (minimize_scalar(total, bounds=b, method="bounded", options={"xatol": 1e-9}).fun)
        for b in [(-8, -1), (-1.5, 1.5), (0.5, 8)]
    )
    assert (result.method, result.termination) == ("sqp", "converged")
    assert total(float(result.vars["x"])) == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize("size", [3, 150])
@pytest.mark.parametrize("power", [1, 2])
def test_entries_of_vectors_are_added_up(size: int, power: int) -> None:
    """min (x - a)^2 + w max(x - 1, 0)^p, entry by entry; its value is 1 more or less."""
    a = np.random.default_rng(0).uniform(-1, 4, size).round(2)
    text = (
        f"param a[{size}]\nvar x[{size}] = 0\nminimize sumsq(x - a)\n"
        f"s.t. x <= 1 soft(weight=2, power={power})"
    )
    result = cspec.run(text, a=a.tolist())
    right = np.maximum(a - 1, np.minimum(a, 1)) if power == 1 else np.where(a > 1, (a + 2) / 3, a)
    assert np.asarray(result.vars["x"]) == pytest.approx(right, abs=1e-6)


def test_a_matrix_and_a_requirement_beside_it() -> None:
    """min |A - B|^2 + sum |A| s.t. A[0, 0] <= 1: each entry shrinks by 1/2, one is held."""
    text = (
        "var A[2, 2] = 1\nminimize sumsq(A - [[3, 0.2], [0.1, -2]])\n"
        "s.t. near: A == 0 soft\n     held: A[0, 0] <= 1"
    )
    result = cspec.run(text)
    assert np.asarray(result.vars["A"]) == pytest.approx(np.array([[1, 0], [0, -1.5]]), abs=1e-6)
    assert result["held"].multiplier == pytest.approx(3.0, abs=1e-5)
    assert result["near"].soft and result.exit_code == 0


def test_too_weak_a_preference_leaves_an_objective_unbounded() -> None:
    result = cspec.run("var x = 0\nminimize -x\ns.t. x <= 1 soft(weight=0.5)")
    assert result.termination == "unbounded"
