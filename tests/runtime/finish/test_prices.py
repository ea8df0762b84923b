"""Multipliers by least squares over gradients that are written out, solved by scipy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import lsq_linear, minimize
from training.linear import D, Requirement, line, objective, point, requirement, table
from training.text import session_of

from cspec.runtime.finish.prices import corrected, least_squares

SPEC = """
data train(x, y)
model f
minimize E[(f(x)[0] - y)^2]
s.t. a: E[f(x)[0]] <= 0.1
     b: E[f(x)[0]*x[0]] == 0.7
     c: E[f(x)[0]*x[1]] <= 50
fit(optimizer=sgd(lr=1e-3), steps=60, batch_size=8, precision=float64)
"""
ALL = (
    Requirement(0.1),
    Requirement(0.7, feature=0, equal=True),
    Requirement(50, feature=1),
)
X, Y = table()["x"].numpy(), table()["y"].numpy()


@pytest.fixture
def optimum() -> Any:
    """The solution, by scipy."""
    rules = [
        {
            "type": "eq" if r.equal else "ineq",
            "fun": lambda t, r=r: -requirement(r, t, X)[0],
            "jac": lambda t, r=r: -requirement(r, t, X)[1],
        }
        for r in ALL
    ]
    found = minimize(
        lambda t: objective(t, X, Y), np.zeros(4), jac=True, constraints=rules, tol=1e-14
    )
    assert found.success
    return found.x


def place(session: Any, theta: Any) -> None:
    with torch.no_grad():
        session.primal["f"].weight.copy_(torch.as_tensor(theta[:3]).reshape(1, 3))
        session.primal["f"].bias.copy_(torch.as_tensor(theta[3:]))


def solved(theta: Any) -> Any:
    """What weighs the gradients of a and b so that they cancel that of f."""
    columns = np.array([requirement(r, theta, X)[1] for r in ALL[:2]]).T
    return np.linalg.lstsq(columns, -objective(theta, X, Y)[1], rcond=None)[0]


def start(theta: Any, spec: str = SPEC) -> Any:
    """A session whose model is at the solution."""
    run = session_of(spec, train=table(), f=line())
    place(run, theta)
    return run


def test_multipliers_at_the_solution_are_least_squares(optimum: Any) -> None:
    run = start(optimum)
    expected = solved(optimum)
    told = torch.tensor([0.8 * expected[0], 1.3 * expected[1], 0.0], dtype=D)
    found = corrected(run, told)
    assert found[:2].tolist() == pytest.approx(expected, rel=1e-6) and found[2] == 0
    assert expected[0] > 0 and abs(expected[1]) > 0.1


def test_of_an_inequality_none_is_negative(optimum: Any) -> None:
    """A multiplier of c, which is not active, would have to be negative to help: it is 0."""
    found = corrected(start(optimum), torch.tensor([0.5, 0.5, 0.5], dtype=D))
    a, b, c = (requirement(r, optimum, X)[1] for r in ALL)
    best = lsq_linear(
        np.array([a, b, c]).T,
        -objective(optimum, X, Y)[1],
        bounds=([0, -np.inf, 0], np.inf),
        tol=1e-14,
    )
    assert found.tolist() == pytest.approx(best.x, abs=1e-5)
    assert found[0] > 0 and found[2] >= 0


def test_far_from_a_solution_the_multipliers_stay(optimum: Any) -> None:
    told = torch.tensor([0.5, 0.5, 0.0], dtype=D)
    assert torch.equal(corrected(start(optimum + 3), told), told)


def test_multipliers_that_are_as_good_stay(optimum: Any) -> None:
    told = torch.tensor([*solved(optimum), 0.0], dtype=D)
    assert torch.equal(corrected(start(optimum), told), told)


def test_a_method_whose_multipliers_are_no_prices_is_left(optimum: Any) -> None:
    run = start(optimum, SPEC.replace("\nfit", "\nusing sal(penalty=0.1)\nfit"))
    told = torch.tensor([0.1, 0.1, 0.0], dtype=D)
    assert torch.equal(corrected(run, told), told)


def test_looking_moves_nothing(optimum: Any) -> None:
    run = start(optimum)
    before, drawn = point(run.primal["f"]).copy(), torch.get_rng_state()
    corrected(run, torch.tensor([0.8, 0.8, 0.0], dtype=D))
    assert (point(run.primal["f"]) == before).all() and torch.equal(drawn, torch.get_rng_state())
    assert all(p.grad is None for p in run.parameters)


def test_gradients_that_overflow_are_no_warning(optimum: Any) -> None:
    corrected(start(1e160 * optimum), torch.tensor([1e160, 1e160, 0.0], dtype=D))


def test_what_nothing_moves_has_no_price() -> None:
    base = torch.tensor([1.0, -2.0, 0.0], dtype=torch.float64)
    columns = torch.stack([-base, 0 * base, 1e-14 * torch.ones(3, dtype=torch.float64)])
    found, left = least_squares(base, columns, torch.ones(3, dtype=torch.bool))
    assert found.tolist() == pytest.approx([1, 0, 0]) and left == pytest.approx(0, abs=1e-9)
