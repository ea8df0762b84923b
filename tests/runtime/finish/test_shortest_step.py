"""The shortest step to requirements: numpy's where all rows hold as equations, else a solver's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from cspec.runtime.finish.shortest_step import shortest


def found(rows: Any, amounts: Any, equal: Any = False) -> Any:
    """The step as an array; `equal` of all rows, or one a row."""
    both = torch.as_tensor(np.broadcast_to(np.asarray(equal), len(rows)).copy())
    return shortest(torch.as_tensor(rows), torch.as_tensor(amounts), both).numpy()


def by_slsqp(rows: Any, amounts: Any, equal: Any) -> Any:
    """The same problem by scipy, from several starts: the shortest that meets the rows."""
    kinds = [
        {"type": kind, "fun": lambda d, j=rows[at], a=amounts[at]: -a - j @ d}
        for kind, at in (("eq", equal), ("ineq", ~equal))
        if at.any()
    ]
    start = -np.linalg.pinv(rows) @ amounts
    ends = [
        minimize(
            lambda d: d @ d,
            begin,
            jac=lambda d: 2 * d,
            constraints=kinds,
            method="SLSQP",
            options={"maxiter": 500, "ftol": 1e-14},
        )
        for begin in (start, 0 * start)
    ]
    good = [end.x for end in ends if end.success]
    return min(good, key=lambda d: d @ d) if good else None


def test_equations_are_those_of_numpy() -> None:
    draw = np.random.default_rng(0)
    rows, amounts = draw.normal(size=(3, 7)) * [[1], [1e4], [1e-4]], draw.normal(size=3)
    expected = pytest.approx(-np.linalg.pinv(rows) @ amounts, rel=1e-8)
    assert found(rows, amounts, True) == expected
    twice = np.vstack([rows[0], 2 * rows[0], 0 * rows[0]])
    step = found(twice, np.array([1.0, 2.0, 5.0]), True)
    assert step == pytest.approx(-rows[0] / (rows[0] @ rows[0]), rel=1e-8)


def test_one_inequality_is_an_equation_until_it_is_met() -> None:
    row = np.array([[3.0, 4.0]])
    assert found(row, np.array([5.0])) == pytest.approx([-0.6, -0.8])
    assert found(row, np.array([-5.0])) == pytest.approx([0.0, 0.0])
    assert found(row, np.array([-5.0]), True) == pytest.approx([0.6, 0.8])


@pytest.mark.parametrize("seed", range(20))
def test_inequalities_and_equations_against_a_solver(seed: int) -> None:
    draw = np.random.default_rng(seed)
    k, n = int(draw.integers(2, 9)), int(draw.integers(3, 12))
    rows = draw.normal(size=(k, n)) * 10.0 ** draw.uniform(-2, 2, size=(k, 1))
    equal = draw.random(k) < 0.25
    equal[np.flatnonzero(equal)[n - 1 :]] = False
    inside = draw.normal(size=n)  # a point that meets all: none of the problems is empty
    amounts = -rows @ inside - np.where(equal, 0.0, draw.uniform(0, 1, k))
    other = by_slsqp(rows, amounts, equal)
    if other is None:
        pytest.skip("SLSQP found no end")
    step = found(rows, amounts, equal)
    size = np.abs(rows).sum(1)
    left = rows @ step + amounts
    assert (np.where(equal, np.abs(left), left) <= 1e-4 * size).all()
    assert step @ step <= (other @ other) * (1 + 1e-3) + 1e-6


def test_rows_that_lie_close_to_each_other_are_not_all_put_on_their_bounds() -> None:
    """A polynomial over its bound at 60 points: with all as equations the step is far longer."""
    x = np.linspace(0, 1, 60)
    rows = x[:, None] ** np.arange(12)
    amounts = 1e-3 * np.random.default_rng(0).uniform(0.5, 1, 60)
    step = found(rows, amounts)
    assert (rows @ step + amounts <= 1e-6).all()
    assert np.linalg.norm(step) < 0.01
    assert np.linalg.norm(step) < 0.05 * np.linalg.norm(np.linalg.pinv(rows, 1e-12) @ amounts)


def test_rows_that_contradict_each_other_have_a_step_between() -> None:
    """d <= -1 and -d <= -2: as far from both as weights of one say."""
    step = found(np.array([[1.0], [-1.0]]), np.array([1.0, 2.0]))
    assert np.isfinite(step).all() and step[0] == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("equal", [True, False])
def test_rows_without_slope_and_none_at_all(equal: bool) -> None:
    assert (found(np.zeros((2, 3)), np.ones(2), equal) == 0).all()
    assert found(np.zeros((0, 3)), np.ones(0), equal).tolist() == [0, 0, 0]


def test_rows_that_hold_f_back_stay_on_their_bounds() -> None:
    """grad f is what 12 rows hold back: a step that knows it costs f no more than another."""
    draw = np.random.default_rng(1)
    rows = draw.normal(size=(12, 5))
    inside = draw.normal(size=5)
    amounts = -rows @ inside - draw.uniform(0, 1, 12)  # met by `inside`
    weights = draw.uniform(0, 1, 12)
    slope = -rows.T @ weights  # each row holds f back
    given = [torch.as_tensor(v) for v in (rows, amounts)]
    none = torch.zeros(12, dtype=torch.bool)
    plain, ahead = (shortest(*given, none, s) for s in (None, lambda: torch.as_tensor(slope)))
    for step in (plain, ahead):
        assert (rows @ step.numpy() + amounts <= 1e-4 * np.abs(rows).sum(1)).all()
    assert float(slope @ ahead.numpy()) <= float(slope @ plain.numpy()) + 1e-9
    assert plain.norm() <= ahead.norm() + 1e-9
