"""Requirements on more rows than the solver at the end sees at once: scipy sees all of them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy
from numpy.typing import NDArray

import cspec

Vector = NDArray[np.float64]
HEAD = "data train(x, t, s)\nmodel f = linear\nminimize E[mse(f(x), t)]\ns.t. r: "


def _data(rows: int, seed: int) -> tuple[Vector, Vector, NDArray[np.int64]]:
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(rows, 4))
    s = draw.integers(0, 2, rows)
    return x, x @ draw.normal(size=4) + s + draw.normal(size=rows), s


def _best(x: Vector, t: Vector, rows: Vector, most: Vector) -> float:
    """min |X w - t|^2 / n s.t. rows w <= most, w with the bias last."""
    X = np.c_[x, np.ones(len(x))]
    H, c = X.T @ X / len(x), X.T @ t / len(x)
    found = scipy.optimize.minimize(
        lambda w: w @ H @ w - 2 * c @ w + t @ t / len(x),
        np.zeros(X.shape[1]),
        jac=lambda w: 2 * (H @ w - c),
        constraints=[
            {"type": "ineq", "fun": lambda w: most - rows @ w, "jac": lambda w: -rows},
        ],
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-12},
    )
    assert found.success
    return float(found.fun)


def _under(x: Vector, t: Vector, s: NDArray[np.int64]) -> tuple[Vector, Vector]:
    return np.c_[x, np.ones(len(x))], t + 1.5


def _within(x: Vector, t: Vector, s: NDArray[np.int64]) -> tuple[Vector, Vector]:
    X = np.c_[x, np.ones(len(x))]
    return np.r_[X, -X], np.full(2 * len(x), 0.8)


def _apart(x: Vector, t: Vector, s: NDArray[np.int64]) -> tuple[Vector, Vector]:
    away = np.array([a - b for a in x[s == 0] for b in x[s == 1]])
    away = np.r_[away, -away]
    return np.c_[away, np.zeros(len(away))], np.full(len(away), 3.0)


def _half(x: Vector, t: Vector, s: NDArray[np.int64]) -> tuple[Vector, Vector]:
    own = s == 1
    X = np.c_[x, np.ones(len(x))][own]
    return np.r_[X, [[0.0, 1.0, 0.0, 0.0, 0.0]]], np.r_[t[own] + 0.5, 0.25]


@pytest.mark.parametrize(
    "rows, requirement, bounds",
    [
        (900, "forall (x, t) in train: f(x) <= t + 1.5", _under),
        (700, "forall (x, t) in train: f(x) in [-0.8, 0.8]", _within),
        (
            50,
            "forall (a, b) in pairs(train) where a.s != b.s: f(a) - f(b) <= 3",
            _apart,
        ),
        (
            1300,
            "forall (x, t, s) in train where s == 1: f(x) <= t + 0.5\n"
            "slope: E[grad(f(x), x)[1]] <= 0.25",
            _half,
        ),
    ],
)
def test_the_end_is_the_solution_of_the_whole_problem(
    rows: int, requirement: str, bounds: Callable[..., Any]
) -> None:
    x, t, s = _data(rows, rows)
    result = cspec.run(HEAD + requirement, train=(x, t, s))
    layer = result.models["f"].fc1
    w = np.r_[layer.weight.detach().numpy()[0], layer.bias.item()]
    sides, most = bounds(x, t, s)
    assert (sides @ w - most).max() <= 1e-5
    assert result.status == "satisfied"
    own = float(((np.c_[x, np.ones(rows)] @ w - t) ** 2).mean())
    assert own == pytest.approx(_best(x, t, sides, most), rel=1e-4)
