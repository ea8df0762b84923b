"""Requirements on points hold between them, too: against closed forms and dense grids."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch import nn

import cspec

GRID = np.linspace(0, 1, 20_001)


def test_the_best_line_through_exp_is_found_from_fifty_points() -> None:
    result = cspec.run(
        "domain q(x) = box([0, 1])\nvar c[2]\nvar t\nminimize t\n"
        "s.t. near: forall x in q.sample(50): abs(exp(x) - c[0] - c[1]*x) <= t\n"
    )
    # It meets exp at three points with signs in turn: at 0, at log(e - 1) and at 1.
    slope = math.e - 1
    offset = (math.e - slope * math.log(slope)) / 2
    assert result.satisfied and result.vars["c"] == pytest.approx([offset, slope], abs=1e-5)
    error = np.abs(np.exp(GRID) - result.vars["c"][0] - result.vars["c"][1] * GRID).max()
    assert result.vars["t"] == pytest.approx(1 - offset, abs=1e-6)
    assert error <= result.vars["t"] + 1e-6


@pytest.mark.parametrize("points", [5, 40])
def test_a_peak_between_points_where_no_solver_ends_the_run(points: int) -> None:
    result = cspec.run(
        "domain q(x) = box([0, 1])\nvar a\nminimize a\n"
        f"s.t. top: forall x in q.sample({points}): sin(7*x) <= a\n"
        "fit(steps=300, optimizer=adam(lr=0.02))\n"
    )
    assert result.satisfied and result.vars["a"] == pytest.approx(1, abs=2e-3)
    assert result.vars["a"] >= 1 - 1e-6


def test_a_network_keeps_below_its_cap_on_a_grid_of_its_own() -> None:
    torch.manual_seed(0)
    x = torch.rand(200, 2) * 2 - 1
    y = torch.sin(3 * x[:, 0]) * torch.cos(2 * x[:, 1])
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
    result = cspec.run(
        "data train(x, y)\nmodel f\nminimize mse(f(x), y)\n"
        "domain q(z[2]) = box([-1, 1], [-1, 1])\n"
        "s.t. cap: forall z in q.sample(60): f(z) <= 0.4\nfit(steps=400)\n",
        data=(x, y),
        f=model,
    )
    axis = torch.linspace(-1, 1, 301)
    with torch.no_grad():
        worst = float(model(torch.cartesian_prod(axis, axis)).max())
    assert result.satisfied and 0.3 < worst <= 0.4 + 1e-4


def test_a_variable_keeps_to_its_set_where_no_value_meets_all() -> None:
    result = cspec.run(
        "domain q(x) = box([0, 1])\nvar a in [0, 0.5]\nminimize a\n"
        "s.t. top: forall x in q.sample(20): sin(3*x) <= a\n"
    )
    assert not result.satisfied and result.vars["a"] == pytest.approx(0.5, abs=1e-9)


def test_a_linear_program_over_an_interval_is_solved_as_on_a_dense_grid() -> None:
    result = cspec.run(
        "domain q(x) = box([-1, 1.1127])\nvar p[4] in [-3, 3]\n"
        "minimize 2.11271*p[0] + 0.119062*p[1] + 0.792557*p[2] + 0.133237*p[3]\n"
        "s.t. above: forall x in q.sample(60):"
        " p[0] + p[1]*x + p[2]*x^2 + p[3]*x^3 >= sin(2.9168*x)\n"
    )
    cost = [2.11271, 0.119062, 0.792557, 0.133237]
    grid = np.linspace(-1, 1.1127, 20_001)
    powers = np.stack([grid**i for i in range(4)], 1)
    best = linprog(cost, -powers, -np.sin(2.9168 * grid), bounds=[(-3, 3)] * 4)
    assert result.satisfied and result.objective == pytest.approx(best.fun, abs=2e-6)
    assert (np.sin(2.9168 * grid) - powers @ np.array(result.vars["p"])).max() <= 1e-6
