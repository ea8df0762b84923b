"""Multipliers and sensitivities are those of the requirement as written, against solutions anew."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

import cspec

RNG = np.random.default_rng(5)
X = RNG.standard_normal((300, 3))
S = RNG.integers(0, 2, 300)
Y = X @ [1.0, -2.0, 0.5] + 1.0 + (1 + 2 * S) * RNG.standard_normal(300)


def errors(theta: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    found: np.ndarray[Any, Any] = (X @ theta[:3] + theta[3] - Y) ** 2
    return found


def least(bound: float) -> float:
    """The smallest mean error where the ratio of those of the groups is at most the bound."""

    def inside(theta: np.ndarray[Any, Any]) -> float:
        e = errors(theta)
        return float(bound - e[S == 1].mean() / e[S == 0].mean())

    found = minimize(
        lambda theta: float(errors(theta).mean()),
        np.zeros(4),
        constraints=[{"type": "ineq", "fun": inside}],
        options={"ftol": 1e-13, "maxiter": 1000},
    )
    return float(found.fun)


@pytest.mark.parametrize(
    ("requirement", "bound"),
    [
        ("E[(f(x) - y)^2 | s == 1]/E[(f(x) - y)^2 | s == 0] <= 2", 2.0),
        ("-E[(f(x) - y)^2 | s == 1]/E[(f(x) - y)^2 | s == 0] >= -2", 2.0),
        ("E[(f(x) - y)^2 | s == 1] <= 2 * E[(f(x) - y)^2 | s == 0]", 0.0),
    ],
)
def test_of_a_ratio(requirement: str, bound: float) -> None:
    text = f"data train(x, y, s)\nmodel f = linear\nminimize E[(f(x) - y)^2]\ns.t. r: {requirement}"
    result = cspec.run(text, train={"x": X, "y": Y, "s": S})
    assert result.satisfied
    assert result.objective == pytest.approx(least(2.0), rel=1e-4)
    found = result["r"]
    if not bound:
        return
    price = -(least(2.001) - least(1.999)) / 0.002
    assert found.multiplier == pytest.approx(price, rel=0.03)
    assert found.sensitivity is None or abs(found.sensitivity) == pytest.approx(price, rel=0.03)


def test_beside_a_box() -> None:
    """A price between bounds that are not reached, of a share that is."""
    d = RNG.normal(60, 10, 300)
    text = (
        "data train(d)\nvar p in [0, 100]\nmaximize E[p*sigmoid((d - p)/5)]\n"
        "s.t. share: E[sigmoid((d - p)/5)] >= 90%"
    )
    result = cspec.run(text, train={"d": d})

    def share(p: float) -> float:
        return float((1 / (1 + np.exp((p - d) / 5))).mean())

    def gain(level: float) -> float:
        low, high = 0.0, 100.0
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (middle, high) if share(middle) > level else (low, middle)
        return low * level

    price = (gain(0.899) - gain(0.901)) / 0.002
    assert result.satisfied
    assert result["share"].multiplier == pytest.approx(price, rel=0.02)
