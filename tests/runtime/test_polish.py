"""Small smooth problems that leave everything open end in their solution, in any units."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

import cspec

N = 300
RNG = np.random.default_rng(3)
SPREADS = np.array([1e-3, 1.0, 300.0])
X = RNG.standard_normal((N, 3)) * SPREADS
GROUP = RNG.integers(0, 2, N)
Y = X @ (np.array([2.0, -1.0, 0.5]) / SPREADS) + 500 + RNG.standard_normal(N) + GROUP
SPEC = """
data train(x, y, g)
model f
minimize E[(f(x) - y)^2]
s.t. c: E[f(x) | g == 1] == E[f(x) | g == 0]
"""


def trained(text: str) -> tuple[cspec.Result, torch.nn.Linear]:
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 1)
    return cspec.run(text, train={"x": X, "y": Y, "g": GROUP}, f=model), model


def best() -> tuple[float, float]:
    """Objective and multiplier of least squares under one linear equality, in closed form."""
    phi = np.c_[X / SPREADS, np.ones(N)]
    row = phi[GROUP == 1].mean(0) - phi[GROUP == 0].mean(0)
    system = np.block([[2 * phi.T @ phi / N, row[:, None]], [row[None], np.zeros((1, 1))]])
    *theta, multiplier = np.linalg.solve(system, np.r_[2 * phi.T @ Y / N, 0.0])
    return float(np.mean((phi @ np.array(theta) - Y) ** 2)), float(multiplier)


@pytest.mark.parametrize("size", ["64", "full"])
def test_units_do_not_matter(size: str) -> None:
    result, _ = trained(SPEC + f"fit(batch_size={size})")
    objective, multiplier = best()
    assert result.satisfied
    assert result.objective == pytest.approx(objective, rel=1e-4)
    assert abs(result["c"].multiplier or 0) == pytest.approx(abs(multiplier), rel=1e-2)
    assert any("SLSQP on whole data" in note for note in result.notes)


@pytest.mark.parametrize(
    "line",
    ["fit(epochs=2)", "fit(steps=40)", "fit(optimizer=adam(lr=1e-3), epochs=2)"],
)
def test_what_is_given_acts_as_written(line: str) -> None:
    result, _ = trained(SPEC + line)
    assert not any("SLSQP" in note for note in result.notes)


def test_decision_variables_keep_their_bounds() -> None:
    """Least squares of a line whose slope is at most 0.3, in closed form."""
    x, y = X[:, 1] + 5, 40 + 2 * X[:, 1] + RNG.standard_normal(N)
    text = (
        "data train(x, y)\nvar a\nvar b in [-1, 0.3]\nminimize E[(y - a - b*x)^2]\n"
        "s.t. c: E[a + b*x | x > 5] >= 35"
    )
    result = cspec.run(text, train={"x": x, "y": y})
    a = max(float(np.mean(y - 0.3 * x)), 35 - 0.3 * float(x[x > 5].mean()))
    found: dict[str, Any] = result.vars
    assert found["b"] == pytest.approx(0.3, abs=1e-4)
    assert found["a"] == pytest.approx(a, abs=1e-3)


def test_a_minimum_of_scipy_is_reached_beside_an_inequality() -> None:
    labels = (X[:, 1] + RNG.standard_normal(N) > 0).astype(int)

    def loss(theta: np.ndarray[Any, Any], of: np.ndarray[Any, Any]) -> float:
        z = (X / SPREADS)[of] @ theta[:3] + theta[3]
        return float(np.mean(np.logaddexp(0, z) - labels[of] * z))

    every, one = np.ones(N, dtype=bool), labels == 1
    found = minimize(
        loss, np.zeros(4), args=(every,), method="SLSQP", options={"ftol": 1e-14},
        constraints=[{"type": "ineq", "fun": lambda theta: 0.3 - loss(theta, one)}],
    )  # fmt: skip
    model = torch.nn.Linear(3, 1)
    text = (
        "data train(x, y)\nmodel f\nminimize bce(f(x), y)\ns.t. c: E[bce(f(x), y) | y == 1] <= 0.3"
    )
    result = cspec.run(text, train={"x": X, "y": labels}, f=model)
    assert result.satisfied and result.objective == pytest.approx(found.fun, rel=1e-3)
