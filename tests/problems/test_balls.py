"""Balls around a center, and variables that are declared in a set."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

import cspec

ORDERS = {"1": 1.0, "2": 2.0, "inf": np.inf}


def expected(center: np.ndarray, target: np.ndarray, order: float, r: float) -> float:
    """The least squared distance of a point of the ball, by SLSQP on the smooth form."""
    n = len(target)
    if order == 2:
        rows = [{"type": "ineq", "fun": lambda x: r**2 - ((x - center) ** 2).sum()}]
        end = minimize(lambda x: ((x - target) ** 2).sum(), center, constraints=rows)
        return float(end.fun)
    if order == np.inf:
        return float(((target - target.clip(center - r, center + r)) ** 2).sum())
    rows = [
        {"type": "ineq", "fun": lambda z: z[n:] - np.abs(z[:n] - center)},
        {"type": "ineq", "fun": lambda z: r - z[n:].sum()},
    ]
    # |.| as t >= x - c and t >= c - x
    rows[0] = {
        "type": "ineq",
        "fun": lambda z: np.concatenate([z[n:] - (z[:n] - center), z[n:] + (z[:n] - center)]),
    }
    start = np.concatenate([center, np.zeros(n)])
    end = minimize(lambda z: ((z[:n] - target) ** 2).sum(), start, constraints=rows)
    return float(end.fun)


@pytest.mark.parametrize("method", ["auto", "sqp", "spg", "projection", "admm(rho=1)"])
@pytest.mark.parametrize("norm", ORDERS)
def test_a_ball_around_a_center(norm: str, method: str) -> None:
    random = np.random.default_rng(3)
    center, target = random.uniform(-1, 1, (2, 3)).round(2)
    fit = "fit(optimizer=sgd(lr=0.1), steps=800)\n" if "pro" in method or "adm" in method else ""
    result = cspec.run(
        f"param c[3] = {center.tolist()}\nvar x[3] = 1\nminimize sumsq(x - {target.tolist()})\n"
        f"s.t. a: x in ball(c, 0.4, norm={norm})\nusing {method}\n{fit}"
    )
    assert result.status == "satisfied"
    assert result.objective == pytest.approx(expected(center, target, ORDERS[norm], 0.4), abs=1e-4)


@pytest.mark.parametrize("norm", ORDERS)
def test_a_center_may_move(norm: str) -> None:
    result = cspec.run(
        "var x[2] = 1\nvar y[2] = 0\nminimize sumsq(x - [3, 2]) + sumsq(y - [1, 1])\n"
        f"s.t. a: x in ball(y, 0.5, norm={norm})\n"
    )
    x, y = np.array(result.vars["x"]), np.array(result.vars["y"])
    assert result.status == "satisfied"
    assert np.linalg.norm(x - y, ORDERS[norm]) == pytest.approx(0.5, abs=1e-6)
    # By symmetry each takes half of the way that is left.
    assert x + y == pytest.approx([4.0, 3.0], abs=1e-5)


def test_a_center_of_another_size_is_found_by_check() -> None:
    text = "var x[2]\nminimize sumsq(x)\ns.t. x in ball([1, 1, 1], 0.5, norm=2)\n"
    assert [d.code for d in cspec.check(text)] == ["CS329"]


@pytest.mark.parametrize(
    ("declared", "objective"),
    [
        ("var z[3] = 2 in ball(1, norm=2)", (3**0.5 * 2 - 1) ** 2),
        ("var z[3] = 5 in ball([1, 0, 0], 1, norm=2)", (3 - 1) ** 2),
        ("var z[3] in simplex", 25 / 3),
        ("var z[3] in sphere", (3**0.5 * 2 - 1) ** 2),
        ("var z[3] = 9 in [0, 1]", 3),
        ("var z[3] in nonneg", 0),
    ],
)
def test_a_variable_declared_in_a_set_is_held_in_it(declared: str, objective: float) -> None:
    result = cspec.run(f"{declared}\nminimize sumsq(z - 2)\n")
    assert result.status == "satisfied"
    assert result.objective == pytest.approx(objective, abs=1e-6)


@pytest.mark.parametrize("method", ["lagrangian", "augmented_lagrangian"])
def test_beside_multipliers_a_declared_set_is_projected_onto(method: str) -> None:
    result = cspec.run(
        "var z[3] = 0.2 in ball(1, norm=2)\nminimize sumsq(z - 2)\ns.t. c: z[0] <= 0.2\n"
        f"using {method}\nfit(optimizer=sgd(lr=1e-2), steps=500)\n"
    )
    assert result["z"].method == "projection" and result["z"].satisfied


def test_a_start_outside_its_set_is_told_and_moved() -> None:
    text = "var x = 5 in [0, 1]\nminimize (x - 3)^2\n"
    (found,) = cspec.check(text)
    assert (found.code, found.severity) == ("CS304", "warning")
    assert "starts at the nearest point" in found.message
    notes = cspec.run("var z[2] = [3, 4] in ball(1, norm=2)\nminimize sumsq(z)\n").notes
    assert any("`z` starts outside its set" in note for note in notes)
